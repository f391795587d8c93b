"""Figures of content units, of voice and of pitch conversion: how they are called, and results as rows."""

from collections.abc import Callable, Mapping
from typing import Any

from speech_factorization.reporting.measures import Measure
from speech_factorization.reporting.resynthesis import MEASURES, MODEL

__all__ = [
    "CONVERSION",
    "FORMS",
    "MODEL",
    "PITCH",
    "PITCH_FORMS",
    "PUBLISHED_UNITS",
    "UNITS",
    "UNIT_FIGURES",
    "column_digits",
    "conversion_rows",
    "pitch_rows",
    "told",
]

Value = Callable[[str], Any]

PUBLISHED_UNITS = {"cpc": "CPC", "hubert": "HuBERT", "vqvae": "VQ-VAE"}
"""Type of units -> the paper's system in published/resynthesis.csv."""

UNITS = (*PUBLISHED_UNITS, "kmeans")
"""Of these, k-means on cepstra is ours."""

UNIT_FIGURES = {
    "pnmi": Measure("PNMI", 1, 3),
    "phone_purity": Measure("phone purity", 1, 3),
    "phone_accuracy": Measure("phone accuracy", 1, 3),
    "speaker_accuracy": Measure("speaker accuracy", -1, 3),
    "f0_r2": Measure("F0 (R2)", -1, 3),
    "f0_accuracy": Measure("F0 range accuracy", -1, 3),
    "usage": Measure("usage", 1, 3),
    "perplexity": Measure("perplexity", 0, 1),
    "runs_per_second": Measure("runs per second", -1, 1),
    "nominal_bits_per_second": Measure("nominal bps", -1, 0),
    "unigram_bits_per_second": Measure("unigram bps", -1, 0),
    "conditional_bits_per_second": Measure("conditional bps", -1, 0),
}

# Block of metrics/MODEL.json under `conversion` -> what its row is called.
FORMS = {
    "original": "real speech",
    "original_seen": "real speech, seen speakers",
    "reconstruction": "own voice",
    "own": "own voice, from other utterances",
    "seen": "seen target",
    "unseen": "unseen target",
    "unchanged_seen": "not converted, seen target",
    "unchanged_unseen": "not converted, unseen target",
}
SHARED = {name: MEASURES[name] for name in ("phone_error", "per", "wer", "vde", "gpe", "ffe")}
SOUNDS = Measure("sounds", 0, 0)
CONVERSION = {
    "sounds": SOUNDS,
    "eer": MEASURES["eer"],
    "cosine": Measure("cosine to target", 1, 3),
    "cosine_source": Measure("to source", -1, 3),
    "nearest_target": Measure("target is nearest", 1, 3),
    "nearest_source": Measure("source is nearest", -1, 3),
    "speakers": Measure("of speakers", 0, 0),
    **SHARED,
}

PITCH_FORMS = {"reconstruction": "F0 as it was", "flatten": "flat", "shift": "shifted", "swap": "swapped"}
PITCH = {
    "sounds": SOUNDS,
    "vde": MEASURES["vde"],
    "gpe": MEASURES["gpe"],
    "ffe": MEASURES["ffe"],
    "f0_rmse_cents": MEASURES["f0_rmse_cents"],
    "vde_original": Measure("VDE to original", 0, 3),
    "ffe_original": Measure("FFE to original", 0, 3),
    "correlation_original": Measure("correlation with original", 0, 3),
    "semitones": Measure("semitones asked", 0, 1),
    "reached_semitones": Measure("reached", 0, 2),
    "spread_semitones": Measure("spread (semitones)", 0, 2),
    "phone_error": MEASURES["phone_error"],
    "cosine": Measure("cosine to own voice", 1, 3),
}


def column_digits() -> dict[str, int]:
    """Title of a column -> digits after the point."""
    # Not of one joint dict: a key may be called otherwise in another table.
    tables = (UNIT_FIGURES, CONVERSION, PITCH)
    return {measure.title: measure.digits for figures in tables for measure in figures.values()}


def told(value: Value) -> str:
    """`kmeans, source_filter`: what a model's row says beside its name; value: dotted key -> figure, or None."""
    return ", ".join(str(found) for found in map(value, ("content_units", "generator")) if found is not None)


def conversion_rows(values: Mapping[str, Value]) -> list[dict[str, Any]]:
    """model, units, form and the figures of `CONVERSION`, of every model that converts voices.

    values: model -> what stands at a dotted key of its metrics, or None.
    """
    return _rows(values, "conversion", FORMS, CONVERSION)


def pitch_rows(values: Mapping[str, Value]) -> list[dict[str, Any]]:
    """model, units, form and the figures of `PITCH`, of every model whose pitch can be changed; values: as above."""
    return _rows(values, "pitch_conversion", PITCH_FORMS, PITCH)


def _rows(
    values: Mapping[str, Value], experiment: str, forms: Mapping[str, str], figures: Mapping[str, Measure]
) -> list[dict[str, Any]]:
    found = []
    for model, value in values.items():
        for form in forms:
            own = {name: value(f"{experiment}.{form}.{name}") for name in figures}
            if any(figure is not None for figure in own.values()):
                found.append({"model": model, "units": told(value), "form": form, **own})
    return found
