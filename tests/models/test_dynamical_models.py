"""What holds for every dynamical VAE: lengths, bad frames, the loss and its start, samples."""

import importlib
import math
import sys

import pytest
import torch

from speech_factorization.dynamical.gaussian import Gaussian
from speech_factorization.errors import InputError
from speech_factorization.interfaces import Batch, Data, Schedule, Trainable
from tests.models.small import BINS, T, at, batch_of, build, models, power


@pytest.fixture
def no_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Losses at the posterior mean: noise depends on how a batch is padded."""
    monkeypatch.setattr(Gaussian, "sample", lambda self, eps: self.mean)


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
