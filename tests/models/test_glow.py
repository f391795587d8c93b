"""Glow as a model: its codes, what counts, its start, its training, killed and resumed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from speech_factorization.errors import InputError
from speech_factorization.interfaces import Batch, Trainable
from speech_factorization.models.glow import Hyperparameters, Model
from speech_factorization.trained import load_model
from speech_factorization.training.checkpoints import about_data, save
from speech_factorization.training.fabric import make_fabric
from speech_factorization.training.history import History
from speech_factorization.training.loop import fit
from speech_factorization.training.settings import TrainSettings
from tests.flow.glow.toys import DATA, SMALL, at, build, changed_behind, started, vowels

TRAIN, TEST = vowels(96), vowels(32, seed=1)
lengths_of_images = pytest.mark.parametrize("length", ["pad", "mask", "stretch"])


@lengths_of_images
@pytest.mark.parametrize("top", ["full", "diagonal"])
def test_all_levels_codes_give_the_image_back(length, top):
    model = started(TRAIN, length=length, top=top, levels=3, squeezes=1)
    batch = TEST[0]
    image, mask = model.image(batch.x, batch.lengths)
    z = model.encode_image(image, mask)
    assert z.shape == (32, 256)
    back = model.decode_image(z, mask)
    assert (back - image)[mask].abs().max() < 1e-4
    codes = model.encode(batch.x, batch.lengths)
    assert torch.equal(codes["z"], z)
    assert torch.equal(torch.cat([codes[f"z_{i}"] for i in (1, 2, 3)], 1), z)
    assert [codes[f"z_{i}"].shape[1] for i in (1, 2, 3)] == [128, 64, 64]
    assert torch.equal(model.decode(codes, batch.lengths), model.picture(back, batch.lengths))
    # What the public port keeps does not give it back.
    port = model.decode_image(model.last_level_only(z), mask)
    assert (port - image)[mask].square().mean().sqrt() > 0.05


@pytest.mark.parametrize(
    "hp",
    [
        {"frames": 48, "bands": 48},
        {"frames": 288, "bands": 288, "scale": "linear", "length": "pad", "top": "diagonal", "squeezes": 1},
        {"frames": 288, "bands": 288, "scale": "linear", "length": "mask", "top": "diagonal", "squeezes": 1},
    ],
)
def test_inversion_at_both_sizes(hp):
    """To the picture too, at the published size, where the picture is the image."""
    model = started(TRAIN[:1], strength=0.02, levels=3, **hp)
    batch = Batch(TEST[0].x[:4], TEST[0].lengths[:4])
    image, mask = model.image(batch.x, batch.lengths)
    back = model.decode_image(model.encode_image(image, mask), mask)
    assert (back - image)[mask].abs().max() < 1e-4
    if hp["frames"] == 288:
        x = model.decode(model.encode(batch.x, batch.lengths), batch.lengths)
        assert (x - batch.x).abs().max() < 1e-4


@pytest.mark.parametrize(
    "hp", [{}, {"frames": 16, "bands": 272, "scale": "linear", "levels": 1, "top": "diagonal"}]
)
def test_masked_frames_change_nothing(hp):
    model = started(TRAIN, length="mask", **hp)
    batch = TEST[0]
    x = changed_behind(batch.x, batch.lengths, 6.0)
    assert not torch.equal(x, batch.x)
    assert torch.equal(model.encode(x, batch.lengths)["z"], model.encode(batch.x, batch.lengths)["z"])
    assert torch.equal(model.log_prob(x, batch.lengths), model.log_prob(batch.x, batch.lengths))
    # Nor does what stands in the image itself.
    image, mask = model.image(batch.x, batch.lengths)
    other = torch.where(mask[:, :, None], image, 50.0)
    assert torch.equal(model.log_prob_image(other, mask), model.log_prob_image(image, mask))
    z = model.encode_image(image, mask)
    assert torch.equal(model.encode_image(other, mask), z)
    decoded = model.decode_image(torch.where(z == 0, 9.0, z), mask)
    assert torch.equal(decoded, model.decode_image(z, mask))
    assert (decoded[~mask] == model.front.floor).all()
    # A frame that counts does change them.
    image[:, 0] += 1
    assert (model.log_prob_image(image, mask) != model.log_prob(batch.x, batch.lengths)).all()


@pytest.mark.parametrize("length", ["pad", "stretch"])
def test_bands_that_are_always_empty_do_not_count(length):
    linear = {"frames": 16, "scale": "linear", "levels": 1, "top": "diagonal", "squeezes": 1}
    model = started(TRAIN, length=length, bands=272, **linear)
    batch = TEST[0]
    image, mask = model.image(batch.x, batch.lengths)
    assert (model.bins(mask) == 16 * 257).all()
    z = model.encode_image(image, mask)
    assert (z != 0).sum() <= 32 * 16 * 257
    back = model.decode_image(z, mask)
    assert (back - image).abs().max() < 1e-4
    assert (back[..., 257:] == 0).all()
    # Their density is left out whatever stands there, and their scale with it.
    other = image.clone()
    other[..., 257:] = 3.0
    before = model.log_prob_image(image, mask)
    assert torch.equal(model.log_prob_image(other, mask), before)
    model.standardise.scale[257:] = 7.0
    assert torch.equal(model.log_prob_image(image, mask), before)
    assert -1 < float(model.bits(before, mask).mean()) < 6


def test_the_start_is_from_data_and_is_saved():
    model = build()
    assert isinstance(model, Trainable)
    model.initialise(TRAIN)
    assert all(bool(t) for name, t in model.state_dict().items() if name.endswith("initialised"))
    assert sum(name.endswith("initialised") for name in model.state_dict()) == 8
    image, mask = (
        torch.cat(parts) for parts in zip(*(model.image(b.x, b.lengths) for b in TRAIN), strict=True)
    )
    torch.testing.assert_close(model.standardise(image).mean((0, 1)), torch.zeros(16), atol=1e-4, rtol=0)
    z = model.encode_image(model.noisy(image, mask, torch.Generator().manual_seed(0)), mask)
    assert float(z.var()) == pytest.approx(1, abs=0.2)
    lengths = torch.cat([b.lengths for b in TRAIN]).float()
    expected = lengths.quantile(torch.tensor([0.0, 0.5, 1.0]))
    torch.testing.assert_close(model.durations[[0, 50, 100]], expected)


@lengths_of_images
def test_loss_is_what_log_prob_says(length):
    model = started(TRAIN, length=length)
    batch = TEST[0]
    terms = model.loss(batch, "flow", at(training=False, seed=4))
    image, mask = model.image(batch.x, batch.lengths)
    log_prob = model.log_prob_image(image, mask, torch.Generator().manual_seed(4))
    bins = model.bins(mask)
    assert float(terms["loss"]) == pytest.approx(float(-log_prob.sum() / bins.sum()), rel=1e-5)
    bits = (model.bits(log_prob, mask) * bins).sum() / bins.sum()
    assert float(terms["bits"]) == pytest.approx(float(bits), rel=1e-5)
    expected = mask.sum(1) * 16 if length == "mask" else torch.full((32,), 256)
    assert torch.equal(bins, expected)
    assert "1 dB" in Model.likelihood_of


def test_bits_do_not_depend_on_the_unit_of_the_flow():
    """White noise of 3 dB takes half a log of 2 pi e times 9 bits, whatever the bands' scales."""
    model = build(noise=0.0)
    model.standardise.scale.uniform_(0.5, 2, generator=torch.Generator().manual_seed(0))
    image = torch.randn(400, 16, 16, generator=torch.Generator().manual_seed(1)) * 3 / 8.685889638
    flow = model.flow
    mask = torch.ones(400, 16, dtype=torch.bool)
    flow.initialise(model.standardise(image))
    model.average.load_state_dict(flow.state_dict())
    bits = float(model.bits(model.log_prob_image(image, mask), mask).mean())
    assert bits == pytest.approx(0.5 * torch.log2(torch.tensor(2 * torch.pi * torch.e * 9)).item(), abs=0.1)


def test_checkpointing_changes_no_gradient():
    gradients = []
    for checkpointing in (False, True):
        model = started(TRAIN, checkpointing=checkpointing)
        model.loss(TEST[0], "flow", at())["loss"].backward()
        gradients.append([p.grad for p in model.flow.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


@lengths_of_images
def test_mixed_precision_is_for_the_networks_alone(length):
    losses, gathered = [], []
    for enabled in (False, True):
        model = started(TRAIN, length=length)
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            terms = model.loss(TEST[0], "flow", at())
        assert all(term.dtype == torch.float32 for term in terms.values())
        terms["loss"].backward()
        losses.append(float(terms["loss"].detach()))
        gathered.append(model.flow.top.whitening.second)
    assert losses[0] == pytest.approx(losses[1], abs=0.01)
    assert losses[0] != losses[1]
    torch.testing.assert_close(gathered[0], gathered[1], atol=0.5, rtol=0.05)


SETTINGS = TrainSettings(
    batch=32, epochs=3, patience=3, learning_rate=3e-3, clip=20.0, warm_up=2, schedule="cosine"
)


class KilledError(Exception):
    """Stands for SIGKILL."""


def train(folder: Path, dies_at: int | None = None, length: str = "stretch") -> History:
    asked = 0

    def batches(epoch: int) -> Iterator[Batch]:
        nonlocal asked
        for i in range(len(TRAIN)):
            asked += 1
            if asked == dies_at:
                raise KilledError
            yield TRAIN[(i + epoch) % len(TRAIN)]

    hp = Hyperparameters(**(SMALL | {"length": length}))
    torch.manual_seed(0)
    model = Model(hp, DATA)
    history = fit(
        model, batches, lambda epoch: iter(TEST), SETTINGS, make_fabric("cpu", 1, "fp32"),
        folder / "scratch", seed=1, progress=False, save_every=0.0,
    )  # fmt: skip
    about = {"model": "glow", "hyperparameters": hp.model_dump(mode="json"), "data": about_data(DATA)}
    save(folder / "glow", model, about, history)
    return history


@lengths_of_images
def test_trained_saved_and_loaded(length, tmp_path):
    history = train(tmp_path, length=length)
    assert history.rows[-1]["train_bits"] < history.rows[0]["train_bits"]
    model, about = load_model(tmp_path / "glow")
    batch = TEST[0]
    terms = model.loss(batch, "flow", at(training=False, seed=0))
    assert float(terms["bits"]) == pytest.approx(history.best["valid_bits"], abs=0.02)
    image, mask = model.image(batch.x, batch.lengths)
    assert (model.decode_image(model.encode_image(image, mask), mask) - image)[mask].abs().max() < 1e-4
    # The moving average is used, and is not among what is learned.
    assert about["parameters"] == sum(p.numel() for p in model.flow.parameters())
    assert any(
        not torch.equal(p, b) for p, b in zip(model.flow.parameters(), model.average.buffers(), strict=False)
    )


def test_killed_and_resumed_it_ends_with_the_same_weights(tmp_path):
    """The last level's prior, fitted in closed form now and then, and the average are part of the state."""
    train(tmp_path / "whole")
    for dies_at in (6, 4, 5):
        with pytest.raises(KilledError):
            train(tmp_path / "killed", dies_at)
    train(tmp_path / "killed")
    for name in ("model.safetensors", "curves.csv"):
        whole = (tmp_path / "whole" / "glow" / name).read_bytes()
        assert whole == (tmp_path / "killed" / "glow" / name).read_bytes()


def test_samples_come_from_the_generator_and_the_temperature():
    model = started(TRAIN)
    x = model.sample(6, torch.Generator().manual_seed(0))
    assert x.shape == (6, 288, 288)
    assert torch.equal(x, model.sample(6, torch.Generator().manual_seed(0)))
    lengths = torch.tensor([40, 100])
    drawn, mask = model.sample_image(2, torch.Generator().manual_seed(0), 0.0, lengths)
    assert torch.equal(drawn[0], drawn[1])
    assert mask.all()
    assert (model.sample(2, torch.Generator().manual_seed(0), lengths=lengths)[0, 40:] == 0).all()


def test_too_few_vowels_says_what_is_there():
    few = Batch(TRAIN[0].x[:7], TRAIN[0].lengths[:7], {"phone": torch.tensor([0, 0, 1, 0, 1, 0, 0])})
    said = r"corpus\.vowels: 7 training vowels \(aa 5, iy 2\), the minimum is 16"
    with pytest.raises(InputError, match=said) as caught:
        build().initialise([few])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("hp", "said"),
    [
        ({"frames": 24, "levels": 3}, "24 frames x 16 bands"),
        ({"frames": 50, "length": "pad"}, r"hp\.glow\.frames"),
        ({"bands": 100, "scale": "linear"}, r"hp\.glow\.bands"),
        ({"frames": 288, "bands": 288, "scale": "linear", "squeezes": 1}, r"hp\.glow\.top"),
    ],
)
def test_sizes_that_do_not_fit(hp, said):
    with pytest.raises(InputError, match=said) as caught:
        build(**hp)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "hp", [{"steps": 0}, {"length": "crop"}, {"average": 1.0}, {"noise": -0.1}, {"k": 3}]
)
def test_hyperparameters_are_checked(hp):
    with pytest.raises(ValidationError, match=next(iter(hp))):
        Hyperparameters(**hp)
