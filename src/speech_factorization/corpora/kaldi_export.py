"""A prepared corpus as a Kaldi data directory, which Kaldi and our own reader `kaldi` take.

wav.scp            recordings, one per utterance: places in wav.ark, or wav/UTTERANCE.wav (no segments needed)
utt2spk, spk2utt, spk2gender, text, utt2dur
utt2split, spk2split, utt2rate (Hz, of the recording before it was brought to 16 kHz), and utt2NAME of every
                   further factor: not Kaldi's own, which passes over them
labels.ctm         "utterance 1 begin duration symbol": the corpus's own labels; words.ctm: its words
phones.ctm         the aligned phones, as they are modelled; units.ctm: the same by what was aligned
                   (in each CTM only utterances all of whose labels have times)

Paths are relative to the directory: start Kaldi's tools there, or put the folder before them. Lines are in the
order of names as bytes (LC_ALL=C). Kaldi's validation wants names of utterances to begin with their speaker's;
they stay as they are here. Times are written to 0.1 microseconds: samples at 16 kHz come back exactly.
White space inside a symbol is written as "_", in a text as one space: lines hold no other. `settings_for` says how
our reader is to be set so that the same comes back.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
from numpy.typing import NDArray

from speech_factorization.corpora.base import SAMPLE_RATE
from speech_factorization.corpora.kaldi import Settings
from speech_factorization.corpora.tables import Corpus
from speech_factorization.errors import InputError
from speech_factorization.features.archives import write_waves

__all__ = ["settings_for", "write_directory"]

_OWN = ("utterance", "speaker", "sex", "split", "speaker_split", "samples", "rate", "text")
"""Columns of utterances.csv that are no factors."""


def write_directory(
    corpus: Corpus, alignment: pd.DataFrame, folder: Path, wav_files: bool = False
) -> dict[str, tuple[int, int]]:
    """Write the data directory into an empty folder; CTM -> utterances in it, and utterances with such labels.

    alignment: utterance, position, unit, phone, begin, end (samples at 16 kHz); may be empty. wav_files: one
    WAV file per utterance instead of wav.ark. A CTM without a line is not written.
    Error: a name that Kaldi's files cannot hold.
    """
    _write_data(corpus, folder)
    _write_recordings(corpus, folder, wav_files)
    tables = {
        "labels": (corpus.labels, "symbol"),
        "words": (corpus.words, "word"),
        "phones": (alignment, "phone"),
        "units": (alignment, "unit"),
    }
    written = {}
    for name, (table, symbol) in tables.items():
        timeless = table.loc[table["begin"].isna() | table["end"].isna(), "utterance"]
        timed = table[~table["utterance"].isin(timeless)].sort_values(["utterance", "position"])
        if not timed.empty:
            _write_ctm(folder / f"{name}.ctm", timed, symbol)
        if not table.empty:
            written[f"{name}.ctm"] = (timed["utterance"].nunique(), table["utterance"].nunique())
    return written


def settings_for(corpus: Corpus, folder: Path) -> Settings:
    """The reader's settings with which the data directory gives the same corpus; folder: where it was written.

    Symbols are the corpus's own: those that end in _B, _E, _I or _S keep that.
    """
    ctm, words = (name if (folder / name).is_file() else "" for name in ("labels.ctm", "words.ctm"))
    return Settings(ctm=ctm, words=words, factors=_factors(corpus), positions=False)


def _factors(corpus: Corpus) -> list[str]:
    """The corpus's further factors, as its tables order them."""
    return [column for column in corpus.utterances.columns if column not in _OWN]


def _write_data(corpus: Corpus, folder: Path) -> None:
    """The tables of utterances and speakers. Error: a name with white space, which ends it in Kaldi's files."""
    table = corpus.utterances.sort_values("utterance")
    for column in ("utterance", "speaker"):
        bad = [name for name in table[column] if not _is_name(name)]
        if bad:
            remedy = "rename it, without white space, and no ;; in front"
            raise InputError(f"no name for Kaldi: {bad[0]!r}", f"column {column}", remedy)
    speakers = table.groupby("speaker", sort=True)
    sexes = speakers["sex"].first()
    _write(folder / "utt2spk", zip(table["utterance"], table["speaker"], strict=True))
    _write(folder / "spk2utt", ((name, " ".join(rows["utterance"])) for name, rows in speakers))
    if (sexes != "").any():
        _write(folder / "spk2gender", ((name, sex.lower()) for name, sex in sexes.items() if sex))
    if (table["text"] != "").any():
        _write(folder / "text", zip(table["utterance"], table["text"], strict=True))
    durations = (_seconds(samples) for samples in table["samples"])
    _write(folder / "utt2dur", zip(table["utterance"], durations, strict=True))
    _write(folder / "spk2split", speakers["speaker_split"].first().items())
    for factor in ("split", "rate", *_factors(corpus)):
        _write(folder / f"utt2{factor}", zip(table["utterance"], table[factor], strict=True))


def _is_name(text: str) -> bool:
    """Whether a text can begin a line: white space would end it, and ;; makes a line of a CTM a remark."""
    return text.isprintable() and text.split() == [text] and not text.startswith(";;")


def _write_recordings(corpus: Corpus, folder: Path, files: bool = False) -> None:
    """wav.scp with wav.ark, or with one WAV file each. Error: a name no file can have."""
    names = sorted(corpus.utterances["utterance"])
    waves = ((name, _sixteen_bit(corpus.wave(name))) for name in names)
    if not files:
        write_waves(folder / "wav", waves)
        return
    (folder / "wav").mkdir()
    for name, wave in waves:
        if "/" in name:
            raise InputError(f"no name for a file: {name!r}", "wav.scp", "write an archive instead")
        soundfile.write(folder / "wav" / f"{name}.wav", wave, SAMPLE_RATE, subtype="PCM_16")
    _write(folder / "wav.scp", ((name, f"wav/{name}.wav") for name in names))


def _write_ctm(path: Path, table: pd.DataFrame, symbol: str) -> None:
    """A CTM of the column `symbol`; table: utterance, begin, end (samples at 16 kHz) and the symbol, in order."""
    columns = (table[name] for name in ("utterance", "begin", "end", symbol))
    rows = zip(*columns, strict=True)
    _write(
        path,
        (
            (utterance, f"1 {_seconds(begin)} {_seconds(end - begin)} {'_'.join(name.split())}")
            for utterance, begin, end, name in rows
        ),
    )


def _write(path: Path, lines: Iterable[tuple[object, object]]) -> None:
    """Lines of name and value, in the order they come."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for name, value in lines:
            file.write(" ".join([str(name), *str(value).split()]) + "\n")


def _seconds(samples: int) -> str:
    """Exact: a sample is 62.5 microseconds."""
    return f"{samples / SAMPLE_RATE:.7f}"


def _sixteen_bit(wave: NDArray[np.float32]) -> NDArray[np.int16]:
    """What the corpus holds: [samples] int16."""
    samples: NDArray[np.int16] = np.rint(wave * np.float32(32768)).astype(np.int16)
    return samples
