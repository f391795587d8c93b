"""Third judge: nearest neighbours among the training segments, on log-mel."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from speech_factorization.errors import InputError
from speech_factorization.evaluation.judge_settings import NeighbourSettings
from speech_factorization.features.mel import mel_bands
from speech_factorization.interfaces import Batch

__all__ = ["NeighbourJudge"]

BIN_HZ = 40.0  # 400-point FFT at 16 kHz, DC dropped
PART = 2048  # points compared with all references at once
PRIOR_WEIGHT = 0.5  # of the class prior, in units of the mean neighbour's weight


class NeighbourJudge(nn.Module):
    """Distance-weighted k-NN of one factor on segments' log-mel [N, 20 * bands].

    The metric is (W + a tr(W)/D I)^-1, W the covariance within the factor's classes: small a whitens what
    the factor does not explain, large a is the plain Euclidean distance. a and k are those of the least
    cross-entropy on validation data. A neighbour at squared distance d weighs exp(-2 d / d_k), d_k that of
    the k-th; the class prior counts as half a neighbour, so no posterior is zero.
    """

    bands: Tensor
    mean: Tensor
    metric: Tensor
    references: Tensor
    labels: Tensor
    prior: Tensor
    k: Tensor

    def __init__(
        self, factor: str, classes: int, shape: tuple[int, int], settings: NeighbourSettings
    ) -> None:
        super().__init__()
        self.factor, self.classes, self.settings = factor, classes, settings
        frames, bins = shape
        size = frames * settings.bands
        self.register_buffer("bands", mel_bands(settings.bands, torch.arange(1, bins + 1) * BIN_HZ))
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("metric", torch.eye(size))
        self.register_buffer("prior", torch.full((classes,), 1 / classes))
        self.register_buffer("k", torch.tensor(1))
        self.allocate(1)

    def allocate(self, references: int) -> None:
        """Make room for that many training segments (needed before a state is loaded)."""
        device = self.mean.device
        self.register_buffer("references", torch.zeros(references, len(self.mean), device=device))
        self.register_buffer("labels", torch.zeros(references, dtype=torch.int64, device=device))

    def features(self, x: Tensor) -> Tensor:
        """Log-mel of raw log spectrograms [N, 20, 200]: [N, 20 * bands]."""
        return (x.exp() @ self.bands.T).clamp(min=1e-8).log().flatten(1)

    @torch.no_grad()
    def fit(self, train: Iterable[Batch], valid: Iterable[Batch]) -> None:
        """Keep the training segments; choose metric and k on the validation segments."""
        features, labels = self._collect(train)
        held, truth = self._collect(valid)
        self.mean.copy_(features.mean(0))
        counts = torch.bincount(labels, minlength=self.classes)
        self.prior.copy_((counts + 1) / (counts + 1).sum())
        means = torch.zeros(self.classes, features.shape[1], dtype=torch.float64, device=features.device)
        means.index_add_(0, labels, features.double())
        rest = features.double() - (means / counts.clamp(min=1)[:, None])[labels]
        variances, axes = torch.linalg.eigh(rest.T @ rest / len(rest))
        self.allocate(len(labels))
        self.labels.copy_(labels)
        best = float("inf")
        for shrinkage in self.settings.shrinkages:
            metric = (axes / (variances.clamp(min=0) + shrinkage * variances.mean()).sqrt()).float()
            references, points = (features - self.mean) @ metric, (held - self.mean) @ metric
            distances, nearest = _nearest(points, references, max(self.settings.neighbours))
            for k in self.settings.neighbours:
                p = self._vote(distances[:, :k], labels[nearest[:, :k]])
                loss = float(-p.gather(1, truth[:, None]).log().mean())
                if loss < best:
                    best = loss
                    self.metric.copy_(metric)
                    self.references.copy_(references)
                    self.k.fill_(min(k, len(labels)))

    @torch.no_grad()
    def posterior(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Posterior [N, classes] of raw log spectrograms [N, 20, 200]."""
        points = (self.features(x) - self.mean) @ self.metric
        distances, nearest = _nearest(points, self.references, int(self.k))
        return self._vote(distances, self.labels[nearest])

    def _vote(self, distances: Tensor, labels: Tensor) -> Tensor:
        """Posterior from squared distances [N, k], ascending, and the neighbours' labels [N, k]."""
        weights = torch.exp(-2 * distances / distances[:, -1:].clamp(min=1e-12))
        votes = torch.zeros(len(labels), self.classes, device=weights.device)
        votes = votes.scatter_add(1, labels, weights)
        votes = votes + PRIOR_WEIGHT * weights.mean(1, keepdim=True) * self.prior
        return votes / votes.sum(1, keepdim=True)

    def _collect(self, batches: Iterable[Batch]) -> tuple[Tensor, Tensor]:
        found = [(self.features(b.x), b.factors[self.factor]) for b in batches]
        if not found:
            raise InputError(f"no segments for the k-NN judge of {self.factor}", remedy="check the splits")
        features, labels = torch.cat([a for a, _ in found]), torch.cat([b for _, b in found])
        return features[labels >= 0], labels[labels >= 0]


def _nearest(points: Tensor, references: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Squared distances and indices of the k nearest references, nearest first: [N, k] each."""
    parts = [
        torch.cdist(points[i : i + PART], references).square() for i in range(0, max(len(points), 1), PART)
    ]
    found = [part.topk(min(k, len(references)), largest=False) for part in parts]
    return torch.cat([f.values for f in found]), torch.cat([f.indices for f in found])
