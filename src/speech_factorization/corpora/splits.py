"""Splits over speakers that several corpora share."""

from collections.abc import Mapping
from itertools import zip_longest

import numpy as np

from speech_factorization.corpora.base import Split
from speech_factorization.errors import InputError

__all__ = ["split_speakers"]


def split_speakers(sex_of: Mapping[str, str], valid: int, test: int, seed: int) -> dict[str, Split]:
    """Give every speaker one split, women and men in equal numbers as far as they reach.

    sex_of: speaker -> "F", "M" or "" (unknown). valid, test: how many speakers each gets; the rest trains.
    The choice depends on the names, the sexes and the seed, not on the order of `sex_of`.
    Error: nobody would be left to train on.
    """
    if valid + test >= len(sex_of):
        raise InputError(
            f"{len(sex_of)} speakers cannot give {valid} to valid and {test} to test",
            "speaker_split",
            "raise the number of women and men of the corpus",
        )
    rng = np.random.default_rng(seed)
    queues = []
    for sex in sorted(set(sex_of.values())):
        speakers = sorted(speaker for speaker, own in sex_of.items() if own == sex)
        queues.append([speakers[i] for i in rng.permutation(len(speakers))])
    # One of each sex in turn: any run of the queue is balanced until one sex is used up.
    drawn = [speaker for turn in zip_longest(*queues) for speaker in turn if speaker is not None]
    splits: dict[str, Split] = {}
    for place, speaker in enumerate(drawn):
        splits[speaker] = "test" if place < test else "valid" if place < test + valid else "train"
    return {speaker: splits[speaker] for speaker in sex_of}
