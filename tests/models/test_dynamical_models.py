"""What holds for every dynamical VAE: who depends on whom, lengths, bad frames, the loss and its start."""

import importlib
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from speech_factorization.dynamical import model as shared
from speech_factorization.dynamical.gaussian import Gaussian
from speech_factorization.dynamical.model import DynamicalVAE
from speech_factorization.errors import InputError
from speech_factorization.interfaces import Batch, Data, Schedule, Trainable

BINS, T = 5, 7

SMALL = {
    "vae": {"z_dim": 3, "x_z": [6, 4], "z_x": [4, 6]},
    "srnn": {"z_dim": 3, "rnn": 4, "x_h": [6], "hx_g": [6], "gz_z": [5, 4], "hz_z": [5, 4], "hz_x": [6]},
}

# Which frames reach the distributions at frame t, as functions of (t, T); frames are counted from 1.
# The tables of Girin et al. (2021): generation of z_t and x_t, inference of z_t.
nothing: Callable[[int], set[int]] = lambda t: set()  # noqa: E731
same: Callable[[int], set[int]] = lambda t: {t}  # noqa: E731
before: Callable[[int], set[int]] = lambda t: set(range(1, t))  # noqa: E731
last: Callable[[int], set[int]] = lambda t: {t - 1} - {0}  # noqa: E731
everything: Callable[[int], set[int]] = lambda t: set(range(1, T + 1))  # noqa: E731

REACH = {
    # model: distribution -> (frames of x, frames of z)
    "vae": {"q": (same, nothing), "p": (nothing, nothing), "x": (nothing, same)},
    "srnn": {"q": (everything, last), "p": (before, last), "x": (before, same)},
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
    monkeypatch.setattr(shared, "standard_noise", lambda shape, generator, like: like.new_zeros(shape))


@models
def test_each_distribution_sees_what_the_paper_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # With z_t put in place of its sample, the gradient shows direct dependence alone.
    monkeypatch.setattr(Gaussian, "sample", lambda self, eps: eps)
    model = build(name).double()
    x = power(1, T).double().requires_grad_(True)
    z = torch.randn(1, T, 3, dtype=torch.float64, requires_grad=True)
    _, q, p, log_y = model(x, z)
    values = {"q": torch.cat(q, -1), "p": torch.cat(p, -1), "x": log_y}
    for which, (of_x, of_z) in REACH[name].items():
        for t in range(1, T + 1):
            reached = []
            for source in (x, z):
                target = values[which][0, t - 1].square().sum()
                gradient = torch.zeros_like(source)
                if target.requires_grad:
                    (found,) = torch.autograd.grad(
                        target, source, retain_graph=True, allow_unused=True, materialize_grads=True
                    )
                    gradient = found
                reached.append({int(i) + 1 for i in gradient[0].abs().sum(-1).nonzero()})
            assert reached == [of_x(t), of_z(t)], f"{which} at frame {t}"


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
            torch.testing.assert_close(code[0], codes[key][i, :length])
        torch.testing.assert_close(model.decode(mine)[0], y[i, :length])
    for value in terms.values():
        assert value.detach().abs() < 1e-5
    apart = [p.grad for p in model.parameters() if p.grad is not None]
    torch.testing.assert_close(together, apart, rtol=1e-4, atol=1e-6)


@models
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_bad_frame_is_named(name: str, bad: float) -> None:
    x = power(2, T)
    x[1, 4, 2] = bad
    model = build(name)
    with pytest.raises(InputError, match=r"utterance1: frame 4 of the input is not finite"):
        model.loss(batch_of(x), "model", at())
    with pytest.raises(InputError, match="not finite"):
        model.initialise([batch_of(x)])


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
    torch.testing.assert_close(terms["loss"], terms["reconstruction"] + 0.3 * terms["kl"])
    torch.testing.assert_close(terms["elbo"], -terms["reconstruction"] - terms["kl"])


@models
def test_loss_is_deterministic_in_its_generator(name: str) -> None:
    model, batch = build(name), batch_of(power(2, T))
    first, again, other = (model.loss(batch, "model", at(seed=s))["elbo"].detach() for s in (0, 0, 1))
    assert first == again != other


@models
def test_kl_warms_up_in_training_alone(name: str) -> None:
    model, batch = build(name, beta=2.0, kl_warm_up=4), batch_of(power(2, T))

    def weight(schedule: Schedule) -> float:
        terms = model.loss(batch, "model", schedule)
        return float(((terms["loss"] - terms["reconstruction"]) / terms["kl"]).detach())

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
def test_first_sampled_frame_has_the_models_mean_power(name: str) -> None:
    model = build(name)
    x = model.sample(60_000, torch.Generator().manual_seed(0), frames=1)
    # Before frame 1 lies nothing: x_0 = 0, z_0 = 0.
    nothing_before = torch.zeros(1, 1, BINS)
    _, _, p, _ = model(nothing_before, torch.zeros(1, 1, 3))
    z = p.sample(torch.randn(60_000, 1, 3, generator=torch.Generator().manual_seed(1)))
    codes = {key: value.expand(60_000, 1, -1) for key, value in model.encode(nothing_before).items()}
    expected = model.decode(codes | {"z": z}).mean((0, 1))
    torch.testing.assert_close(x.mean((0, 1)), expected, rtol=0.03, atol=0.0)


@models
def test_only_frames_are_taken(name: str) -> None:
    module = importlib.import_module(f"speech_factorization.models.{name}")
    with pytest.raises(InputError, match="not frames"):
        module.Model(module.Hyperparameters(), Data({}, (20, 200)))
    with pytest.raises(ValueError, match="extra"):
        module.Hyperparameters(unknown=1)
    with pytest.raises(ValueError, match="greater than 0"):
        module.Hyperparameters(z_dim=0)
