"""Where a pause may be, when the labels do not say: between any two words."""

from collections.abc import Collection

import pandas as pd

__all__ = ["between_words"]


def between_words(
    labels: pd.DataFrame, words: pd.DataFrame, silence: Collection[str], pause: str
) -> dict[str, tuple[str, ...]]:
    """Utterance -> its units with a `pause` between every two words and no other silence inside.

    labels: utterance, position, unit, begin, end; words: utterance, position, word, begin, end; both as in
    the prepared tables. silence: the units that are silence; those at the ends of an utterance stay as they
    are. Times serve only to tell which word a unit belongs to, as a pronouncing dictionary would: a unit
    belongs to the last word that begins no later than the unit's middle. An utterance without words keeps no
    pause inside.
    """
    begins_of = {str(name): sorted(own["begin"]) for name, own in words.groupby("utterance")}
    sequences = {}
    for name, own in labels.sort_values("position").groupby("utterance"):
        begins = begins_of.get(str(name), [])
        units: list[str] = []
        word_before = -1
        for unit, begin, end in zip(own["unit"], own["begin"], own["end"], strict=True):
            if unit in silence:
                continue
            word = sum(start <= (begin + end) / 2 for start in begins)
            if units and word != word_before:
                units.append(pause)
            units.append(unit)
            word_before = word
        ends = own["unit"].tolist()
        before = ends[:1] if ends[0] in silence else []
        after = ends[-1:] if ends[-1] in silence and len(ends) > 1 else []
        sequences[str(name)] = (*before, *units, *after)
    return sequences
