"""Claims of the paper on discrete units (Polyak et al., Interspeech 2021), decided from figures.

A claim is comparisons `a < share b + margin` of figures where less is better; one lost decides against it. The
statements are our reading of what the paper says of its tables; margins are ours, since it has none: two percent points
of an error are counted as near. A model that says nothing would meet claims on conversion: what it converts to is as
bad as what it converts from. So ours are decided where the reference is usable, and those of clustered units where the
model speaks from such.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from speech_factorization.reporting.claims import Verdict
from speech_factorization.reporting.conversions import PUBLISHED_UNITS, UNITS
from speech_factorization.reporting.resynthesis import published

__all__ = ["CLAIMS", "Claim", "Comparison", "Limit", "decide", "obstacle", "ours_of", "theirs"]

Value = Callable[[str], Any]

NEAR = 0.02

# Less is better of these: one minus a figure of which more is.
COMPLEMENTS = {
    "phone_loss": "phone_accuracy",
    "agreement": "ffe",
    "decorrelation_original": "correlation_original",
}

# Absolute values: what is left of a contour that was turned round is left too.
ABSOLUTE = {"left_of_original": "correlation_original"}


@dataclass(frozen=True)
class Comparison:
    """first < share second + margin, both as dotted keys; name: what the verdict calls it."""

    name: str
    first: str
    second: str
    margin: float = 0.0
    share: float = 1.0


@dataclass(frozen=True)
class Limit:
    """A figure by its dotted key that must lie below `below`; name: what it is called where it does not."""

    name: str
    key: str
    below: float


@dataclass(frozen=True)
class Claim:
    """statement: what is claimed; published, ours: the comparisons it is held to.

    usable: what the reference of ours must be; clustered: of a model of clustered units alone.
    """

    statement: str
    compared: str
    published: tuple[Comparison, ...]
    ours: tuple[Comparison, ...]
    usable: tuple[Limit, ...] = ()
    clustered: bool = False


def _between(figure: str, lower: Sequence[str], higher: Sequence[str]) -> tuple[Comparison, ...]:
    """Each of the lower types of units against each of the higher ones, in one figure."""
    return tuple(Comparison(f"{a} < {b}", f"{a}.{figure}", f"{b}.{figure}") for a in lower for b in higher)


def _within(units: Sequence[str], first: str, second: str, margin: float) -> tuple[Comparison, ...]:
    """One figure of each type of units against another of the same."""
    return tuple(Comparison(name, f"{name}.{first}", f"{name}.{second}", margin) for name in units)


SELF_SUPERVISED, AUTOENCODER = ("cpc", "hubert"), ("vqvae",)
CLUSTERED = ("kmeans", "cpc", "hubert")
EVERY = (*SELF_SUPERVISED, *AUTOENCODER)

USABLE = (
    Limit("own EER", "conversion.own.eer", 0.25),
    Limit("phone error of reconstruction", "conversion.reconstruction.phone_error", 0.5),
)
HAS_CONTOUR = (
    Limit("1 - correlation of F0 as it was", "pitch_conversion.reconstruction.decorrelation_original", 0.5),
)

CLAIMS = (
    Claim(
        "clustered units keep phones better than a VQ-VAE's",
        "published: PER of reconstruction; ours: 1 - phone accuracy read from the units",
        _between("reconstruction.per", SELF_SUPERVISED, AUTOENCODER),
        _between("phone_loss", CLUSTERED, AUTOENCODER),
    ),
    Claim(
        "clustered units hold less of the speaker than a VQ-VAE's",
        "published: EER of conversion; ours: speaker accuracy read from the units",
        _between("conversion.eer", SELF_SUPERVISED, AUTOENCODER),
        _between("speaker_accuracy", CLUSTERED, AUTOENCODER),
    ),
    Claim(
        "clustered units hold less of F0 than a VQ-VAE's",
        "published: 1 - FFE to the original after flattening; ours: R2 of F0 read from the units",
        _between("flattened.agreement", SELF_SUPERVISED, AUTOENCODER),
        _between("f0_r2", CLUSTERED, AUTOENCODER),
    ),
    Claim(
        "of clustered units, a converted voice is taken for its target as a reconstructed one for its own",
        "EER of conversion < EER of reconstruction + .02; ours: in its own voice as other utterances have it",
        _within(SELF_SUPERVISED, "conversion.eer", "reconstruction.eer", NEAR),
        (
            Comparison("seen", "conversion.seen.eer", "conversion.own.eer", NEAR),
            Comparison("unseen", "conversion.unseen.eer", "conversion.own.eer", NEAR),
        ),
        USABLE,
        clustered=True,
    ),
    Claim(
        "of clustered units, conversion leaves what is said",
        "phone error of conversion < that of reconstruction + .02",
        _within(SELF_SUPERVISED, "conversion.per", "reconstruction.per", NEAR),
        (
            Comparison("seen", "conversion.seen.phone_error", "conversion.reconstruction.phone_error", NEAR),
            Comparison(
                "unseen", "conversion.unseen.phone_error", "conversion.reconstruction.phone_error", NEAR
            ),
        ),
        USABLE,
        clustered=True,
    ),
    Claim(
        "flattening takes the old contour away",
        "published: 1 - FFE to the original, flattened < reconstructed; ours: correlation of log F0 with the "
        "original's, flattened < half of reconstructed",
        _within(EVERY, "flattened.agreement", "reconstruction.agreement", 0.0),
        (
            Comparison(
                "flat",
                "pitch_conversion.flatten.left_of_original",
                "pitch_conversion.reconstruction.left_of_original",
                share=0.5,
            ),
        ),
        HAS_CONTOUR,
    ),
    Claim(
        "an unseen voice is met as well as one trained on",
        "EER: unseen < seen + .02 (ours alone: the published code takes no unseen speaker); pools of unlike size, and "
        "the judges' network knows the seen speakers",
        (),
        (Comparison("unseen", "conversion.unseen.eer", "conversion.seen.eer", NEAR),),
        USABLE,
    ),
)


def theirs(key: str) -> float | None:
    """One of the paper's figures by its key in `CLAIMS`, UNITS.EXPERIMENT.MEASURE."""
    units, experiment, name = key.split(".")
    table = published(experiment)
    return float(_less(lambda measure: table.loc[PUBLISHED_UNITS[units], measure], name))


def ours_of(units: Value, model: Value, key: str) -> float | None:
    """One of ours by its key in `CLAIMS`; units, model: what stands at a dotted key of their metrics, or None."""
    block, _, name = key.rpartition(".")
    known = units if block in UNITS else model
    found = _less(lambda figure: known(f"{block}.{figure}"), name)
    return None if found is None else float(found)


def obstacle(claim: Claim, value: Value, content_units: Any) -> str | None:
    """Why a claim cannot be decided of a model: other units, or an unusable reference; None where it can.

    value: as `decide` takes it; content_units: the model's type of units, None where it names none.
    """
    if claim.clustered and content_units not in CLUSTERED:
        return f"units: {content_units or 'unknown'}"
    for limit in claim.usable:
        found = value(limit.key)
        if found is None or not found < limit.below:
            said = "unknown" if found is None else f"{found:.3f}, not below {limit.below:g}"
            return f"{limit.name} {said}"
    return None


def _less(value: Value, name: str) -> Any:
    """A figure of which less is better: itself, an absolute value, or one minus what it is the complement of."""
    if name in ABSOLUTE:
        found = value(ABSOLUTE[name])
        return None if found is None else abs(found)
    if name not in COMPLEMENTS:
        return value(name)
    found = value(COMPLEMENTS[name])
    return None if found is None else 1 - found


def decide(comparisons: Sequence[Comparison], value: Value) -> Verdict:
    """What the figures say; value: dotted key -> the figure, or None. The closest comparison has the least margin."""
    found: dict[str, tuple[float, float, float]] = {}
    for one in comparisons:
        first, second = value(one.first), value(one.second)
        if first is not None and second is not None:
            found[one.name] = (one.share * second + one.margin - first, first, second)
    if not found:
        return Verdict(0, 0, 0, len(comparisons))
    lost = tuple(name for name, (margin, *_) in found.items() if margin < 0)
    tied = tuple(name for name, (margin, *_) in found.items() if margin == 0)
    closest = min(lost or found, key=lambda name: found[name][0])
    margin, first, second = found[closest]
    complete = len(found) == len(comparisons) and not tied
    return Verdict(
        held=int(complete and not lost),
        seeds=int(complete or bool(lost)),
        compared=len(found),
        pairs=len(comparisons),
        lost=lost,
        tied=() if lost else tied,
        closest=closest,
        first=first,
        second=second,
        margin=margin,
    )
