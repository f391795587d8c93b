"""Speaker verification: does a pair of utterances have one speaker?

Conventions
-----------
scores: [pairs], higher means more alike. same: [pairs] bool, True where one speaker spoke both.

Metrics
-------
eer: equal error rate, the point of the ROC where false acceptances equal false rejections.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from speech_factorization.errors import InputError

__all__ = ["cosines", "eer", "error_curve", "evaluate", "trials", "validate"]


def validate(scores: ArrayLike, same: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Both as arrays; errors: other shapes, scores that are not finite, only one kind of pair."""
    s, y = np.asarray(scores, dtype=np.float64), np.asarray(same, dtype=bool)
    if s.ndim != 1 or s.shape != y.shape:
        raise InputError(f"scores of shape {s.shape}, same of shape {y.shape}", remedy="give one per pair")
    if not np.isfinite(s).all():
        raise InputError("a score is not a finite number", remedy="check the embeddings")
    if y.all() or not y.any():
        raise InputError("pairs of one kind only", remedy="verification needs same and different speakers")
    return s, y


def error_curve(scores: ArrayLike, same: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(false acceptance, false rejection) at every threshold, from accepting none to accepting all.

    Pairs of equal score are accepted together, so the curve does not depend on their order.
    """
    s, y = validate(scores, same)
    order = np.argsort(-s, kind="stable")
    s, y = s[order], y[order]
    last = np.flatnonzero(np.append(np.diff(s) != 0, True))
    accepted_same, accepted_other = np.cumsum(y)[last], np.cumsum(~y)[last]
    false_acceptance = np.concatenate([[0.0], accepted_other / (~y).sum()])
    false_rejection = np.concatenate([[1.0], 1 - accepted_same / y.sum()])
    return false_acceptance, false_rejection


def eer(scores: ArrayLike, same: ArrayLike) -> float:
    """Equal error rate, 0..1, on the ROC's straight lines between neighbouring thresholds.

    The curve falls from (0, 1) to (1, 0), so it crosses the diagonal once: exact, no grid.
    """
    false_acceptance, false_rejection = error_curve(scores, same)
    gap = false_acceptance - false_rejection
    after = int(np.argmax(gap >= 0))
    step = gap[after] - gap[after - 1]
    t = -gap[after - 1] / step
    return float(false_acceptance[after - 1] + t * (false_acceptance[after] - false_acceptance[after - 1]))


def cosines(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Cosine of each row of a [pairs, D] with the same row of b."""
    u, v = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    norms = np.linalg.norm(u, axis=-1) * np.linalg.norm(v, axis=-1)
    cosine: NDArray[np.float64] = (u * v).sum(-1) / np.maximum(norms, 1e-12)
    return cosine


def trials(
    speakers: Sequence[str], texts: Sequence[str] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """All pairs of utterances [pairs, 2] (indices) and whether one speaker spoke both.

    texts: pairs with the same text are left out, so that the words tell nothing; "" is no text.
    """
    first, second = np.triu_indices(len(speakers), 1)
    names = np.asarray(speakers, dtype=str)
    if texts is not None:
        words = np.asarray(texts, dtype=str)
        kept = (words[first] != words[second]) | (words[first] == "")
        first, second = first[kept], second[kept]
    return np.stack([first, second], 1).astype(np.int64), names[first] == names[second]


def evaluate(scores: ArrayLike, same: ArrayLike) -> dict[str, float]:
    """eer, and the mean score of pairs of one speaker and of two."""
    s, y = validate(scores, same)
    return {
        "eer": eer(s, y),
        "cosine_same": float(s[y].mean()),
        "cosine_different": float(s[~y].mean()),
    }
