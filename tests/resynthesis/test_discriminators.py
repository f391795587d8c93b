"""Discriminators: published sizes, and what each of them sees."""

import pytest
import torch

from speech_factorization.resynthesis.discriminators import Discriminators, DiscriminatorSettings
from tests.resynthesis.small import THIN


def count(module: torch.nn.Module) -> float:
    return sum(p.numel() for p in module.parameters()) / 1e6


def test_published_sizes() -> None:
    whole = Discriminators(DiscriminatorSettings())
    assert count(whole.periods) == pytest.approx(41.1, abs=0.05)
    assert count(whole.scales) == pytest.approx(29.6, abs=0.05)


def test_a_verdict_of_each_on_any_length() -> None:
    thin = Discriminators(DiscriminatorSettings(**THIN))
    for samples in (2560, 2563):
        verdicts = thin(torch.randn(3, samples, generator=torch.Generator().manual_seed(0)))
        assert len(verdicts) == 4
        for verdict in verdicts:
            assert len(verdict.scores) == 3
            torch.testing.assert_close(verdict.features[-1].flatten(1), verdict.scores)
        assert [len(verdict.features) for verdict in verdicts] == [3, 3, 8, 8]


def test_a_score_of_a_period_sees_every_pth_sample() -> None:
    member = Discriminators(DiscriminatorSettings(**{**THIN, "periods": [3]})).periods.members[0]
    wave = torch.randn(1, 600, requires_grad=True, generator=torch.Generator().manual_seed(0))
    member(wave).features[-1][0, 0, 10, 1].backward()
    assert wave.grad is not None
    seen = wave.grad[0].nonzero()[:, 0]
    assert len(seen) > 5
    assert set((seen % 3).tolist()) == {1}


def test_each_scale_hears_half_of_the_rate_before() -> None:
    thin = Discriminators(DiscriminatorSettings(**{**THIN, "scales": 3}))
    lengths = [verdict.features[0].shape[-1] for verdict in thin.scales(torch.zeros(1, 2560))]
    assert lengths == [2560, 1281, 641]
