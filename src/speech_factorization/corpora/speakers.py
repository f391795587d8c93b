"""Which speakers of a corpus take part, and how many are held out."""

from collections.abc import Iterable, Mapping

import numpy as np

from speech_factorization.corpora.base import Split
from speech_factorization.corpora.splits import split_speakers
from speech_factorization.errors import InputError

__all__ = ["choose_speakers", "hold_out"]


def choose_speakers(
    sex_of: Mapping[str, str], women: int, men: int, seed: int, always: Iterable[str] = ()
) -> dict[str, str]:
    """A seeded choice of at most so many women and men: speaker -> sex, sorted by name.

    always: speakers that are in every choice, if they are there and their sex has a place.
    Error: nobody is left.
    """
    rng = np.random.default_rng(seed)
    chosen: list[str] = []
    for sex, count in (("F", women), ("M", men)):
        pool = sorted(speaker for speaker, own in sex_of.items() if own == sex)
        kept = [speaker for speaker in always if speaker in pool][:count]
        rest = [speaker for speaker in pool if speaker not in kept]
        chosen += kept + [rest[i] for i in rng.permutation(len(rest))[: count - len(kept)]]
    if not chosen:
        raise InputError(
            f"nobody is left of {len(sex_of)} speakers",
            f"corpus.women {women}, corpus.men {men}",
            "raise them, and check that corpus.source names the whole corpus",
        )
    return {speaker: sex_of[speaker] for speaker in sorted(chosen)}


def hold_out(sex_of: Mapping[str, str], seed: int) -> dict[str, Split]:
    """speaker -> its place in the split over speakers: of 40, 4 are for valid and 8 for test.

    A tenth and a fifth, in even numbers (half women), at least two each; of three to five speakers one each,
    of fewer none.
    """
    least = min(2, len(sex_of) // 3)
    valid = max(least, 2 * round(len(sex_of) / 20))
    test = max(least, 2 * round(len(sex_of) / 10))
    return split_speakers(sex_of, valid, test, seed)
