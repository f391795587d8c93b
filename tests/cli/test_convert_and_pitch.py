"""`convert`, `pitch` and `resynthesize` of units, by a toy: what is heard, and one line for what cannot be."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray
from scipy.signal import resample_poly
from torch import nn

from speech_factorization import cli, trained
from speech_factorization.files import write_json
from speech_factorization.resynthesis.pitch.statistics import of_f0
from speech_factorization.resynthesis.pitch.track import track
from speech_factorization.training.checkpoints import about_data, save
from tests.resynthesis import small
from tests.resynthesis.speaking import Table, Toy, spoken, vector

Call = Callable[..., tuple[int, str]]
Wave = NDArray[np.float32]


class Segments(nn.Module):
    inputs = ("segments",)


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Run a verb in a temporary folder with in.wav (bob) and to.wav (eve), OUT is out.wav."""
    monkeypatch.chdir(tmp_path)
    models = {"speech_resynthesis": Toy(), "codes_alone": Toy(absolute_pitch=False), "fdnf": Segments()}
    for name in models:
        write_json(Path("checkpoints") / name / "about.json", {})
    monkeypatch.setattr(trained, "load_model", lambda folder: (models[folder.name], {}))
    soundfile.write("in.wav", spoken("bob", "two"), 16_000)
    soundfile.write("to.wav", np.tile(spoken("eve", "three"), 2), 16_000)

    def run(verb: str, *arguments: str, source: str = "in.wav", target: str = "out.wav") -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["speech-factorization", verb, source, target, *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main()
        return int(end.value.code or 0), capsys.readouterr().err

    return run


def read(path: str = "out.wav") -> Wave:
    wave, rate = soundfile.read(path, dtype="float32")
    assert rate == 16_000
    return wave


def height(wave: Wave) -> float:
    return of_f0(track(wave)).hertz


def at_one_height(wave: Wave) -> float:
    """Share of voiced frames within a third of a semitone of the middle one."""
    f0 = track(wave)
    voiced = np.log2(f0[f0 > 0])
    return float(np.mean(np.abs(voiced - np.median(voiced)) < 1 / 36))


def semitones(a: float, b: float) -> float:
    return float(12 * np.log2(b / a))


def test_another_voice_at_its_own_height(call: Call) -> None:
    assert call("convert", "--to", "to.wav") == (0, "")
    source, voice, found = read("in.wav"), read("to.wav"), read()
    assert len(found) == len(source)
    assert float(vector(found) @ vector(voice)) > 0.95 > float(vector(found) @ vector(source))
    assert semitones(height(voice), height(found)) == pytest.approx(0, abs=0.5)
    assert np.sqrt(np.mean(found**2)) == pytest.approx(np.sqrt(np.mean(source**2)), rel=0.01)


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [("convert", ("--to", "to.wav")), ("resynthesize", ("--model", "speech_resynthesis"))],
)
def test_a_whisper_is_said(call: Call, verb: str, arguments: tuple[str, ...]) -> None:
    soundfile.write("whisper.wav", np.random.default_rng(0).normal(size=30_000) * 0.05, 16_000)
    said = "hardly any voice is heard in IN: its F0 is a guess\n"
    status, err = call(verb, *arguments, source="whisper.wav")
    assert (status, err.startswith(said)) == (0, True)
    assert call(verb, *arguments) == (0, "")


def test_a_voice_after_a_silence_is_heard(call: Call) -> None:
    long = np.concatenate([np.random.default_rng(0).normal(size=320_000) * 1e-4, spoken("bob", "two")])
    soundfile.write("long.wav", long, 16_000)
    assert call("convert", "--to", "to.wav", source="long.wav") == (0, "")


def test_another_voice_as_high_as_the_source(call: Call) -> None:
    assert call("convert", "--to", "to.wav", "--keep-pitch") == (0, "")
    assert semitones(height(read("in.wav")), height(read())) == pytest.approx(0, abs=0.5)
    assert float(vector(read()) @ vector(read("to.wav"))) > 0.9


def test_a_voice_of_several_recordings_is_their_mean(call: Call) -> None:
    soundfile.write("too.wav", np.tile(spoken("ann", "one"), 2), 16_000)
    assert call("convert", "--to", "to.wav", "--to", "too.wav") == (0, "")
    likeness = [float(vector(read()) @ vector(read(name))) for name in ("to.wav", "too.wav", "in.wav")]
    assert min(likeness[:2]) > 0.5
    between = semitones(height(read("too.wav")), height(read()))
    assert -2.5 < between < 0


def test_a_short_and_a_whispered_voice_are_said(call: Call) -> None:
    soundfile.write("short.wav", spoken("eve", "three")[2000:8000], 16_000)
    status, said = call("convert", "--to", "short.wav")
    assert (status, said) == (0, "--to has 0.4 s of sound: a voice is told better by 2 s or more\n")
    whisper = 0.05 * np.random.default_rng(0).normal(size=40_000)
    soundfile.write("whisper.wav", whisper, 16_000)
    status, said = call("convert", "--to", "whisper.wav")
    assert (status, said) == (0, "--to has hardly any voiced sound: OUT is as high as IN\n")
    assert semitones(height(read("in.wav")), height(read())) == pytest.approx(0, abs=0.5)


@pytest.mark.parametrize("model", ["speech_resynthesis", "codes_alone"])
def test_higher_lower_and_flat(call: Call, model: str) -> None:
    before = height(read("in.wav"))
    for steps in (3, -2.5):
        assert call("pitch", "--semitones", str(steps), "--model", model) == (0, "")
        assert semitones(before, height(read())) == pytest.approx(steps, abs=0.4)
    assert call("pitch", "--flat", "--model", model) == (0, "")
    assert at_one_height(read()) > 0.9 > 0.5 > at_one_height(read("in.wav"))
    assert semitones(before, height(read())) == pytest.approx(0, abs=0.3)
    assert float(vector(read()) @ vector(read("in.wav"))) > 0.9


def test_codes_and_back(call: Call) -> None:
    assert call("resynthesize", "--model", "speech_resynthesis") == (0, "")
    assert len(read()) == len(read("in.wav"))
    assert semitones(height(read("in.wav")), height(read())) == pytest.approx(0, abs=0.3)


@pytest.mark.parametrize("rate", [8000, 22_050, 48_000])
def test_any_rate(call: Call, rate: int) -> None:
    divisor = int(np.gcd(rate, 16_000))
    soundfile.write(
        "other.wav", resample_poly(spoken("bob", "two"), rate // divisor, 16_000 // divisor), rate
    )
    assert call("pitch", "--semitones", "2", source="other.wav") == (0, "")
    assert semitones(height(read("in.wav")), height(read())) == pytest.approx(2, abs=0.5)


def test_clipped_sound_is_spoken_and_does_not_wrap(call: Call) -> None:
    soundfile.write("loud.wav", np.clip(30 * spoken("bob", "two"), -1, 1), 16_000)
    status, said = call("convert", "--to", "to.wav", source="loud.wav")
    assert status == 0
    assert said == "" or "dB quieter than IN: it would clip" in said
    assert 0.5 < np.abs(read()).max() <= 1


@pytest.mark.parametrize(
    ("verb", "arguments", "said"),
    [
        (
            "convert",
            ("--to", "to.wav", "--model", "fdnf"),
            "fdnf cannot convert: it takes no waves; name a model of",
        ),
        ("pitch", ("--flat", "--model", "fdnf"), "fdnf cannot change the pitch: it takes no waves"),
        ("resynthesize", ("--model", "fdnf"), "fdnf cannot resynthesize: it takes no utterances"),
        (
            "convert",
            ("--to", "to.wav", "--model", "glow"),
            "no trained model 'glow' here; use codes_alone or fdnf",
        ),
        ("convert", ("--to", "none.wav"), "none.wav: the audio file is missing"),
        ("pitch", (), "--semitones, --flat: name one of the two"),
        ("pitch", ("--flat", "--semitones", "2"), "name one of the two"),
        ("pitch", ("--semitones", "nan"), "nan semitones; name from -24 to 24"),
        ("pitch", ("--semitones", "-30"), "-30 semitones; name from -24 to 24"),
    ],
)
def test_bad_request(call: Call, verb: str, arguments: tuple[str, ...], said: str) -> None:
    status, err = call(verb, *arguments)
    assert (status, err.count("\n")) == (2, 1), err
    assert err.startswith("speech-factorization: ")
    assert said in err
    assert not Path("out.wav").exists()


@pytest.mark.parametrize("which", ["source", "to"])
@pytest.mark.parametrize(
    ("wave", "said"),
    [
        (np.zeros(16_000), "the audio is silent"),
        (np.full(160, 0.1), "the audio is too short"),
        (np.full((9000, 2), 0.1), "the audio is not mono"),
        (np.where(np.arange(16_000) == 9, np.nan, 0.1), "the audio has samples that are no numbers"),
    ],
    ids=["silent", "10 ms", "stereo", "NaN"],
)
def test_bad_sound(call: Call, which: str, wave: NDArray[np.float64], said: str) -> None:
    soundfile.write("bad.wav", wave, 16_000, subtype="FLOAT")
    source, to = ("bad.wav", "to.wav") if which == "source" else ("in.wav", "bad.wav")
    status, err = call("convert", "--to", to, source=source)
    assert (status, err.count("\n")) == (2, 1), err
    assert err.startswith("speech-factorization: bad.wav")
    assert said in err
    assert not Path("out.wav").exists()


def test_whispers_have_no_pitch_to_change(call: Call) -> None:
    soundfile.write("whisper.wav", 0.05 * np.random.default_rng(0).normal(size=40_000), 16_000)
    status, err = call("pitch", "--semitones", "3", source="whisper.wav")
    assert (status, err.count("\n")) == (2, 1)
    assert "whisper.wav: hardly any voiced sound, so no pitch to change" in err
    assert call("convert", "--to", "to.wav", source="whisper.wav")[0] == 0


def test_a_table_of_speakers_takes_no_recording(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    named = Toy()
    named.speaker = Table()
    monkeypatch.setattr(trained, "load_model", lambda folder: (named, {}))
    for verb, arguments in (("convert", ("--to", "to.wav")), ("pitch", ("--flat",))):
        status, err = call(verb, *arguments)
        assert (status, err.count("\n")) == (2, 1)
        assert "takes no other voice; set speaker.type: network and train it again" in err


def test_what_is_no_number_is_not_written(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Toy, "decode", lambda self, codes: torch.full((codes.samples,), torch.nan))
    status, err = call("resynthesize", "--model", "speech_resynthesis")
    assert (status, err.count("\n")) == (2, 1)
    assert "NaN or infinity" in err
    assert not Path("out.wav").exists()


VERBS = {
    "convert": ("--to", "to.wav"),
    "pitch": ("--semitones", "2"),
    "resynthesize": ("--model", "speech_resynthesis"),
}


@pytest.mark.parametrize("generator", ["source_filter", "istft", "hifigan"])
def test_a_real_checkpoint_speaks(
    generator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A small one that has learned nothing: the sound is as long as IN, and the same every time."""
    built, made = small.model(generator), small.parts()
    about = {
        "model": "speech_resynthesis",
        "hyperparameters": small.hyperparameters(generator).model_dump(mode="json"),
        "data": about_data(small.data(**made)),
    }
    monkeypatch.chdir(tmp_path)
    save(Path("checkpoints/speech_resynthesis"), built, about)
    soundfile.write("in.wav", spoken("bob", "two"), 16_000)
    soundfile.write("to.wav", np.tile(spoken("eve", "three"), 2), 16_000)
    for verb, arguments in VERBS.items():
        for target in (f"{verb}.wav", f"{verb}_again.wav"):
            monkeypatch.setattr(sys, "argv", ["speech-factorization", verb, "in.wav", target, *arguments])
            with pytest.raises(SystemExit) as end:
                cli.main()
            assert not end.value.code, capsys.readouterr().err
        found = read(f"{verb}.wav")
        assert len(found) == len(read("in.wav"))
        assert 0 < np.std(found) < 1
        assert Path(f"{verb}.wav").read_bytes() == Path(f"{verb}_again.wav").read_bytes()


@pytest.mark.parametrize("verb", ["compress", "convert", "decompress", "pitch"])
def test_help_does_not_wait_for_torch(verb: str) -> None:
    program = f"""
import sys
from speech_factorization.cli import main
sys.argv = ["speech-factorization", "{verb}", "--help"]
try:
    main()
except SystemExit as end:
    assert not end.code
assert not {{"torch", "numpy", "soundfile"}} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
