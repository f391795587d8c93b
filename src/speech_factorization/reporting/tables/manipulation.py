"""Factor manipulation by mean shift: the ICASSP 2021 table, with the rows it left out, by every judge."""

from functools import partial

import pandas as pd

from speech_factorization.reporting.factorization import FACTORS, FIGURES, PARTS_OF, by_judge
from speech_factorization.reporting.published import read
from speech_factorization.reporting.tables.base import Results, label, leaf

__all__ = ["CAPTION", "build"]

CAPTION = (
    "Factor manipulation x' = f(f^-1(x) + mu_target - mu_source): rise of the target class's posterior (delta) "
    "and change of the other factor's (side effect). Published: TIMIT, 38 phones x 40 speakers, MLP judge. "
    "identity shifts the log spectrogram itself; oracle is a real held-out segment of the target class and the "
    "same other factor, over the share of pairs that have one. A delta above the oracle's means that the judge is "
    "fooled: read all three. dnf: phones are changed by the model trained with phone labels, speakers by that "
    "trained with speaker labels, as in the paper. means: of the training segments' codes, or those the model has "
    "learned. weight: of the discriminative loss, 0 is the paper's likelihood; A + B + C: B and C "
    "those of the consistency and the matching of moved codes, which are against fdnf's side effects as well. "
    "Published and own figures are of different corpora: compare the order, not the values."
)


def build(results: Results) -> pd.DataFrame:
    """One row per model, judge, means and source; published rows first."""
    published = read("manipulation_timit")
    theirs = (
        published.rename(columns=lambda name: name.replace("_", ".", 1)).rename_axis("model").reset_index()
    )
    theirs = theirs.assign(of="published, TIMIT", judge="MLP", means="", weight="")
    ours = by_judge({name: partial(leaf, found) for name, found in results.metrics.items()})
    times = {name: leaf(found, "phone_times") for name, found in results.metrics.items()}
    names = {name: label(name, found) for name, found in results.metrics.items()}
    for model, parts in PARTS_OF.items():
        times[model] = next((times[part] for part in parts.values() if part in times), None)
    times["oracle"] = times.get("identity")
    ours = ours.assign(of=[f"ours, {times[model]} times" for model in ours["model"]])
    ours["model"] = ours["model"].map(lambda name: names.get(name, name))
    figures = {
        f"{factor}.{key}": title.format(factor) for factor in FACTORS for key, title in FIGURES.items()
    }
    columns = ["model", "of", "judge", "means", "weight", *figures]
    shown = [part.reindex(columns=columns) for part in (theirs, ours) if len(part)]
    return pd.concat(shown, ignore_index=True).rename(columns=figures).set_index("model")
