"""Discrete units of speech: what they say of phones, how many are in use, and how many bits they take.

Conventions
    phones, units: [N] integers, both of the same N > 0 moments. streams: the codes of each utterance, [T] integers
    from 0 to codes - 1. rate: codes a second.

Metrics
    pnmi          I(phone; unit) / H(phone), 0..1 (Hsu et al., HuBERT, IEEE/ACM TASLP 2021)
    phone_purity  mean over moments of p(likeliest phone | unit), 0..1 (the same)
    usage         share of the codes that occur, 0..1
    perplexity    exp H(code): of how many equally frequent codes the entropy would be the same
    bits a second: nominal, rate log2(codes); unigram, rate H(code); conditional, rate H(code | the one before it in
                  its utterance). Entropies of the frequencies themselves, so on little data they are too low, the
                  conditional one most; what a file takes is another thing
    runs_per_second  how often a code begins, equal ones in a row being one
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speech_factorization.errors import InputError

__all__ = ["bits_per_second", "of_phones", "perplexity", "phone_purity", "pnmi", "runs_per_second", "usage"]

Integers = NDArray[np.integer[Any]]
Counts = NDArray[np.float64]


def pnmi(phones: Integers, units: Integers) -> float:
    """Share of the phones' entropy that the units take away; of a single phone 0."""
    counts = _table(phones, units)
    phone = _entropy(counts.sum(1))
    # Sums of logarithms may come out a last digit beyond either end.
    return (
        float(np.clip((phone + _entropy(counts.sum(0)) - _entropy(counts)) / phone, 0, 1)) if phone else 0.0
    )


def phone_purity(phones: Integers, units: Integers) -> float:
    """How often the phone is the likeliest one of its unit."""
    counts = _table(phones, units)
    return float(counts.max(0).sum() / counts.sum())


def of_phones(phones: Integers, units: Integers) -> dict[str, float]:
    """pnmi and phone_purity."""
    return {"pnmi": pnmi(phones, units), "phone_purity": phone_purity(phones, units)}


def usage(streams: Sequence[Integers], codes: int) -> float:
    """Share of the codes that occur."""
    return len(np.unique(_joined(streams, codes))) / codes


def perplexity(streams: Sequence[Integers], codes: int) -> float:
    """exp H(code), 1..codes."""
    return float(np.exp(_entropy(np.bincount(_joined(streams, codes)))))


def runs_per_second(streams: Sequence[Integers], rate: float) -> float:
    """How many codes a second are left when equal ones in a row are one."""
    total = sum(map(len, streams))
    if not total:
        raise InputError("no codes", remedy="give streams that are not empty")
    return float(rate * sum(1 + np.count_nonzero(np.diff(s)) for s in streams if len(s)) / total)


def bits_per_second(streams: Sequence[Integers], codes: int, rate: float) -> dict[str, float]:
    """nominal_, unigram_ and conditional_bits_per_second; the last is 0 where no code has one before it."""
    unigram = _entropy(np.bincount(_joined(streams, codes)))
    nats = {"nominal": np.log(codes), "unigram": unigram, "conditional": _conditional(streams)}
    return {f"{name}_bits_per_second": float(rate * value / np.log(2)) for name, value in nats.items()}


def _conditional(streams: Sequence[Integers]) -> float:
    """H(code | the one before it) in nats."""
    before = np.concatenate([stream[:-1] for stream in streams])
    if not before.size:
        return 0.0
    counts = _table(before, np.concatenate([stream[1:] for stream in streams]))
    return max(0.0, _entropy(counts) - _entropy(counts.sum(1)))


def _joined(streams: Sequence[Integers], codes: int) -> NDArray[np.int64]:
    """All codes [N]. Errors: there are none, or one is no code."""
    together = np.concatenate([np.zeros(0, np.int64), *streams]).astype(np.int64)
    if not together.size or together.min() < 0 or together.max() >= codes:
        raise InputError(
            f"{together.size} codes, not all from 0 to {codes - 1}", remedy="give the codebook's size"
        )
    return together


def _table(rows: Integers, columns: Integers) -> Counts:
    """How often each pair occurs."""
    if rows.shape != columns.shape or rows.ndim != 1 or not rows.size:
        raise InputError(f"{list(rows.shape)} and {list(columns.shape)}", remedy="give two arrays [N], N > 0")
    (_, i), (_, j) = (np.unique(part, return_inverse=True) for part in (rows, columns))
    counts = np.zeros((i.max() + 1, j.max() + 1))
    np.add.at(counts, (i, j), 1.0)
    return counts


def _entropy(counts: NDArray[Any]) -> float:
    """In nats, of the distribution that counts are proportional to."""
    p = counts[counts > 0] / counts.sum()
    # Not -0.0, of one outcome alone.
    return float(abs((p * np.log(p)).sum()))
