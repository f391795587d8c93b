"""TIMIT as LDC distributes it (LDC93S1).

Layout: {TRAIN,TEST}/DRn/SPKR/SENT.{WAV,PHN,WRD,TXT}, names in upper or lower case, sound in NIST SPHERE.

`split`, within each speaker, by sentence. SX: sentences 1 to 270 train, 271 to 360 are for validation, 361
to 450 for test; a speaker's five are numbered n, n + 90, ... n + 360 but for a few, so most have three, one
and one. SI, each read by one speaker alone: that of the highest number is for test, the others train. SA,
read by everybody: train. So no text is on two sides; of eight SX and SI sentences five train, one is for
validation, two for test.
`speaker_split`: disjoint speakers, a tenth for validation and a fifth for test (of 40: 4 and 8), half women.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from speech_factorization.corpora.base import Label, Refusal, Split, Utterance, Word
from speech_factorization.corpora.faults import Fault
from speech_factorization.corpora.sounds import Memory, Request, read_sounds
from speech_factorization.corpora.speakers import choose_speakers, hold_out
from speech_factorization.corpora.timit_labels import read_phn, read_txt, read_wrd
from speech_factorization.errors import InputError

if TYPE_CHECKING:
    from speech_factorization.parameters import CorpusParameters

__all__ = ["ALWAYS", "KINDS", "read"]

KINDS = ("SA", "SX", "SI")
"""Dialect sentences (2, read by all), compact ones (450, by seven each), diverse ones (1890, by one each)."""

ALWAYS = ("fajw0", "madc0")
"""Speakers every choice includes."""

_SENTENCE = re.compile(r"s[aix]\d+")


@dataclass(frozen=True)
class _Sentence:
    """One sentence of one speaker; files: suffix in lower case -> path."""

    name: str
    kind: str
    number: int
    files: dict[str, Path]

    def file(self, suffix: str) -> Path:
        """The file, or where it would be, named in the case of the others."""
        present = next(iter(self.files.values()))
        upper = present.suffix.isupper()
        return self.files.get(suffix, present.with_suffix(suffix.upper() if upper else suffix))


def read(
    source: Path, corpus: "CorpusParameters", seed: int, jobs: int, memory: Memory | None = None
) -> Iterator[Utterance | Refusal]:
    """Utterances by speaker and sentence, such as fajw0_sx3: lower case whatever the case of the files.

    `women`, `men`: at most so many speakers, chosen by the seed. `sentences`: the kinds that are kept, all
    where none is named. `jobs`, `memory`: see `read_sounds`.
    Error: no such folder, no TIMIT in it, nobody to read, a kind of sentence that is none.
    """
    kinds = {kind.upper() for kind in corpus.sentences or KINDS}
    if not kinds <= set(KINDS):
        strange = ", ".join(sorted(kinds - set(KINDS)))
        raise InputError(
            f"no kind of sentence: {strange}", "corpus.sentences", f"choose from {', '.join(KINDS)}"
        )
    folders = _speakers(_root(source))
    chosen = choose_speakers(
        {name: name[0].upper() for name in folders}, corpus.women, corpus.men, seed, ALWAYS
    )
    over_speakers = hold_out(chosen, seed)
    planned: list[Refusal | tuple[Request, tuple[str, _Sentence, Split]]] = []
    for speaker in chosen:
        sentences = _sentences(folders[speaker])
        splits = _splits(sentences)
        for sentence in sentences:
            if sentence.kind in kinds:
                request = Request(f"{speaker}_{sentence.name}", sentence.file(".wav"))
                planned.append((request, (speaker, sentence, splits[sentence.name])))
    for item in read_sounds(planned, source, jobs, memory):
        if isinstance(item, Refusal):
            yield item
            continue
        request, (speaker, sentence, split), (wave, rate) = item
        name = request.utterance
        labels: tuple[Label, ...] = ()
        words: tuple[Word, ...] = ()
        text = ""
        try:
            labels = read_phn(sentence.file(".phn"), len(wave))
        except Fault as fault:
            yield fault.refusal(name, "labels", source)
        try:
            words = read_wrd(sentence.file(".wrd"))
            text = read_txt(sentence.file(".txt"))
        except Fault as fault:
            yield fault.refusal(name, "labels", source)
        yield Utterance(
            utterance=name,
            speaker=speaker,
            sex=chosen[speaker],
            split=split,
            speaker_split=over_speakers[speaker],
            wave=wave,
            text=text,
            labels=labels,
            words=words,
            rate=rate,
        )


def _root(source: Path) -> Path:
    """The folder that holds TRAIN and TEST: the source, or a folder TIMIT in it, up to two deep."""
    folder = source
    for _ in range(3):
        if not folder.is_dir():
            break
        inside = {path.name.lower(): path for path in folder.iterdir() if path.is_dir()}
        if inside.keys() & {"train", "test"}:
            return folder
        folder = inside.get("timit", folder / "TIMIT")
    raise InputError(
        "no TIMIT here: neither TRAIN nor TEST in it, nor in a folder TIMIT",
        source,
        f"link your copy: ln -s /path/to/TIMIT {source}",
    )


def _speakers(root: Path) -> dict[str, Path]:
    """Speaker in lower case -> folder, over both parts and all dialect regions."""
    return {
        speaker.name.lower(): speaker
        for part in sorted(root.iterdir())
        if part.name.lower() in ("train", "test")
        for region in sorted(part.iterdir())
        if re.fullmatch(r"dr\d", region.name.lower())
        for speaker in sorted(region.iterdir())
        if re.fullmatch(r"[fm][a-z]{3}\d", speaker.name.lower())
    }


def _sentences(folder: Path) -> list[_Sentence]:
    """A speaker's sentences by kind and number, whichever of their files are there."""
    files: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.iterdir()):
        if _SENTENCE.fullmatch(path.stem.lower()):
            files.setdefault(path.stem.lower(), {})[path.suffix.lower()] = path
    sentences = [_Sentence(name, name[:2].upper(), int(name[2:]), own) for name, own in files.items()]
    return sorted(sentences, key=lambda sentence: (sentence.kind, sentence.number))


def _splits(sentences: list[_Sentence]) -> dict[str, Split]:
    """Sentence -> its split, by the rule above."""
    last = max((sentence.number for sentence in sentences if sentence.kind == "SI"), default=0)
    splits: dict[str, Split] = {}
    for sentence in sentences:
        place = (sentence.number - 1) // 90 if sentence.kind == "SX" else 0
        if sentence.kind == "SI" and sentence.number == last:
            place = 4
        splits[sentence.name] = "train" if place < 3 else "valid" if place == 3 else "test"
    return splits
