"""Figures of the experiments on vowels as rows, a measure each: of Glow, of one Gaussian and of the spectrogram.

A row: experiment, measure, a column per space, and what the figure would be of what `reference is` says.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd

__all__ = [
    "COLUMNS",
    "FACTORS",
    "KINDS",
    "LEVELS",
    "REFERENCE",
    "REFERENCE_IS",
    "SPACES",
    "TOP",
    "Value",
    "column_digits",
    "rows",
]

Value = Callable[[str], Any]

# Key in metrics/glow.json -> title of its column.
SPACES = {"glow": "Glow", "ppca": "one Gaussian", "spectrogram": "spectrogram"}
REFERENCE, REFERENCE_IS = "reference", "reference is"
COLUMNS = ["experiment", "measure", *SPACES.values(), REFERENCE, REFERENCE_IS]

# By this figure a model is known to have walked through its code of vowels.
TOP = "distribution.glow.radial_spread"

# Of interpolation and of lda.
KINDS = ("vowel", "sex", "speaker")
LEVELS = ("snr_0", "snr_10", "snr_20")
FACTORS = ("phone", "sex", "speaker")

DISTRIBUTION = {
    "bits": "bits per real bin at 1 dB",
    "skewness": "skewness, absolute",
    "kurtosis": "excess kurtosis, absolute",
    "kolmogorov_smirnov": "Kolmogorov-Smirnov, times sqrt(N)",
    "normal": "share of dimensions normal at 5 %",
    "radial_spread": "radial spread",
}
SAMPLING = {
    "silent": "silent samples",
    "silent_frames": "silent frames",
    "entropy": "judge's entropy (nats)",
    "entropy_of_all": "entropy of all samples (nats)",
    "contrast": "contrast / real",
    "roughness": "roughness / real",
    "spread": "spread / real",
    "nearest_ratio": "distance to training / real",
    "typicality_by_glow": "typical by Glow",
    "typicality_by_ppca": "typical by one Gaussian",
}
OF_REAL = ("silent", "silent_frames", "entropy", "entropy_of_all")
INTERPOLATION = {
    "target_at_start": "p of the end's class at the start",
    "target_at_middle": "p of the end's class in the middle",
    "target_at_end": "p of the end's class at the end",
    "monotonicity": "steps in which it does not fall",
    "largest_step": "largest step",
    "kept_at_ends": "p of what is kept, at the ends",
    "kept_between": "p of what is kept, between them",
    "typicality_by_glow": "typical by Glow",
    "typicality_by_ppca": "typical by one Gaussian",
    "contrast": "contrast of the middle / of the ends",
    "roughness": "roughness of the middle / of the ends",
    "nearest_ratio": "distance of the middle to training / real",
}
ON_THE_SPHERE = ("target_at_middle", "typicality_by_glow", "typicality_by_ppca", "contrast", "roughness")
DENOISING = {
    "distance_gain": "log-spectral distance less (dB)",
    "snr_gain": "SNR more (dB)",
    "p_phone": "p of the vowel",
}
LDA = {
    "error": "error of LDA after PCA",
    "fisher_ratio": "Fisher ratio",
    "second_error": "error of the second direction",
    "ridge_error": "error of ridge on all dimensions",
}


def column_digits() -> dict[str, int]:
    """Title of a column -> digits after the point."""
    return dict.fromkeys([*SPACES.values(), REFERENCE], 3)


def rows(value: Value) -> pd.DataFrame:
    """One row per measure there is a figure of; value: what stands at a dotted key of metrics/glow.json, or None."""
    found = [row for row in _every(value) if any(row[title] is not None for title in SPACES.values())]
    return pd.DataFrame(found, columns=COLUMNS)


def _every(value: Value) -> Iterator[dict[str, Any]]:
    def row(experiment: str, measure: str, key: str, reference: str = "", of: str = "") -> dict[str, Any]:
        figures = {title: value(key.format(space)) for space, title in SPACES.items()}
        there = value(reference) if reference else None
        known = {REFERENCE: there, REFERENCE_IS: "" if there is None else of}
        return {"experiment": experiment, "measure": measure, **figures, **known}

    for factor in FACTORS:
        original = f"reconstruction.original.p_{factor}"
        title = f"p of the {'vowel' if factor == 'phone' else factor}"
        yield row("there and back", title, f"reconstruction.{{}}.p_{factor}", original, "the picture itself")
    last = "reconstruction.last_level.distance"
    yield row("there and back", "error (dB)", "reconstruction.{}.distance", last, "the last level alone")
    for key, title in DISTRIBUTION.items():
        of = f"distribution.gaussian.{key}"
        yield row("distribution", title, f"distribution.{{}}.{key}", of, "normal numbers")
    for temperature, name in (("t100", "1"), ("t070", "0.7")):
        for key, title in SAMPLING.items():
            real = f"sampling.real.{key}" if key in OF_REAL else ""
            yield row(
                f"samples, T = {name}", title, f"sampling.{{}}.{temperature}.{key}", real, "real vowels"
            )
    for kind in KINDS:
        for key, title in INTERPOLATION.items():
            original = f"interpolation.{kind}.original.{key}"
            experiment = f"{kind} interpolated"
            yield row(
                experiment, title, f"interpolation.{kind}.{{}}.{key}", original, "the pictures themselves"
            )
        for key in ON_THE_SPHERE:
            yield row(f"{kind}, on the sphere", INTERPOLATION[key], f"interpolation.{kind}.{{}}_sphere.{key}")
    for level in LEVELS:
        noise = f"noise at {level.removeprefix('snr_')} dB"
        subtraction = f"denoising.{level}.spectral_subtraction"
        for key, title in DENOISING.items():
            for suffix, said in (("", ""), ("_matched", ", matched noise")):
                at = f"denoising.{level}.{{}}{suffix}.b080.{key}"
                yield row(
                    f"{noise}, b = 0.8{said}", title, at, f"{subtraction}.{key}", "spectral subtraction"
                )
    for kind in KINDS:
        for key, title in LDA.items():
            yield row(f"two classes: {kind}", title, f"lda.{kind}.{{}}.{key}")
    for step in FACTORS:
        for factor in FACTORS:
            name = f"p of the {'vowel' if factor == 'phone' else factor}"
            yield row(
                f"directions, {'vowel' if step == 'phone' else step} set",
                name,
                f"directions.{{}}.{step}.p_{factor}",
                f"directions.glow.neutral.p_{factor}",
                "before any step",
            )
