"""Who takes part and which text goes where, in corpora that name neither sexes nor texts for certain."""

import unicodedata
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
    """A text for comparison: case, spacing, punctuation and Unicode's ways to write a letter do not make two of one.

    Letters, digits and their marks are left; a text without any keeps what it has. "" is no text.
    """
    # Folding may leave letters that decompose further.
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    words = folded.split()
    spelt = ("".join(sign for sign in word if unicodedata.category(sign)[0] in "LMN") for word in words)
    return unicodedata.normalize("NFKC", " ".join(filter(None, spelt)) or " ".join(words))


def split_texts(said: Mapping[str, Sequence[str]], seed: int) -> dict[str, Split]:
    """text -> its split, so that no text is on two sides; who has three texts of his or her own is on each.

    said: speaker -> one text per utterance. Of a speaker's utterances a tenth is for validation and a fifth
    for test, at least one each where there are three texts or more. Texts of several speakers are drawn first, in
    the same shares, as if each were said once; fewer than three of them all train. What is one speaker's own then
    fills up what that speaker lacks, but for one text that trains. So a speaker who has none may lack a side.
    The choice depends on the names, the texts and the seed, not on their order.
    """
    speakers_of = Counter(text for texts in said.values() for text in set(texts))
    shared = {text: 1 for text, speakers in speakers_of.items() if speakers > 1}
    splits = _share(shared, Counter(), int(len(shared) >= 3), np.random.default_rng([seed, 2]))
    for speaker in sorted(said):
        texts = Counter(said[speaker])
        there: Counter[Split] = Counter()
        for text, count in texts.items():
            if text in splits:
                there[splits[text]] += count
        own = {text: count for text, count in texts.items() if speakers_of[text] == 1}
        # One stream per speaker, so that whom else was chosen changes little.
        rng = np.random.default_rng([seed, 3, *speaker.encode()])
        splits |= _share(own, there, int(len(texts) >= 3), rng)
    return splits


def _share(
    texts: Mapping[str, int], there: Counter[Split], least: int, rng: np.random.Generator
) -> dict[str, Split]:
    """Texts to splits: to test and validation what they lack of a fifth and a tenth; the rest trains.

    texts: text -> utterances of it; there: split -> utterances it has already; least: utterances of either.
    """
    utterances = sum(texts.values()) + there.total()
    names = sorted(texts)
    left = [names[i] for i in rng.permutation(len(names))]
    shares: list[tuple[Split, int]] = [
        ("test", max(least, round(utterances / 5)) - there["test"]),
        ("valid", max(least, round(utterances / 10)) - there["valid"]),
    ]
    splits: dict[str, Split] = {}
    while shares:
        part, lacking = shares.pop(0)
        # One text of several utterances fills a share, and leaves one for each of the others.
        kept = sum(other > 0 for _, other in shares) + (not there["train"])
        while lacking > 0 and len(left) > kept:
            text = left.pop(0)
            splits[text] = part
            lacking -= texts[text]
    return splits | dict.fromkeys(left, "train")
