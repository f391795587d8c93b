"""k-means, the nearest centre, and points drawn from more than memory holds."""

import pytest
import torch

from speech_factorization.errors import InputError
from speech_factorization.resynthesis.units import clusters


def cloud(count: int = 600, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Points around three places far apart, and which."""
    random = torch.Generator().manual_seed(seed)
    which = torch.randint(3, (count,), generator=random)
    places = torch.tensor([[0.0, 0], [10, 0], [0, 10]])
    return places[which] + torch.randn(count, 2, generator=random), which


def test_centres_are_the_means_of_what_is_apart() -> None:
    points, which = cloud()
    found = clusters.centres(points, 3, 0)
    assert torch.equal(found, clusters.centres(points, 3, 0))
    told = clusters.nearest(points, found)
    for k in range(3):
        assert len(told[which == k].unique()) == 1
        assert torch.allclose(found[told[which == k][0]], points[which == k].mean(0), atol=1e-4)


def test_the_nearest_is_the_nearest_in_parts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    random = torch.Generator().manual_seed(3)
    points, centres = (torch.randn(n, 5, generator=random) for n in (100, 9))
    distances = (points[:, None] - centres).square().sum(-1)
    monkeypatch.setattr(clusters, "PART", 7)
    assert torch.equal(clusters.nearest(points, centres), distances.argmin(1))
    assert clusters.distortion(points, centres) == pytest.approx(
        distances.min(1).values.mean().item(), rel=1e-5
    )


def test_too_few_points_are_said() -> None:
    with pytest.raises(InputError, match="2 frames of training speech for 3 units"):
        clusters.centres(torch.zeros(2, 4), 3, 0)
    with pytest.raises(InputError, match="no training speech"):
        clusters.drawn(iter([]), 5, 0)


def test_what_is_drawn_is_drawn_evenly_and_is_bounded() -> None:
    parts = [torch.full((50, 1), float(i)) for i in range(40)]
    found = clusters.drawn(iter(parts), 400, 1)
    assert torch.equal(found, clusters.drawn(iter(parts), 400, 1))
    assert not torch.equal(found, clusters.drawn(iter(parts), 400, 2))
    assert len(found) == 400
    counts = torch.bincount(found.flatten().long(), minlength=40)
    # Ten of each in the mean, with a standard deviation of three.
    assert 0 < counts.min() < counts.max() < 25
    assert torch.equal(clusters.drawn(iter(parts[:2]), 400, 1), torch.cat(parts[:2]))
