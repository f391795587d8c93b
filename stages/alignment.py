"""alignment: phone times by forced alignment, how near they come to the corpus's own, and which go on."""

import sys
from collections.abc import Iterator
from typing import Any

import pandas as pd
import torch
from matplotlib.figure import Figure

from speech_factorization import parameters
from speech_factorization.alignment.align import Alignment, align
from speech_factorization.alignment.pauses import between_words
from speech_factorization.alignment.score import distances, score, score_pauses
from speech_factorization.alignment.sequences import Transcript
from speech_factorization.corpora.tables import Corpus, read_table
from speech_factorization.errors import InputError
from speech_factorization.files import new_folder, write_json
from speech_factorization.phones.folds import Fold, load_fold
from speech_factorization.reporting.figures import boundary_errors
from stages import METRICS, PARAMS, PLOTS, PREPARED, run, say_empty

NOTHING = "the corpus has no labelled utterances"
COLUMNS = ["utterance", "position", "unit", "phone", "begin", "end"]


def transcripts(
    corpus: Corpus, labels: pd.DataFrame, settings: parameters.AlignmentParameters, fold: Fold
) -> Iterator[Transcript]:
    """The units of every labelled utterance, without their times.

    With optional pauses one may stand between any two words; where words or labels have no times, where the
    labels have one.
    """
    sequences = {str(name): tuple(rows["unit"]) for name, rows in labels.groupby("utterance", sort=False)}
    if settings.pauses == "optional":
        words = corpus.words.dropna(subset=["begin"])
        timeless = labels.loc[labels["begin"].isna() | labels["end"].isna(), "utterance"]
        timed = labels[labels["utterance"].isin(words["utterance"]) & ~labels["utterance"].isin(timeless)]
        sequences |= between_words(timed, words, settings.silence, fold.silence)
    for utterance, units in sequences.items():
        yield Transcript(utterance, corpus.wave(utterance), units)


def with_phones(table: pd.DataFrame, fold: Fold) -> pd.DataFrame:
    """The aligner's table with the phone of each unit."""
    phone_of = dict(pair for pair in fold.table.values() if pair)
    return table.assign(phone=table["unit"].map(phone_of))[COLUMNS]


def figures(
    alignment: Alignment,
    labels: pd.DataFrame,
    corpus: Corpus,
    fold: Fold,
    settings: parameters.AlignmentParameters,
) -> dict[str, Any]:
    """How near the boundaries come to the corpus's own: over all speakers, those not trained on, by method."""
    found = with_phones(alignment.table(), fold)
    truth = labels.dropna(subset=["begin", "end"])
    if truth.empty:
        return {"not_answered": {"boundaries": "the corpus has no phone times to compare with"}}
    table = corpus.utterances
    others = set(table.loc[table["speaker_split"] == "test", "utterance"]) & set(found["utterance"])
    held_out = truth[truth["utterance"].isin(others)]
    silence = {fold.silence}
    measured: dict[str, Any] = score(found, truth, silence)
    if not held_out.empty:
        measured["held_out_speakers"] = score(found, held_out, silence)
    measured["by_method"] = {
        method: score(with_phones(alignment.table(method), fold), truth, silence)
        for method in alignment.by_method
    }
    if settings.pauses == "optional":
        # By unit: a closure is silence among the phones, and no pause.
        measured["optional_pauses"] = score_pauses(found, truth, settings.silence, column="unit")
        if not held_out.empty:
            pauses = score_pauses(found, held_out, settings.silence, column="unit")
            measured["held_out_speakers"]["optional_pauses"] = pauses
    return measured


def draw(alignment: Alignment, labels: pd.DataFrame, fold: Fold) -> Figure | None:
    """How far the boundaries of each method lie from the corpus's own; None where it has no times."""
    truth = labels.dropna(subset=["begin", "end"])
    if truth.empty:
        return None
    tables = {"mean": alignment.table()} | {name: alignment.table(name) for name in alignment.by_method}
    return boundary_errors(
        {name: distances(with_phones(table, fold), truth, {fold.silence}) for name, table in tables.items()}
    )


def main() -> None:
    """Write prepared/alignment/alignment.csv, metrics/alignment.json and plots/alignment."""
    settings = parameters.load(PARAMS)
    corpus = Corpus(PREPARED / "corpus")
    fold = load_fold(settings.corpus.fold, settings.corpus.mapping)
    labels = read_table(PREPARED / "phones" / "labels.csv")
    metrics: dict[str, Any] = {
        "corpus": settings.corpus.name,
        "scale": settings.scale,
        "seed": settings.alignment.seed,
        "pauses": settings.alignment.pauses,
        "phone_times": settings.alignment.source,
        "narrow_band": corpus.narrow_band,
    }
    figure: Figure | None = None
    chosen, timeless = labels[COLUMNS], labels[labels["begin"].isna() | labels["end"].isna()]
    if labels.empty:
        metrics["not_answered"] = {"alignment": NOTHING}
    elif settings.alignment.source == "labels" and not timeless.empty:
        first = timeless.iloc[0]
        where = f"{first['utterance']}, position {first['position']}"
        raise InputError(f"{len(timeless)} labels have no times", where, "set alignment.source to forced")
    else:
        table = corpus.utterances
        train_on = set(table.loc[table["speaker_split"] != "test", "utterance"])
        torch.set_num_threads(settings.threads)
        alignment = align(transcripts(corpus, labels, settings.alignment, fold), settings.alignment, train_on)
        for utterance, why in alignment.refused.items():
            print(f"alignment: {utterance} is left out: {why}", file=sys.stderr)
        metrics |= figures(alignment, labels, corpus, fold, settings.alignment)
        metrics["refused"] = len(alignment.refused)
        figure = draw(alignment, labels, fold)
        if settings.alignment.source == "forced":
            chosen = with_phones(alignment.table(), fold)
    with new_folder(PREPARED / "alignment") as folder:
        if labels.empty:
            say_empty("alignment", folder, NOTHING)
        chosen.to_csv(folder / "alignment.csv", index=False, lineterminator="\n")
    with new_folder(PLOTS / "alignment") as folder:
        if figure is not None:
            figure.savefig(folder / "boundaries.png", dpi=100, metadata={"Software": None})
    write_json(METRICS / "alignment.json", metrics)


if __name__ == "__main__":
    run(main, "alignment")
