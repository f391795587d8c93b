"""spectrograms: what models and judges read. Utterance by utterance, in `jobs` processes; killed, it goes on.

segments: 20 x 200 log spectrograms. vowels: log spectrograms at a 1 ms hop of utterances at rms 0.05, unpadded.
utterances: waves trimmed at 30 dB and scaled to peak 1; their STFTs are computed when they are read, faster than from
disk.
"""

import csv
import itertools
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from speech_factorization import parameters
from speech_factorization.corpora.tables import AUDIO, Corpus, open_table
from speech_factorization.errors import InputError
from speech_factorization.features.archives import Writer, matrix_entry, wave_entry
from speech_factorization.features.segment_sound import level
from speech_factorization.features.segments import segment_spectrogram
from speech_factorization.features.stft import FFT, trim, unit_peak
from speech_factorization.features.vowels import SIZE, vowel_frames, vowel_spectrogram
from speech_factorization.files import new_folder
from speech_factorization.parallel import in_order
from speech_factorization.progress import shown
from stages import PARAMS, PREPARED, argument, run, say_empty
from stages.drafts import digest_of, state_of

SEGMENTS = PREPARED / "segments" / "segments.csv"

Row = dict[str, str]
# As they will stand in the archive: bytes are cheap to hand from process to process.
Entries = list[tuple[str, bytes]]


class Part(NamedTuple):
    """An utterance, the rows of segments.csv that are wanted of it, and the keys of what is made of it."""

    utterance: str
    rows: list[Row]
    keys: list[str]

    def __str__(self) -> str:
        return self.utterance


def parts(rows: Iterable[Row]) -> Iterator[Part]:
    """Rows by utterance, one utterance at a time."""
    for utterance, own in itertools.groupby(rows, lambda row: row["utterance"]):
        listed = list(own)
        yield Part(utterance, listed, [row["segment"] for row in listed])


def segments_of(corpus: Corpus, part: Part) -> Entries:
    """[20, 200] around the centre of each row."""
    centres = torch.tensor([int(row["centre"]) for row in part.rows])
    spectrograms = segment_spectrogram(torch.from_numpy(corpus.wave(part.utterance)), centres).numpy()
    return [(key, matrix_entry(key, one)) for key, one in zip(part.keys, spectrograms, strict=True)]


def vowels_of(corpus: Corpus, part: Part) -> Entries:
    """[frames, 257] of each row; the utterance at rms 0.05, so that how loud a speaker was recorded tells nothing."""
    wave = torch.from_numpy(corpus.wave(part.utterance))
    try:
        wave = wave * level(wave)
    except InputError as error:
        raise InputError(str(error), part.utterance) from None
    spectrograms = (vowel_spectrogram(wave, int(row["begin"]), int(row["end"])).numpy() for row in part.rows)
    return [(key, matrix_entry(key, one)) for key, one in zip(part.keys, spectrograms, strict=True)]


def trimmed(corpus: Corpus, part: Part) -> Entries:
    """[samples] int16 of the utterance, or nothing: shorter than half a window there is no frame to compute."""
    try:
        wave = trim(unit_peak(corpus.wave(part.utterance)))
    except InputError as error:
        raise InputError(str(error), part.utterance) from None
    if len(wave) <= FFT // 2:
        return []
    return [(part.utterance, wave_entry(part.utterance, np.rint(wave * 32767).astype(np.int16)))]


def write(
    prefix: Path, work: Callable[[Part], Entries], wanted: Iterator[Part], total: int, jobs: int
) -> int:
    """Write what `work` makes of each part (about `total` of them), in their order; returns how many arrays."""
    with Writer(prefix, go_on=True) as writer:
        for done, part in enumerate(wanted):
            if not writer.take(part.keys):
                left = itertools.chain([part], wanted)
                for entries in shown(in_order(work, left, jobs), total - done, prefix.name):
                    for key, entry in entries:
                        writer.add(key, entry)
    return len(writer.places)


def make_segments(corpus: Corpus, folder: Path, jobs: int) -> None:
    """segments.{ark,scp}; the table is prepared/segments/segments.csv."""
    work, total = partial(segments_of, corpus), corpus.summary["labelled"]
    with open_table(SEGMENTS) as rows:
        written = write(folder / "segments", work, parts(rows), total, jobs)
    if not written:
        say_empty("spectrograms", folder, "there are no segments")


def make_vowels(corpus: Corpus, folder: Path, jobs: int, names: list[str]) -> None:
    """vowels.{ark,scp} and vowels.csv, the rows of segments.csv that are kept."""
    table = folder / "vowels.csv"
    kept, discarded = keep_vowels(table, names)
    work, total = partial(vowels_of, corpus), corpus.summary["labelled"]
    with open_table(table) as rows:
        write(folder / "vowels", work, parts(rows), total, jobs)
    if not kept:
        say_empty("spectrograms", folder, "no segment is one of corpus.vowels")
    print(f"{kept} vowels, {discarded} over {SIZE} ms discarded")


def keep_vowels(table: Path, names: list[str]) -> tuple[int, int]:
    """Write the rows of segments.csv that are vowels short enough; how many, and how many are not.

    Errors: a corpus with segments that has none of a vowel that is asked for.
    """
    kept = discarded = 0
    there: Counter[str] = Counter()
    with open_table(SEGMENTS) as rows, table.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, rows.fieldnames or [], lineterminator="\n")
        out.writeheader()
        for row in rows:
            there[row["phone"]] += 1
            if row["phone"] not in names:
                continue
            if 1 <= vowel_frames(int(row["begin"]), int(row["end"])) <= SIZE:
                out.writerow(row)
                kept += 1
            else:
                discarded += 1
    lacking = [name for name in names if name not in there]
    if lacking and there:
        counts = ", ".join(f"{name} {count}" for name, count in sorted(there.items()))
        what = f"no segment of {', '.join(lacking)} in this corpus"
        raise InputError(what, "corpus.vowels", f"there are: {counts}")
    return kept, discarded


def make_utterances(corpus: Corpus, folder: Path, jobs: int) -> None:
    """utterances.{ark,scp} and utterances.csv."""
    names = corpus.utterances["utterance"]
    wanted = (Part(name, [], [name]) for name in names)
    write(folder / "utterances", partial(trimmed, corpus), wanted, len(names), jobs)
    corpus.utterances.to_csv(folder / "utterances.csv", index=False, lineterminator="\n")


def main() -> None:
    """Write prepared/spectrograms/KIND."""
    settings = parameters.load(PARAMS)
    kind = argument("kind of spectrogram", ("segments", "vowels", "utterances"))
    corpus = Corpus(PREPARED / "corpus")
    # One thread in every process: theirs would not survive a fork, and sums over several differ in their last digits.
    torch.set_num_threads(1)
    draft = digest_of(
        "stages.spectrograms",
        vowels=settings.corpus.vowels,
        made_of=state_of(SEGMENTS, *(corpus.folder / name for name in ("utterances.csv", f"{AUDIO}.ark"))),
    )
    with new_folder(PREPARED / "spectrograms" / kind, draft) as folder:
        if kind == "segments":
            make_segments(corpus, folder, settings.jobs)
        elif kind == "vowels":
            make_vowels(corpus, folder, settings.jobs, settings.corpus.vowels)
        else:
            make_utterances(corpus, folder, settings.jobs)


if __name__ == "__main__":
    run(main, f"spectrograms-{Path(sys.argv[-1]).name}")
