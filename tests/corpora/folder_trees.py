"""Small trees of sounds, and what is read of them."""

from pathlib import Path

import soundfile

from speech_factorization.corpora.base import Refusal, Utterance
from speech_factorization.corpora.folder import Settings, read
from speech_factorization.parameters import CorpusParameters
from tests.corpora.trees import noise


def parameters(women: int = 20, men: int = 20) -> CorpusParameters:
    return CorpusParameters(
        name="folder", source="", fold="arpabet", women=women, men=men, vowels=[], factors=[], sentences=[]
    )


def sound(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, noise(4800, seed), 16_000)
    return path


def items(source: Path, **chosen: object) -> list[Utterance | Refusal]:
    return list(read(source, parameters(), 0, 1, Settings.model_validate(chosen)))


def spoken(found: list[Utterance | Refusal]) -> list[Utterance]:
    return [one for one in found if isinstance(one, Utterance)]


def refused(found: list[Utterance | Refusal]) -> list[tuple[str, str, str, str]]:
    return [(one.utterance, one.of, one.file, one.reason) for one in found if isinstance(one, Refusal)]


def write_nine(source: Path) -> Path:
    """Three speakers of three recordings each, no transcripts."""
    for speaker in ("anna", "bob", "carl"):
        for number in range(3):
            sound(source / speaker / f"{number}.wav", number)
    return source
