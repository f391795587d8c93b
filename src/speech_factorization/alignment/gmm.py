"""Diagonal Gaussian mixtures, one per state, and the steps that estimate them.

Conventions
-----------
x: [N, D] float32 features, globally standardised. K states, M components each. counts [K], sums [K, D] and
squares [K, D] are the sufficient statistics of posteriors: sum_t gamma_t(k), sum_t gamma_t(k) x_t, and the
same of x_t^2.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Mixtures", "fit_single", "reestimate", "split"]

VARIANCE_FLOOR = 0.01
LEAST_FRAMES = 3.0
SPLIT = 0.2


@dataclass(frozen=True)
class Mixtures:
    """log p(x | k) = log sum_m w_km N(x; mean_km, diag var_km).

    log_weights: [K, M]; means, variances: [K, M, D].
    """

    log_weights: Tensor
    means: Tensor
    variances: Tensor

    def components(self, x: Tensor, states: slice = slice(None)) -> Tensor:
        """log w_km + log N(x; k, m) for some states: [N, D] -> [N, K, M]."""
        weights, means, variances = self.log_weights[states], self.means[states], self.variances[states]
        K, M, D = means.shape
        precision = 1.0 / variances
        constant = weights - 0.5 * (
            D * math.log(2 * math.pi) + variances.log().sum(-1) + (means.square() * precision).sum(-1)
        )
        quadratic = torch.cat([-0.5 * precision, means * precision], dim=-1).reshape(K * M, 2 * D)
        scores = torch.addmm(constant.reshape(1, K * M), torch.cat([x.square(), x], dim=1), quadratic.T)
        return scores.reshape(len(x), K, M)

    def log_likelihood(self, x: Tensor) -> Tensor:
        """log p(x | k): [N, D] -> [N, K]."""
        scores = self.components(x)
        return scores[..., 0] if scores.shape[-1] == 1 else scores.logsumexp(dim=-1)


def fit_single(counts: Tensor, sums: Tensor, squares: Tensor) -> Mixtures:
    """One Gaussian per state from sufficient statistics; a state hardly seen is the global N(0, 1)."""
    n = counts.clamp_min(1e-8)[:, None]
    mean = sums / n
    variance = (squares / n - mean.square()).clamp_min(VARIANCE_FLOOR)
    unseen = (counts < LEAST_FRAMES)[:, None]
    mean = torch.where(unseen, 0.0, mean).float()
    variance = torch.where(unseen, 1.0, variance).float()
    return Mixtures(torch.zeros(len(counts), 1), mean[:, None], variance[:, None])


def split(model: Mixtures) -> Mixtures:
    """Each component in two, their means 0.2 standard deviations to either side."""
    step = SPLIT * model.variances.sqrt()
    return Mixtures(
        torch.cat([model.log_weights, model.log_weights], dim=1) - math.log(2.0),
        torch.cat([model.means - step, model.means + step], dim=1),
        torch.cat([model.variances, model.variances], dim=1),
    )


def reestimate(model: Mixtures, x: Tensor, states: Tensor, iterations: int = 1) -> Mixtures:
    """EM over the components of each state, the frames' states given: x [N, D], states [N].

    A component that loses its frames keeps its mean and variance.
    """
    order = torch.argsort(states, stable=True)
    counts = torch.bincount(states, minlength=len(model.means)).tolist()
    x = x[order]
    for _ in range(iterations):
        weights, means, variances = model.log_weights.clone(), model.means.clone(), model.variances.clone()
        begin = 0
        for k, count in enumerate(counts):
            own, begin = x[begin : begin + count], begin + count
            if count < LEAST_FRAMES:
                continue
            gamma = model.components(own, slice(k, k + 1))[:, 0].softmax(dim=-1)
            n = gamma.sum(dim=0)
            mean = gamma.T @ own / n.clamp_min(1e-8)[:, None]
            variance = gamma.T @ own.square() / n.clamp_min(1e-8)[:, None] - mean.square()
            seen = (n >= LEAST_FRAMES)[:, None]
            means[k] = torch.where(seen, mean, means[k])
            variances[k] = torch.where(seen, variance.clamp_min(VARIANCE_FLOOR), variances[k])
            weights[k] = (n.clamp_min(1e-3) / n.clamp_min(1e-3).sum()).log()
        model = Mixtures(weights, means, variances)
    return model
