"""What each experiment on vowels says of the paper's claims, of the flow and of the spaces beside it."""

from functools import partial

import pandas as pd

from speech_factorization.reporting import vowels
from speech_factorization.reporting.tables.base import Results, label, leaf
from speech_factorization.reporting.vowel_claims import verdicts

__all__ = ["CAPTION", "build"]

CAPTION = (
    "Claims about a flow's code of vowels (arXiv 1910.13288), decided from the figures of the table of vowels by the "
    "rule beside each; the rules are ours, the paper shows pictures. What holds of one Gaussian or of the spectrogram "
    "too is no merit of the flow. Vowels scored: unseen sentences of speakers also trained on. One seed: a figure near "
    "its bound says little."
)


def build(results: Results) -> pd.DataFrame:
    """One row per claim that there are figures for, of every model with a code of vowels."""
    parts = []
    for name, found in results.metrics.items():
        if leaf(found, vowels.TOP) is not None:
            parts.append(verdicts(partial(leaf, found)).assign(model=label(name, found)))
    columns = ["model", "claim", "rule", *vowels.SPACES.values()]
    table = pd.concat(parts)[columns] if parts else pd.DataFrame(columns=columns)
    return table.set_index("model")
