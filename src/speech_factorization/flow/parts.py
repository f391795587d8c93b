"""Which dimensions of the code belong to which factor."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from speech_factorization.errors import InputError

__all__ = ["MINIMUM", "check_counts", "slices"]

# With fewer segments a class's mean is mostly the noise of these few.
MINIMUM = 5


def slices(
    sizes: Mapping[str, int | None], factors: Mapping[str, Sequence[str]], size: int, share: bool, where: str
) -> dict[str, slice]:
    """factor -> its slice of the code; parts stand one after the other, from 0, in the order of `factors`.

    sizes: of each part; None is what class means span, classes - 1, or with `share` an equal share of all.
    factors: of the data, with their classes; size: dimensions there are for parts; where: names the
    parameters in errors. Errors: InputError for a factor that the data does not have or that has one class,
    and for sizes that do not add up.
    """
    strange = [name for name in sizes if name not in factors]
    if strange:
        there = ", ".join(factors) or "none"
        raise InputError(
            f"the data has no factor {strange[0]} (there are: {there})", where, "name it under corpus.factors"
        )
    parts: dict[str, slice] = {}
    start = 0
    # Not in the order of `sizes`: a checkpoint's hyperparameters come back in another.
    for name in (name for name in factors if name in sizes):
        wanted = sizes[name]
        if len(factors[name]) < 2:
            has = "fewer than two classes" if factors[name] else "no label on any training segment"
            raise InputError(f"{name} has {has}", where, "leave the factor out")
        stop = start + (wanted or (size // len(sizes) if share else len(factors[name]) - 1))
        parts[name], start = slice(start, stop), stop
    if start > size:
        said = " + ".join(f"{name} {part.stop - part.start}" for name, part in parts.items())
        raise InputError(
            f"parts of {said} = {start} dimensions, of {size} there are", where, "make them smaller"
        )
    return parts


def check_counts(counts: Mapping[str, Tensor], factors: Mapping[str, Sequence[str]], where: str) -> None:
    """counts: factor -> training segments of each class.

    Errors: InputError for a factor without labels, or a class with fewer than `MINIMUM` segments, named.
    """
    for factor, count in counts.items():
        if not count.sum() > 0:
            raise InputError(f"no training segment has a label of {factor}", where, "leave the factor out")
        fewest = int(count.argmin())
        if count[fewest] < MINIMUM:
            raise InputError(
                f"{factor} {factors[factor][fewest]} has {int(count[fewest])} training segments, "
                f"the minimum is {MINIMUM}",
                where,
                "use more data, or leave out the class or the factor",
            )
