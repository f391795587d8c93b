"""The four flows on segments: the bijection, the density, and what one loss has to do with another."""

import itertools
from dataclasses import replace

import pytest
import torch

from speech_factorization.errors import InputError
from speech_factorization.interfaces import Trainable
from speech_factorization.models import fdnf
from tests.flow.toys import CLASSES, additive, at, build, data, fitted, stir, whole

MODELS = {
    "nf": {},
    "dnf_phone": {"front": "additive"},
    "dnf_speaker": {"front": "random"},
    "fdnf": {"front": "additive", "parts": {"speaker": 4, "phone": None}},
}
every_model = pytest.mark.parametrize("name", MODELS)


@pytest.fixture(scope="module")
def batches():
    return additive(data(), noise=3.0)[0]


@every_model
@pytest.mark.parametrize("sizes", [(12, None), (12, 8), (8, None)])
def test_the_bijection_and_its_log_determinant(name, sizes, batches):
    """Couplings and whitening of all dimensions, of some of the coupled ones, of some with the rest passing."""
    model = fitted(name, data(), batches, dimensions=sizes[0], whitened=sizes[1], **MODELS[name]).double()
    x = batches[0].x[:5].double()
    z = model.encode(x)["z"]
    torch.testing.assert_close(model.decode({"z": z}), x, atol=1e-5, rtol=1e-5)
    flat = model.standardise(x).flatten(1)
    y = model.front(flat)
    _, ladj = model.code(y)
    for row, total in zip(flat, ladj + model.front.log_det, strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda v: model.code(model.front(v[None]))[0][0], row)
        torch.testing.assert_close(torch.linalg.slogdet(jacobian)[1], total, atol=1e-5, rtol=1e-5)
    if sizes[0] < 12:
        assert torch.equal(z[:, 8:], y[:, 8:])


@pytest.mark.parametrize("hp", [{"dimensions": 256}, {"dimensions": 4000, "whitened": 64}])
def test_the_bijection_is_exact_in_float32_at_4000_dimensions(hp):
    of = data({"phone": 6, "speaker": 5}, (20, 200))
    batches, _ = additive(of, count=600, batch=128)
    model = fitted("fdnf", of, batches, couplings=8, hidden=[32], **hp)
    x = batches[0].x
    z = model.encode(x)["z"]
    assert z.shape == (128, 4000)
    assert (z - model.front(model.standardise(x).flatten(1))).abs().max() > 0.1
    back = model.decode({"z": z})
    assert (back - x).abs().max() < 1e-4
    assert ((back - x) / model.standardise.scale).abs().max() < 1e-4


# Of two factors with two classes each, in two dimensions.
PLANE = data({"phone": 2, "speaker": 2}, (1, 2))


def grid(model, extent=14.0, steps=281):
    """Raw x at a square grid of standardised x, and the area of a cell."""
    axis = torch.linspace(-extent, extent, steps, dtype=torch.float64)
    points = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1).view(-1, 1, 2)
    return model.standardise.inverse(points), (axis[1] - axis[0]) ** 2


@every_model
@pytest.mark.parametrize("front", ["additive", "random"])
def test_the_density_integrates_to_one(name, front):
    batches, _ = additive(PLANE, noise=3.0)
    hp = {} if name == "nf" else {"front": front}
    model = fitted(name, PLANE, batches, dimensions=2, **hp).double()
    x, area = grid(model)
    choices = [[-1, *range(2)] if factor in model.parts else [-1] for factor in ("phone", "speaker")]
    for phone, speaker in itertools.product(*choices):
        factors = {"phone": torch.full((len(x),), phone), "speaker": torch.full((len(x),), speaker)}
        total = model.log_prob(x, factors).detach().exp().sum() * area
        assert float(total) == pytest.approx(1, abs=1e-3), (phone, speaker)
    torch.testing.assert_close(model.log_prob(x), model.log_prob(x, factors_unknown(len(x))))


def factors_unknown(n):
    return {name: torch.full((n,), -1) for name in ("phone", "speaker")}


@every_model
def test_the_loss_is_the_mean_density(name, batches):
    """Without noise; per dimension, and in training with weight times the cross-entropies where there is a weight."""
    plain = fitted(name, data(), batches, dimensions=8, **MODELS[name])
    batch = batches[1]
    terms = plain.loss(batch, "flow", at())
    nll = -plain.log_prob(batch.x, batch.factors).mean()
    torch.testing.assert_close(terms["nll"], nll)
    torch.testing.assert_close(terms["log_prob_given_classes"], -nll)
    torch.testing.assert_close(terms["log_prob"], plain.log_prob(batch.x).mean())
    torch.testing.assert_close(terms["loss"], nll / 8)
    assert {key for key in terms if key.startswith("cross_entropy")} == {
        f"cross_entropy_{f}" for f in plain.parts
    }
    if name != "nf":
        weighted = build(name, data(), dimensions=8, discriminative=20.0, noise=0.0, **MODELS[name])
        weighted.load_state_dict(plain.state_dict())
        torch.testing.assert_close(weighted.loss(batch, "flow", at())["loss"], nll / 8)
        found = weighted.loss(batch, "flow", at(training=True))
        entropies = sum(found[f"cross_entropy_{f}"] for f in plain.parts)
        assert entropies > 1e-3
        torch.testing.assert_close(found["nll"], nll)
        torch.testing.assert_close(found["loss"], (nll + 20 * entropies) / 8)


def test_the_cross_entropy_is_of_the_class_given_its_part(batches):
    model = fitted("fdnf", data(), batches, dimensions=8)
    batch = batches[0]
    z = model.encode(batch.x)
    terms = model.loss(batch, "flow", at())
    for name in ("phone", "speaker"):
        distance = (z[f"z_{name}"][:, None] - model.prior.mean(name)).square().sum(2)
        logits = -0.5 * distance + model.prior.log_pi(name)
        truth = torch.nn.functional.cross_entropy(logits, batch.factors[name])
        torch.testing.assert_close(terms[f"cross_entropy_{name}"], truth)


@every_model
def test_codes_are_views_of_z_and_means_lie_in_their_parts(name, batches):
    model = fitted(name, data(), batches, dimensions=10, **MODELS[name])
    widths = {
        "nf": {},
        "dnf_phone": {"phone": 10},
        "dnf_speaker": {"speaker": 10},
        "fdnf": {"phone": 3, "speaker": 4},
    }[name]
    assert {f: part.stop - part.start for f, part in model.parts.items()} == widths
    codes = model.encode(batches[0].x)
    assert set(codes) == {"z", "z_rest", *(f"z_{f}" for f in widths)}
    assert codes["z"].shape == (64, 12)
    pieces = torch.cat([*(codes[f"z_{f}"] for f in model.parts), codes["z_rest"]], 1)
    assert torch.equal(pieces, codes["z"])
    assert all(
        code.untyped_storage().data_ptr() == codes["z"].untyped_storage().data_ptr()
        for code in codes.values()
    )
    means = model.class_means()
    assert set(means) == set(widths)
    for factor, mean in means.items():
        assert mean.shape == (CLASSES[factor], 12)
        outside = torch.ones(12, dtype=torch.bool)
        outside[model.parts[factor]] = False
        assert mean[:, outside].abs().max() == 0
        assert mean[:, ~outside].abs().max() > 0.1


def test_means_start_at_the_class_means_of_the_untrained_code(batches):
    for name in ("dnf_phone", "fdnf"):
        model = build(name, data(), dimensions=8)
        model.initialise(batches)
        x, factors = whole(batches)
        z = model.encode(x)["z"]
        for factor, mean in model.class_means().items():
            part = model.parts[factor]
            for c, mu in enumerate(mean):
                empirical = z[factors[factor] == c].mean(0)
                # Classes are not quite balanced over the other factor.
                assert (empirical - mu)[part].abs().max() < (0.4 if name == "dnf_phone" else 0.3)


@pytest.mark.parametrize("front", ["additive", "random"])
def test_one_part_of_all_dimensions_is_a_dnf(front, batches):
    """f-DNF with a single factor that takes all of d is DNF: the same numbers from the same seed."""
    one = build("fdnf", data(), parts={"phone": 8}, dimensions=8, front=front)
    dnf = build("dnf_phone", data(), dimensions=8, front=front)
    for model in (one, dnf):
        torch.manual_seed(3)
        model.initialise(batches)
        stir(model.couplings)
    assert all(
        torch.equal(a, b) for a, b in zip(one.state_dict().values(), dnf.state_dict().values(), strict=True)
    )
    batch = batches[2]
    mine, theirs = one.loss(batch, "flow", at(training=True)), dnf.loss(batch, "flow", at(training=True))
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[key], theirs[key]) for key in mine)


def test_equal_means_make_a_dnf_an_nf(batches):
    """With all means zero the class-conditional prior is N(0, I)."""
    model = fitted("dnf_phone", data(), batches, dimensions=8)
    torch.nn.init.zeros_(model.prior.scaled_means["phone"])
    batch = batches[0]
    nf = build("nf", data(), dimensions=8)
    own = nf.state_dict()
    nf.load_state_dict({name: value for name, value in model.state_dict().items() if name in own})
    torch.testing.assert_close(model.log_prob(batch.x, batch.factors), nf.log_prob(batch.x))


@every_model
def test_noise_in_training_alone_and_from_the_generator(name, batches):
    model = fitted(name, data(), batches, dimensions=8, noise=0.5, **MODELS[name])
    batch = batches[0]
    valid = model.loss(batch, "flow", at())["loss"]
    assert torch.equal(model.loss(batch, "flow", at(seed=1))["loss"], valid)
    noisy = model.loss(batch, "flow", at(training=True))["loss"]
    assert torch.equal(model.loss(batch, "flow", at(training=True))["loss"], noisy)
    assert noisy != valid
    assert model.loss(batch, "flow", at(training=True, seed=1))["loss"] != noisy
    silent = build(name, data(), dimensions=8, noise=0.0, **MODELS[name])
    silent.load_state_dict(model.state_dict())
    assert torch.equal(silent.loss(batch, "flow", at(training=True))["loss"], valid)


@every_model
def test_every_parameter_learns(name, batches):
    hp = MODELS[name] | ({} if name == "nf" else {"discriminative": 5.0})
    model = fitted(name, data(), batches, dimensions=8, **hp)
    assert isinstance(model, Trainable)
    ((player, parameters),) = model.players().items()
    assert player == "flow"
    assert {id(p) for p in parameters} == {id(p) for p in model.parameters()}
    optimiser = torch.optim.Adam(parameters, lr=3e-3)
    losses = []
    for i in range(60):
        optimiser.zero_grad()
        loss = model.loss(batches[i % 6], player, at(training=True, seed=i))["loss"]
        loss.backward()
        assert all(
            p.grad is not None and p.grad.isfinite().all() and p.grad.abs().max() > 0 for p in parameters
        )
        optimiser.step()
        model.after_step()
        losses.append(float(loss.detach()))
    assert sum(losses[-6:]) < sum(losses[:6])


def test_an_unknown_class_counts_as_the_mixture(batches):
    model = fitted("fdnf", data(), batches, dimensions=8)
    batch = batches[0]
    factors = {name: values.clone() for name, values in batch.factors.items()}
    factors["phone"][:10] = -1
    found = model.log_prob(batch.x, factors)
    torch.testing.assert_close(found[10:], model.log_prob(batch.x, batch.factors)[10:])
    by_class = [
        model.log_prob(batch.x[:10], {"phone": torch.full((10,), c), "speaker": factors["speaker"][:10]})
        for c in range(4)
    ]
    mixture = (torch.stack(by_class, 1) + model.prior.log_pi("phone")).logsumexp(1)
    torch.testing.assert_close(found[:10], mixture)


@every_model
def test_samples_look_like_the_data(name):
    of = data(shape=(2, 2))
    batches, _ = additive(of, count=2000, batch=500)
    model = build(
        name,
        of,
        dimensions=4,
        whitened=4,
        **({} if name == "nf" else {"parts": {"phone": 3}} if name == "fdnf" else {}),
    )
    model.initialise(batches)
    x = model.sample(4000, torch.Generator().manual_seed(0))
    assert x.shape == (4000, 2, 2)
    real, _ = whole(batches)
    scale = real.flatten(1).std(0)
    assert ((x.flatten(1).mean(0) - real.flatten(1).mean(0)) / scale).abs().max() < 0.1
    torch.testing.assert_close(x.flatten(1).std(0) / scale, torch.ones(4), atol=0.1, rtol=0)
    assert torch.equal(x, model.sample(4000, torch.Generator().manual_seed(0)))


@every_model
def test_the_same_from_the_same_seed(name, batches):
    hp = {"dimensions": 8, **MODELS[name]}
    first, again, other = (fitted(name, data(), batches, seed=seed, **hp).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["couplings.orders"], other["couplings.orders"])


def test_three_factors():
    of = data({"phone": 4, "speaker": 3, "emotion": 3})
    batches, _ = additive(of, count=800)
    model = fitted(
        "fdnf", of, batches, parts={"phone": None, "speaker": None, "emotion": None}, dimensions=10
    )
    assert model.parts == {"phone": slice(0, 3), "speaker": slice(3, 5), "emotion": slice(5, 7)}
    assert set(model.encode(batches[0].x)) == {"z", "z_phone", "z_speaker", "z_emotion", "z_rest"}
    assert "cross_entropy_emotion" in model.loss(batches[0], "flow", at())


def test_random_parts_share_all_dimensions():
    model = build("fdnf", data(), front="random", dimensions=10)
    assert model.parts == {"phone": slice(0, 5), "speaker": slice(5, 10)}


def fault(call, *said):
    with pytest.raises(InputError) as error:
        call()
    message = str(error.value)
    assert len(message.splitlines()) == 1
    assert all(part in message for part in said), message


def test_what_does_not_fit_the_data_is_refused(batches):
    fault(
        lambda: build("fdnf", data(), parts={"emotion": None}),
        "hp.fdnf.parts",
        "no factor emotion",
        "corpus.factors",
    )
    fault(
        lambda: build("fdnf", data(), parts={"phone": 9, "speaker": None}, dimensions=10),
        "hp.fdnf.parts",
        "11 dimensions",
        "of 10",
    )
    fault(lambda: build("dnf_phone", data({"speaker": 3})), "hp.dnf_phone", "no factor phone")
    fault(lambda: build("dnf_speaker", data({"speaker": 1})), "hp.dnf_speaker", "fewer than two classes")
    fault(lambda: build("nf", data(), dimensions=13), "hp.nf.dimensions", "13 of 12 there are")
    model = build("fdnf", data(), parts={"phone": 1, "speaker": 1}, dimensions=4)
    fault(lambda: model.initialise(batches), "hp.fdnf", "class means span 5", "raise it")


def test_what_cannot_be_fitted_is_refused(batches):
    def with_classes(factor, classes):
        return [replace(b, factors={**b.factors, factor: classes(b.factors[factor])}) for b in batches]

    rare = with_classes("phone", lambda c: torch.where(c == 2, 0, c))
    fault(
        lambda: build("fdnf", data()).initialise(rare),
        "hp.fdnf.parts",
        "phone phone2 has 0 training segments",
        "minimum is 5",
    )
    unlabelled = with_classes("speaker", lambda c: torch.full_like(c, -1))
    fault(
        lambda: build("dnf_speaker", data()).initialise(unlabelled),
        "hp.dnf_speaker",
        "no training segment has a label of speaker",
    )
    fault(
        lambda: build("nf", data(), dimensions=12).initialise([replace(batches[0], x=batches[0].x[:9])]),
        "hp.nf.dimensions",
        "singular",
    )
    bad = [replace(b, x=b.x.clone()) for b in batches]
    bad[1].x[3, 1, 2] = float("nan")
    fault(lambda: build("nf", data()).initialise(bad), "utterance67", "frame 1 of the input is not finite")


@every_model
def test_a_frame_that_is_no_number_is_refused(name, batches):
    model = fitted(name, data(), batches, dimensions=8, **MODELS[name])
    bad = replace(batches[0], x=batches[0].x.clone())
    bad.x[2, 1, 0] = float("inf")
    fault(lambda: model.loss(bad, "flow", at()), "utterance2", "frame 1 of the input is not finite")


@pytest.mark.parametrize(
    "hp",
    [
        {"front": "half"},
        {"discriminative": -1.0},
        {"dimensions": 0},
        {"couplings": 0},
        {"hidden": []},
        {"noise": -0.1},
        {"mean_rate": 0.0},
        {"parts": {}},
        {"parts": {"phone": 0}},
        {"whitened": 300, "dimensions": 256},
    ],
)
def test_hyperparameters_have_ranges(hp):
    with pytest.raises(ValueError):
        fdnf.Hyperparameters(**hp)
