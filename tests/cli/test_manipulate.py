"""`speech-factorization manipulate` with a small factorial flow, and one clear line for what cannot be."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from speech_factorization import cli
from speech_factorization.features.segment_sound import level, log_magnitude, spectrum, utterance_frames
from speech_factorization.interfaces import Batch, Data
from speech_factorization.models import fdnf, segment_vae
from speech_factorization.training.checkpoints import about_data, save

PHONES, SPEAKERS = ("aa", "iy", "s"), ("ann", "bea")
DATA = Data({"phone": PHONES, "speaker": SPEAKERS}, (20, 200))

Call = Callable[..., tuple[int, str]]


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """fdnf whose means are those of segments in which iy is louder than aa by 2 nepers; segment_vae."""
    generator = torch.Generator().manual_seed(0)
    factors = {n: torch.randint(0, len(c), (900,), generator=generator) for n, c in DATA.factors.items()}
    x = torch.randn(900, 20, 200, generator=generator)
    x += torch.tensor([0.0, 2.0, -1.0])[factors["phone"], None, None]
    x[:, :, 100:] += factors["speaker"][:, None, None]
    flow = fdnf.Hyperparameters(dimensions=16, couplings=2, hidden=[8])
    model = fdnf.Model(flow, DATA)
    model.initialise([Batch(x, torch.full((900,), 20), factors)])
    vae = segment_vae.Hyperparameters(z_dim=4, hidden=[8])
    folder = tmp_path_factory.mktemp("checkpoints")
    for name, hp, module in (("fdnf", flow, model), ("segment_vae", vae, segment_vae.Model(vae, DATA))):
        about = {"model": name, "hyperparameters": hp.model_dump(mode="json"), "data": about_data(DATA)}
        save(folder / name, module, about)
    return folder


@pytest.fixture
def call(
    checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Call:
    """Run the verb on in.wav, 1.5 s of noise; exit status and what it said on standard error."""
    monkeypatch.chdir(tmp_path)
    wave = 0.02 * np.random.default_rng(0).normal(size=24_000)
    soundfile.write("in.wav", wave, 16_000)

    def run(*arguments: str, source: str = "in.wav", target: str = "out.wav") -> tuple[int, str]:
        words = ["speech-factorization", "manipulate", *arguments, source, target]
        monkeypatch.setattr(sys, "argv", [*words, "--checkpoints", str(checkpoints)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        return int(end.value.code or 0), capsys.readouterr().err

    return run


PHONE = ("--factor", "phone", "--from", "aa", "--to", "iy")


def read(path: str) -> torch.Tensor:
    wave, rate = soundfile.read(path, dtype="float32")
    assert rate == 16_000
    return torch.from_numpy(wave)


def rise(before: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
    """By how many nepers each frame became louder, [T]."""
    scale, frames = level(before), utterance_frames(len(before))
    a, b = (log_magnitude(spectrum(wave * scale, frames)) for wave in (before, after))
    return (b - a).mean(1)


def test_all_of_it_is_changed(call: Call) -> None:
    assert call(*PHONE) == (0, "")
    before, after = read("in.wav"), read("out.wav")
    assert len(after) == len(before)
    assert float(rise(before, after)[5:-5].mean()) == pytest.approx(2, abs=0.2)
    assert call(*PHONE, target="again.wav") == (0, "")
    assert Path("again.wav").read_bytes() == Path("out.wav").read_bytes()


def test_strength_and_no_change(call: Call) -> None:
    assert call(*PHONE, "--strength", "0") == (0, "")
    assert torch.allclose(read("out.wav"), read("in.wav"), atol=1e-4)
    assert call(*PHONE, "--strength", "0.5") == (0, "")
    assert float(rise(read("in.wav"), read("out.wav"))[5:-5].mean()) == pytest.approx(1, abs=0.15)


def test_a_stretch_of_it(call: Call) -> None:
    assert call(*PHONE, "--begin", "0.6", "--end", "0.7") == (0, "")
    before, after = read("in.wav"), read("out.wav")
    step = rise(before, after)
    assert float(step[61:70].mean()) > 1.5
    outside = torch.cat([step[:55], step[77:]])
    assert float(outside.abs().max()) < 0.01


def test_the_speaker_of_a_short_sound(call: Call) -> None:
    soundfile.write("short.wav", 0.05 * np.random.default_rng(1).normal(size=1700), 16_000)
    arguments = ("--factor", "speaker", "--from", "ann", "--to", "bea")
    assert call(*arguments, source="short.wav") == (0, "")
    before, after = read("short.wav"), read("out.wav")
    assert len(after) == 1700
    a, b = (log_magnitude(spectrum(w * level(before), torch.tensor([850]))) for w in (before, after))
    assert float((b - a)[:, 110:].mean() - (b - a)[:, :90].mean()) > 0.5


def test_what_would_clip_is_scaled_down(call: Call) -> None:
    status, said = call(*PHONE, "--strength", "3")
    assert status == 0
    assert "dB quieter than IN: what was changed would clip" in said
    assert 0.99 < float(read("out.wav").abs().max()) <= 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--factor", "emotion", "--from", "N", "--to", "W"), "class means of 'emotion'; of phone and speaker it has"),
        (("--factor", "phone", "--from", "aa", "--to", "ih"), "--from, --to: no phone 'ih'; there are aa, iy, s"),
        (("--factor", "speaker", "--from", "cy", "--to", "bea"), "no speaker 'cy'; there are ann, bea"),
        ((*PHONE, "--model", "segment_vae"), "of 'phone'; name a model that has, e.g. fdnf"),
        ((*PHONE, "--model", "glow"), "no trained model 'glow' here; use fdnf or segment_vae"),
        ((*PHONE, "--begin", "1", "--end", "0.5"), "from 1 to 0.5 s of a sound of 1.5 s"),
        ((*PHONE, "--begin", "1.5"), "from 1.5 to 1.5 s of a sound of 1.5 s"),
        ((*PHONE, "--end", "2"), "from 0 to 2 s of a sound of 1.5 s"),
        ((*PHONE, "--begin", "nan"), "--begin, --end"),
        ((*PHONE, "--strength", "nan"), "a strength of nan; name one from 0 to 9"),
        ((*PHONE, "--strength", "-1"), "a strength of -1"),
        (("--factor", "phone", "--from", "aa", "--to", "aa"), "--from, --to: both are aa; name two classes"),
    ],
)  # fmt: skip
def test_bad_request(call: Call, arguments: tuple[str, ...], said: str) -> None:
    status, err = call(*arguments)
    assert (status, err.count("\n")) == (2, 1), err
    assert err.startswith("speech-factorization: ")
    assert said in err
    assert not Path("out.wav").exists()


def test_bad_sound(call: Call) -> None:
    soundfile.write("short.wav", np.ones(100) / 2, 16_000)
    for source, target, said in (
        ("none.wav", "out.wav", "the audio file is missing"),
        ("short.wav", "out.wav", "the audio is too short"),
        ("in.wav", "out.wva", "unknown ending '.wva'"),
        ("in.wav", "there/out.wav", "the folder does not exist"),
    ):
        status, err = call(*PHONE, source=source, target=target)
        assert (status, err.count("\n")) == (2, 1)
        assert said in err


def test_help_does_not_wait_for_torch() -> None:
    program = """
import sys
from speech_factorization.cli import main
sys.argv = ["speech-factorization", "manipulate", "--help"]
try:
    main()
except SystemExit as end:
    assert not end.code
assert not {"torch", "numpy", "soundfile"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--strength" in done.stdout
