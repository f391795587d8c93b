"""Segment VAE: one z for 200 ms of speech, the VAE baseline of the factorization papers.

    q(z | x) = N(mu(x), diag sigma^2(x))      p(z) = N(0, I)      p(x | z) = N(f(z), diag s^2)

x is the log spectrogram, 20 x 200, standardised per dimension (on whitened input a VAE collapses).
s is learned, one value per dimension of x, so that beta = 1 needs no tuning (Rybkin, Daniilidis and Levine,
Simple and effective VAE training with calibrated decoders, 2021).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from speech_factorization.dynamical.finite import require_finite
from speech_factorization.dynamical.gaussian import Gaussian, standard, standard_noise
from speech_factorization.features.standardise import Standardise
from speech_factorization.interfaces import Batch, Data, Inputs, Schedule
from speech_factorization.strict import Strict

__all__ = ["Hyperparameters", "Model"]

# Of ln s^2: Adam's steps have one size for all parameters, and s would lag behind the error for many epochs.
UNIT = 10.0


class Hyperparameters(Strict):
    """hidden: widths from x to z, mirrored from z to x. beta: weight of the KL divergence."""

    z_dim: int = Field(64, gt=0)
    hidden: Annotated[list[Annotated[int, Field(gt=0)]], Field(min_length=1)] = [256]
    beta: float = Field(1.0, ge=0)


class Model(nn.Module):
    """The Gaussian VAE of whole segments; z [N, z_dim]."""

    inputs: ClassVar[tuple[Inputs, ...]] = ("segments",)
    likelihood_of: ClassVar[str] = "standardised log spectrogram, nats per segment, evidence lower bound"

    def __init__(self, hp: Hyperparameters, data: Data) -> None:
        super().__init__()
        self.shape, self.z_dim, self.beta = data.shape, hp.z_dim, hp.beta
        size = math.prod(data.shape)
        self.standardise = Standardise(data.shape)
        self.q_z = _mlp([size, *hp.hidden, 2 * hp.z_dim])
        self.f = _mlp([hp.z_dim, *reversed(hp.hidden), size])
        self.log_s2 = nn.Parameter(torch.zeros(size))

    def posterior(self, x: Tensor) -> Gaussian:
        """q(z | x) of raw x [N, *shape]."""
        return Gaussian(*self.q_z(self._flat(x)).chunk(2, -1))

    def likelihood(self, z: Tensor) -> Gaussian:
        """p(x | z) of z [N, z_dim]; x standardised and flat, [N, size]."""
        f: Tensor = self.f(z)
        return Gaussian(f, (UNIT * self.log_s2).expand_as(f))

    def forward(self, x: Tensor, eps: Tensor) -> tuple[Tensor, Tensor]:
        """-ln p(x | z) at z = mu + sigma * eps and KL(q || p), nats per segment, [N] each.

        x [N, *shape] raw; its density is that of the standardised x. eps [N, z_dim] ~ N(0, I).
        """
        q = self.posterior(x)
        p_x = self.likelihood(q.sample(eps))
        return -p_x.log_prob(self._flat(x)), q.kl(standard(q.mean))

    @torch.no_grad()
    def encode(
        self, x: Tensor, lengths: Tensor | None = None, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """z [N, z_dim] of raw x [N, *shape]: the posterior mean, or a sample where a generator is given."""
        q = self.posterior(x)
        return {"z": q.mean if generator is None else q.sample(standard_noise(q.mean.shape, generator, x))}

    @torch.no_grad()
    def decode(self, codes: Mapping[str, Tensor]) -> Tensor:
        """f(z) as a raw log spectrogram [N, *shape]."""
        return self.standardise.inverse(self.f(codes["z"]).view(-1, *self.shape))

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """x [n, *shape] raw: z ~ p(z), then x ~ p(x | z)."""
        p_x = self.likelihood(standard_noise((n, self.z_dim), generator, self.log_s2))
        x = p_x.sample(standard_noise(p_x.mean.shape, generator, p_x.mean))
        return self.standardise.inverse(x.view(-1, *self.shape))

    def players(self) -> Mapping[str, list[nn.Parameter]]:
        return {"model": list(self.parameters())}

    def initialise(self, batches: Iterable[Batch]) -> None:
        """Standardise with the training segments."""
        self.standardise.fit(batches)

    def after_step(self) -> None:
        """Nothing to do."""

    def loss(self, batch: Batch, player: str, schedule: Schedule) -> dict[str, Tensor]:
        """Means per segment, nats: reconstruction + beta * kl and its terms; a NaN in x is an InputError."""
        eps = standard_noise((len(batch.x), self.z_dim), schedule.generator, batch.x)
        reconstruction, kl = (term.mean() for term in self.forward(batch.x, eps))
        loss = reconstruction + self.beta * kl
        require_finite(loss, batch)
        return {"loss": loss, "reconstruction": reconstruction, "kl": kl, "elbo": -(reconstruction + kl)}

    def _flat(self, x: Tensor) -> Tensor:
        flat: Tensor = self.standardise(x).flatten(1)
        return flat


def _mlp(widths: Sequence[int]) -> nn.Sequential:
    """Linear layers with ReLU between them."""
    layers = [layer for i, o in pairwise(widths) for layer in (nn.ReLU(), nn.Linear(i, o))]
    return nn.Sequential(*layers[1:])
