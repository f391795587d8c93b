"""Claims about a flow's code of vowels (arXiv 1910.13288), decided from figures, of it and of the spaces beside it.

A claim of a flow that holds of one Gaussian or of the spectrogram itself is no merit of the flow.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from speech_factorization.reporting.vowels import FACTORS, KINDS, LEVELS, SPACES, Value

__all__ = ["HOLDS", "IN_PART", "NOT", "STATED", "UNDECIDED", "Claim", "verdicts"]

HOLDS, IN_PART, NOT, UNDECIDED = "holds", "in part", "does not hold", "not decided"

# What is decided of one space: a verdict, and the figures it is of; None where a figure lacks.
Decision = tuple[str, str] | None


@dataclass(frozen=True)
class Claim:
    """statement: what is claimed; rule: when it holds, and when in part; decide: of a space and the figures."""

    statement: str
    rule: str
    decide: Callable[[str, Value], Decision]


class Lacking(Exception):
    """A figure that a claim needs is not there."""


def _number(value: Value, key: str) -> float:
    found = value(key)
    if found is None:
        raise Lacking(key)
    return float(found)


def _verdict(whole: bool, part: bool) -> str:
    return HOLDS if whole else IN_PART if part else NOT


def _marginals(space: str, value: Value) -> Decision:
    at = {of: _number(value, f"distribution.{of}.kolmogorov_smirnov") for of in (space, "gaussian")}
    normal = _number(value, f"distribution.{space}.normal")
    whole, part = at[space] <= 1.1 * at["gaussian"], at[space] <= 1.5 * at["gaussian"]
    return _verdict(
        whole, part
    ), f"K-S {at[space]:.2f}, normal numbers {at['gaussian']:.2f}; {normal:.2f} normal"


def _joint(space: str, value: Value) -> Decision:
    spread = _number(value, f"distribution.{space}.radial_spread")
    return _verdict(spread <= 1.5, spread <= 5), f"radial spread {spread:.2f}"


def _likelihood(space: str, value: Value) -> Decision:
    if space == "ppca":
        return None
    bits = {of: _number(value, f"distribution.{of}.bits") for of in (space, "ppca")}
    return _verdict(
        bits[space] <= bits["ppca"] - 0.01, False
    ), f"{bits[space]:.3f} bits, one Gaussian {bits['ppca']:.3f}"


def _samples(space: str, value: Value) -> Decision:
    at = f"sampling.{space}.t100"
    near, rough = _number(value, f"{at}.nearest_ratio"), _number(value, f"{at}.roughness")
    silent = _number(value, f"{at}.silent_frames") - _number(value, "sampling.real.silent_frames")
    sure = _number(value, f"{at}.entropy") / max(_number(value, "sampling.real.entropy_of_all"), 1e-9)
    vowels = sure <= 0.5 and silent <= 0.1
    whole = vowels and near <= 1.2 and 0.8 <= rough <= 1.25
    return _verdict(
        whole, vowels
    ), f"distance {near:.2f}, roughness {rough:.2f}, entropy {sure:.2f} of a guess"


def _gradual(kind: str) -> Callable[[str, Value], Decision]:
    def decide(space: str, value: Value) -> Decision:
        at = f"interpolation.{kind}.{space}"
        rising, step = _number(value, f"{at}.monotonicity"), _number(value, f"{at}.largest_step")
        rise = _number(value, f"{at}.target_at_end") - _number(value, f"{at}.target_at_start")
        whole = rising >= 0.95 and rise >= 0.5 and step <= 0.3
        part = rising >= 0.9 and rise >= 0.2 and step <= 0.5
        return _verdict(whole, part), f"{rising:.2f} of steps rise, {rise:.2f} in all, {step:.2f} at once"

    return decide


def _kept(kind: str) -> Callable[[str, Value], Decision]:
    def decide(space: str, value: Value) -> Decision:
        at = f"interpolation.{kind}.{space}"
        ends, between = _number(value, f"{at}.kept_at_ends"), _number(value, f"{at}.kept_between")
        original = _number(value, f"interpolation.{kind}.original.kept_at_ends")
        if ends < 0.8 * original:
            said = f"the judge no longer sees it through the front: {ends:.2f} of {original:.2f}"
            return UNDECIDED, said
        return _verdict(
            between >= ends - 0.02, between >= ends - 0.1
        ), f"{ends:.2f} at the ends, {between:.2f} between"

    return decide


def _dense(kind: str) -> Callable[[str, Value], Decision]:
    def decide(space: str, value: Value) -> Decision:
        at = f"interpolation.{kind}.{space}"
        typical, contrast = _typical(value, at), _number(value, f"{at}.contrast")
        straight = typical >= 0.9 and contrast >= 0.9
        said = f"typical {typical:.2f}, contrast {contrast:.2f}"
        on_sphere = False
        if value(f"{at}_sphere.contrast") is not None:
            found, sharp = _typical(value, f"{at}_sphere"), _number(value, f"{at}_sphere.contrast")
            on_sphere = found >= 0.9 and sharp >= 0.9
            said += f"; on the sphere {found:.2f}, {sharp:.2f}"
        return _verdict(straight, on_sphere or typical >= 0.9), said

    return decide


def _typical(value: Value, at: str) -> float:
    """By the flow's density and by one Gaussian's: the less."""
    by = [value(f"{at}.typicality_by_{space}") for space in ("glow", "ppca")]
    known = [float(share) for share in by if share is not None]
    if not known:
        raise Lacking(at)
    return min(known)


def _denoising(space: str, value: Value) -> Decision:
    gains, others, snrs = [], [], []
    for level in LEVELS:
        at = f"denoising.{level}"
        gains.append(_number(value, f"{at}.{space}.b080.distance_gain"))
        snrs.append(_number(value, f"{at}.{space}.b080.snr_gain"))
        others.append(_number(value, f"{at}.spectral_subtraction.distance_gain"))
    part = min(gains) >= 0.1
    whole = part and min(snrs) >= 0 and all(a >= b for a, b in zip(gains, others, strict=True))
    said = ", ".join(f"{a:.1f} of {b:.1f}" for a, b in zip(gains, others, strict=True))
    return _verdict(whole, part), (
        f"{said} dB at 0, 10 and 20 dB; SNR {', '.join(f'{snr:+.1f}' for snr in snrs)} dB"
    )


def _lost(kind: str) -> Callable[[str, Value], Decision]:
    def decide(space: str, value: Value) -> Decision:
        if space == "spectrogram":
            return None
        rises, said = [], [f"of {_number(value, f'lda.{kind}.items'):.0f} items"]
        for name, key in (("LDA", "error"), ("ridge", "ridge_error")):
            of = [_number(value, f"lda.{kind}.{where}.{key}") for where in ("spectrogram", space)]
            rises.append(of[1] - of[0])
            said.append(f"{name} {of[0]:.3f} to {of[1]:.3f}")
        return _verdict(min(rises) >= 0.1, max(rises) >= 0.02), "; ".join(said)

    return decide


def _directions(space: str, value: Value) -> Decision:
    there = [factor for factor in FACTORS if value(f"directions.{space}.{factor}.p_phone") is not None]
    if not there:
        return None
    p = {name: _number(value, f"directions.{space}.{there[-1]}.p_{name}") for name in there}
    of = {name: 0.8 * _number(value, f"reconstruction.front.p_{name}") for name in there}
    won = [p[name] >= of[name] for name in there]
    said = ", ".join(f"{'vowel' if name == 'phone' else name} {p[name]:.2f}" for name in there)
    at = f"directions.{space}.{there[-1]}.typicality_by"
    # The spectrogram has no density of its own that says how probable speech is.
    typical = _number(value, f"{at}_{'glow' if space == 'spectrogram' else space}")
    said += f"; typical {typical:.2f}"
    return _verdict(all(won) and typical >= 0.5, sum(won) > len(won) / 2), said


STATED = (
    Claim("codes are normal, each dimension", "K-S within 1.1 of normal numbers' (in part: 1.5)", _marginals),
    Claim("codes are normal, all together", "radial spread up to 1.5 (in part: 5)", _joint),
    Claim("denser than one Gaussian", "by .01 bits per bin or more", _likelihood),
    Claim(
        "samples are plausible",
        "T = 1: the judge's entropy at most half of a guess's, no more silence than in speech (in part), and distance "
        "to training vowels up to 1.2, roughness .8 to 1.25 of real ones' with the noise of training",
        _samples,
    ),
    *(
        Claim(
            f"interpolation is gradual: {kind}",
            "posterior rises in .95 of the steps, by .5 in all, by .3 at once at most (in part: .9, .2, .5)",
            _gradual(kind),
        )
        for kind in KINDS
    ),
    *(
        Claim(
            f"the other factor stays: {kind} changed",
            "posterior between the ends up to .02 under that at the ends (in part: .1); not decided where at the ends "
            "it is under .8 of what it is of the pictures themselves",
            _kept(kind),
        )
        for kind in KINDS
    ),
    *(
        Claim(
            f"the space is dense: {kind}",
            "straight line: .9 of the points typical by both densities, contrast of the middle .9 of the ends' (in "
            "part: typical alone, or both on the sphere)",
            _dense(kind),
        )
        for kind in KINDS
    ),
    Claim(
        "a shift takes noise out",
        "b = .8, at every level: at least the log-spectral gain of spectral subtraction, and of .1 dB, and no SNR lost "
        "(in part: a gain of .1 dB)",
        _denoising,
    ),
    *(
        Claim(
            f"the class is harder to find linearly in the code: {kind}",
            "from as many items as are named, error rises by .1 or more by LDA after PCA and by ridge (in part: either "
            "by .02)",
            _lost(kind),
        )
        for kind in KINDS
    ),
    Claim(
        "factors are directions",
        "after the last step .8 of a real vowel's posterior for every factor, and half of the points typical by the "
        "space's own density, the spectrogram's by Glow's (in part: for most factors)",
        _directions,
    ),
)


def verdicts(value: Value) -> pd.DataFrame:
    """claim, rule, and a verdict with its figures per space; empty where a figure lacks. Claims without any are none.

    value: what stands at a dotted key of metrics/glow.json, or None.
    """
    found: list[dict[str, Any]] = []
    for claim in STATED:
        told = {}
        for space, title in SPACES.items():
            try:
                decision = claim.decide(space, value)
            except Lacking:
                decision = None
            told[title] = "" if decision is None else f"{decision[0]} ({decision[1]})"
        if any(told.values()):
            found.append({"claim": claim.statement, "rule": claim.rule, **told})
    return pd.DataFrame(found, columns=["claim", "rule", *SPACES.values()])
