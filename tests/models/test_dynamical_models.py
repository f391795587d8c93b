"""What holds for every dynamical VAE: who depends on whom, lengths, bad frames, the loss and its start."""

import dataclasses
import importlib
import math
import sys
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from speech_factorization.dynamical.gaussian import Gaussian
from speech_factorization.dynamical.itakura_saito import itakura_saito
from speech_factorization.dynamical.layers import previous
from speech_factorization.dynamical.model import DynamicalVAE
from speech_factorization.errors import InputError
from speech_factorization.interfaces import Batch, Data, Schedule, Trainable
from speech_factorization.reporting.published import read

BINS, T = 5, 7

SMALL = {
    "vae": {"z_dim": 3, "x_z": [6, 4], "z_x": [4, 6]},
    "dkf": {"z_dim": 3, "rnn": 4, "x_g": [6], "z_g": [4, 5], "g_z": [5, 4], "z_x": [4, 6]},
    "storn": {"z_dim": 3, "rnn": 4, "x_g": [6], "g_z": [5, 4], "z_h": [4, 5], "x_h": [6], "h_x": [6]},
    "vrnn": {"z_dim": 3, "rnn": 4, "x": [6], "z": [4, 5], "hx_z": [5, 4], "h_z": [5, 4], "hz_x": [6]},
    "srnn": {"z_dim": 3, "rnn": 4, "x_h": [6], "hx_g": [6], "gz_z": [5, 4], "hz_z": [5, 4], "hz_x": [6]},
    "rvae_causal": {"z_dim": 3, "rnn": 4, "x_g": [6], "z_g": [4, 5], "g_z": [5, 4], "z_h": [4, 5], "h_x": [6]},
    "rvae": {"z_dim": 3, "rnn": 4, "x_g": [6], "z_g": [4, 5], "g_z": [5, 4], "z_h": [4, 5], "h_x": [6]},
    "dsae": {
        "z_dim": 3, "v_dim": 2, "rnn": 4, "rnn_z": 4, "rnn_p": 3,
        "x_g": [6], "g_v": [5], "xv_r": [6], "r_k": [5], "vz_x": [4, 6],
    },
}  # fmt: skip
AUTOREGRESSIVE = ("storn", "vrnn", "srnn")

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

models = pytest.mark.parametrize("name", SMALL)


def build(name: str, seed: int = 0, **more: object) -> DynamicalVAE:
    torch.manual_seed(seed)
    module = importlib.import_module(f"speech_factorization.models.{name}")
    model: DynamicalVAE = module.Model(module.Hyperparameters(**SMALL[name], **more), Data({}, (BINS,)))
    return model


def power(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, BINS, generator=torch.Generator().manual_seed(seed)).square()


def at(epoch: int = 0, training: bool = True, seed: int = 0) -> Schedule:
    return Schedule(epoch, 10, 0, torch.Generator().manual_seed(seed), training)


def batch_of(x: Tensor, *lengths: int) -> Batch:
    names = tuple(f"utterance{i}" for i in range(len(x)))
    return Batch(x, torch.tensor(lengths or [x.shape[1]] * len(x)), utterances=names)


@pytest.fixture
def no_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Losses at the posterior mean: noise depends on how a batch is padded."""
    monkeypatch.setattr(Gaussian, "sample", lambda self, eps: self.mean)


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


@models
def test_padding_changes_nothing(name: str, no_noise: None) -> None:
    model = build(name)
    lengths = (7, 3, 1)
    x = power(3, T)
    for i, length in enumerate(lengths):
        x[i, length:] = float("nan")
    terms = model.loss(batch_of(x, *lengths), "model", at())
    terms["loss"].backward()
    together = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    codes = model.encode(x, lengths=torch.tensor(lengths))
    y = model.decode(codes)

    model.zero_grad()
    for i, length in enumerate(lengths):
        alone = x[i : i + 1, :length]
        share = length / sum(lengths)
        found = model.loss(batch_of(alone), "model", at())
        (share * found["loss"]).backward()
        terms = {key: value - share * found[key] for key, value in terms.items()}
        mine = model.encode(alone)
        for key, code in mine.items():
            of_frames = code.ndim == 3
            torch.testing.assert_close(code[0], codes[key][i, :length] if of_frames else codes[key][i])
        torch.testing.assert_close(model.decode(mine)[0], y[i, :length])
    for value in terms.values():
        assert value.detach().abs() < 1e-5
    apart = [p.grad for p in model.parameters() if p.grad is not None]
    torch.testing.assert_close(together, apart, rtol=1e-4, atol=1e-6)


@models
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, -1.0])
def test_a_bad_frame_is_named(name: str, bad: float) -> None:
    x = power(2, T)
    x[1, 4, 2] = bad
    model, batch = build(name), batch_of(x)
    for use in (lambda: model.loss(batch, "model", at()), lambda: model.initialise([batch])):
        with pytest.raises(
            InputError, match=r"^utterance1: frame 4 of the spectrogram is (not finite|below 0)"
        ):
            use()
    with pytest.raises(InputError, match=r"^item 1 of the batch: frame 4"):
        model.encode(x)


@models
def test_a_diverged_model_is_named(name: str) -> None:
    model = build(name)
    with torch.no_grad():
        model.p_x.head.bias.fill_(-1e4)
    with pytest.raises(InputError, match="the loss is not finite"):
        model.loss(batch_of(power(2, T)), "model", at())


@models
def test_hooks_and_terms(name: str) -> None:
    model = build(name, beta=0.3)
    assert isinstance(model, Trainable)
    assert {id(p) for p in model.players()["model"]} == {id(p) for p in model.parameters()}
    terms = model.loss(batch_of(power(2, T)), "model", at())
    kl_v = terms.get("kl_v", torch.tensor(0.0))
    torch.testing.assert_close(terms["loss"], terms["reconstruction"] + 0.3 * terms["kl"] + kl_v)
    torch.testing.assert_close(terms["elbo"], -terms["reconstruction"] - terms["kl"] - kl_v)


@models
def test_mixed_precision_is_narrow_where_it_may_be(name: str) -> None:
    model, x = build(name), power(3, 40)
    batch = batch_of(x, 40, 25, 3)
    exact = model.loss(batch, "model", at())
    with torch.autocast("cpu", torch.bfloat16):
        frames = model(x, lengths=batch.lengths, **model.noise(x, at().generator))
        mixed = model.loss(batch, "model", at())
    values = [frames.log_y, *frames.q, *frames.p, *(frames.v or ())]
    assert {value.dtype for value in values} == {torch.float32}
    for key, value in exact.items():
        assert 0 < (mixed[key] - value).abs() < 0.02 * value.abs() + 0.02, key


@models
def test_loss_is_deterministic_in_its_generator(name: str) -> None:
    model, batch = build(name), batch_of(power(2, T))
    first, again, other = (model.loss(batch, "model", at(seed=s))["elbo"].detach() for s in (0, 0, 1))
    assert first == again != other


@models
def test_kl_warms_up_in_training_alone(name: str) -> None:
    more = {"beta_v": 2.0} if name == "dsae" else {}
    model, batch = build(name, beta=2.0, kl_warm_up=[0, 4], **more), batch_of(power(2, T))

    def weight(schedule: Schedule) -> float:
        terms = model.loss(batch, "model", schedule)
        kl = terms["kl"] + terms.get("kl_v", 0)
        return float(((terms["loss"] - terms["reconstruction"]) / kl).detach())

    weights = [weight(at(epoch)) for epoch in (0, 1, 2, 4, 9)]
    assert weights == pytest.approx([0, 0.5, 1, 2, 2], abs=1e-4)
    assert weight(at(0, training=False)) == pytest.approx(2, abs=1e-4)


@models
def test_starts_at_the_mean_power(name: str) -> None:
    model, x = build(name), power(2, T)
    x[1, 3:] = 1e6
    model.initialise([batch_of(x, 7, 3)])
    mean = torch.cat([x[0], x[1, :3]]).mean(0)
    torch.testing.assert_close(model.p_x.head.bias.exp(), mean)


@models
def test_training_lowers_the_loss(name: str) -> None:
    # Two kinds of frame: a model without a code would stay at the level of their mean.
    kinds = torch.tensor([[10.0, 10, 0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 10, 10]])
    which = torch.randint(2, (8, 12), generator=torch.Generator().manual_seed(0))
    batch = batch_of(kinds[which])
    model = build(name)
    model.initialise([batch])
    adam = torch.optim.Adam(model.parameters(), 1e-2)
    generator = torch.Generator().manual_seed(0)
    losses = []
    for step in range(150):
        adam.zero_grad()
        loss = model.loss(batch, "model", Schedule(step, 150, step, generator, True))["loss"]
        loss.backward()
        adam.step()
        losses.append(float(loss.detach()))
    constant = (batch.x.mean((0, 1)) / batch.x).log().sum(-1).mean()
    assert losses[0] > 0.9 * float(constant)
    assert losses[-1] < 0.5 * float(constant)


@models
def test_encode_samples_where_a_generator_is_given(name: str) -> None:
    model, x = build(name), power(2, T)
    mean = model.encode(x)["z"]
    one, two = (model.encode(x, generator=torch.Generator().manual_seed(0))["z"] for _ in range(2))
    assert mean.shape == one.shape == (2, T, 3)
    assert torch.equal(one, two)
    assert not torch.allclose(one, mean)


@models
def test_samples(name: str) -> None:
    model = build(name)
    one, two, other = (model.sample(2, torch.Generator().manual_seed(s), frames=9) for s in (0, 0, 1))
    assert one.shape == (2, 9, BINS)
    assert (one > 0).all()
    assert torch.equal(one, two)
    assert not torch.allclose(one, other)


@models
@torch.no_grad()
def test_samples_are_drawn_frame_by_frame(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the noise known: z_t from its prior given what was drawn before, then x_t from y_t."""
    model, frames = build(name), 9
    noise = torch.rand(1, frames, BINS, generator=torch.Generator().manual_seed(3)) + 0.1
    eps = torch.randn(1, frames, 3, generator=torch.Generator().manual_seed(4))
    eps_v = torch.randn(1, 2, generator=torch.Generator().manual_seed(5))
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("speech_factorization."):
            if hasattr(module, "power_noise"):
                monkeypatch.setattr(module, "power_noise", lambda *_: noise)
            if hasattr(module, "standard_noise"):
                monkeypatch.setattr(
                    module, "standard_noise", lambda shape, *_: eps if len(shape) == 3 else eps_v
                )
    x = model.sample(1, torch.Generator(), frames=frames)

    drawn = Gaussian.sample
    monkeypatch.setattr(Gaussian, "sample", lambda self, given: given)
    more, z = ({"eps_v": eps_v} if name == "dsae" else {}), torch.zeros(1, frames, 3)
    for t in range(frames):
        z[:, t] = drawn(model(x, z, **more).p, eps)[:, t]
    torch.testing.assert_close(model(x, z, **more).log_y.exp() * noise, x)


@models
def test_first_sampled_frame_has_the_models_mean_power(name: str) -> None:
    model = build(name)
    x = model.sample(60_000, torch.Generator().manual_seed(0), frames=1)
    # Before frame 1 lies nothing: x_0 = 0, z_0 = 0.
    nothing_before = torch.zeros(1, 1, BINS)
    p = model(nothing_before, torch.zeros(1, 1, 3)).p
    z = p.sample(torch.randn(60_000, 1, 3, generator=torch.Generator().manual_seed(1)))
    codes = {"z": z}
    if name == "dsae":
        codes["v"] = torch.randn(60_000, 2, generator=torch.Generator().manual_seed(2))
    expected = model.decode(codes).mean((0, 1))
    torch.testing.assert_close(x.mean((0, 1)), expected, rtol=0.03, atol=0.0)


@pytest.mark.parametrize("name", AUTOREGRESSIVE)
def test_without_the_true_past_the_models_own_output_is_fed_back(name: str) -> None:
    model = build(name)
    z = torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(0))
    y = model.decode({"z": z})
    torch.testing.assert_close(model.decode({"z": z, "x_past": previous(y)}), y)
    assert not torch.allclose(model.decode({"z": z, "x_past": previous(2 * y)}), y)


@pytest.mark.parametrize("name", AUTOREGRESSIVE)
def test_codes_hold_the_true_past(name: str) -> None:
    model, x = build(name), power(2, T)
    codes = model.encode(x)
    torch.testing.assert_close(codes["x_past"], previous(x))
    with torch.no_grad():
        frames = model(x, **model.noise(x, None))
    torch.testing.assert_close(model.decode(codes), frames.log_y.exp())
    p, log_y = model.closed_loop(codes["z"], x, torch.zeros(2, T, dtype=torch.bool))
    torch.testing.assert_close((p.mean, p.logvar, log_y), (frames.p.mean, frames.p.logvar, frames.log_y))


@pytest.mark.parametrize("name", AUTOREGRESSIVE)
def test_scheduled_sampling_goes_from_the_truth_to_the_models_own_output(name: str) -> None:
    model, batch = build(name, scheduled_sampling=[2, 6]), batch_of(power(2, T))
    assert [model.own_share(at(epoch)) for epoch in (0, 2, 3, 4, 6, 9)] == [0, 0, 0.25, 0.5, 1, 1]
    assert model.own_share(at(0, training=False)) == 1
    forced, early, late = (
        build(name, scheduled_sampling=schedule).loss(batch, "model", at(epoch))["reconstruction"]
        for schedule, epoch in ((None, 9), ([2, 6], 1), ([2, 6], 9))
    )
    assert forced == early != late
    noise = model.noise(batch.x, at().generator)
    z = model(batch.x, **noise).codes["z"]
    expected = itakura_saito(batch.x, model.closed_loop(z)[1]).mean()
    torch.testing.assert_close(late, expected)
    assert model.settled_after == 6
    with_truth = dataclasses.replace(at(9, training=False), true_past=True)
    assert model.own_share(with_truth) == 0


@pytest.mark.parametrize("name", AUTOREGRESSIVE)
def test_half_of_the_own_output_is_fed(name: str) -> None:
    model, x = build(name, scheduled_sampling=[2, 6]), power(2, T)
    terms = model.loss(batch_of(x), "model", at(4))
    generator = at().generator
    noise = model.noise(x, generator)
    own = torch.rand(2, T, generator=generator) < 0.5
    frames = model(x, **noise)
    z = frames.codes["z"]
    p, log_y = model.closed_loop(z, x, own)
    mixed = previous(torch.where(own[..., None], log_y.exp(), x))
    torch.testing.assert_close(model.teacher_forced(z, mixed), log_y)
    torch.testing.assert_close(terms["reconstruction"], itakura_saito(x, log_y).mean())
    torch.testing.assert_close(terms["kl"], frames.q.kl(p).mean())


@pytest.mark.parametrize("name", AUTOREGRESSIVE)
def test_no_gradient_goes_through_the_output_that_is_fed_back(name: str) -> None:
    model = build(name)
    z = torch.randn(1, T, 3, generator=torch.Generator().manual_seed(0))
    fed_back = previous(model.closed_loop(z)[1].exp().detach())
    of_loop, of_truth = (
        torch.autograd.grad(log_y[0, -1].sum(), model.p_x.head.weight)
        for log_y in (model.closed_loop(z)[1], model.teacher_forced(z, fed_back))
    )
    torch.testing.assert_close(of_loop, of_truth)


def test_the_code_of_the_sequence_reaches_every_frame() -> None:
    model, x = build("dsae"), power(1, T)
    codes = model.encode(x)
    other = model.decode(codes | {"v": codes["v"] + 1})
    assert ((other - model.decode(codes)).abs().sum(-1) > 0).all()
    assert torch.equal(model.encode(x)["v"], codes["v"])
    assert not torch.allclose(model.encode(x, generator=torch.Generator().manual_seed(0))["v"], codes["v"])


@models
def test_what_is_no_spectrogram_is_refused(name: str) -> None:
    model, x = build(name), torch.ones(2, T, BINS + 1)
    batch = Batch(x, torch.tensor([T, T]))
    for use in (
        lambda: model.encode(x),
        lambda: model.loss(batch, "model", at()),
        lambda: model.initialise([batch]),
        lambda: model.encode(power(2, T), lengths=torch.tensor([T, T + 3])),
    ):
        with pytest.raises(InputError, match=rf"frames, {BINS}\)|number of real frames"):
            use()


@models
def test_double_precision_is_taken(name: str) -> None:
    model, x = build(name), power(2, T)
    torch.testing.assert_close(model.encode(x.double()), model.encode(x))


@models
def test_only_frames_are_taken(name: str) -> None:
    module = importlib.import_module(f"speech_factorization.models.{name}")
    with pytest.raises(InputError, match="not frames"):
        module.Model(module.Hyperparameters(), Data({}, (20, 200)))
    with pytest.raises(ValueError, match="extra"):
        module.Hyperparameters(unknown=1)
    with pytest.raises(ValueError, match="greater than 0"):
        module.Hyperparameters(z_dim=0)
