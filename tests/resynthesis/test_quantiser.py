"""The quantiser: the nearest code, a gradient that goes straight through, codes that come back to life."""

import pytest
import torch
from safetensors.torch import load, save

from speech_factorization.resynthesis.quantiser import Quantiser


def _quantiser(codes: int = 8, width: int = 4, seed: int = 0, **more: float) -> Quantiser:
    """A quantiser whose codebook stands."""
    torch.manual_seed(seed)
    quantiser = Quantiser(codes, width, **more)
    quantiser.train()(torch.randn(4, 50, width))
    return quantiser


def test_the_gradient_through_the_quantiser_is_the_gradient_at_the_code() -> None:
    quantiser = _quantiser()
    z = torch.randn(3, 7, 4, requires_grad=True)
    quantised, codes, _ = quantiser(z)
    weights = torch.randn(3, 7, 4)
    at_code = quantised.detach().requires_grad_(True)
    ((at_code * weights).sin().sum()).backward()
    ((quantised * weights).sin().sum()).backward()
    assert torch.equal(z.grad, at_code.grad)


@pytest.mark.parametrize("training", [True, False])
def test_the_code_is_the_nearest(training: bool) -> None:
    quantiser = _quantiser().train(training)
    book, z = quantiser.codebook.clone(), torch.randn(5, 11, 4)
    nearest = (z[..., None, :] - book).square().sum(-1).argmin(-1)
    assert torch.equal(quantiser.encode(z), nearest)
    quantised, codes, commitment = quantiser(z)
    assert torch.equal(codes, nearest)
    assert torch.allclose(quantised, book[nearest])
    assert commitment.item() == pytest.approx((z - book[nearest]).square().mean().item(), rel=1e-5)
    assert torch.equal(quantiser.codebook, book) is not training


def test_decoding_a_code_and_encoding_it_gives_it_back() -> None:
    quantiser = _quantiser().eval()
    codes = torch.arange(8).view(2, 4)
    assert torch.equal(quantiser.encode(quantiser.decode(codes)), codes)


def test_the_codebook_follows_the_means_of_what_it_stands_for() -> None:
    quantiser = _quantiser(codes=2, width=1, decay=0.5, restart=0.0)
    low, high = torch.tensor(-3.0), torch.tensor(5.0)
    for _ in range(60):
        quantiser(torch.stack([low, high]).repeat(20)[None, :, None])
    assert sorted(quantiser.codebook.flatten().tolist()) == pytest.approx([-3, 5], abs=1e-3)


def test_dead_codes_start_again_at_what_is_there() -> None:
    torch.manual_seed(0)
    far = torch.randn(1, 200, 2) + 100
    for restart in (1.0, 0.0):
        quantiser = _quantiser(codes=8, width=2, restart=restart, decay=0.8)
        for _ in range(40):
            quantiser(far)
        alive = len(quantiser.encode(far).unique())
        assert (alive > 6) is (restart > 0), (restart, alive)


def test_all_its_state_is_in_the_state_dict() -> None:
    quantiser = _quantiser()
    other = Quantiser(8, 4)
    other.load_state_dict(load(save(quantiser.state_dict())))
    z = torch.randn(2, 60, 4)
    for one in (quantiser, other):
        torch.manual_seed(3)
        for _ in range(5):
            one.train()(z)
    assert torch.equal(quantiser.codebook, other.codebook)
    assert not list(quantiser.parameters())
