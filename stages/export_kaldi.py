"""export_kaldi: what has been prepared as a Kaldi data directory.

    python -m stages.export_kaldi OUT [--wav-files] [--features KIND ...]

OUT must not be there yet. Of prepared/corpus: recordings (wav.ark, or WAV files), speakers, texts, splits,
labels.ctm (the corpus's own symbols and times) and words.ctm; of prepared/alignment: phones.ctm and units.ctm.
--features, of prepared/spectrograms: utterances (feats.scp: power spectrograms [frames, 257] at 16 ms of the
waves as models take them, trimmed and scaled to peak 1, so not in step with wav.scp), segments
(segment_feats.scp: [20, 200]) and vowels (vowel_feats.scp: [frames, 257] at 1 ms), by segment.
At the end it prints the command that reads the directory back. That leaves fold, vowels, factors and mapping as
params.yaml has them, so give it before they become those of another corpus.
Exit status 0: written; 2: it cannot be, nothing is written.
"""

import argparse
import re
import shlex
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from speech_factorization import parameters
from speech_factorization.corpora.kaldi import Settings
from speech_factorization.corpora.kaldi_export import settings_for, write_directory
from speech_factorization.corpora.tables import Corpus, read_table
from speech_factorization.errors import InputError
from speech_factorization.features.archives import Archive, write_matrices
from speech_factorization.features.stft import power_spectrogram
from speech_factorization.files import new_folder
from speech_factorization.parameters import Parameters
from stages import PARAMS, PREPARED

FEATURES = {"utterances": "feats", "segments": "segment_feats", "vowels": "vowel_feats"}


def features(kind: str) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """(name, matrix) of one kind of spectrogram, by name."""
    archive = Archive(PREPARED / "spectrograms" / kind / kind)
    for name in sorted(archive):
        array: NDArray[Any] = archive[name]
        if kind == "utterances":
            wave = torch.from_numpy(array.astype(np.float32) / np.float32(32767))
            array = power_spectrogram(wave).numpy()
        yield name, array


def export(folder: Path, wav_files: bool, kinds: list[str]) -> list[str]:
    """Write the data directory; returns what there is to say of it, line by line."""
    corpus = Corpus(PREPARED / "corpus")
    alignment = read_table(PREPARED / "alignment" / "alignment.csv")
    said = [f"{len(corpus.utterances)} utterances of {corpus.utterances['speaker'].nunique()} speakers"]
    for name, (written, there) in write_directory(corpus, alignment, folder, wav_files).items():
        lost = f" ({there - written} without times)" if written < there else ""
        said.append(f"{name}: {written} utterances{lost}")
    for kind in kinds:
        said.append(f"{FEATURES[kind]}.scp: {write_matrices(folder / FEATURES[kind], features(kind))} {kind}")
    return said


def command(folder: Path, settings: Parameters) -> str:
    """What reads the data directory back as this corpus, where params.yaml says the rest."""
    corpus = Corpus(PREPARED / "corpus")
    wanted = settings_for(corpus, folder).model_dump()
    now = settings.readers["kaldi"].model_dump() if "kaldi" in settings.readers else {}
    sexes = Counter(corpus.utterances.groupby("speaker")["sex"].first())
    # Who is of unknown sex takes a place that is left.
    places = {"women": sexes["F"] + sexes[""], "men": sexes["M"]}
    values: dict[str, object] = {"corpus.name": "kaldi", "corpus.source": str(folder)}
    if any(count > getattr(settings.corpus, sex) for sex, count in places.items()):
        values |= {f"corpus.{sex}": count for sex, count in places.items()}
    usual = Settings().model_dump()
    for name, value in wanted.items():
        if value != usual[name] or value != now.get(name, value):
            values[f"readers.kaldi.{name}"] = value
    return " ".join(
        ["dvc exp run", *(f"-S {shlex.quote(f'{name}={_hydra(values[name])}')}" for name in values)]
    )


def _hydra(value: object) -> str:
    """A value as Hydra's command line takes it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list):
        return f"[{','.join(map(_hydra, value))}]"
    text = str(value)
    if re.fullmatch(r"[A-Za-z_./][\w./+-]*", text, re.ASCII):
        return text
    return "'" + text.replace("'", r"\'") + "'"


def main(arguments: list[str]) -> int:
    """Write and report; returns the exit status."""
    parser = argparse.ArgumentParser(
        "python -m stages.export_kaldi", description="Write a Kaldi data directory."
    )
    parser.add_argument("out", type=Path, metavar="OUT", help="the folder to make")
    parser.add_argument("--wav-files", action="store_true", help="one WAV file each instead of an archive")
    parser.add_argument(
        "--features", nargs="*", choices=sorted(FEATURES), default=[], help="spectrograms too"
    )
    given = parser.parse_args(arguments)
    try:
        if given.out.exists():
            raise InputError("it is there already", given.out, "remove it, or name another folder")
        with new_folder(given.out) as draft:
            said = export(draft, given.wav_files, given.features)
            settings = parameters.load(PARAMS)
    except InputError as error:
        print(f"export_kaldi: {error}", file=sys.stderr)
        return 2
    said += [f"written to {given.out}", f"read it back: {command(given.out, settings)}"]
    print("\n".join(f"export_kaldi: {line}" for line in said))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
