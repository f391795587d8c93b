"""Codec2 by a pair of programs that behave as its own do: raw 8 kHz sound in, bits out, and back, late."""

import os
import stat
from pathlib import Path

import numpy as np
import pytest

from speech_factorization.evaluation.codecs.base import NotThere
from speech_factorization.evaluation.codecs.codec2 import encode

DELAY = 320  # samples at 8 kHz

ENCODER = """import sys
mode, data = sys.argv[1], sys.stdin.buffer.read()
assert sys.argv[2:] == ["-", "-"]
if mode == "bad":
    sys.exit("Error in mode: bad")
sys.stdout.buffer.write(data[1::2])
"""
DECODER = f"""import sys
data = sys.stdin.buffer.read()
if sys.argv[1] == "mute":
    sys.exit()
sys.stdout.buffer.write(bytes(2 * {DELAY}) + b"".join(bytes([0, byte]) for byte in data))
"""


def install(folder: Path, name: str, program: str) -> None:
    path = folder / name
    path.write_text(f"#!/usr/bin/env python3\n{program}")
    path.chmod(path.stat().st_mode | stat.S_IEXEC)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    install(tmp_path, "c2enc", ENCODER)
    install(tmp_path, "c2dec", DECODER)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


T = np.arange(24_000) / 16_000
WAVE = (0.3 * np.sin(2 * np.pi * 300 * T) * (np.sin(2 * np.pi * 4 * T * T) > 0)).astype(np.float32)


def test_what_the_programs_give_in_time_and_of_the_right_size(programs: Path) -> None:
    coded = encode(WAVE, "2400")
    # This one takes 8 bits a sample.
    assert coded.bits == coded.file_bits == 8 * 12_000
    assert coded.wave.shape == WAVE.shape
    # 128 steps are left of the amplitude, rounded down; the delay of 40 ms is gone.
    assert np.corrcoef(coded.wave, WAVE)[0, 1] > 0.95


def test_silence_and_a_short_sound_go_through(programs: Path) -> None:
    assert not encode(np.zeros(1600, np.float32), "2400").wave.any()
    assert encode(WAVE[:100], "2400").wave.shape == (100,)


@pytest.mark.parametrize(
    ("mode", "said"),
    [("bad", r"c2enc bad failed \(Error in mode: bad\)"), ("mute", "c2dec mute gave no sound")],
)
def test_programs_that_do_not_work(programs: Path, mode: str, said: str) -> None:
    with pytest.raises(NotThere, match=said):
        encode(WAVE, mode)


def test_a_program_that_cannot_be_run(programs: Path) -> None:
    (programs / "c2dec").write_text("#!/there/is/no/such/interpreter\n")
    with pytest.raises(NotThere, match="c2dec 2400 does not run"):
        encode(WAVE, "2400")


def test_without_the_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotThere, match="no c2enc and no c2dec on PATH; install codec2"):
        encode(WAVE, "2400")
