"""Affine couplings: the inverse, the log-determinant, and who moves whom."""

import pytest
import torch
from torch.distributions import Transform

from speech_factorization.flow.coupling import BOUND, Couplings
from tests.flow.toys import stir


def couplings(size, count, scale=1.0, seed=0):
    torch.manual_seed(seed)
    made = Couplings(size, count, [8])
    stir(made, scale)
    return made.double()


def inputs(size, n=6):
    return torch.randn(n, size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_they_start_as_the_identity():
    y = inputs(7)
    z, ladj = Couplings(7, 4, [8]).double()().call_and_ladj(y)
    assert torch.equal(z, y)
    assert ladj.abs().max() == 0


@pytest.mark.parametrize("size", [2, 3, 8])
@pytest.mark.parametrize("count", [1, 2, 5, 8])
def test_inverse_and_log_determinant(size, count):
    y = inputs(size)
    transform = couplings(size, count)()
    assert isinstance(transform, Transform)
    z, ladj = transform.call_and_ladj(y)
    assert (z - y).abs().max() > 0.1
    torch.testing.assert_close(transform.inv(z), y)
    torch.testing.assert_close(transform(y), z)
    torch.testing.assert_close(transform.log_abs_det_jacobian(y, z), ladj)
    jacobians = [torch.autograd.functional.jacobian(lambda v: transform(v[None])[0], row) for row in y]
    torch.testing.assert_close(torch.linalg.slogdet(torch.stack(jacobians))[1], ladj)


def test_a_half_moves_the_other_where_it_stands():
    """One coupling: what it keeps is kept at its own index, and the Jacobian is diagonal elsewhere."""
    made = couplings(9, 1)
    kept, moved = made.orders[0].split([4, 5])
    y = inputs(9, 1)
    z = made()(y)
    assert torch.equal(z[:, kept], y[:, kept])
    assert (z[:, moved] != y[:, moved]).all()
    jacobian = torch.autograd.functional.jacobian(lambda v: made()(v[None])[0], y[0])
    among_moved = jacobian[moved][:, moved]
    assert torch.equal(among_moved, among_moved.diagonal().diag())
    assert (jacobian[moved][:, kept] != 0).any()


def test_pairs_have_complementary_halves_of_their_own():
    orders = couplings(12, 6).orders
    assert orders.shape == (3, 12)
    for order in orders:
        assert order.sort().values.tolist() == list(range(12))
    assert len({tuple(order[:6].sort().values.tolist()) for order in orders}) == 3
    again, other = couplings(12, 6).orders, couplings(12, 6, seed=1).orders
    assert torch.equal(orders, again)
    assert not torch.equal(orders, other)


def test_scales_are_bounded():
    transform = couplings(4, 1, scale=1e4)()
    _, ladj = transform.call_and_ladj(inputs(4, 100))
    assert ladj.abs().max() <= 2 * BOUND
    assert ladj.abs().max() > 1.9 * BOUND


def test_gradients_are_those_of_the_function():
    made, y = couplings(5, 3), inputs(5, 2).requires_grad_(True)
    assert torch.autograd.gradcheck(lambda v: made().call_and_ladj(v), (y,))
    z, ladj = made().call_and_ladj(y)
    (z.square().sum() - ladj.sum()).backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in made.parameters())
