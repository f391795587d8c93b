"""spectrograms: what models and judges read.

segments: 20 x 200 log spectrograms. vowels: log spectrograms at a 1 ms hop, unpadded. utterances: waves
trimmed at 30 dB and scaled to peak 1; their STFTs are computed when they are read, faster than from disk.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from speech_factorization import parameters
from speech_factorization.corpora.tables import Corpus, read_table
from speech_factorization.features.archives import write_matrices, write_waves
from speech_factorization.features.segments import segment_spectrogram
from speech_factorization.features.stft import FFT, trim, unit_peak
from speech_factorization.features.vowels import SIZE, vowel_frames, vowel_spectrogram
from speech_factorization.files import new_folder
from stages import PARAMS, PREPARED, argument, run, say_empty

Matrices = Iterator[tuple[str, NDArray[np.float32]]]


def _segments(corpus: Corpus, segments: pd.DataFrame) -> Matrices:
    for utterance, rows in segments.groupby("utterance", sort=False):
        wave = torch.from_numpy(corpus.wave(str(utterance)))
        spectrograms = segment_spectrogram(wave, torch.from_numpy(rows["centre"].to_numpy(np.int64)))
        yield from zip(rows["segment"], (matrix.numpy() for matrix in spectrograms), strict=True)


def _vowels(corpus: Corpus, vowels: pd.DataFrame) -> Matrices:
    for utterance, rows in vowels.groupby("utterance", sort=False):
        wave = torch.from_numpy(corpus.wave(str(utterance)))
        for row in rows.itertuples():
            yield str(row.segment), vowel_spectrogram(wave, int(row.begin), int(row.end)).numpy()


def _trimmed(corpus: Corpus) -> Iterator[tuple[str, NDArray[np.int16]]]:
    for utterance in corpus.utterances["utterance"]:
        wave = trim(unit_peak(corpus.wave(utterance)))
        # Shorter than half a window there is no frame to compute.
        if len(wave) > FFT // 2:
            yield utterance, np.rint(wave * 32767).astype(np.int16)


def make_segments(corpus: Corpus, segments: pd.DataFrame, folder: Path) -> None:
    """segments.{ark,scp}; the table is prepared/segments/segments.csv."""
    if not write_matrices(folder / "segments", _segments(corpus, segments)):
        say_empty("spectrograms", folder, "there are no segments")


def make_vowels(corpus: Corpus, segments: pd.DataFrame, folder: Path, names: list[str]) -> None:
    """vowels.{ark,scp} and vowels.csv, the rows of segments.csv that are kept."""
    vowels = segments[segments["phone"].isin(names)]
    frames = [vowel_frames(row.begin, row.end) for row in vowels.itertuples()]
    kept = vowels[(np.asarray(frames) >= 1) & (np.asarray(frames) <= SIZE)]
    kept.to_csv(folder / "vowels.csv", index=False, lineterminator="\n")
    if not write_matrices(folder / "vowels", _vowels(corpus, kept)):
        say_empty("spectrograms", folder, "no segment is one of corpus.vowels")
    print(f"{len(kept)} vowels, {len(vowels) - len(kept)} over {SIZE} ms discarded")


def make_utterances(corpus: Corpus, folder: Path) -> None:
    """utterances.{ark,scp} and utterances.csv."""
    write_waves(folder / "utterances", _trimmed(corpus))
    corpus.utterances.to_csv(folder / "utterances.csv", index=False, lineterminator="\n")


def main() -> None:
    """Write prepared/spectrograms/KIND."""
    settings = parameters.load(PARAMS)
    kind = argument("kind of spectrogram", ("segments", "vowels", "utterances"))
    corpus = Corpus(PREPARED / "corpus")
    segments = read_table(PREPARED / "segments" / "segments.csv")
    with new_folder(PREPARED / "spectrograms" / kind) as folder:
        if kind == "segments":
            make_segments(corpus, segments, folder)
        elif kind == "vowels":
            make_vowels(corpus, segments, folder, settings.corpus.vowels)
        else:
            make_utterances(corpus, folder)


if __name__ == "__main__":
    run(main, f"spectrograms-{Path(sys.argv[-1]).name}")
