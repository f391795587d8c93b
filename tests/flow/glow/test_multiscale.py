"""All levels' codes: exact back, the determinant, what is padding counts in nothing."""

import math

import pytest
import torch
from torch import Tensor

from speech_factorization.errors import InputError
from speech_factorization.flow.glow.average import averaged, follow
from speech_factorization.flow.glow.multiscale import MultiScale
from tests.flow.glow.toys import stir


def flow(
    shape: tuple[int, int] = (8, 8),
    levels: int = 2,
    steps: int = 2,
    hidden: int = 4,
    scale: float = 0.5,
    **more: object,
) -> MultiScale:
    torch.manual_seed(0)
    found = MultiScale(shape, levels, steps, hidden, **more)
    stir(found, scale)
    return found


def images(count: int, shape: tuple[int, int] = (8, 8), seed: int = 0) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    v = torch.randn(count, *shape, generator=g)
    return v + v.roll(1, 1) + v.roll(1, 2)


def lengths_mask(lengths: list[int], shape: tuple[int, int], bands: int) -> Tensor:
    frames = torch.arange(shape[0]) < torch.tensor(lengths)[:, None]
    return frames[:, :, None] & (torch.arange(shape[1]) < bands)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("more", [{}, {"full": False}, {"squeezes": 2}, {"levels": 3}, {"levels": 1}])
def test_bijection_and_log_determinant(more: dict[str, int | bool], masked: bool) -> None:
    shape = (8, 8)
    mask = lengths_mask([8, 3, 1], shape, 6) if masked else None
    model = flow(shape, real_bands=6 if masked else None, **more)
    model.initialise(
        images(50), None if mask is None else lengths_mask([*range(1, 9)] * 6 + [8, 8], shape, 6)
    )
    stir(model)
    model = model.double()
    v = images(3).double() if mask is None else images(3).double() * mask
    with torch.no_grad():
        z, ladj = model(mask).call_and_ladj(v)
        torch.testing.assert_close(model(mask).inv(z), v, atol=1e-9, rtol=1e-9)
    assert z.shape == (3, 64)
    assert sum(model.sizes) == 64
    for i in range(3):
        own = None if mask is None else mask[i : i + 1]
        jacobian = torch.autograd.functional.jacobian(lambda u, own=own: model(own)(u), v[i : i + 1]).view(
            64, 64
        )
        if own is not None:
            # As many values of the code are real as of the image; the others are 0 whatever v is.
            rows = jacobian.abs().sum(1) > 0
            assert int(rows.sum()) == int(own.sum())
            assert (z[i][~rows] == 0).all()
            jacobian = jacobian[rows][:, own.flatten()]
        torch.testing.assert_close(torch.linalg.slogdet(jacobian)[1], ladj[i], atol=1e-8, rtol=1e-8)


@pytest.mark.parametrize("more", [{"full": True}, {"full": False}])
def test_what_stands_in_the_padding_changes_nothing(more: dict[str, bool]) -> None:
    shape = (16, 8)
    mask = lengths_mask([16, 9, 2], shape, 7)
    model = flow(shape, real_bands=7, **more)
    model.initialise(images(20, shape))
    v = images(3, shape)
    with torch.no_grad():
        z, ladj = model(mask).call_and_ladj(v)
        other = torch.where(mask, v, 1e4 * images(3, shape, seed=4))
        z_other, ladj_other = model(mask).call_and_ladj(other)
        assert torch.equal(z, z_other)
        assert torch.equal(ladj, ladj_other)
        # Nor what a code says of it.
        noise = torch.randn(z.shape, generator=torch.Generator().manual_seed(1))
        back = model(mask).inv(torch.where(z == 0, noise, z))
        assert torch.equal(back, model(mask).inv(z))
    assert (z != z.roll(1, 0)).any()


@pytest.mark.parametrize(("shape", "squeezes"), [((48, 48), 2), ((288, 288), 1)])
def test_inversion_is_exact_in_float32(shape: tuple[int, int], squeezes: int) -> None:
    model = flow(shape, 3, 2, 8, scale=0.1, squeezes=squeezes, full=shape[0] < 100)
    v = images(3, shape)
    model.initialise(v)
    with torch.no_grad():
        z, ladj = model().call_and_ladj(v)
        assert float(ladj.std()) > 1
        assert (model().inv(z) - v).abs().max() < 1e-4
        # The last level alone does not give the image back.
        z[:, : -model.sizes[-1]] = 0
        assert (model().inv(z) - v).abs().max() > 0.1


def test_the_density_integrates_to_one() -> None:
    """Over a grid of the four dimensions of a 2 x 2 image."""
    model = flow((2, 2), levels=1, hidden=4, scale=0.6).double()
    axis = torch.linspace(-6, 6, 25, dtype=torch.float64)
    total = 0.0
    for first in axis:
        v = torch.cartesian_prod(first[None], axis, axis, axis).view(-1, 2, 2)
        with torch.no_grad():
            z, ladj = model().call_and_ladj(v)
        log_p = -0.5 * z.square().sum(1) - 2 * math.log(2 * math.pi) + ladj
        total += float(log_p.exp().sum()) * float(axis[1] - axis[0]) ** 4
    assert total == pytest.approx(1, abs=0.01)
    assert float(ladj.std()) > 0.05


@pytest.mark.parametrize("masked", [False, True])
def test_checkpointing_gives_the_same_gradients(masked: bool) -> None:
    v = images(4)
    mask = lengths_mask([8, 5, 3, 2], (8, 8), 8) if masked else None
    gradients = []
    for checkpointing in (False, True):
        model = flow(checkpointing=checkpointing)
        z, ladj = model(mask).call_and_ladj(v)
        (z.square().sum() - ladj.sum()).backward()
        gradients.append([p.grad for p in model.parameters()])
    for plain, again in zip(*gradients, strict=True):
        assert torch.equal(plain, again)


@pytest.mark.parametrize(
    ("shape", "levels", "squeezes", "said"),
    [
        (
            (48, 50),
            3,
            2,
            "48 frames x 50 bands: 3 levels, squeezed 2 times before the first, need multiples of 16",
        ),
        ((20, 16), 3, 1, "20 frames x 16 bands"),
    ],
)
def test_an_image_the_levels_do_not_divide(
    shape: tuple[int, int], levels: int, squeezes: int, said: str
) -> None:
    with pytest.raises(InputError, match=said) as caught:
        MultiScale(shape, levels, 1, 4, squeezes=squeezes)
    assert "\n" not in str(caught.value)


def test_a_full_covariance_has_its_limit() -> None:
    with pytest.raises(InputError, match=r"hp\.glow\.top: the last level has 20736 dimensions"):
        MultiScale((288, 288), 3, 1, 4)


def test_the_average_follows_and_learns_nothing() -> None:
    model = flow()
    average = averaged(model)
    assert list(average.parameters()) == []
    assert set(average.state_dict()) == set(model.state_dict())
    v = images(2)
    torch.testing.assert_close(average()(v), model()(v))
    before = {name: tensor.clone() for name, tensor in average.state_dict().items()}
    stir(model, 1.0)
    follow(average, model, 0.75)
    for name, parameter in model.named_parameters():
        expected = 0.75 * before[name] + 0.25 * parameter.detach()
        torch.testing.assert_close(average.state_dict()[name], expected)
