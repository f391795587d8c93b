"""What the codes of dynamical VAEs hold: dimensions in use, smoothness of z, speakers in v."""

import pandas as pd

from speech_factorization.reporting.published import read
from speech_factorization.reporting.tables.base import Results, label, leaf

__all__ = ["CAPTION", "build"]

CAPTION = (
    "Codes of whole test utterances. active: dimensions whose posterior mean varies over frames by more than .01; "
    "informative: those with a KL of more than .01 nats per frame; smoothness: correlation of the active ones with "
    "themselves one frame (16 ms) later (the log spectrogram's own stands in the first row). Speaker: balanced "
    "accuracy of telling unseen speakers apart by v (its mean, and samples of it, which is what a decoder gets), by "
    "the mean of z over time and by that of the log spectrogram."
)

COLUMNS = {
    "dimensions": "codes.dimensions",
    "active": "codes.active_dimensions",
    "informative": "codes.informative_dimensions",
    "smoothness": "codes.smoothness",
    "KL of v (nats per utterance)": "sequence_code.kl",
    "active in v": "sequence_code.active_dimensions",
    "speaker by v": "sequence_code.speaker_accuracy",
    "by samples of v": "sequence_code.speaker_accuracy_sampled",
    "by mean z": "sequence_code.speaker_accuracy_from_mean_z",
    "by mean spectrum": "sequence_code.speaker_accuracy_from_mean_spectrum",
    "chance": "sequence_code.chance",
}
COUNTS = ["dimensions", "active", "informative", "active in v"]


def build(results: Results) -> pd.DataFrame:
    """One row per model with codes of utterances, in the benchmark's order."""
    order = dict.fromkeys([*read("dynamical_wsj0").index, *results.metrics])
    there = [name for name in order if leaf(results.metrics.get(name, {}), "codes.dimensions") is not None]
    rows = {
        label(name, results.metrics[name]): {
            title: leaf(results.metrics[name], key) for title, key in COLUMNS.items()
        }
        for name in there
    }
    if there:
        speech = {"smoothness": leaf(results.metrics[there[0]], "codes.smoothness_of_spectrogram")}
        rows = {"log spectrogram": speech} | rows
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(COLUMNS))
    # Nullable, or a model without v would make them 16.0.
    table = table.astype(dict.fromkeys(COUNTS, "Int64"))
    table.index.name = "model"
    return table
