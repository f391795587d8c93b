"""Analysis-resynthesis with toys, and the published VAE's row on real speech."""

import itertools

import numpy as np
import pytest
import soundfile
import torch
from scipy.signal import resample_poly
from torch import nn
from torch.nn.functional import linear

from speech_factorization.errors import InputError
from speech_factorization.evaluation.experiments.resynthesis import needs, reconstruct, run
from speech_factorization.features.stft import trim


class Identity(nn.Module):
    inputs = ("utterances",)

    def encode(self, x, lengths=None, generator=None):
        return {"x": x}

    def decode(self, codes):
        return codes["x"]


class Smear(Identity):
    """Power averaged over 2 * width + 1 bands; the wider, the less of the original is left."""

    def __init__(self, width):
        super().__init__()
        self.width = width

    def decode(self, codes):
        padded = nn.functional.pad(codes["x"], (self.width, self.width), mode="replicate")
        return padded.unfold(-1, 2 * self.width + 1, 1).mean(-1)


class Gain(Identity):
    """Forgets the level: what its code holds depends on the lengths it is told."""

    def encode(self, x, lengths=None, generator=None):
        return {"x": x / (x.sum((1, 2), keepdim=True) / lengths[:, None, None])}


class Recalling(Identity):
    """Gives the true past back one frame late; its own output fed back is the silence it starts from."""

    of_true_past = ("x_past",)

    def __init__(self):
        super().__init__()
        self.encoded = 0

    def encode(self, x, lengths=None, generator=None):
        self.encoded += 1
        noise = torch.rand(x.shape, generator=generator) if generator else torch.ones(x.shape)
        return {"z": noise, "x_past": nn.functional.pad(x, (0, 0, 1, 0))[:, :-1]}

    def decode(self, codes):
        return codes["z"] * codes.get("x_past", 1e-4)


def sounds(*lengths):
    rng = np.random.default_rng(0)
    items = []
    for i, n in enumerate(lengths):
        t = np.arange(n) / 16_000
        wave = np.sign(np.sin(2 * np.pi * (100 + 30 * i) * t)) * np.clip(np.sin(2 * np.pi * 2.5 * t), 0, 1)
        items.append((f"u{i}", (wave + 0.1 * rng.normal(size=n)).astype(np.float32)))
    return items


def test_needs_says_what_is_lacking():
    assert needs(Identity()) is None

    class Segments(Identity):
        inputs = ("segments",)

    class Flow:
        inputs = ("utterances",)

    assert needs(Segments()) == "takes no utterances"
    assert needs(Flow()) == "has no encode and no decode"


def test_identity_gives_the_waves_back():
    waves = [wave / np.abs(wave).max() for _, wave in sounds(9000, 16_001, 12_345)]
    for wave, estimate in zip(waves, reconstruct(Identity(), waves), strict=True):
        assert estimate.dtype == np.float32
        np.testing.assert_allclose(estimate, wave, atol=2e-5)


def test_identity_scores_the_best():
    outcome = run(Identity(), sounds(24_000, 30_000, 26_000))
    assert set(outcome.numbers) == {"resynthesis"}
    numbers = outcome.numbers["resynthesis"]
    assert numbers["files"] == 3
    assert "failed" not in numbers
    assert numbers["pesq_wb"] == pytest.approx(4.644, abs=0.005)
    assert numbers["pesq_nb_raw"] == pytest.approx(4.5, abs=0.005)
    assert numbers["si_sdr"] > 80
    assert numbers["rmse"] < 1e-5
    assert min(numbers["stoi"], numbers["estoi"]) > 0.9999
    assert set(outcome.figures) == {"resynthesis"}
    assert len(outcome.figures["resynthesis"].axes) == 3
    assert [sound.shape for sound in outcome.sounds.values()] == [(24_000,)] * 2


def test_an_autoregressive_model_is_scored_with_the_true_past_and_with_its_own_output():
    model = Recalling()
    outcome = run(model, sounds(24_000, 30_000))
    given, free = outcome.numbers["resynthesis"], outcome.numbers["resynthesis_free_running"]
    assert set(outcome.numbers) == {"resynthesis", "resynthesis_free_running"}
    assert set(given) == set(free)
    assert given["si_sdr"] > free["si_sdr"] + 3
    assert model.encoded == 1  # one batch, analysed once for both
    titles = [axes.get_title() for axes in outcome.figures["resynthesis"].axes[:3]]
    assert titles == [
        "u0, original",
        "u0, resynthesis given the true x(t-1)",
        "u0, resynthesis, own output fed back",
    ]
    assert list(outcome.sounds) == ["original", "resynthesis", "resynthesis_free_running"]
    assert not np.allclose(outcome.sounds["resynthesis"], outcome.sounds["resynthesis_free_running"])


def test_both_forms_are_of_the_same_sample_and_as_reconstruct_gives_them():
    (item,) = sounds(24_000)
    wave = item[1] / np.abs(item[1]).max()
    outcome = run(Recalling(), [item], torch.Generator().manual_seed(0))
    for name, free_running in (("resynthesis", False), ("resynthesis_free_running", True)):
        generator = torch.Generator().manual_seed(0)
        (estimate,) = reconstruct(Recalling(), [wave], generator, free_running=free_running)
        np.testing.assert_allclose(outcome.sounds[name], estimate / max(1, np.abs(estimate).max()), atol=1e-6)


def test_the_more_is_lost_the_worse():
    rows = [run(Smear(width), sounds(24_000, 30_000)).numbers["resynthesis"] for width in (1, 8, 60)]
    for metric in ("stoi", "estoi", "si_sdr"):
        assert rows[0][metric] > rows[1][metric] > rows[2][metric]
    assert rows[0]["rmse"] < min(rows[1]["rmse"], rows[2]["rmse"])


def test_neither_batches_nor_processes_nor_order_nor_level_change_a_number():
    items = sounds(20_000, 24_000, 21_000, 30_000)
    one = run(Smear(8), items, batch=1).numbers["resynthesis"]
    assert run(Smear(8), items, batch=4, jobs=2).numbers["resynthesis"] == pytest.approx(one, rel=1e-6)
    assert run(Smear(8), items[::-1], batch=1, jobs=2).numbers["resynthesis"] == one
    louder = [(name, 4 * wave) for name, wave in items]
    assert run(Smear(8), iter(louder), batch=1).numbers["resynthesis"] == one


def test_the_model_is_told_the_lengths_and_left_in_its_mode():
    waves = [wave / np.abs(wave).max() for _, wave in sounds(20_000, 9000)]
    model = Gain().train()
    together = reconstruct(model, waves, batch=2)
    assert model.training
    for wave, estimate in zip(waves, together, strict=True):
        (alone,) = reconstruct(model, [wave])
        np.testing.assert_allclose(estimate, alone, atol=1e-5)


def test_files_without_a_value_are_counted_and_not_averaged(caplog):
    items = sounds(24_000, 30_000)
    whole = run(Smear(8), items).numbers["resynthesis"]
    with_short = run(Smear(8), [*items, ("u9", sounds(2000)[0][1])]).numbers["resynthesis"]
    assert with_short["files"] == 3
    assert with_short["failed"] == {"pesq_wb": 1, "pesq_nb_raw": 1, "stoi": 1, "estoi": 1}
    for metric in with_short["failed"]:
        assert with_short[metric] == pytest.approx(whole[metric], rel=1e-6)
    assert "u9" in caplog.text


def test_bad_input_is_named():
    with pytest.raises(InputError, match="no utterances"):
        run(Identity(), [])
    with pytest.raises(InputError, match="u7: .*silent"):
        run(Identity(), [("u7", np.zeros(5000, np.float32))])
    good = sounds(9000, 16_001)
    short, *broken = (np.zeros(size, np.float32) for size in (256, 5000, 5000))
    short[3] = 1
    broken[0][7], broken[1][7] = np.nan, -np.inf
    for wave, said in [
        (short, "the wave of 256 samples is too short for the STFT; .* at least 257"),
        *((wave, "the wave holds NaN or infinity") for wave in broken),
    ]:
        with pytest.raises(InputError, match=f"^u7: {said}"):
            run(Identity(), [*good, ("u7", wave)])
        with pytest.raises(InputError, match=f"^wave 2: {said}"):
            reconstruct(Identity(), [*(wave for _, wave in good), wave])
    run(Identity(), [("u7", np.append(short, 0))])

    class Broken(Identity):
        def decode(self, codes):
            return codes["x"] * float("nan")

    for jobs in (1, 2):
        with pytest.raises(InputError, match="u0: .*NaN"):
            run(Broken(), sounds(9000, 9000), jobs=jobs)


class PublishedVAE(nn.Module):
    """The authors' frame-wise VAE straight from its weights: four tanh layers each way."""

    inputs = ("utterances",)

    def __init__(self, weights):
        super().__init__()
        self.weights = weights

    def layers(self, name, head, x):
        for i in range(4):
            x = torch.tanh(self.layer(f"{name}.linear{i}", x))
        return self.layer(head, x)

    def layer(self, name, x):
        return linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def encode(self, x, lengths=None, generator=None):
        return {"z": self.layers("mlp_x_z", "inf_mean", x)}

    def decode(self, codes):
        return self.layers("mlp_z_x", "gen_logvar", codes["z"]).exp()


@pytest.mark.slow
def test_published_vae_has_its_measured_row_on_real_speech(reference):
    """32 files, the first four of each speaker: RMSE .0791, PESQ 1.687 / 1.212, STOI .798 / .680, 0.06 dB."""
    names = sorted(file.name for file in (reference / "emodb" / "wav").glob("*.wav"))
    waves = []
    for _, group in itertools.groupby(names, key=lambda name: name[:2]):
        for name in itertools.islice(group, 4):
            wave, _ = soundfile.read(reference / "emodb" / "wav" / name)
            waves.append((name, trim(resample_poly(wave, 320, 441))))
    weights = torch.load(reference / "dvae-checkpoints" / "VAE.pt", map_location="cpu", weights_only=True)
    numbers = run(PublishedVAE(weights), waves).numbers["resynthesis"]
    assert numbers["files"] == 32
    assert numbers["rmse"] == pytest.approx(0.0791, abs=6e-5)
    assert numbers["pesq_nb_raw"] == pytest.approx(1.687, abs=6e-4)
    assert numbers["pesq_wb"] == pytest.approx(1.212, abs=6e-4)
    assert numbers["stoi"] == pytest.approx(0.798, abs=6e-4)
    assert numbers["estoi"] == pytest.approx(0.680, abs=6e-4)
    assert numbers["si_sdr"] == pytest.approx(0.06, abs=6e-3)
