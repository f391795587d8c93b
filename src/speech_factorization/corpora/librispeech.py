"""LibriSpeech: read English of LibriVox volunteers, one part of it (default dev-clean: 20 women, 20 men, 5.4 hours).

Panayotov, Chen, Povey, Khudanpur, "LibriSpeech: an ASR corpus based on public domain audio books", ICASSP 2015;
CC BY 4.0.

Layout: [LibriSpeech/]PART/SPEAKER/CHAPTER/SPEAKER-CHAPTER-NUMBER.flac, transcripts in SPEAKER-CHAPTER.trans.txt
beside them (a line each: name, words), sexes in SPEAKERS.TXT beside PART. Utterances are kept whole (up to 35 s).
The words have no times. Phones are those of the words in a pronouncing dictionary, with `sil` at the ends and
between words and no times: boundaries come by forced alignment with alignment.pauses optional. An utterance with a
word the dictionary cannot pronounce keeps its words and has no phones.

`split`, within each speaker: by text; a tenth of the utterances is for validation, a fifth for test.
`speaker_split`: disjoint speakers, a tenth for validation and a fifth for test (of 40: 4 and 8), half women.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from speech_factorization.corpora.base import Label, Refusal, Utterance, Word
from speech_factorization.corpora.chapters import Chapter, find_chapters, read_speakers
from speech_factorization.corpora.choices import choose_anyone, split_texts
from speech_factorization.corpora.faults import Fault
from speech_factorization.corpora.fetch import fetch_librispeech
from speech_factorization.corpora.pronounce import find_lexicon, pronounce
from speech_factorization.corpora.sounds import Memory, Request, read_sounds
from speech_factorization.corpora.speakers import hold_out
from speech_factorization.errors import InputError
from speech_factorization.strict import Strict

if TYPE_CHECKING:
    from speech_factorization.parameters import CorpusParameters

__all__ = ["Settings", "read"]


class Settings(Strict):
    """Which part, and whether it may be fetched.

    part: one of LibriSpeech's seven. download: fetch the part into corpus.source where it is not there yet (dev-clean
    is 340 MB, train-clean-100 6 GB). lexicon: words and their phones, as CMUdict, Kaldi or the Montreal Forced Aligner
    write them, its path from the corpus's folder; empty: espeak-ng speaks all words.
    """

    part: Literal[
        "dev-clean",
        "dev-other",
        "test-clean",
        "test-other",
        "train-clean-100",
        "train-clean-360",
        "train-other-500",
    ] = "dev-clean"
    download: bool = False
    lexicon: str = ""


def read(
    source: Path,
    corpus: "CorpusParameters",
    seed: int,
    jobs: int,
    settings: Settings,
    memory: Memory | None = None,
) -> Iterator[Utterance | Refusal]:
    """Utterances by speaker, chapter and number, named as LibriSpeech does (84-121123-0000).

    `women`, `men`: at most so many speakers, chosen by the seed; who is of unknown sex takes a place that is left.
    `jobs`, `memory`: see `read_sounds`.
    Error: the part is not there or cannot be fetched, nobody to read, no such lexicon.
    """
    folder = _find(source, settings)
    lexicon = find_lexicon(settings.lexicon, source)
    sexes, unread = read_speakers(folder.parent / "SPEAKERS.TXT")
    yield from (fault.refusal("", "labels", source) for fault in unread)
    chapters, refusals = find_chapters(folder, source)
    yield from refusals
    speakers = {chapter.speaker: sexes.get(chapter.speaker, "") for chapter in chapters}
    if not speakers:
        raise InputError("no recording of LibriSpeech here", folder, "unpack the archive again")
    chosen = choose_anyone(speakers, corpus.women, corpus.men, seed)
    chapters = [chapter for chapter in chapters if chapter.speaker in chosen]
    over_speakers = hold_out(chosen, seed)
    said: dict[str, list[str]] = {}
    for chapter in chapters:
        said.setdefault(chapter.speaker, []).extend(map(chapter.key, chapter.sounds))
    splits = split_texts(said, seed)
    planned: list[Refusal | tuple[Request, Chapter]] = []
    for chapter in chapters:
        planned += [fault.refusal(chapter.name, "labels", source) for fault in chapter.faults]
        planned += [(Request(name, chapter.sound(name)), chapter) for name in chapter.utterances]
    for item in read_sounds(planned, source, jobs, memory):
        if isinstance(item, Refusal):
            yield item
            continue
        request, chapter, (wave, rate) = item
        name = request.utterance
        labels: tuple[Label, ...] = ()
        number, text = chapter.lines.get(name, (0, ""))
        words = text.split()
        try:
            if words:
                file = chapter.transcript
                labels = pronounce(words, lexicon, file, number, "readers.librispeech.lexicon")
        except Fault as fault:
            yield fault.refusal(name, "labels", source)
        yield Utterance(
            utterance=name,
            speaker=chapter.speaker,
            sex=chosen[chapter.speaker],
            split=splits[chapter.key(name)],
            speaker_split=over_speakers[chapter.speaker],
            wave=wave,
            text=text,
            labels=labels,
            words=tuple(Word(word, None, None) for word in words),
            rate=rate,
        )


def _find(source: Path, settings: Settings) -> Path:
    """The folder of the part, fetched if it is not there and may be."""
    part = settings.part
    places = [source / "LibriSpeech" / part, source / part, *([source] if source.name == part else [])]
    for place in places:
        if place.is_dir():
            return place
    if settings.download:
        return fetch_librispeech(source, part)
    raise InputError(
        f"no folder {part} here, nor in a folder LibriSpeech",
        source,
        f"set readers.librispeech.download to true, or link your copy: ln -s /path/to/LibriSpeech {source}",
    )
