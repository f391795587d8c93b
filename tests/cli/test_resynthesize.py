"""`speech-factorization resynthesize` on one's own sound: any rate, and one clear line for what cannot be."""

import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from scipy.signal import resample_poly

from speech_factorization import cli
from speech_factorization.interfaces import Data
from speech_factorization.models import segment_vae
from speech_factorization.training.checkpoints import about_data, save
from tests.corpora.trees import noise
from tests.stages.workspace import ROOT, Workspace, parameters, spoken, write_emodb

Speech = NDArray[np.float32]


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints as the stages write them: identity, vae, a skipped segment_vae."""
    folder = tmp_path_factory.mktemp("cli")
    source = str(write_emodb(folder / "corpus"))
    workspace = Workspace(folder / "work", parameters("emodb", corpus={"source": source}))
    workspace.prepare()
    workspace.do("train@identity", "train@vae", "train@segment_vae")
    return workspace.folder / "checkpoints"


@pytest.fixture
def speech() -> Speech:
    """A sentence at 16 kHz in [-1, 1), its peak 0.25."""
    wave = spoken()[0].wave.astype(np.float32)
    return wave / np.abs(wave).max() / 4


@pytest.fixture
def call(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Run the verb in a temporary folder; exit status and what it said on standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, checkpoints: Path = trained) -> tuple[int, str]:
        words = ["speech-factorization", "resynthesize", *arguments, "--checkpoints", str(checkpoints)]
        monkeypatch.setattr(sys, "argv", words)
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        return int(end.value.code or 0), capsys.readouterr().err

    return run


def write(path: Path, speech: Speech, rate: int) -> None:
    divisor = int(np.gcd(rate, 16_000))
    soundfile.write(path, resample_poly(speech, rate // divisor, 16_000 // divisor), rate)


def similarity(a: Speech, b: Speech) -> float:
    return float(np.corrcoef(a, b)[0, 1])


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 44_100, 48_000])
def test_identity_gives_the_sound_back_at_any_rate(
    call: Callable[..., tuple[int, str]], speech: Speech, rate: int
) -> None:
    write(Path("in.wav"), speech, rate)
    assert call("in.wav", "out.wav", "--model", "identity") == (0, "")
    found, found_rate = soundfile.read("out.wav", dtype="float32")
    assert found_rate == 16_000
    assert abs(len(found) - len(speech)) <= 2
    length = min(len(found), len(speech))
    assert similarity(found[:length], speech[:length]) > (0.999 if rate >= 16_000 else 0.9)
    assert np.abs(found).max() == pytest.approx(0.25, rel=0.02 if rate >= 16_000 else 0.3)


@pytest.mark.parametrize("ending", ["wav", "FLAC", "ogg", "mp3", "aiff", "au"])
def test_vae_speaks(call: Callable[..., tuple[int, str]], speech: Speech, ending: str) -> None:
    write(Path("in.flac"), speech, 22_050)
    assert call("in.flac", f"out.{ending}", "--model", "vae") == (0, "")
    found, rate = soundfile.read(f"out.{ending}", dtype="float32")
    assert rate == 16_000
    assert abs(len(found) - len(speech)) <= (2 if ending != "mp3" else 2500)
    assert 0 < np.abs(found).max() <= 1
    assert sorted(path.name for path in Path().iterdir()) == ["in.flac", f"out.{ending}"]


def test_the_same_twice(call: Callable[..., tuple[int, str]], speech: Speech) -> None:
    write(Path("in.wav"), speech, 16_000)
    for name in ("a.wav", "b.wav"):
        assert call("in.wav", name, "--model", "vae")[0] == 0
    assert Path("a.wav").read_bytes() == Path("b.wav").read_bytes()


def stereo(path: Path) -> None:
    soundfile.write(path, np.stack([noise(16_000)] * 2, axis=1), 16_000)


def silence(path: Path) -> None:
    soundfile.write(path, np.zeros(16_000, np.int16), 16_000)


def short(path: Path) -> None:
    soundfile.write(path, noise(100), 16_000)


def text(path: Path) -> None:
    path.write_text("not sound\n")


def absent(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (absent, "in.wav: the audio file is missing"),
        (stereo, "in.wav, 2 channels: the audio is not mono"),
        (silence, "the audio is silent"),
        (short, "the audio is too short"),
        (text, "the audio file is unreadable"),
    ],
)
def test_bad_sound(
    call: Callable[..., tuple[int, str]], speech: Speech, spoil: Callable[[Path], None], said: str
) -> None:
    write(Path("in.wav"), speech, 16_000)
    spoil(Path("in.wav"))
    status, err = call("in.wav", "out.wav", "--model", "vae")
    assert (status, err.count("\n")) == (2, 1)
    assert err.startswith("speech-factorization: in.wav")
    assert said in err
    assert not Path("out.wav").exists()


@pytest.mark.parametrize(
    ("target", "model", "said"),
    [
        ("out.wav", "vea", "no trained model 'vea' here; use identity or segment_vae or vae"),
        ("out.wav", "", "no trained model '' here"),
        ("out.wav", "segment_vae", "not trained: the corpus has no labelled utterances"),
        ("out.wva", "vae", "unknown ending '.wva'; use .wav, .flac"),
        ("out.raw", "vae", "unknown ending '.raw'"),
        ("out", "vae", "unknown ending ''"),
        ("there/out.wav", "vae", "there: the folder does not exist; create it first"),
        ("folder.wav", "vae", "folder.wav: is a folder"),
    ],
)
def test_bad_request(
    call: Callable[..., tuple[int, str]], speech: Speech, target: str, model: str, said: str
) -> None:
    write(Path("in.wav"), speech, 16_000)
    Path("folder.wav").mkdir()
    status, err = call("in.wav", target, "--model", model)
    assert (status, err.count("\n")) == (2, 1), err
    assert said in err
    assert sorted(path.name for path in Path().iterdir()) == ["folder.wav", "in.wav"]
    assert not list(Path("folder.wav").iterdir())


def test_model_of_segments(call: Callable[..., tuple[int, str]], speech: Speech) -> None:
    data = Data({"phone": ("aa", "iy")}, (20, 200))
    hyperparameters = segment_vae.Hyperparameters(z_dim=4, hidden=[8])
    about = {
        "model": "segment_vae",
        "hyperparameters": hyperparameters.model_dump(mode="json"),
        "data": about_data(data),
    }
    save(Path("own/segment_vae"), segment_vae.Model(hyperparameters, data), about)
    write(Path("in.wav"), speech, 16_000)
    status, err = call("in.wav", "out.wav", "--model", "segment_vae", checkpoints=Path("own"))
    assert (status, err.count("\n")) == (2, 1)
    assert (
        "segment_vae cannot resynthesize: it takes no utterances; name a model that takes utterances" in err
    )
    assert not Path("out.wav").exists()
    assert "--checkpoints" in call("in.wav", "out.wav", "--model", "vae", checkpoints=Path("none"))[1]


def test_the_console_script_is_the_one_that_says_one_line() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["scripts"] == {"speech-factorization": "speech_factorization.cli:main"}


@pytest.mark.parametrize("arguments", [["--help"], ["resynthesize", "--help"]])
def test_help_does_not_wait_for_torch(arguments: list[str]) -> None:
    program = f"""
import sys
from speech_factorization.cli import main
sys.argv = ["speech-factorization", *{arguments!r}]
try:
    main()
except SystemExit as end:
    assert not end.code
assert not {{"torch", "numpy", "soundfile"}} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "resynthesize" in done.stdout
