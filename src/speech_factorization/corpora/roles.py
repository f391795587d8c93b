"""Who speaks an utterance and where it goes, in corpora that have no rule of their own for it.

`split`, within each speaker, by text (see `choices.split_texts`): a tenth for validation, a fifth for test, no
text on two sides; an utterance without a text is a text of its own. `speaker_split`: disjoint speakers, a tenth
for validation and a fifth for test, half women where sexes are known (see `speakers.hold_out`).
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from speech_factorization.corpora.base import Split
from speech_factorization.corpora.choices import choose_anyone, plain, split_texts
from speech_factorization.corpora.sheets import read_sexes
from speech_factorization.corpora.speakers import hold_out
from speech_factorization.corpora.trees import safe_names
from speech_factorization.errors import InputError

if TYPE_CHECKING:
    from speech_factorization.parameters import CorpusParameters

__all__ = ["Role", "Said", "find_sexes", "give_roles"]


@dataclass(frozen=True)
class Said:
    """An utterance before it is read; key: what its name is made of; speaker: as the corpus has it."""

    key: str
    speaker: str
    text: str


@dataclass(frozen=True)
class Role:
    """What an utterance's tables say of it; all names fit Kaldi's tables."""

    utterance: str
    speaker: str
    sex: str
    split: Split
    speaker_split: Split


def find_sexes(table: str, source: Path, speakers: Iterable[str]) -> dict[str, str]:
    """Speaker -> "F", "M" or "" (unknown); table: a CSV named from the corpus's folder, or nothing.

    Error: the table is malformed, or names nobody of the corpus.
    """
    given = read_sexes(source / table) if table else {}
    written = {speaker: unicodedata.normalize("NFC", speaker) for speaker in sorted(set(speakers))}
    sexes = {speaker: given.get(name, "") for speaker, name in written.items()}
    if given and not given.keys() & written.values():
        raise InputError(
            f"no speaker of the corpus is in it ({next(iter(sexes), 'there is none')!r} is not, for one)",
            source / table,
            f"write the names as they are in the corpus; it has {next(iter(given))!r}",
        )
    return sexes


def give_roles(
    said: Sequence[Said], sexes: dict[str, str], corpus: "CorpusParameters", seed: int
) -> list[Role | None]:
    """The role of each utterance; None for those whose speaker is not among the chosen.

    `women`, `men`: at most so many, chosen by the seed; who is of unknown sex takes a place they leave.
    Error: nobody is left.
    """
    speaker_of = dict(zip(sorted(sexes), safe_names(sorted(sexes)), strict=True))
    chosen = choose_anyone(
        {speaker_of[name]: sex for name, sex in sexes.items()}, corpus.women, corpus.men, seed
    )
    places = hold_out(chosen, seed)
    names = safe_names(one.key for one in said)
    # NUL: a name is no text that somebody could have said.
    texts = [plain(one.text) or f"\0{name}" for one, name in zip(said, names, strict=True)]
    by_speaker: dict[str, list[str]] = {speaker: [] for speaker in chosen}
    for one, text in zip(said, texts, strict=True):
        by_speaker.get(speaker_of[one.speaker], []).append(text)
    splits = split_texts(by_speaker, seed)
    roles: list[Role | None] = []
    for one, name, text in zip(said, names, texts, strict=True):
        speaker = speaker_of[one.speaker]
        roles.append(
            Role(name, speaker, chosen[speaker], splits[text], places[speaker]) if speaker in chosen else None
        )
    return roles
