"""Speech resynthesis from discrete units: the paper's figures, and what its measures are called in tables."""

import pandas as pd

from speech_factorization.reporting.measures import Measure
from speech_factorization.reporting.published import read

__all__ = ["CORPUS", "MEASURES", "MODEL", "RATES", "column_digits", "published"]

MODEL = "speech_resynthesis"
"""Whose metrics the tables are of."""

CORPUS = "VCTK"
"""The corpus of the paper's figures."""

MEASURES = {
    "pesq_wb": Measure("PESQ wb", 1, 2),
    "stoi": Measure("STOI", 1, 3),
    "estoi": Measure("ESTOI", 1, 3),
    "mel_distance": Measure("mel distance", -1, 3),
    "stft_distance": Measure("STFT distance", -1, 3),
    "mcd": Measure("MCD (dB)", -1, 2),
    "phone_error": Measure("phone error", -1, 3),
    "per": Measure("PER", -1, 3),
    "wer": Measure("WER", -1, 3),
    "vde": Measure("VDE", -1, 3),
    "gpe": Measure("GPE", -1, 3),
    "ffe": Measure("FFE", -1, 3),
    "f0_rmse": Measure("F0 RMSE (Hz)", -1, 1),
    "f0_rmse_cents": Measure("F0 RMSE (cents)", -1, 0),
    "log_f0_correlation": Measure("log F0 correlation", 1, 3),
    "cosine": Measure("speaker cosine", 1, 3),
    "eer": Measure("speaker EER", -1, 3),
}
"""Key in metrics/speech_resynthesis.json or in published/resynthesis.csv -> what it is called."""

RATES = {
    "bits_per_second": Measure("bits per second", -1, 0),
    "file_bits_per_second": Measure("with its file", -1, 0),
    "nominal": Measure("nominal", -1, 0),
    "ceil": Measure("whole bits", -1, 0),
    "unigram": Measure("unigram", -1, 0),
    "conditional": Measure("conditional", -1, 0),
    "tables": Measure("by the tables", -1, 0),
    "payload": Measure("payload", -1, 0),
    "file": Measure("file, voice named", -1, 0),
    "amortised": Measure("file, voice once a speaker", -1, 0),
    "alone": Measure("file, voice included", -1, 0),
}
"""Bits per second."""

_PERCENT = ("per", "wer", "vde", "ffe", "eer")


def published(experiment: str) -> pd.DataFrame:
    """The paper's figures: systems by measures, shares as 0..1; both in the order of published/resynthesis.csv.

    experiment: reconstruction, conversion, flattened, rate, or entropy (of the units its authors released).
    """
    table = read("resynthesis")
    found = table.loc[[experiment]]
    shares = found["measure"].isin(_PERCENT)
    found = found.assign(value=found["value"].astype(float).where(~shares, (found["value"] / 100).round(4)))
    wide = found.pivot(index="system", columns="measure", values="value")
    wide = wide.reindex(index=found["system"].unique(), columns=found["measure"].unique())
    return wide.rename_axis(columns=None)


def column_digits() -> dict[str, int]:
    """Title of a column -> digits after the point."""
    return {measure.title: measure.digits for measure in (MEASURES | RATES).values()}
