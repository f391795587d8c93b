"""What every dynamical VAE shares: the loss, its start, and encoding; a model adds its three distributions.

The family is one equation, p(x, z) = prod_t p(x_t | x_{1:t-1}, z_{1:t}) p(z_t | x_{1:t-1}, z_{1:t-1}), and a
choice of what to drop from it (Girin et al., Dynamical variational autoencoders: a review, 2021).
x is the power of an STFT whose bins are independent circular complex Gaussians of variance y.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, ClassVar, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from speech_factorization.dynamical.finite import require_finite
from speech_factorization.dynamical.frames import poison, real_frames
from speech_factorization.dynamical.gaussian import Gaussian, standard_noise
from speech_factorization.dynamical.itakura_saito import FLOOR, itakura_saito, power_noise
from speech_factorization.dynamical.layers import LogPowerOf
from speech_factorization.dynamical.schedule import Epochs, ramp
from speech_factorization.errors import InputError
from speech_factorization.interfaces import Batch, Data, Inputs, Schedule
from speech_factorization.strict import Strict

__all__ = ["DynamicalHyperparameters", "DynamicalVAE", "Frames", "Widths"]

Widths = Annotated[list[Annotated[int, Field(gt=0)]], Field(min_length=1)]


class DynamicalHyperparameters(Strict):
    """What every dynamical VAE has.

    z_dim: dimensions of z_t. beta: weight of the KL divergence. kl_warm_up: [first, last] epoch, from 0, between
    which it grows from 0; null: it is there from the start.
    """

    z_dim: int = Field(16, gt=0)
    beta: float = Field(1.0, ge=0)
    kl_warm_up: Epochs | None = None


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
        x, _ = self._real(x.to(self.p_x.head.weight.dtype), lengths)
        return self(x, lengths=lengths, **self.noise(x, generator)).codes  # type: ignore[no-any-return]

    def drawn(self, y: Tensor, generator: torch.Generator) -> Tensor:
        """x ~ p(x; y): the power of a circular complex Gaussian of variance y [B, T, F]."""
        return y * power_noise(y.shape, generator, y)

    def players(self) -> Mapping[str, list[nn.Parameter]]:
        return {"model": list(self.parameters())}

    @torch.no_grad()
    def initialise(self, batches: Iterable[Batch]) -> None:
        """Start ln y at the log of each bin's mean power, the best constant there is."""
        bias = self.p_x.head.bias
        total, count = torch.zeros_like(bias, dtype=torch.float64), 0
        for batch in batches:
            x, real = self._real(batch.x, batch.lengths, batch.utterances)
            total, count = total + x[real].to(total).sum(0), count + int(real.sum())
        if count == 0:
            raise InputError("no frames", "training utterances", "check the corpus and its split")
        bias.copy_((total / count).clamp_min(FLOOR).log())

    def after_step(self) -> None:
        """Nothing to do."""

    def loss(self, batch: Batch, player: str, schedule: Schedule) -> dict[str, Tensor]:
        """Means over real frames: loss = reconstruction + weight * kl, elbo = -(reconstruction + kl), nats.

        The weight is beta, in training reached as kl_warm_up says; validation uses beta itself, so that epochs can
        be compared. Errors: InputError that names the first frame that is no power, or if the loss is no number;
        on CUDA the loss is then NaN, for the training loop to find.
        """
        x, real = self._real(batch.x, batch.lengths, batch.utterances)
        frames: Frames = self(x, lengths=batch.lengths, **self.noise(x, schedule.generator))
        terms = self.terms(self.fed(frames, x, schedule), x, real, self.warm_up(schedule))
        if x.is_cuda:
            terms["loss"] = terms["loss"] + poison(x)
        require_finite(torch.stack([terms["loss"], terms["elbo"]]), batch)
        return terms

    def fed(self, frames: Frames, x: Tensor, schedule: Schedule) -> Frames:
        """The frames as generation has them at this point of training; not always from the true past."""
        return frames

    def warm_up(self, schedule: Schedule) -> float:
        """What the weights of the KL divergences are multiplied with."""
        if self.kl_warm_up is None or not schedule.training:
            return 1.0
        return ramp(self.kl_warm_up, schedule.epoch)

    @property
    def settled_after(self) -> int:
        """Epochs until the loss is the final one."""
        return (self.kl_warm_up or [0])[-1]

    def terms(self, frames: Frames, x: Tensor, real: Tensor, warm_up: float) -> dict[str, Tensor]:
        """The loss and its terms, means over the real frames [B, T] of x."""
        count = real.sum()

        def mean(nats: Tensor) -> Tensor:
            return torch.where(real, nats, 0).sum() / count

        reconstruction, kl = mean(itakura_saito(x, frames.log_y)), mean(frames.q.kl(frames.p))
        loss = reconstruction + warm_up * self.beta * kl
        return {"loss": loss, "reconstruction": reconstruction, "kl": kl, "elbo": -(reconstruction + kl)}

    def _real(
        self, x: Tensor, lengths: Tensor | None, utterances: Sequence[str] = ()
    ) -> tuple[Tensor, Tensor]:
        return real_frames(x, lengths, self.p_x.head.out_features, utterances)
