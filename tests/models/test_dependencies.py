"""Who depends on whom: each factor as the paper has it, and the paper's three ticks derived from the factors."""

from collections.abc import Callable

import pytest
import torch

from speech_factorization.dynamical.gaussian import Gaussian
from speech_factorization.dynamical.model import DynamicalVAE
from speech_factorization.reporting.published import read
from tests.models.small import T, build, models, power

# Which frames reach the distributions at frame t, as functions of (t, T); frames are counted from 1.
# The tables of Girin et al. (2021): generation of z_t and x_t, inference of z_t.
nothing: Callable[[int], set[int]] = lambda t: set()  # noqa: E731
same: Callable[[int], set[int]] = lambda t: {t}  # noqa: E731
before: Callable[[int], set[int]] = lambda t: set(range(1, t))  # noqa: E731
last: Callable[[int], set[int]] = lambda t: {t - 1} - {0}  # noqa: E731
upto: Callable[[int], set[int]] = lambda t: set(range(1, t + 1))  # noqa: E731
onward: Callable[[int], set[int]] = lambda t: set(range(t, T + 1))  # noqa: E731
everything: Callable[[int], set[int]] = lambda t: set(range(1, T + 1))  # noqa: E731

REACH = {
    # model: distribution -> (frames of x, frames of z, v where it is seen)
    "vae": {"q": (same, nothing), "p": (nothing, nothing), "x": (nothing, same)},
    "dkf": {"q": (onward, last), "p": (nothing, last), "x": (nothing, same)},
    "storn": {"q": (upto, nothing), "p": (nothing, nothing), "x": (before, upto)},
    "vrnn": {"q": (upto, before), "p": (before, before), "x": (before, upto)},
    "srnn": {"q": (everything, last), "p": (before, last), "x": (before, same)},
    "rvae_causal": {"q": (onward, before), "p": (nothing, nothing), "x": (nothing, upto)},
    "rvae": {"q": (everything, before), "p": (nothing, nothing), "x": (nothing, everything)},
    "dsae": {
        "q": (everything, nothing, "v"),
        "p": (nothing, before),
        "x": (nothing, same, "v"),
        "v": (everything, nothing),
    },
}


Reach = dict[str, list[tuple[set[int], set[int], bool]]]


def reach(model: DynamicalVAE, monkeypatch: pytest.MonkeyPatch) -> Reach:
    """distribution -> for each t = 1..T the frames of x and of z that a gradient reaches it from, and whether v does.

    "v" is q(v | .), the same for all t.
    """
    # With z_t put in place of its sample, the gradient shows direct dependence alone.
    monkeypatch.setattr(Gaussian, "sample", lambda self, eps: eps)
    x = power(1, T).double().requires_grad_(True)
    noise = model.double().noise(x, torch.Generator().manual_seed(0))
    z, v = (noise.get(key, torch.zeros(1)).requires_grad_(True) for key in ("eps", "eps_v"))
    frames = model(x, **noise)
    values = {"q": torch.cat(frames.q, -1), "p": torch.cat(frames.p, -1), "x": frames.log_y}
    if frames.v is not None:
        values["v"] = torch.cat(frames.v, -1)[:, None].expand(-1, T, -1)
    found: Reach = {}
    for which, value in values.items():
        found[which] = []
        for t in range(T):
            target, reached = value[0, t].square().sum(), tuple(torch.zeros_like(s) for s in (x, z, v))
            if target.requires_grad:
                reached = torch.autograd.grad(
                    target, (x, z, v), retain_graph=True, allow_unused=True, materialize_grads=True
                )
            of_x, of_z = ({int(i) + 1 for i in g[0].abs().sum(-1).nonzero()} for g in reached[:2])
            found[which].append((of_x, of_z, bool(reached[2].any())))
    return found


@models
def test_each_distribution_sees_what_the_paper_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = reach(build(name), monkeypatch)
    assert set(found) == set(REACH[name])
    for which, (of_x, of_z, *of_v) in REACH[name].items():
        assert found[which] == [(of_x(t), of_z(t), bool(of_v)) for t in range(1, T + 1)], which


def nodes(of_x: set[int], of_z: set[int], of_v: bool) -> set[str]:
    """Names of variables."""
    return {f"x{i}" for i in of_x} | {f"z{i}" for i in of_z} | ({"v"} if of_v else set())


def separated(parents: dict[str, set[str]], a: str, b: str, given: set[str]) -> bool:
    """Whether a graph's a and b are independent given a set: no path in its moralised ancestral graph."""
    kept, open_ = set(), [a, b, *given]
    while open_:
        node = open_.pop()
        if node not in kept:
            kept.add(node)
            open_ += parents[node]
    linked: dict[str, set[str]] = {node: set() for node in kept}
    for node in kept:
        family = {node, *parents[node]}
        for one in family:
            linked[one] |= family - {one}
    seen, open_ = {a}, [a]
    while open_:
        for node in linked[open_.pop()] - seen - given:
            seen.add(node)
            open_.append(node)
    return b not in seen


@models
def test_the_papers_three_ticks_follow(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Autoregressive; inference as the exact posterior; dynamics on z: from the gradients alone."""
    found = reach(build(name), monkeypatch)
    parents: dict[str, set[str]] = {"v": set()} if "v" in found else {}
    for t in range(1, T + 1):
        for node, which in ((f"z{t}", "p"), (f"x{t}", "x")):
            parents[node] = nodes(*found[which][t - 1])
    x_all = {f"x{i}" for i in range(1, T + 1)}
    exact = []
    for t in range(1, T + 1):
        # The exact posterior factorises as prod_t p(z_t | z_{1:t-1}, x_{1:T}, v): what of that z_t needs.
        around = x_all | {f"z{i}" for i in range(1, t)} | (parents.keys() & {"v"})
        needed = {u for u in around if not separated(parents, f"z{t}", u, around - {u})}
        exact.append(needed == nodes(*found["q"][t - 1]))
    ticks = {
        "autoregressive": any(of_x for which in "px" for of_x, _, _ in found[which]),
        "true_posterior": all(exact),
        "dynamical_z": any(of_z for _, of_z, _ in found["p"]),
    }
    assert ticks == read("dynamical_models").loc[name].astype(bool).to_dict()
