"""A small Kaldi data directory, as its recipes make them, which tests change line by line."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import kaldiio
import numpy as np
import soundfile
from numpy.typing import NDArray

from speech_factorization.corpora.base import Refusal, Utterance
from speech_factorization.corpora.kaldi import Settings, read
from speech_factorization.parameters import CorpusParameters
from tests.corpora.trees import noise

SPEAKERS = {"anna": "f", "bert": "m", "cora": "f"}
SAMPLES = 8000

CTM = "0.00 0.10 SIL\n0.10 0.15 HH_B\n0.25 0.25 AY1_E\n"

CORPUS = CorpusParameters(
    name="kaldi", source="", fold="timit", women=5, men=5, vowels=[], factors=[], sentences=[]
)
FRAMES = [1] * 10 + [2] * 15 + [3] * 25


def names() -> list[str]:
    """anna-1 ... cora-4."""
    return [f"{speaker}-{number}" for speaker in SPEAKERS for number in range(1, 5)]


def wave(name: str) -> NDArray[np.int16]:
    """Half a second, another one for each name."""
    return noise(SAMPLES, seed=sum(name.encode()))


def riff(samples: NDArray[np.int16], rate: int = 16_000) -> bytes:
    """A WAV file."""
    out = io.BytesIO()
    soundfile.write(out, samples, rate, format="WAV", subtype="PCM_16")
    return out.getvalue()


def write_kaldi(folder: Path, change: Mapping[str, str | None] = {}) -> Path:
    """data/train with wav files beside it; change: file -> other content, None for none."""
    data = folder / "s5" / "data" / "train"
    (data / "wav").mkdir(parents=True)
    for name in names():
        (data / "wav" / f"{name}.wav").write_bytes(riff(wave(name)))
    files: dict[str, str | None] = {
        "wav.scp": lines({name: f"wav/{name}.wav" for name in names()}),
        "utt2spk": lines({name: name.partition("-")[0] for name in names()}),
        "spk2gender": lines(SPEAKERS),
        "text": lines({name: f"HELLO NUMBER {name[-1]}" for name in names()}),
        "phones.ctm": "".join(f"{name} 1 {line}\n" for name in names() for line in CTM.splitlines()),
    }
    for name, content in {**files, **(change or {})}.items():
        if content is not None:
            (data / name).write_text(content, encoding="utf-8")
    return data


def lines(values: Mapping[str, str]) -> str:
    """Lines of name and value."""
    return "".join(f"{name} {value}\n" for name, value in values.items())


def changed(text: str, name: str, line: str) -> str:
    """The same with another line for a name ("" for none)."""
    kept = [own for own in text.splitlines() if own.split()[0] != name]
    return "\n".join([*kept, *([line] if line else [])]) + "\n"


def write_alignments(folder: Path, frames: Mapping[str, list[int]]) -> None:
    """ali.ark, ali.scp (places from the data directory on) and ali.txt, all of the same."""
    places = {}
    with (folder / "ali.ark").open("wb") as file:
        for name, numbers in frames.items():
            places[name] = f"ali.ark:{file.tell() + len(name) + 1}"
            kaldiio.save_ark(file, {name: np.array(numbers, dtype=np.int32)})
    (folder / "ali.scp").write_text(lines(places))
    (folder / "ali.txt").write_text(lines({name: " ".join(map(str, own)) for name, own in frames.items()}))
    (folder / "phones.txt").write_text("<eps> 0\nSIL 1\nHH_B 2\nAY1_E 3\n#0 4\n")


def read_all(data: Path, **chosen: Any) -> list[Utterance | Refusal]:
    """All items of a data directory, by settings of the reader."""
    return list(read(data, CORPUS, 0, 1, Settings(**chosen)))


def change(data: Path, file: str, line: str, name: str = "anna-1") -> None:
    """Give a name another line in a file."""
    (data / file).write_text(changed((data / file).read_text(), name, line), encoding="utf-8")


def times(file: str) -> dict[str, str]:
    """Settings under which a file is read."""
    return {"ali": "ali.ark"} if file in ("phones.txt", "ali.ark") else {"ctm": "phones.ctm"}
