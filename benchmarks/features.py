"""How fast sound is read and becomes spectrograms, and archives are written and read: on one thread, times real time.

python benchmarks/features.py: one JSON line per row; what its columns mean stands in benchmarks/README.md.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported

import numpy as np
import soundfile
import torch
import torchaudio
from timing import alternate, device_name, matrix_product

from speech_factorization.corpora.audio import read_audio
from speech_factorization.corpora.folder import Settings, read
from speech_factorization.corpora.tables import write_corpus
from speech_factorization.features.archives import Archive, write_matrices, write_waves
from speech_factorization.features.segments import segment_spectrogram
from speech_factorization.features.stft import FFT, HOP, power_spectrogram, sine_window
from speech_factorization.features.vowels import vowel_spectrogram
from speech_factorization.parameters import CorpusParameters

RATE = 16_000
PHONES_A_SECOND = 12
VOWELS_A_SECOND = 4
VOWEL = RATE // 10
CORPUS = CorpusParameters(
    name="folder", source="", fold="arpabet", women=1, men=1, vowels=[], factors=[], sentences=[]
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one JSON line per row."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--utterances", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=3.0, help="of one utterance")
    parser.add_argument("--repeats", type=int, default=9, help="measured; 3 go before them")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    product, gmac = matrix_product()
    random = np.random.default_rng(0)
    waves = random.integers(
        -(2**14), 2**14, (options.utterances, int(options.seconds * RATE)), dtype=np.int16
    )
    with tempfile.TemporaryDirectory() as folder:
        for name, work in works(waves, Path(folder)):
            row, machine = alternate(work, product, repeats=options.repeats)
            line = {
                "row": name,
                "device": device_name("cpu"),
                "threads": 1,
                "audio_seconds": waves.size / RATE,
                "wall_seconds": round(row.wall, 6),
                "cpu_seconds": round(row.cpu, 6),
                "times_real_time": round(waves.size / RATE / row.wall),
                "machine_gmac_s": round(gmac / machine.wall, 3),
            }
            print(json.dumps(line), flush=True)
    return 0


def works(waves: np.ndarray, folder: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """Each row's name and what is timed, over all utterances of waves [N, samples] int16."""
    floats = torch.from_numpy(waves.astype(np.float32) / 2**15)
    theirs = torchaudio.transforms.Spectrogram(
        FFT, hop_length=HOP, power=2, window_fn=lambda length: sine_window(length, floats)
    )
    centres = torch.arange(0, waves.shape[1], RATE // PHONES_A_SECOND)
    yield "power_spectrogram", lambda: [power_spectrogram(wave) for wave in floats]
    yield "torchaudio Spectrogram", lambda: [theirs(wave) for wave in floats]
    yield "segment_spectrogram", lambda: [segment_spectrogram(wave, centres) for wave in floats]
    begins = range(0, waves.shape[1] - VOWEL, RATE // VOWELS_A_SECOND)
    yield (
        "vowel_spectrogram",
        lambda: [vowel_spectrogram(wave, begin, begin + VOWEL) for wave in floats for begin in begins],
    )
    yield from sounds(waves, folder)
    keys = [f"utterance{i}" for i in range(len(waves))]
    powers = [power_spectrogram(wave).numpy() for wave in floats]
    for kind, write, arrays in (("waves", write_waves, waves), ("spectrograms", write_matrices, powers)):
        prefix = folder / kind
        # Bound now: a row's work is called after the next row's loop variables could have changed.
        yield f"write {kind}", partial(_write, write, prefix, keys, arrays)
        archive = Archive(prefix)
        yield f"read {kind} in order", partial(_read, archive, keys)
        shuffled = np.random.default_rng(0).permutation(keys).tolist()
        yield f"read {kind} at random", partial(_read, archive, shuffled)


def sounds(waves: np.ndarray, folder: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """Rows of reading sound files, alone and as the stage `corpus` does: one process, texts and phones left out."""
    for suffix, rate in ((".wav", RATE), (".flac", 44_100)):
        source = folder / suffix[1:] / "speaker"
        source.mkdir(parents=True)
        for i, wave in enumerate(waves):
            # Noise is noise: what matters is how many samples there are.
            samples = np.resize(wave, len(wave) * rate // RATE)
            soundfile.write(source / f"{i}{suffix}", samples, rate, subtype="PCM_16")
        paths = sorted(source.iterdir())
        yield f"read {suffix[1:]} at {rate} Hz", partial(_read_sounds, paths)
        yield f"corpus of {suffix[1:]} at {rate} Hz", partial(_corpus, source.parent, folder / "corpus")


def _read_sounds(paths: list[Path]) -> None:
    for path in paths:
        read_audio(path)


def _corpus(source: Path, out: Path) -> None:
    write_corpus(read(source, CORPUS, 0, 1, Settings()), out)


def _write(write: Callable[..., int], prefix: Path, keys: list[str], arrays: Sequence[Any]) -> None:
    write(prefix, zip(keys, arrays, strict=True))


def _read(archive: Archive, keys: list[str]) -> None:
    for key in keys:
        archive[key]


if __name__ == "__main__":
    sys.exit(main())
