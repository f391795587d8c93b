"""A Kaldi data directory (kaldi-asr.org/doc/data_prep.html), such as data/train.

Layout: wav.scp (recordings), segments (parts of recordings; without it every recording is an utterance),
utt2spk, and where they are there text and spk2gender (m or f). Lines may stand in any order. Phone times come
from a CTM file or from alignments, where `Settings` names them; without them utterances have no labels.

A command in wav.scp (`sph2pipe -f wav -p a.sph |`) runs only where `pipes` is true. It is off by default
because such a line is a program: a directory from elsewhere could delete or send files with the rights of
whoever reads it. Read wav.scp first.

`split`, within each speaker: by text, so that one said by several speakers is on one side; a tenth of a
speaker's utterances is for validation and a fifth for test (`split_texts`).
`speaker_split`: disjoint speakers, a tenth for validation and a fifth for test, half women where sexes are known.
Files utt2split (utterance, split) and spk2split (speaker, speaker_split), which our own export writes, go
before both rules; so does utt2rate (utterance, Hz) before the rate of a recording that was resampled.

DVC watches the data directory alone, not what wav.scp or `Settings` name outside of it, nor what commands give:
after a change there, dvc repro -f corpus.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, NamedTuple

from pydantic import Field

from speech_factorization.corpora.base import Label, Refusal, Split, Utterance, Word
from speech_factorization.corpora.choices import choose_anyone
from speech_factorization.corpora.faults import Fault
from speech_factorization.corpora.kaldi_directory import Directory, Splits
from speech_factorization.corpora.kaldi_files import load_table
from speech_factorization.corpora.kaldi_sound import Recordings
from speech_factorization.corpora.kaldi_times import Times
from speech_factorization.corpora.sounds import Memory, Request, read_sounds
from speech_factorization.strict import Strict

if TYPE_CHECKING:
    from speech_factorization.parameters import CorpusParameters

__all__ = ["Settings", "read", "recordings"]


class Settings(Strict):
    """What this reader alone needs. Files are named from the data directory on; "" is none.

    root: where relative paths in .scp files start; "": the data directory, else two folders above it.
    channel: which one, from 1, of recordings that have several; null: there is one.
    pipes: whether commands in wav.scp are run; seconds: how long one may take.
    ctm, words: CTM files of phones and of words. ali: alignments, one phone number per frame, as .scp or
    archives (ali.*.ark); phones: the table of their numbers; frame_shift: of their frames, in seconds, and by
    how much times of either kind may end after the audio.
    positions: whether position suffixes (_B, _E, _I, _S) are taken off phones. factors: further factors, each
    a file utt2NAME.
    """

    root: str = ""
    channel: Annotated[int, Field(ge=1)] | None = None
    pipes: bool = False
    seconds: Annotated[float, Field(gt=0, le=3600)] = 60.0
    ctm: str = ""
    words: str = ""
    ali: str = ""
    phones: str = "phones.txt"
    frame_shift: Annotated[float, Field(gt=0, le=0.1)] = 0.01
    positions: bool = True
    factors: list[Annotated[str, Field(pattern=r"^\w+$")]] = []


class _Plan(NamedTuple):
    """What is known of an utterance before its sound is read."""

    speaker: str
    split: Split
    speaker_split: Split
    factors: dict[str, str]


def read(
    source: Path,
    corpus: "CorpusParameters",
    seed: int,
    jobs: int,
    settings: Settings,
    memory: Memory | None = None,
) -> Iterator[Utterance | Refusal]:
    """Utterances in the order of their names.

    `women`, `men`: at most so many speakers, chosen by the seed; who is of unknown sex takes a place they
    leave. `jobs`, `memory`: see `read_sounds`; each of the processes runs the command of a recording whose
    segments it is given.
    Error: no wav.scp or utt2spk, nobody to read, a file that `settings` names is not there.
    """
    data = Directory(source, settings.root, settings.factors)
    times = Times(
        source,
        ctm=settings.ctm,
        words=settings.words,
        ali=settings.ali,
        phones=settings.phones,
        shift=settings.frame_shift,
        positions=settings.positions,
        root=settings.root,
    )
    speakers = data.by_speaker()
    sexes, lost = data.sexes(speakers)
    for name, fault in [*lost, *times.faults(data.utterances)]:
        yield fault.refusal(name, "labels", source)
    chosen = choose_anyone(sexes, corpus.women, corpus.men, seed)
    splits = Splits(data, {speaker: speakers[speaker] for speaker in chosen}, chosen, seed)
    with TemporaryDirectory(prefix="kaldi-") as folder:
        recordings = Recordings(
            data.wav.path, settings.root, settings.channel, settings.pipes, settings.seconds, Path(folder)
        )
        planned: list[Refusal | tuple[Request, _Plan]] = []
        for name in data.utterances:
            try:
                speaker = data.speaker(name)
                if speaker not in chosen:
                    continue
                split, over_speakers = splits.split(name), splits.speaker_split(speaker)
                factors = {factor: table.value(name) for factor, table in data.factors.items()}
                asked = recordings.request(name, *data.sound(name))
                planned.append((asked, _Plan(speaker, split, over_speakers, factors)))
            except Fault as fault:
                planned.append(fault.refusal(name, "utterance", source))
        for item in read_sounds(planned, source, jobs, memory, recordings.read):
            if isinstance(item, Refusal):
                yield item
                continue
            request, plan, (wave, rate) = item
            name = request.utterance
            try:
                rate = data.rate(name) or rate
            except Fault as fault:
                yield fault.refusal(name, "utterance", source)
                continue
            text, labels, words = "", tuple[Label, ...](), tuple[Word, ...]()
            try:
                text = data.words(name)
            except Fault as fault:
                yield fault.refusal(name, "labels", source)
            try:
                labels = times.labels(name, len(wave))
            except Fault as fault:
                yield fault.refusal(name, "labels", source)
            try:
                words = times.words(name, len(wave))
            except Fault as fault:
                yield fault.refusal(name, "labels", source)
            yield Utterance(
                utterance=name,
                speaker=plan.speaker,
                sex=chosen[plan.speaker],
                split=plan.split,
                speaker_split=plan.speaker_split,
                wave=wave,
                text=text,
                labels=labels,
                words=words,
                factors=plan.factors,
                rate=rate,
            )


def recordings(source: Path, settings: Settings) -> list[Path | None]:
    """The file of each line of wav.scp, or the archive it is in; None for what a command gives."""
    table = load_table(source / "wav.scp")
    known = Recordings(table.path, settings.root, settings.channel, False, settings.seconds, source)
    lines = [(number, entry) for number, entry in table.entries.values()]
    return [None if entry.endswith("|") else known.request("", number, entry).path for number, entry in lines]
