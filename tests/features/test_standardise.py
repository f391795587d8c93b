"""Standardise: exact statistics, padding left out."""

import pytest
import torch

from speech_factorization.errors import InputError
from speech_factorization.features.standardise import Standardise
from speech_factorization.interfaces import Batch


def batch(x, lengths=None):
    return Batch(x, torch.full((len(x),), x.shape[1]) if lengths is None else lengths)


def test_statistics_are_those_of_all_batches_together():
    x = 1000 + 3 * torch.randn(50, 4, 5, generator=torch.Generator().manual_seed(0))
    standardise = Standardise((4, 5)).fit([batch(x[:7]), batch(x[7:40]), batch(x[40:])])
    exact = x.double()
    torch.testing.assert_close(standardise.mean.double(), exact.mean(0), rtol=1e-6, atol=0)
    torch.testing.assert_close(standardise.scale.double(), exact.std(0, unbiased=False), rtol=1e-5, atol=0)
    y = standardise(x)
    torch.testing.assert_close(y.mean(0), torch.zeros(4, 5), rtol=0, atol=1e-3)
    torch.testing.assert_close(standardise.inverse(y), x, rtol=1e-6, atol=0)


def test_padding_does_not_count():
    x = torch.randn(3, 6, 2, generator=torch.Generator().manual_seed(1))
    lengths = torch.tensor([6, 2, 4])
    real = torch.cat([item[:length] for item, length in zip(x, lengths, strict=True)])
    for item, length in zip(x, lengths, strict=True):
        item[length:] = 1e6
    standardise = Standardise((2,)).fit([batch(x, lengths)])
    torch.testing.assert_close(standardise.mean, real.mean(0))
    torch.testing.assert_close(standardise.scale, real.std(0, unbiased=False))


def test_a_constant_dimension_stays_finite():
    x = torch.ones(10, 3, 2)
    standardise = Standardise((3, 2)).fit([batch(x)])
    assert standardise(x).abs().max() == 0
    assert standardise.scale.min() > 0


def test_statistics_are_in_the_state():
    x = torch.randn(20, 3, 2, generator=torch.Generator().manual_seed(2))
    fitted = Standardise((3, 2)).fit([batch(x)])
    other = Standardise((3, 2))
    assert torch.equal(other(x), x)
    other.load_state_dict(fitted.state_dict())
    assert torch.equal(other(x), fitted(x))


def test_no_data_is_an_input_error():
    with pytest.raises(InputError, match="no data"):
        Standardise((2,)).fit([])
