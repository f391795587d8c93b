"""Who takes part and which text goes where, in corpora that name neither sexes nor texts for certain."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from speech_factorization.corpora.base import Split
from speech_factorization.corpora.speakers import choose_speakers

__all__ = ["choose_anyone", "plain", "split_texts"]


def choose_anyone(sex_of: Mapping[str, str], women: int, men: int, seed: int) -> dict[str, str]:
    """As `choose_speakers`; who is of unknown sex ("") takes a place that women and men leave.

    So at most women + men speakers: speaker -> sex, sorted by name. Error: nobody is left.
    """
    places = {"F": women, "M": men}
    unknown = sorted(speaker for speaker, sex in sex_of.items() if not sex)
    known = {speaker: sex for speaker, sex in sex_of.items() if places.get(sex)}
    chosen = choose_speakers(known, women, men, seed) if known else {}
    drawn = np.random.default_rng([seed, 1]).permutation(len(unknown))[: max(0, women + men - len(chosen))]
    chosen |= {unknown[i]: "" for i in drawn}
    # Where nobody has a place, the check of those of known sex says so.
    return dict(sorted(chosen.items())) or choose_speakers(sex_of, women, men, seed)


def plain(text: str) -> str:
    """A text for comparison: case and spacing do not make two of one."""
    return " ".join(text.casefold().split())


def split_texts(said: Mapping[str, Sequence[str]], seed: int) -> dict[str, Split]:
    """text -> its split, so that no text is on two sides and every speaker has something on each.

    said: speaker -> one text per utterance. Of a speaker's utterances a tenth is for validation and a fifth
    for test, at least one each where there are three or more. Texts of several speakers are drawn first, in
    the same shares; what is one speaker's own then fills up what that speaker lacks.
    The choice depends on the names, the texts and the seed, not on their order.
    """
    speakers_of = Counter(text for texts in said.values() for text in set(texts))
    shared = sorted(text for text, speakers in speakers_of.items() if speakers > 1)
    splits = _share(shared, len(shared), {}, np.random.default_rng([seed, 2]))
    for speaker in sorted(said):
        texts = Counter(said[speaker])
        own = sorted(text for text in texts if speakers_of[text] == 1)
        there = Counter({part: 0 for part in ("valid", "test")})
        for text, count in texts.items():
            if text in splits:
                there[splits[text]] += count
        # One stream per speaker, so that whom else was chosen changes little.
        rng = np.random.default_rng([seed, 3, *speaker.encode()])
        splits |= _share(own, texts.total(), there, rng)
    return splits


def _share(
    texts: Sequence[str], utterances: int, there: Mapping[str, int], rng: np.random.Generator
) -> dict[str, Split]:
    """Texts to splits: what a tenth and a fifth of so many utterances lack, less what is `there`; rest trains."""
    least = int(utterances >= 3)
    valid = max(0, max(least, round(utterances / 10)) - there.get("valid", 0))
    test = max(0, max(least, round(utterances / 5)) - there.get("test", 0))
    splits: dict[str, Split] = {}
    for place, i in enumerate(rng.permutation(len(texts))):
        splits[texts[i]] = "test" if place < test else "valid" if place < test + valid else "train"
    return splits
