"""What every dynamical VAE shares: the loss, its start, and encoding; a model adds its three distributions.

The family is one equation, p(x, z) = prod_t p(x_t | x_{1:t-1}, z_{1:t}) p(z_t | x_{1:t-1}, z_{1:t-1}), and a
choice of what to drop from it (Girin et al., Dynamical variational autoencoders: a review, 2021).
x is the power of an STFT whose bins are independent circular complex Gaussians of variance y.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from speech_factorization.dynamical.finite import require_finite
from speech_factorization.dynamical.gaussian import Gaussian, standard_noise
from speech_factorization.dynamical.itakura_saito import FLOOR, itakura_saito
from speech_factorization.dynamical.layers import LogPowerOf, frame_mask
from speech_factorization.errors import InputError
from speech_factorization.interfaces import Batch, Data, Inputs, Schedule
from speech_factorization.strict import Strict

__all__ = ["DynamicalHyperparameters", "DynamicalVAE", "Frames", "Widths"]

Widths = Annotated[list[Annotated[int, Field(gt=0)]], Field(min_length=1)]


class DynamicalHyperparameters(Strict):
    """What every dynamical VAE has.

    z_dim: dimensions of z_t. beta: weight of the KL divergence. kl_warm_up: epochs in which it grows from 0.
    """

    z_dim: int = Field(16, gt=0)
    beta: float = Field(1.0, ge=0)
    kl_warm_up: int = Field(0, ge=0)


class Frames(NamedTuple):
    """What one pass over x [B, T, F] gives.

    codes: "z" [B, T, z_dim] and whatever else decoding needs. q: q(z_t | .). p: p(z_t | .).
    log_y: ln y, [B, T, F]. v: q(v | x_{1:T}) [B, v_dim] of a model with one code for the whole sequence.
    """

    codes: dict[str, Tensor]
    q: Gaussian
    p: Gaussian
    log_y: Tensor
    v: Gaussian | None = None


class DynamicalVAE(nn.Module, ABC):
    """Base of the dynamical VAEs. A model defines `p_x`, `forward`, `decode`, `sample` and `published`.

    of_true_past: names of the codes that hold the past of x itself; `decode` without them feeds the model's
      own output back.
    published: names of this module's parts -> names in the authors' checkpoints, see dynamical/published.py.
    """

    inputs: ClassVar[tuple[Inputs, ...]] = ("utterances",)
    likelihood_of: ClassVar[str] = (
        "power spectrogram, nats per frame: Itakura-Saito divergence and KL; elbo up to a constant of the data"
    )
    of_true_past: ClassVar[tuple[str, ...]] = ()
    published: ClassVar[Mapping[str, str | tuple[str, ...]]]
    p_x: LogPowerOf

    def __init__(self, hp: DynamicalHyperparameters, data: Data) -> None:
        super().__init__()
        if len(data.shape) != 1:
            raise InputError(
                f"items of shape {data.shape} are not frames",
                type(self).__module__,
                "give power spectrograms of utterances, shape (bins,)",
            )
        self.z_dim, self.beta, self.kl_warm_up = hp.z_dim, hp.beta, hp.kl_warm_up

    @abstractmethod
    def forward(self, x: Tensor, eps: Tensor, lengths: Tensor | None = None) -> Frames:
        """x [B, T, F] power, eps [B, T, z_dim] ~ N(0, I) (zeros: the posterior mean), lengths [B] or None."""

    def noise(self, x: Tensor, generator: torch.Generator | None) -> dict[str, Tensor]:
        """What `forward` samples with, by argument; zeros, which give the mean, without a generator."""
        return {"eps": standard_noise((*x.shape[:-1], self.z_dim), generator, x)}

    @abstractmethod
    def decode(self, codes: Mapping[str, Tensor]) -> Tensor:
        """Power spectrogram y [B, T, F]; codes in `of_true_past` may be left out."""

    @abstractmethod
    def sample(self, n: int, generator: torch.Generator, frames: int = 150) -> Tensor:
        """Ancestral samples of x, power [n, frames, F]."""

    @torch.no_grad()
    def encode(
        self, x: Tensor, lengths: Tensor | None = None, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """Codes of x [B, T, F]: the posterior mean, or a sample where a generator is given.

        Errors: InputError for another shape, or for a frame that is not finite.
        """
        self._check(x)
        if lengths is not None:
            x = x.masked_fill(~frame_mask(lengths, x.shape[1])[..., None], 0)
        bad = (~x.isfinite()).any(-1).nonzero()
        if len(bad):
            item, frame = bad[0].tolist()
            raise InputError(
                f"frame {frame} is not finite", f"item {item} of the spectrograms", "repair the sound"
            )
        return self(x, lengths=lengths, **self.noise(x, generator)).codes  # type: ignore[no-any-return]

    def players(self) -> Mapping[str, list[nn.Parameter]]:
        return {"model": list(self.parameters())}

    @torch.no_grad()
    def initialise(self, batches: Iterable[Batch]) -> None:
        """Start ln y at the log of each bin's mean power, the best constant there is."""
        bias = self.p_x.head.bias
        total, count = torch.zeros_like(bias, dtype=torch.float64), 0
        for batch in batches:
            frames = batch.x[frame_mask(batch.lengths, batch.x.shape[1])].to(total)
            total, count = total + frames.sum(0), count + len(frames)
        if count == 0 or not bool(total.isfinite().all()):
            raise InputError(
                "no frames" if count == 0 else "a frame is not finite",
                "training utterances",
                "check the corpus and its split",
            )
        bias.copy_((total / count).clamp_min(FLOOR).log())

    def after_step(self) -> None:
        """Nothing to do."""

    def loss(self, batch: Batch, player: str, schedule: Schedule) -> dict[str, Tensor]:
        """Means over real frames: loss = reconstruction + weight * kl, elbo = -(reconstruction + kl), nats.

        The weight is beta, in training reached linearly over kl_warm_up epochs; validation uses beta itself,
        so that epochs can be compared. A frame that is not finite is an InputError.
        """
        self._check(batch.x)
        real = frame_mask(batch.lengths, batch.x.shape[1])
        x = batch.x.masked_fill(~real[..., None], 0)
        frames: Frames = self(x, lengths=batch.lengths, **self.noise(x, schedule.generator))
        terms = self.terms(self.fed(frames, x, schedule), x, real, self.warm_up(schedule))
        require_finite(torch.stack([terms["loss"], terms["elbo"]]), batch)
        return terms

    def fed(self, frames: Frames, x: Tensor, schedule: Schedule) -> Frames:
        """The frames as generation has them at this point of training; not always from the true past."""
        return frames

    def warm_up(self, schedule: Schedule) -> float:
        """What the weights of the KL divergences are multiplied with."""
        if schedule.training and schedule.epoch < self.kl_warm_up:
            return schedule.epoch / self.kl_warm_up
        return 1.0

    def terms(self, frames: Frames, x: Tensor, real: Tensor, warm_up: float | Tensor) -> dict[str, Tensor]:
        """The loss and its terms, means over the real frames [B, T] of x."""
        count = real.sum()

        def mean(nats: Tensor) -> Tensor:
            return torch.where(real, nats, 0).sum() / count

        reconstruction, kl = mean(itakura_saito(x, frames.log_y)), mean(frames.q.kl(frames.p))
        loss = reconstruction + warm_up * self.beta * kl
        return {"loss": loss, "reconstruction": reconstruction, "kl": kl, "elbo": -(reconstruction + kl)}

    def _check(self, x: Tensor) -> None:
        """Error: x is no spectrogram this model can take."""
        bins = self.p_x.head.out_features
        if x.ndim != 3 or x.shape[-1] != bins or 0 in x.shape:
            raise InputError(
                f"a spectrogram of shape {tuple(x.shape)}",
                type(self).__module__,
                f"give power of shape (utterances, frames, {bins}), at least one frame",
            )
