"""Sounds read in several processes, and by a run that goes on where another stopped: always the same corpus."""

import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import soundfile

from speech_factorization.corpora import emodb as emodb_reader
from speech_factorization.corpora import sounds
from speech_factorization.corpora import timit as timit_reader
from speech_factorization.corpora.base import Refusal, Utterance
from speech_factorization.corpora.sounds import Heard, Memory, Request, read_sounds
from speech_factorization.corpora.tables import write_corpus
from speech_factorization.files import draft_folder
from speech_factorization.parallel import AHEAD
from tests.corpora.trees import noise

GOOD = "0.05 -1 a\n0.2 -1 .\n"
NAMES = sorted(f"{code}{text}{e}a" for code in ("03", "08") for text in ("a01", "a02", "a05") for e in "FNW")


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def tree(emodb: Callable[..., Path]) -> Path:
    """An EmoDB of eighteen files: two that cannot be read, one without labels, and all of them different."""
    source = emodb({name: GOOD for name in NAMES}, seconds=0.3)
    for number, name in enumerate(NAMES):
        soundfile.write(source / "wav" / f"{name}.wav", np.roll(noise(6000), number), 22_050)
    (source / "wav" / f"{NAMES[3]}.wav").write_bytes(b"no sound")
    soundfile.write(source / "wav" / f"{NAMES[7]}.wav", np.zeros(16_000, np.int16), 22_050)
    (source / "lablaut" / f"{NAMES[4]}xx.lablaut").unlink()
    return source


Make = Callable[..., dict[str, bytes]]


@pytest.fixture
def make(tmp_path: Path, tree: Path, parameters: Callable[..., object]) -> Make:
    """Make the corpus of the tree; `stop` after so many items as a kill would. Its files, or those of the draft."""

    def made(folder: str, jobs: int = 1, stop: int | None = None) -> dict[str, bytes]:
        target = tmp_path / folder
        draft = draft_folder(target, "same")
        items = emodb_reader.read(tree, parameters("emodb"), 0, jobs, memory=Memory(draft))
        try:
            write_corpus(stopped(items, stop), target, "same")
        except KeyboardInterrupt:
            assert not target.exists()
            return content(draft)
        assert not draft.exists()
        return content(target)

    return made


def stopped(items: Iterator[Utterance | Refusal], after: int | None) -> Iterator[Utterance | Refusal]:
    for number, item in enumerate(items):
        if number == after:
            raise KeyboardInterrupt
        yield item


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that are read, with one job."""
    names: list[str] = []
    read = sounds.read_sound

    def noted(path: Path, *asked: object) -> tuple[object, int]:
        names.append(path.stem)
        return read(path, *asked)  # type: ignore[arg-type]

    monkeypatch.setattr(sounds, "read_sound", noted)
    return names


def test_the_same_bytes_from_any_number_of_processes(make: Make) -> None:
    one, two, three = (make(f"jobs{jobs}", jobs) for jobs in (1, 2, 3))
    assert one == two == three
    assert one["refused.csv"].count(b"\n") == 4


def test_timit_too(tmp_path: Path, timit: Callable[..., Path], parameters: Callable[..., object]) -> None:
    source = timit({"fajw0": "TRAIN/DR2", "madc0": "TEST/DR3"})
    (source / "TIMIT/TRAIN/DR2/FAJW0/SX93.WAV").write_bytes(b"no sound")
    for jobs in (1, 2):
        write_corpus(timit_reader.read(source, parameters("timit"), 0, jobs), tmp_path / f"jobs{jobs}")
    assert content(tmp_path / "jobs1") == content(tmp_path / "jobs2")


@pytest.mark.parametrize("jobs", [1, 2])
def test_stopped_anywhere_and_started_again_the_bytes_are_the_same(make: Make, jobs: int) -> None:
    whole = make("whole")
    rng = random.Random(jobs)
    for number, stops in enumerate(([0], [1], [18], sorted(rng.sample(range(19), 3)), [12, 3, 9])):
        for stop in stops:
            make(f"out{number}", jobs, stop)
        assert make(f"out{number}", jobs) == whole


def test_what_was_read_is_not_read_again(make: Make, opened: list[str]) -> None:
    whole = make("whole")
    assert opened == NAMES
    opened.clear()
    make("out", stop=12)
    before = opened.copy()
    opened.clear()
    assert make("out") == whole
    # Again: the two that cannot be read, the last that was written, and what had not been.
    assert set(before) & set(opened) <= {NAMES[3], NAMES[7], *before[-2:]}
    assert set(before) | set(opened) == set(NAMES)


def test_a_file_that_has_become_another_is_read_again(
    make: Make, tree: Path, opened: list[str], tmp_path: Path
) -> None:
    make("out", stop=15)
    opened.clear()
    # Of the same length; one put in place of the other with the times it had.
    soundfile.write(tree / "wav" / f"{NAMES[2]}.wav", noise(6000)[::-1], 22_050)
    other = shutil.copy2(tree / "wav" / f"{NAMES[5]}.wav", tmp_path / "other.wav")
    (tree / "wav" / f"{NAMES[6]}.wav").unlink()
    shutil.move(other, tree / "wav" / f"{NAMES[6]}.wav")
    again = make("out")
    assert {NAMES[2], NAMES[6]} < set(opened)
    assert not {NAMES[0], NAMES[1]} & set(opened)
    assert again == make("fresh")


def test_files_that_have_come_and_gone(make: Make, tree: Path) -> None:
    make("out", stop=15)
    (tree / "wav" / f"{NAMES[1]}.wav").unlink()
    assert make("out", stop=10)["audio.scp"].startswith(f"{NAMES[0]} audio.ark:8\n{NAMES[2]} ".encode())
    soundfile.write(tree / "wav" / f"{NAMES[0][:-1]}b.wav", noise(6000), 22_050)
    assert make("out") == make("fresh")


@pytest.mark.parametrize("spoil", ["audio.ark", "audio.scp", "journal", "cut"])
def test_a_draft_that_lies_is_not_believed(make: Make, tmp_path: Path, spoil: str) -> None:
    whole = make("whole")
    make("out", stop=15)
    draft = draft_folder(tmp_path / "out", "same")
    if spoil == "cut":
        for path in draft.iterdir():
            path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    else:
        path = draft / spoil
        content = bytearray(path.read_bytes())
        for place in range(5, len(content), 97):
            content[place] ^= 1
        path.write_bytes(content)
    assert make("out") == whole


def test_few_sounds_are_read_ahead(tree: Path) -> None:
    path = tree / "wav" / f"{NAMES[0]}.wav"
    read: list[int] = []

    class Noted(list[tuple[Request, int]]):
        def __iter__(self) -> Iterator[tuple[Request, int]]:
            for number in range(60):
                read.append(number)
                yield Request(f"u{number}", path), number

        def __len__(self) -> int:
            return 60

    for taken, (_, number, heard) in enumerate(read_sounds(Noted(), tree, 2)):  # type: ignore[misc]
        assert (number, heard.rate) == (taken, 22_050)
        assert isinstance(heard, Heard)
        # The plans are gone through twice: once for the sounds, once beside them.
        assert len(read) - 2 * (taken + 1) <= AHEAD * 2


def test_notes_of_the_mp3_library_name_the_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """mpg123 writes to the process's standard error, of whatever file; what others write there stays as it is."""
    path = tmp_path / "half.mp3"

    def read(*_: object) -> tuple[object, int]:
        os.write(2, b"[mpg123] warning: Cannot read next header\n")
        return np.zeros(1, np.int16), 16_000

    with mock.patch.object(sounds, "read_sound", read):
        sounds.read_file(sounds.Request("u", path))
        sounds.read_file(sounds.Request("u", path.with_suffix(".wav")))
    named, bare = capfd.readouterr().err.splitlines()
    assert named == f"{path}: {bare}"
    assert bare.startswith("[mpg123]")
