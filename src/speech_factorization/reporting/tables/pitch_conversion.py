"""Pitch conversion: whether the F0 that was asked for is the one that is heard."""

from functools import partial

import pandas as pd

from speech_factorization.reporting.conversions import MODEL, PITCH, PITCH_FORMS, pitch_rows
from speech_factorization.reporting.resynthesis import CORPUS, published
from speech_factorization.reporting.tables.base import Results, label, leaf

__all__ = ["CAPTION", "build"]

CAPTION = (
    "Pitch conversion: F0 left as it was, flattened to the speaker's mean, shifted so many semitones up and down, and "
    "swapped for another utterance's. VDE, GPE, FFE, RMSE: of tracked F0 against the contour asked for. To original: "
    "against the original's, as published; there more is better where F0 is flattened: the old contour is gone; "
    "correlation: of log F0. reached: median shift; spread: standard deviation of log F0 (0: flat). phone error: of "
    "the phone judge at the source's segments; cosine: of the verification network to other real utterances of the "
    "speaker. Published: VCTK, Interspeech 2021. Another corpus, scale and tracker: compare the order of rows, not the "
    "values."
)

# Which of the paper's experiments, and what its measures are of.
PUBLISHED = {"reconstruction": "reconstruction", "flattened": "flatten"}


def build(results: Results) -> pd.DataFrame:
    """One row per change of each model; published rows first."""
    values = {name: partial(leaf, found) for name, found in results.metrics.items()}
    theirs = [
        {
            "model": MODEL,
            "of": f"published, {CORPUS}",
            "units": units,
            "form": PITCH_FORMS[form],
            **{f"{name}_original": row[name] for name in ("vde", "ffe")},
        }
        for experiment, form in PUBLISHED.items()
        for units, row in published(experiment).to_dict("index").items()
    ]
    ours = [
        row | {"model": label(row["model"], results.metrics[row["model"]]), "form": PITCH_FORMS[row["form"]]}
        for row in pitch_rows(values)
    ]
    columns = ["model", "of", "units", "form", *PITCH]
    table = pd.DataFrame([*theirs, *({"of": "ours"} | row for row in ours)], columns=columns)
    # Nullable, or a row without would make them 8.0.
    table["sounds"] = table["sounds"].astype("Int64")
    return table.rename(columns={name: measure.title for name, measure in PITCH.items()}).set_index("model")
