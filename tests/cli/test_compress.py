"""`compress` and `decompress` by a toy: what comes back, what is said, and one line for what cannot be."""

import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import nn

from speech_factorization import cli, trained
from speech_factorization.files import write_json
from speech_factorization.resynthesis.bitstream import Header
from speech_factorization.resynthesis.codes import Codes
from speech_factorization.resynthesis.entropy import Counts
from speech_factorization.resynthesis.pitch.statistics import Statistics
from tests.resynthesis.speaking import CODES, Toy, spoken, vector

Call = Callable[..., tuple[int, str, str]]


class Counted(Toy):
    def __init__(self, hop=320) -> None:
        super().__init__()
        self.counts = Counts(2, hop, CODES + 1, 1280)


class Segments(nn.Module):
    inputs = ("segments",)


class Quick(nn.Module):
    """Codes without looking, so that only the verbs take time and memory."""

    inputs = ("waves",)
    tracker = "dio"
    encode_pitch = None

    def __init__(self) -> None:
        super().__init__()
        self.counts = Counts(2, 320, 2, 1280)

    def encode(self, wave, statistics=None):
        units, pitches = (torch.arange(-(-len(wave) // hop)) % 2 for hop in (320, 1280))
        return Codes(units, pitches, torch.ones(256) / 16, Statistics(5.0, 0.2), len(wave), 0.05)

    def decode(self, codes):
        return torch.full((codes.samples,), 0.05)


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Run a verb in a temporary folder with in.wav; exit status, standard output and error."""
    monkeypatch.chdir(tmp_path)
    models = {
        "speech_resynthesis": Counted(),
        "other": Counted(hop=160),
        "bare": Toy(),
        "fdnf": Segments(),
        "quick": Quick(),
    }
    for name in models:
        write_json(Path("checkpoints") / name / "about.json", {})
    monkeypatch.setattr(trained, "load_model", lambda folder: (models[folder.name], {}))
    soundfile.write("in.wav", spoken("bob", "two"), 16_000)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["speech-factorization", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        said = capsys.readouterr()
        return int(end.value.code or 0), said.out, said.err

    return run


def header(path: str) -> Header:
    return Header.read(Path(path).read_bytes())


@pytest.mark.parametrize("form", ["--duplicates", "--no-duplicates"])
def test_there_and_back(call: Call, form: str) -> None:
    status, out, err = call("compress", "in.wav", "out.sfc", form)
    assert (status, err) == (0, "")
    size = Path("out.sfc").stat().st_size
    assert out.startswith(f"out.sfc: 1.20 s in {size} bytes, {8 * size / 1.2:.0f} bits per second (units and")
    assert ", voice 1733, header " in out
    assert header("out.sfc").duplicates == (form == "--duplicates")
    status, again, err = call("decompress", "out.sfc", "back.wav")
    assert (status, again, err) == (0, out, "")
    before, after = (soundfile.read(name, dtype="float32")[0] for name in ("in.wav", "back.wav"))
    assert len(after) == len(before)
    assert float(vector(after) @ vector(before)) > 0.95
    assert np.sqrt(np.mean(after**2)) == pytest.approx(np.sqrt(np.mean(before**2)), rel=0.01)
    assert sorted(path.name for path in Path().iterdir()) == ["back.wav", "checkpoints", "in.wav", "out.sfc"]


def test_duplicates_or_not_is_the_same_sound(call: Call) -> None:
    for form in ("duplicates", "no-duplicates"):
        assert call("compress", "in.wav", f"{form}.sfc", f"--{form}")[0] == 0
        assert call("decompress", f"{form}.sfc", f"{form}.wav")[0] == 0
    assert Path("duplicates.wav").read_bytes() == Path("no-duplicates.wav").read_bytes()


def test_a_voice_that_is_in_another_file(call: Call) -> None:
    soundfile.write("first.wav", spoken("bob", "one"), 16_000)
    assert call("compress", "first.wav", "first.sfc")[0] == 0
    assert call("compress", "in.wav", "alone.sfc")[0] == 0
    status, out, _ = call("compress", "in.wav", "named.sfc", "--voice-of", "first.sfc")
    assert status == 0
    assert "voice" not in out
    assert Path("named.sfc").stat().st_size < Path("alone.sfc").stat().st_size - 200
    assert call("decompress", "named.sfc", "back.wav", "--voice-of", "first.sfc")[0] == 0
    assert len(soundfile.read("back.wav")[0]) == len(spoken("bob", "two"))
    status, _, err = call("decompress", "named.sfc", "x.wav")
    assert (status, err.count("\n")) == (2, 1)
    assert "named.sfc: the voice is not in the file; name a file that has it, --voice-of OTHER.sfc" in err
    status, _, err = call("decompress", "named.sfc", "x.wav", "--voice-of", "alone.sfc")
    assert (status, "the voice is not the one the file means" in err) == (2, True)
    status, _, err = call("compress", "in.wav", "x.sfc", "--voice-of", "named.sfc")
    assert (status, "named.sfc: the voice is not in this file" in err) == (2, True)
    assert not Path("x.wav").exists()
    assert not Path("x.sfc").exists()


def test_another_speakers_voice_is_said(call: Call) -> None:
    for speaker in ("bob", "eve"):
        soundfile.write("first.wav", spoken(speaker, "one"), 16_000)
        assert call("compress", "first.wav", f"{speaker}.sfc")[0] == 0
    assert call("compress", "in.wav", "out.sfc", "--voice-of", "bob.sfc")[2] == ""
    status, _, err = call("compress", "in.wav", "out.sfc", "--voice-of", "eve.sfc")
    assert (status, err.count("\n")) == (0, 1)
    assert err.startswith("the voice of eve.sfc is not like IN's (cosine 0.")


def test_a_whisper_is_said(call: Call) -> None:
    noise = np.random.default_rng(0).normal(size=16_000) * 0.05
    soundfile.write("in.wav", noise, 16_000)
    status, _, err = call("compress", "in.wav", "out.sfc")
    assert (status, err) == (0, "hardly any voice is heard in IN: its F0 is a guess\n")


@pytest.mark.parametrize("rate", [8000, 48_000])
def test_any_rate_and_a_clipped_sound(call: Call, rate: int) -> None:
    wave = np.clip(30 * np.repeat(spoken("bob", "two"), rate // 8000)[: rate // 2], -1, 1)
    soundfile.write("in.wav", wave, rate)
    assert call("compress", "in.wav", "out.sfc")[0] == 0
    assert header("out.sfc").samples == 8000
    assert call("decompress", "out.sfc", "out.flac")[0] == 0
    assert len(soundfile.read("out.flac")[0]) == 8000


def stereo(wave):
    return np.stack([wave, wave], 1)


def no_number(wave):
    return np.where(np.arange(len(wave)) == 5000, np.nan, wave)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (stereo, "in.wav, 2 channels: the audio is not mono"),
        (np.zeros_like, "the audio is silent"),
        (lambda wave: wave[:160], "the audio is too short"),
        (no_number, "in.wav, sample 5000: the audio has samples that are no numbers"),
    ],
)
def test_bad_sound(call: Call, spoil, said: str) -> None:
    soundfile.write("in.wav", spoil(spoken("bob", "two")), 16_000, subtype="FLOAT")
    status, out, err = call("compress", "in.wav", "out.sfc")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert not Path("out.sfc").exists()


def test_bad_files(call: Call) -> None:
    assert call("compress", "in.wav", "out.sfc")[0] == 0
    data = Path("out.sfc").read_bytes()
    for name, content, said in (
        ("cut", data[:-1], "cut.sfc: the file is cut off; copy it again"),
        ("long", data + b"x", "long.sfc: the file is damaged; copy it again"),
        ("changed", data[:50] + bytes([data[50] ^ 4]) + data[51:], "changed.sfc: the file is damaged"),
        ("later", data[:3] + b"\x02" + data[4:], "later.sfc: is of version 2 of the format"),
        ("sound", Path("in.wav").read_bytes(), "sound.sfc: is no file of compressed speech; name one"),
        ("empty", b"", "empty.sfc: is no file of compressed speech"),
    ):
        Path(f"{name}.sfc").write_bytes(content)
        status, out, err = call("decompress", f"{name}.sfc", "x.wav")
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert said in err
    with Path("large.sfc").open("wb") as file:
        file.truncate(1 << 27)
    assert "large.sfc: is too large" in call("decompress", "large.sfc", "x.wav")[2]
    assert (
        "none.sfc: cannot be read (No such file or directory)" in call("decompress", "none.sfc", "x.wav")[2]
    )
    assert not Path("x.wav").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("compress", "in.wav", "out.wav"), "out.wav: unknown ending '.wav'; use .sfc"),
        (("compress", "in.wav", "there/out.sfc"), "there: the folder does not exist"),
        (("compress", "in.wav", "folder.sfc"), "folder.sfc: is a folder"),
        (("compress", "none.wav", "out.sfc"), "none.wav: the audio file is missing"),
        (("compress", "in.wav", "out.sfc", "--voice-of", "no.sfc"), "no.sfc: cannot be read"),
        (("compress", "in.wav", "out.sfc", "--model", "x"), "no trained model 'x' here"),
        (("compress", "in.wav", "out.sfc", "--model", "fdnf"), "fdnf cannot compress: it takes no waves"),
        (("compress", "in.wav", "out.sfc", "--model", "bare"), "bare: cannot compress: it has no counts"),
        (("decompress", "good.sfc", "out.sfc"), "out.sfc: unknown ending '.sfc'"),
        (
            ("decompress", "good.sfc", "out.wav", "--model", "bare"),
            "bare: cannot decompress: it has no counts",
        ),
        (
            ("decompress", "good.sfc", "out.wav", "--model", "other"),
            "good.sfc: coded as 2 units every 320 samples and 62 pitch codes every 1280, the model has 2 every 160",
        ),
        (("decompress", "good.sfc", "out.wav", "--model", "quick"), "good.sfc: coded as 2 units"),
    ],
)
def test_bad_request(call: Call, arguments: tuple[str, ...], said: str) -> None:
    assert call("compress", "in.wav", "good.sfc")[0] == 0
    Path("folder.sfc").mkdir()
    status, out, err = call(*arguments)
    assert (status, out, err.count("\n")) == (2, "", 1), err
    assert said in err
    assert not Path("out.wav").exists()
    assert not Path("out.sfc").exists()


def test_an_hour_takes_little_more_than_its_samples(call: Call) -> None:
    """Half an hour here: what the verbs themselves hold is the wave, and little more."""
    samples = 16_000 * 1800
    soundfile.write("in.wav", np.tile(np.repeat(np.array([800, -800], np.int16), 80), samples // 160), 16_000)
    for arguments in (("compress", "in.wav", "long.sfc"), ("decompress", "long.sfc", "long.wav")):
        tracemalloc.start()
        assert call(*arguments, "--model", "quick")[0] == 0
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        # A wave in 16 bits, one in single precision, and codes.
        assert peak < 1.2 * samples * (2 + 4)
    # Two units equally likely: a bit each.
    assert Path("long.sfc").stat().st_size < samples / 320 / 8 * 1.3 + 400
    assert soundfile.info("long.wav").frames == samples
