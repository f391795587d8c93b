"""Small trees of sounds with TextGrids, and what is read of them."""

from pathlib import Path

import soundfile

from speech_factorization.corpora.base import Label, Refusal, Utterance
from speech_factorization.corpora.textgrid import Settings, read
from speech_factorization.parameters import CorpusParameters
from tests.corpora.grids import grid, write_grid
from tests.corpora.trees import noise

WORDS = [(0.0, 0.1, ""), (0.1, 0.5, "she"), (0.5, 0.8, "<unk>"), (0.8, 1.0, "")]
PHONES = [
    (0.0, 0.1, ""),
    (0.1, 0.3, "SH"),
    (0.3, 0.5, "IY1"),
    (0.5, 0.8, "spn"),
    (0.8, 0.9, "sil"),
    (0.9, 1.0, "sp"),
]
SHE = grid(1.0, words=WORDS, phones=PHONES)
LABELS = (
    Label("sil", 0, 1600),
    Label("SH", 1600, 4800),
    Label("IY1", 4800, 8000),
    Label("spn", 8000, 12_800),
    Label("sil", 12_800, 14_400),
    Label("sil", 14_400, 16_000),
)


def sound(path: Path, seconds: float = 1.0, rate: int = 16_000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, noise(round(seconds * rate)), rate)
    return path


def parameters(women: int = 20, men: int = 20) -> CorpusParameters:
    return CorpusParameters(
        name="textgrid",
        source="",
        fold="arpabet",
        women=women,
        men=men,
        vowels=[],
        factors=["phone"],
        sentences=[],
    )


def items(source: Path, women: int = 20, men: int = 20, **chosen: object) -> list[Utterance | Refusal]:
    return list(read(source, parameters(women, men), 0, 1, Settings.model_validate(chosen)))


def spoken(source: Path, **chosen: object) -> list[Utterance]:
    """What is read where nothing may be refused."""
    found = [item for item in items(source, **chosen) if isinstance(item, Utterance)]
    assert len(found) == len(items(source, **chosen))
    return found


def write_three(source: Path) -> Path:
    """Three speakers of one recording each, grids beside the sounds."""
    for speaker in ("anna", "bob", "carl"):
        sound(source / speaker / "a 1.wav")
        write_grid(source / speaker / "a 1.TextGrid", SHE)
    return source


TALK = {
    # Two speakers in turn; at 4 s both at once.
    "anna__words": [(0.0, 1.0, "hello"), (1.0, 3.0, ""), (3.0, 4.2, "yes"), (4.2, 6.0, "")],
    "anna__phones": [(0.0, 1.0, "HH"), (1.0, 3.0, ""), (3.0, 4.2, "Y"), (4.2, 6.0, "")],
    "bob__words": [(0.0, 1.4, ""), (1.4, 2.0, "hi"), (2.0, 4.0, ""), (4.0, 5.0, "no"), (5.0, 6.0, "")],
    "bob__phones": [
        (0.0, 1.4, ""),
        (1.4, 2.0, "AY1"),
        (2.0, 4.0, "sil"),
        (4.0, 4.5, "N"),
        (4.5, 5.0, "OW1"),
        (5.0, 6.0, ""),
    ],
}
