"""Each block is a bijection of what is real, and says how it scales volume."""

import pytest
import torch
from torch import Tensor

from speech_factorization.flow.glow.actnorm import ActNorm
from speech_factorization.flow.glow.convolution import Convolution
from speech_factorization.flow.glow.coupling import BOUND, Coupling, bounded
from speech_factorization.flow.glow.split import Split
from speech_factorization.flow.glow.squeeze import Squeeze
from speech_factorization.flow.glow.top import DiagonalTop, FullTop
from tests.flow.glow.toys import stir

H, W, C = 2, 3, 4


def full_top() -> FullTop:
    """Values become padding from the last row on, and of a row its later two channels first."""
    return FullTop(2 * torch.arange(H)[:, None, None] + (torch.arange(C) >= 2) + torch.zeros(H, W, C))


BLOCKS = {
    "actnorm": lambda: ActNorm(C),
    "convolution": lambda: Convolution(C),
    "coupling": lambda: Coupling(C, 6),
    "split": lambda: Split(C),
    "diagonal": lambda: DiagonalTop(C),
    "full": full_top,
}
every_block = pytest.mark.parametrize("name", BLOCKS)


def built(name: str) -> torch.nn.Module:
    torch.manual_seed(0)
    block = BLOCKS[name]()
    stir(block, 1.0)
    x = values(40)
    if hasattr(block, "initialise"):
        block.initialise(x.float(), None)
    return block.double()


def values(count: int = 5, seed: int = 1) -> Tensor:
    g = torch.Generator().manual_seed(seed)
    mixed = torch.randn(count, H, W, C, generator=g, dtype=torch.float64)
    return mixed + 0.7 * mixed.roll(1, -1) + 2


def masks() -> Tensor:
    """All real; the last row padding; of the last row two channels padding."""
    mask = torch.ones(3, H, W, C, dtype=torch.bool)
    mask[1, -1] = False
    mask[2, -1, :, 2:] = False
    return mask


@every_block
@pytest.mark.parametrize("masked", [False, True])
def test_bijection_and_log_determinant(name: str, masked: bool) -> None:
    block, x = built(name), values(3)
    mask = masks() if masked else None
    if masked:
        x = x * mask
    with torch.no_grad():
        y, ladj = block(mask).call_and_ladj(x)
        torch.testing.assert_close(block(mask).inv(y), x, atol=1e-9, rtol=1e-9)
    assert ladj.shape == (3,)
    assert (ladj.abs() > 0.01).all()
    assert torch.equal(block(mask).log_abs_det_jacobian(x, y).detach(), ladj)
    for i in range(3):
        own = None if mask is None else mask[i : i + 1]
        jacobian = torch.autograd.functional.jacobian(lambda v, own=own: block(own)(v), x[i : i + 1])
        real = torch.ones(H * W * C, dtype=torch.bool) if own is None else own.flatten()
        of_real = jacobian.reshape(H * W * C, -1)[real][:, real]
        torch.testing.assert_close(torch.linalg.slogdet(of_real)[1], ladj[i], atol=1e-9, rtol=1e-9)
        assert (y[i].flatten()[~real] == 0).all()


@pytest.mark.parametrize("name", ["coupling", "split"])
def test_starts_as_the_identity(name: str) -> None:
    x = values().float()
    y, ladj = BLOCKS[name]()(None).call_and_ladj(x)
    assert torch.equal(y, x)
    assert (ladj == 0).all()


def test_squeeze_puts_each_patch_into_one_position() -> None:
    x = torch.arange(2 * 4 * 6 * 3).view(2, 4, 6, 3)
    y = Squeeze()(x)
    assert y.shape == (2, 2, 3, 12)
    assert sorted(y[0, 1, 2].tolist()) == sorted(x[0, 2:4, 4:6].flatten().tolist())
    # Its earlier frame first: half of the channels are one frame.
    assert sorted(y[0, 1, 2, :6].tolist()) == sorted(x[0, 2, 4:6].flatten().tolist())
    assert torch.equal(Squeeze().inv(y), x)


def test_actnorm_starts_from_what_is_real() -> None:
    x = values(500)
    mask = torch.rand(x.shape, generator=torch.Generator().manual_seed(2)) < 0.7
    norm = ActNorm(C).double()
    assert not norm.initialised
    norm.initialise(torch.where(mask, x, 1e6), mask)
    assert norm.initialised
    assert "initialised" in norm.state_dict()
    y = norm(mask)(torch.where(mask, x, 0)).detach()
    for c in range(C):
        real = y[..., c][mask[..., c]]
        assert float(real.mean()) == pytest.approx(0, abs=1e-9)
        assert float(real.std(correction=0)) == pytest.approx(1, abs=1e-9)


def test_convolution_starts_by_whitening() -> None:
    x = values(4000).float()
    torch.manual_seed(0)
    convolution = Convolution(C)
    convolution.initialise(x, None)
    y = convolution(None)(x).detach().reshape(-1, C)
    torch.testing.assert_close(torch.cov(y.T), torch.eye(C), atol=1e-3, rtol=0)
    few = Convolution(C)
    before = few.lu.detach().clone()
    few.initialise(x[:1, :1, :2], None)
    assert torch.equal(few.lu, before)


def test_coupling_is_bounded_where_nothing_was_seen() -> None:
    block, x = built("coupling"), values() * 1000
    y, ladj = block(None).call_and_ladj(x)
    assert (ladj.abs() <= BOUND * H * W * C / 2).all()
    torch.testing.assert_close(block(None).inv(y), x, rtol=1e-9, atol=1e-6)
    s = torch.linspace(-5, 5, 11, dtype=torch.float64)
    torch.testing.assert_close(bounded(s), BOUND * torch.tanh(s / BOUND))


def test_full_top_makes_its_data_white() -> None:
    block, x = full_top(), values(3000).float()
    block.initialise(x, None)
    # What the first covariance's shrinkage left.
    block.gather(block(None)(x), None)
    block.refit()
    z = block(None)(x).flatten(1)
    assert z.mean(0).abs().max() < 1e-3
    torch.testing.assert_close(torch.cov(z.T), torch.eye(H * W * C), atol=0.2, rtol=0)
