"""WSJ0 (CSR-I, LDC93S6A) and the CHiME-2 recordings made of it (LDC2017S10): three of its parts.

Layout: any tree with the folders si_tr_s, si_dt_05 and si_et_05 (wsj0_si_tr_s and so on too) somewhere in it,
in each SPK/SPKTEEUU.wv1: speaker, type, session and number, in either case. So the discs as LDC numbers them
(11-1.1/wsj0/si_tr_s/...), merged ones, and chime2-wsj0/scaled/si_tr_s/... are all read. Sound: WAV, FLAC or NIST
SPHERE whatever the suffix (.wav, .flac, .sph, .wv1; of several, the first of these). LDC's own .wv1 files are
compressed with shorten, which is refused with the remedy; .wv2, the second microphone, is left out. CHiME-2's
sound is stereo: `channel` chooses; a folder such as m6dB goes into the name (440c0201_m6dB).
Transcripts: lines "TEXT (UTTERANCE)" in .dot files wherever they are, else in .ptx (what was to be read), as LDC
writes them; no file, no text. Sexes: spkrinfo.txt and wsj0-train-spkrinfo.txt, wherever they are, else unknown.
No phone labels: this corpus is for the models that take utterances.

`speaker_split`: si_tr_s trains, si_dt_05 validates, si_et_05 tests, disjoint speakers as in the benchmark.
`split`, within each speaker: by text, or by utterance without transcripts; see choices.split_texts.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from speech_factorization.corpora.base import Refusal, Split, Utterance
from speech_factorization.corpora.choices import choose_anyone, plain, split_texts
from speech_factorization.corpora.faults import Fault
from speech_factorization.corpora.ldc import read_sexes, read_transcripts
from speech_factorization.corpora.sounds import Memory, Request, read_sounds
from speech_factorization.corpora.trees import Tree, walk
from speech_factorization.errors import InputError
from speech_factorization.strict import Strict

if TYPE_CHECKING:
    from speech_factorization.parameters import CorpusParameters

__all__ = ["PARTS", "Settings", "read"]

PARTS: dict[str, Split] = {"si_tr_s": "train", "si_dt_05": "valid", "si_et_05": "test"}
"""Folder -> where its speakers go."""

_SOUND = (".wav", ".flac", ".sph", ".wv1")
_KINDS = ("isolated", "reverberated", "scaled", "embedded")
_NAME = re.compile(r"[0-9a-z]{3}[a-z][0-9a-z]{4}")
_NOISE = re.compile(r"m?\d+db")


class Settings(Strict):
    """channel: which one is read where a file has several (CHiME-2: 1 the left ear, 2 the right)."""

    channel: Annotated[int, Field(ge=1)] = 1


@dataclass(frozen=True)
class _Recording:
    """One file of sound; code: the utterance as LDC names it, text looked up by it; name: ours."""

    part: str
    code: str
    name: str
    file: Path

    @property
    def speaker(self) -> str:
        return self.code[:3]


def read(
    source: Path,
    corpus: "CorpusParameters",
    seed: int,
    jobs: int,
    settings: Settings,
    memory: Memory | None = None,
) -> Iterator[Utterance | Refusal]:
    """Utterances by part and name, such as 011c0201: lower case whatever the case of the files.

    `women`, `men`: at most so many speakers of each part, chosen by the seed; who is of unknown sex takes a
    place that is left. `sentences`: the types that are kept, by their letter (A adaptation, C common, ...), all
    where none is named. `jobs`, `memory`: see `read_sounds`.
    Error: none of the folders, one of them without a recording, nobody to read, a type of sentence that is not
    there, several of CHiME-2's kinds.
    """
    if not source.is_dir():
        raise InputError("no such folder", source, f"link your copy: ln -s /path/to/WSJ0 {source}")
    tree = walk(source)
    recordings, refusals = _recordings(tree)
    files = [file for own in tree.files.values() for file in own.values()]
    sexes, unread = read_sexes(files, source)
    yield from (*tree.refusals, *refusals, *unread)
    recordings = _kept(recordings, corpus.sentences)
    chosen = _choose(recordings, sexes, corpus.women, corpus.men, seed)
    recordings = [recording for recording in recordings if recording.speaker in chosen]
    texts, lost = read_transcripts(files, source, {recording.code for recording in recordings})
    yield from lost
    splits = _splits(recordings, texts, seed)
    _check_parts({one.part for one in recordings}, tree.root)
    planned: list[Refusal | tuple[Request, _Recording]] = [
        (Request(one.name, one.file, settings.channel), one) for one in recordings
    ]
    for item in read_sounds(planned, source, jobs, memory):
        if isinstance(item, Refusal):
            yield item
            continue
        _, recording, (wave, rate) = item
        yield Utterance(
            utterance=recording.name,
            speaker=recording.speaker,
            sex=chosen[recording.speaker],
            split=splits[recording.code],
            speaker_split=PARTS[recording.part],
            wave=wave,
            text=texts.get(recording.code, ""),
            rate=rate,
        )


def _recordings(tree: Tree) -> tuple[list[_Recording], list[Refusal]]:
    """The recordings of the three parts, one per utterance, by part and name; what is none of them is refused.

    Error: there is none, or CHiME-2's kinds lie side by side.
    """
    found: dict[str, _Recording] = {}
    part_of: dict[str, str] = {}
    refusals: list[Refusal] = []
    for part, file in _sounds(tree):
        code = file.stem.lower()
        name = "_".join([code, *_noise(file.relative_to(tree.root))])
        try:
            if not _NAME.fullmatch(code):
                remedy = "name it by speaker, type, session and number, such as 011c0201"
                raise Fault("the file's name is not one of WSJ0's", file, "", remedy)
            if part_of.setdefault(code[:3], part) != part:
                place = f"{code[:3]} is in {part_of[code[:3]]} too"
                raise Fault("the speaker is in two parts", file, place, "keep one: parts share no speaker")
            if name in found:
                place = f"the other is {found[name].file.relative_to(tree.root)}"
                raise Fault("the utterance is there twice", file, place, "keep one of the files")
        except Fault as fault:
            refusals.append(fault.refusal(name, "utterance", tree.root))
            continue
        found[name] = _Recording(part, code, name, file)
    if not found and not refusals:
        folders = ", ".join(PARTS)
        remedy = f"link your copy: ln -s /path/to/WSJ0 {tree.root}"
        raise InputError(f"no sound in folders {folders} here", tree.root, remedy)
    order = list(PARTS)
    return sorted(found.values(), key=lambda one: (order.index(one.part), one.name)), refusals


def _sounds(tree: Tree) -> list[tuple[str, Path]]:
    """Part and sound file of every utterance, the preferred suffix first. Error: CHiME-2's kinds side by side."""
    ranked: list[tuple[int, int, Path]] = []
    kinds: set[str] = set()
    order = list(PARTS)
    for own in tree.files.values():
        suffix = next((suffix for suffix in _SOUND if suffix in own), None)
        part = _part(own[suffix].relative_to(tree.root)) if suffix else None
        if suffix and part:
            kinds |= {folder.lower() for folder in own[suffix].relative_to(tree.root).parts} & set(_KINDS)
            ranked.append((order.index(part), _SOUND.index(suffix), own[suffix]))
    if len(kinds) > 1:
        raise InputError(
            f"{len(kinds)} recordings of each utterance: {', '.join(sorted(kinds))}",
            tree.root,
            "let corpus.source name one of these folders",
        )
    return [(order[place], file) for place, _, file in sorted(ranked)]


def _noise(file: Path) -> list[str]:
    """CHiME-2's folders of equal noise on the way to a file, such as m6dB."""
    return [
        folder.lower().replace("db", "dB") for folder in file.parts[:-1] if _NOISE.fullmatch(folder.lower())
    ]


def _part(file: Path) -> str | None:
    """The part of a file, named from the source: the last folder that is one."""
    folders = [folder.lower().removeprefix("wsj0_") for folder in file.parts[:-1]]
    return next((folder for folder in reversed(folders) if folder in PARTS), None)


def _kept(recordings: list[_Recording], sentences: list[str]) -> list[_Recording]:
    """The recordings whose type of sentence is kept; error: a type nobody speaks."""
    there = {recording.code[3].upper() for recording in recordings}
    wanted = {kind.upper() for kind in sentences} or there
    if strange := sorted(wanted - there) if recordings else []:
        raise InputError(
            f"no sentence of type {', '.join(strange)}",
            "corpus.sentences",
            f"choose from {', '.join(sorted(there))}",
        )
    return [recording for recording in recordings if recording.code[3].upper() in wanted]


def _choose(
    recordings: list[_Recording], sexes: Mapping[str, str], women: int, men: int, seed: int
) -> dict[str, str]:
    """Speaker -> sex, chosen within each part."""
    chosen: dict[str, str] = {}
    for part in PARTS:
        here = sorted({recording.speaker for recording in recordings if recording.part == part})
        if here:
            chosen |= choose_anyone({who: sexes.get(who, "") for who in here}, women, men, seed)
    return chosen


def _check_parts(there: Collection[str], root: Path) -> None:
    """Before hours of sound are read. Error: a part without a recording, so nobody to train, validate or test."""
    empty = [part for part in PARTS if part not in there]
    if empty:
        remedy = f"check that all parts of the corpus are there: {', '.join(PARTS)}"
        raise InputError(f"no recording in {' or '.join(empty)}", root, remedy)


def _splits(recordings: list[_Recording], texts: Mapping[str, str], seed: int) -> dict[str, Split]:
    """Code of the utterance -> its split within the speaker, by text where it has one."""
    key = {one.code: plain(texts.get(one.code, "")) or one.code for one in recordings}
    said: dict[str, list[str]] = {}
    for one in recordings:
        said.setdefault(one.speaker, []).append(key[one.code])
    splits = split_texts(said, seed)
    return {code: splits[text] for code, text in key.items()}
