"""The code space of vowels, walked through: every experiment's figures, beside those of the baselines."""

from functools import partial

import pandas as pd

from speech_factorization.reporting import vowels
from speech_factorization.reporting.tables.base import Results, label, leaf

__all__ = ["CAPTION", "build"]

CAPTION = (
    "Experiments on vowels (arXiv 1910.13288), which prints none of these figures, on unseen sentences of speakers "
    "also trained on. one Gaussian: full covariance on the same images; spectrogram: the standardised image itself. "
    "A straight line and a shift in the code of one Gaussian, which is linear, are those of the spectrogram. p: "
    "posterior of the vowel judge. typical: share of points as probable as 95 % of real vowels, neither less nor "
    "more; higher log p alone is no merit, since means have it. Samples have the noise of training, and are held "
    "against real vowels with it; at T < 1 they have less, and typical judges the scale of the noise as well. radial "
    "spread: standard deviation of a code's squared length over that of independent normal numbers. distance to "
    "training: to the nearest training vowel along 60 principal axes, over that of test vowels. Errors of two "
    "classes: balanced, cross-validated over speakers, of two speakers over utterances."
)


def build(results: Results) -> pd.DataFrame:
    """One row per experiment and measure, of every model with a code of vowels."""
    parts = []
    for name, found in results.metrics.items():
        if leaf(found, vowels.TOP) is not None:
            parts.append(vowels.rows(partial(leaf, found)).assign(model=label(name, found)))
    columns = ["model", *vowels.COLUMNS]
    table = pd.concat(parts)[columns] if parts else pd.DataFrame(columns=columns)
    figures = [*vowels.SPACES.values(), vowels.REFERENCE]
    return table.astype(dict.fromkeys(figures, float)).set_index("model")
