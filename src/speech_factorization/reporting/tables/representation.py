"""What the codes of segments hold: leak between parts, and separation of classes."""

from functools import partial

import pandas as pd

from speech_factorization.reporting.representation import by_code, columns
from speech_factorization.reporting.tables.base import Results, label, leaf

__all__ = ["CAPTION", "build"]

CAPTION = (
    "Codes of test segments: the whole code z, and the parts of models that have some. linear, MLP: balanced accuracy "
    "of reading the factor's class from the code, by linear discriminant analysis and by a network of one hidden "
    "layer, trained on training segments; chance is one in the number of classes. Read from the other factor's part, "
    "or from the rest, it is a leak. A code of more than 256 dimensions is read along some axes only: a lower bound. "
    "F-ratio: variance of class means over that within classes, over all dimensions, 0 for noise; silhouette: -1 to 1."
)


def build(results: Results) -> pd.DataFrame:
    """One row per model and code, then chance."""
    rows = by_code({name: partial(leaf, found) for name, found in results.metrics.items()})
    names = {name: label(name, found) for name, found in results.metrics.items()}
    rows["model"] = rows["model"].map(lambda name: names.get(name, name))
    return rows[["model", "code", *columns(rows)]].set_index("model")
