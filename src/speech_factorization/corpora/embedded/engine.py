"""espeak-ng at arm's length: its data in a private folder, one fresh process for each speaker."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speech_factorization.corpora.embedded.labels import Event
from speech_factorization.errors import InputError

__all__ = ["Engine", "Order", "Voice", "start", "voices"]

Voice = Mapping[str, Any]
"""One block of voices.json: id, sex, alpha, rate in words per minute, and the lines of a voice variant."""

DATA = ("phondata", "phonindex", "phontab", "intonations", "en_dict", "lang/gmw/en", "lang/gmw/en-US")


@dataclass(frozen=True)
class Order:
    """One utterance to speak: rate in words per minute, pitch and range of 0 to 100, the engine's seed."""

    text: str
    rate: int
    pitch: int
    range: int
    seed: int


@dataclass(frozen=True)
class Engine:
    """Where the library lies, and the folder that holds its private data with our voices."""

    library: str
    folder: Path

    def speak(self, voice: str, orders: Sequence[Order]) -> list[tuple[NDArray[np.int16], list[Event]]]:
        """Sound [samples] at 22 050 Hz and events of each utterance, spoken in this order by a new process.

        Error: a voice that this engine was not started with.
        """
        utterances = [{**vars(order), "text": _keep_words_apart(order.text)} for order in orders]
        request = {"library": self.library, "voice": voice, "utterances": utterances}
        done = subprocess.run(
            [os.path.abspath(sys.executable), "-P", str(resources.files(__package__) / "speak.py")],
            input=json.dumps(request).encode("ascii"),
            cwd=self.folder,
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"voice {voice}: {done.stderr.decode('utf-8', 'replace').strip()}")
        return _parse(done.stdout)


def voices() -> list[Voice]:
    """The 40 voices, women first, each sex from the deepest to the highest."""
    text = (resources.files(__package__) / "voices.json").read_text(encoding="utf-8")
    return list(json.loads(text))


@contextmanager
def start(chosen: Sequence[Voice]) -> Iterator[Engine]:
    """An engine that knows the chosen voices, as long as the block lasts.

    Error: espeak-ng is not installed.
    """
    if importlib.util.find_spec("espeakng_loader") is None:
        raise InputError(
            "espeak-ng is not installed", "corpus embedded", "run make, or pip install '.[embedded]'"
        )
    import espeakng_loader

    source = Path(espeakng_loader.get_data_path())
    with tempfile.TemporaryDirectory(prefix="embedded-") as name:
        data = Path(name, "espeak-ng-data")
        for file in DATA:
            (data / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / file, data / file)
        variants = data / "voices" / "!v"
        variants.mkdir(parents=True)
        for voice in chosen:
            (variants / voice["id"]).write_text(_variant(voice), encoding="ascii")
        yield Engine(str(Path(espeakng_loader.get_library_path()).resolve()), Path(name))


def _keep_words_apart(text: str) -> str:
    """The same text, as long, with no-break spaces after words (not after commas, which they would hide).

    Some words are one entry of the dictionary when one follows the other ("of the"), and come without a
    boundary between them.
    """
    return re.sub(r"(?<=[A-Za-z']) ", "\u00a0", text)


def _variant(voice: Voice) -> str:
    """A voice as a variant file of espeak-ng; formants: number, then frequency, height, width in percent."""
    lines = ["language variant", f"name {voice['id']}"]
    lines.append("gender " + {"F": "female", "M": "male"}[voice["sex"]])
    lines += ["formant " + " ".join(map(str, formant)) for formant in voice["formants"]]
    lines += [f"{key} " + " ".join(map(str, voice[key])) for key in ("pitch", "tone", "consonants")]
    lines.append("breath " + " ".join([str(voice["breath"])] * 8))
    lines += [f"{key} {voice[key]}" for key in ("roughness", "flutter", "voicing")]
    return "\n".join(lines) + "\n"


def _parse(answer: bytes) -> list[tuple[NDArray[np.int16], list[Event]]]:
    """What speak.py writes: a line of JSON, then the samples, for each utterance."""
    utterances = []
    place = 0
    while place < len(answer):
        line_end = answer.index(b"\n", place)
        header = json.loads(answer[place:line_end])
        place = line_end + 1 + 2 * header["samples"]
        sound = np.frombuffer(answer[line_end + 1 : place], dtype=np.int16)
        events: list[Event] = [(kind, sample, text, phone) for kind, sample, text, phone in header["events"]]
        utterances.append((sound, events))
    return utterances
