"""The F0 VQ-VAE: what it sees, what it gives back, and that pieces change nothing."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from speech_factorization.errors import InputError
from speech_factorization.interfaces import Schedule
from speech_factorization.resynthesis import parts
from speech_factorization.resynthesis.pitch import coder as coding
from speech_factorization.resynthesis.pitch.batches import ContourBatches
from speech_factorization.resynthesis.pitch.coder import FRAMES, PitchCoder, contour
from speech_factorization.resynthesis.pitch.settings import CoderSettings, PitchTraining
from speech_factorization.resynthesis.pitch.statistics import PitchStatistics, Statistics
from speech_factorization.training.fabric import make_fabric
from speech_factorization.training.loop import fit
from speech_factorization.training.settings import TrainSettings

SMALL = CoderSettings(codes=8, dimensions=16, width=16, depth=1, voicing=2.0)
VOICE = Statistics(mean=float(np.log(150)), std=0.2)


def _sung(seed: int, frames: int = 400, height: float = 150.0) -> np.ndarray:
    """F0 [frames] that rises and falls, with pauses."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames) + rng.integers(0, 300)
    f0 = height * np.exp(0.2 * np.sin(2 * np.pi * time / 160))
    return np.where(np.sin(2 * np.pi * time / 90 + seed) > -0.5, f0, 0).astype(np.float32)


def _coder(settings: CoderSettings = SMALL) -> PitchCoder:
    """A coder whose codebook stands, otherwise untrained."""
    torch.manual_seed(0)
    coder = PitchCoder(settings)
    x = torch.stack([contour(torch.from_numpy(_sung(seed)), VOICE) for seed in range(4)])
    coder.train().quantiser(coder.encoder(x.transpose(1, 2)).transpose(1, 2).detach())
    return coder.eval()


def _batches(segments: int | None = 64, **more: int) -> ContourBatches:
    f0 = {f"u{i}": _sung(i, height=(110.0, 210.0)[i % 2]) for i in range(12)}
    speakers = [f"s{i % 2}" for i in range(12)]
    statistics = PitchStatistics.fit(zip(speakers, f0.values(), strict=True))
    return ContourBatches(f0, list(f0), speakers, statistics, 96, 8, segments=segments, **more)


def test_the_contour_is_normalised_and_goes_on_through_pauses() -> None:
    mean, std = VOICE.mean, VOICE.std
    f0 = torch.tensor([0, np.exp(mean), 0, 0, np.exp(mean + 3 * std), 0], dtype=torch.float32)
    x = contour(f0, VOICE)
    assert x[:, 0].tolist() == pytest.approx([0, 0, 1, 2, 3, 3], abs=1e-5)
    assert x[:, 1].tolist() == [0, 1, 0, 0, 1, 0]
    assert not contour(torch.zeros(5), VOICE).any()
    assert contour(torch.zeros(0), VOICE).shape == (0, 2)


def test_a_speakers_height_and_liveliness_are_taken_away() -> None:
    f0 = torch.from_numpy(_sung(1))
    other = Statistics(VOICE.mean + 0.5, VOICE.std * 1.5)
    moved = torch.where(f0 > 0, torch.exp((f0.log() - VOICE.mean) * 1.5 + other.mean), 0)
    assert torch.allclose(contour(moved, other), contour(f0, VOICE), atol=1e-5)
    coder = _coder()
    codes = coder.encode(f0, VOICE)
    assert torch.equal(coder.encode(moved, other), codes)
    # And given back: other statistics, another voice that says the same.
    here, there = coder.decode(codes, VOICE, len(f0)), coder.decode(codes, other, len(f0))
    assert torch.equal(here > 0, there > 0)
    voiced = here > 0
    assert voiced.any()
    scaled = (here[voiced].log() - VOICE.mean) * 1.5 + other.mean
    assert torch.allclose(there[voiced].log(), scaled, atol=1e-5)


@pytest.mark.parametrize("frames", [0, 1, 2, 15, 16, 17, 208, 399])
def test_any_length(frames: int) -> None:
    coder = _coder()
    codes = coder.encode(torch.from_numpy(_sung(0, 400)[:frames]), VOICE)
    assert codes.shape == (-(-frames // FRAMES),)
    assert codes.dtype == torch.int64
    f0 = coder.decode(codes, VOICE, frames)
    assert f0.shape == (frames,)
    assert f0.dtype == torch.float32
    assert coder.hop == 80 * FRAMES


@pytest.mark.parametrize("depth", [0, 1, 4])
def test_pieces_are_as_the_whole(depth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    coder = _coder(SMALL.model_copy(update={"depth": depth}))
    f0 = torch.from_numpy(_sung(3, 16 * 150 + 5))
    codes = coder.encode(f0, VOICE)
    whole = coder.decode(codes, VOICE, len(f0))
    monkeypatch.setattr(coding, "PIECE", 7)
    assert torch.equal(coder.encode(f0, VOICE), codes)
    assert torch.allclose(coder.decode(codes, VOICE, len(f0)), whole, rtol=1e-4)


def test_silent_and_whispered_recordings_are_coded() -> None:
    coder = _coder()
    codes = coder.encode(torch.zeros(100), VOICE)
    assert len(codes) == 7
    assert coder.decode(codes, VOICE, 100).isfinite().all()
    # A contour that was made flat has no spread left to be divided by.
    flat = Statistics(VOICE.mean, 0.0)
    assert len(coder.encode(torch.full((40,), 150.0), flat)) == 3
    f0 = coder.decode(torch.arange(8), flat, 128)
    assert torch.allclose(f0[f0 > 0], torch.tensor(150.0), rtol=1e-5)


def test_bad_input_is_refused_in_one_line() -> None:
    coder = _coder()
    for f0 in (torch.tensor([100.0, np.nan]), torch.tensor([-1.0]), torch.zeros(2, 3)):
        with pytest.raises(InputError, match="F0") as error:
            coder.encode(f0, VOICE)
        assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="not one of 8"):
        coder.decode(torch.tensor([8]), VOICE, 16)
    with pytest.raises(InputError, match="17 frames"):
        coder.decode(torch.tensor([1]), VOICE, 17)


def _loss(coder: PitchCoder, x: Tensor, lengths: list[int]) -> dict[str, float]:
    batch = next(_batches()(0))
    batch = type(batch)(x, torch.tensor(lengths))
    schedule = Schedule(0, 1, 0, torch.Generator(), training=False)
    return {name: term.item() for name, term in coder.loss(batch, "pitch", schedule).items()}


def test_what_lies_behind_the_end_does_not_count() -> None:
    coder = _coder()
    x = contour(torch.from_numpy(_sung(2, 96)), VOICE)[None]
    ended = x.clone()
    ended[:, 80:] = 0
    louder = ended.clone()
    found = _loss(coder, ended, [80])
    with torch.no_grad():
        z = coder.encoder(louder.transpose(1, 2)).transpose(1, 2)
        level, logit = coder.decoder(coder.quantiser(z)[0].transpose(1, 2)).unbind(1)
    voiced = ended[0, :80, 1] > 0
    by_hand = (level[0, :80] - ended[0, :80, 0])[voiced].square().mean()
    assert found["f0"] == pytest.approx(by_hand.item(), rel=1e-5)
    assert found["vde"] == pytest.approx(((logit[0, :80] > 0) != voiced).float().mean().item(), rel=1e-5)
    assert found["loss"] == pytest.approx(
        found["f0"] + 2 * found["voicing"] + 0.02 * found["commitment"], rel=1e-5
    )


def test_drawn_segments_depend_on_seed_and_epoch_alone() -> None:
    one = [torch.cat([b.x for b in _batches(seed=s)(e)]) for s, e in ((1, 0), (1, 0), (1, 1), (2, 0))]
    assert torch.equal(one[0], one[1])
    assert not torch.equal(one[0], one[2])
    assert not torch.equal(one[0], one[3])
    assert one[0].shape == (64, 96, 2)
    assert len(_batches()) == 8 == len(list(_batches()(0)))


def test_without_drawing_every_frame_comes_once() -> None:
    batches = _batches(None)
    found = list(batches(0))
    assert len(found) == len(batches)
    assert int(torch.cat([b.lengths for b in found]).sum()) == 12 * 400
    # 400 frames are four segments of 96 and one of 16, with zeros behind.
    assert torch.cat([b.lengths for b in found])[:5].tolist() == [96, 96, 96, 96, 16]
    assert not found[0].x[4, 16:].any()
    with pytest.raises(InputError, match="no utterances"):
        ContourBatches({}, [], [], PitchStatistics.fit([("a", _sung(0))]), 96, 8)


def test_it_learns_contours_and_voicing(tmp_path: Path) -> None:
    torch.manual_seed(0)
    coder = PitchCoder(SMALL.model_copy(update={"codes": 20, "decay": 0.9}), "harvest")
    settings = TrainSettings(batch=8, epochs=9, patience=9, learning_rate=5e-3)
    fit(coder, _batches(96), _batches(None), settings, make_fabric("cpu"), tmp_path / "s", progress=False)
    wrong, off = [], []
    for seed in range(20, 26):
        f0 = _sung(seed, height=170)
        own = Statistics(float(np.log(170)), VOICE.std)
        found = coder.decode(coder.encode(torch.from_numpy(f0), own), own, len(f0)).numpy()
        both = (f0 > 0) & (found > 0)
        wrong.append(np.mean((f0 > 0) != (found > 0)))
        off.append(np.mean(np.abs(np.log(found[both] / f0[both]))))
    assert np.mean(wrong) < 0.12
    assert np.mean(off) < 0.1  # where F0 is unknown it is .13
    # It is saved, loaded and built as a part.
    folder = tmp_path / "pitch"
    folder.mkdir()
    parts.save(folder, coder)
    loaded = parts.load(folder)
    f0 = torch.from_numpy(_sung(9))
    assert loaded.tracker == "harvest"
    assert torch.equal(loaded.encode(f0, VOICE), coder.encode(f0, VOICE))
    with pytest.raises(InputError, match="tracker"):
        parts.build({**coder.describe(), "tracker": "praat"})


def test_settings_want_whole_codes() -> None:
    loop = {"batch": 1, "epochs": 1, "patience": 1, "learning_rate": 0.1, "segments": 4}
    assert PitchTraining(**loop).frames == 208
    with pytest.raises(ValueError, match="multiple of 16"):
        PitchTraining(**loop, frames=100)
