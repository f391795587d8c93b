"""Voice conversion: whose voice it is to a network that was not trained with it, what is left of phones and pitch."""

from functools import partial

import pandas as pd

from speech_factorization.reporting.conversions import CONVERSION, FORMS, MODEL, conversion_rows
from speech_factorization.reporting.resynthesis import CORPUS, published
from speech_factorization.reporting.tables.base import Results, label, leaf

__all__ = ["CAPTION", "build"]

CAPTION = (
    "Voice conversion to five random targets per utterance, of speakers the generator was trained on (seen) and never "
    "heard (unseen). EER: of the judges' verification network, telling real utterances of the target from others' (of "
    "all speakers of the target's split, and the source); cosine to real utterances of the target and of the source; "
    "how often the target or the source is nearest among so many speakers; sounds: how many there are. EERs of seen "
    "and unseen targets are over pools of unlike size, and the judges' network was trained on the seen speakers "
    "(these or other utterances of theirs): compare each with real speech of its own pool. phone error: of the phone "
    "judge at the source's segments, which is no PER; VDE, GPE, FFE: of tracked F0 against the source's moved to the "
    "target's statistics. Not converted: the original offered as the target. Published: VCTK, Interspeech 2021; PER "
    "and WER of speech recognisers. Another corpus, scale and other judges: compare the order of rows, not the "
    "values."
)


def build(results: Results) -> pd.DataFrame:
    """One row per form of each model; published rows first."""
    values = {name: partial(leaf, found) for name, found in results.metrics.items()}
    forms = {"reconstruction": FORMS["reconstruction"], "conversion": "random target"}
    theirs = [
        {"model": MODEL, "of": f"published, {CORPUS}", "units": units, "form": title, **row}
        for experiment, title in forms.items()
        for units, row in published(experiment).to_dict("index").items()
    ]
    ours = [
        row | {"model": label(row["model"], results.metrics[row["model"]]), "form": FORMS[row["form"]]}
        for row in conversion_rows(values)
    ]
    columns = ["model", "of", "units", "form", *CONVERSION]
    table = pd.DataFrame([*theirs, *({"of": "ours"} | row for row in ours)], columns=columns)
    # Nullable, or a row without would make them 8.0.
    counts = ["speakers", "sounds"]
    table[counts] = table[counts].astype("Int64")
    return table.rename(columns={name: measure.title for name, measure in CONVERSION.items()}).set_index(
        "model"
    )
