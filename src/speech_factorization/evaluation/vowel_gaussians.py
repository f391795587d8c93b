"""The rows beside a flow's: a Gaussian of full covariance (PPCA), and one of independent bins (Plain).

They see the same images as the flow, with the same noise, and have the same methods, so that an experiment runs
one function on all three. A flow that is no better than PPCA has found nothing that is not linear.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from speech_factorization.errors import InputError
from speech_factorization.features.vowel_code import VowelCode
from speech_factorization.features.whitening import LARGEST, Whitening
from speech_factorization.interfaces import Batch

__all__ = ["PPCA", "Plain"]

# Rounds of the EM algorithm where frames are missing.
ROUNDS = 8
# Of Ledoit's and Wolf's shrinkage, so much is tried: theirs is of the image, the noise's variance is added to it.
TIMES = (1.0, 1 / 3, 0.0)


class _Gaussian(VowelCode):
    """Of the images that `flow` sees, standardised as there."""

    def __init__(self, flow: VowelCode) -> None:
        super().__init__(flow.front, flow.standardise, flow.noise)
        self.durations.copy_(flow.durations)

    def _images(self, batches: Iterable[Batch]) -> tuple[Tensor, Tensor | None]:
        """Standardised images v [N, T, M] without noise, and what counts of them."""
        found = [self.image(batch.x, batch.lengths) for batch in batches]
        if not found:
            raise InputError("no vowels to fit a Gaussian to", remedy="check the split and the corpus's size")
        image, mask = (torch.cat(parts) for parts in zip(*found, strict=True))
        real = self.real(mask)
        v = self.standardise(image)
        return (v if real is None else v * real), real


class Plain(_Gaussian):
    """Independent bins: z is the image, standardised bin by bin."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, flow: VowelCode) -> None:
        super().__init__(flow)
        shape = (self.front.frames, self.front.bands)
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("deviation", torch.ones(shape))

    @torch.no_grad()
    def fit(self, batches: Iterable[Batch]) -> "Plain":
        """Mean and variance of every bin, the noise's variance added."""
        v, real = self._images(batches)
        weight = torch.ones_like(v) if real is None else real.to(v.dtype)
        count = weight.sum(0).clamp(min=1)
        self.mean.copy_((v * weight).sum(0) / count)
        variance = ((v - self.mean).square() * weight).sum(0) / count
        self.deviation.copy_((variance + self.noise**2).sqrt().clamp(min=1e-3))
        return self

    def code(self, v: Tensor, real: Tensor | None) -> tuple[Tensor, Tensor]:
        """z [N, T M] of standardised images v [N, T, M], and ln |det dz/dv| [N]."""
        z, logs = (v - self.mean) / self.deviation, self.deviation.log()
        if real is None:
            return z.flatten(1), -logs.sum().expand(len(v))
        return (z * real).flatten(1), -(logs * real).sum((1, 2))

    def uncode(self, z: Tensor, real: Tensor | None) -> Tensor:
        """v [N, T, M] of z [N, T M]."""
        return z.view(-1, *self.mean.shape) * self.deviation + self.mean


class PPCA(_Gaussian):
    """Full covariance, shrunk as by Ledoit and Wolf, with the noise's variance: z = L^-1 (v - mean).

    times: how much of their shrinkage it has, of what was tried the best on other vowels than it is fitted to.
    Errors: InputError for an image of more dimensions than a full covariance has room for.
    """

    order: Tensor

    def __init__(self, flow: VowelCode) -> None:
        super().__init__(flow)
        if self.size > LARGEST:
            raise InputError(
                f"a full covariance of {self.size} dimensions ({LARGEST} at most)",
                "hp.glow.frames and bands",
                "compare with PPCA at a smaller image",
            )
        self.whitening, self.times = Whitening(self.size), TIMES[0]
        # What may be padding comes last: later frames, and behind them bands that are empty.
        t = torch.arange(self.front.frames)[:, None] + self.front.frames * ~self.front.band_mask
        self.register_buffer("order", t.flatten().argsort(stable=True))

    @torch.no_grad()
    def fit(self, batches: Iterable[Batch], valid: Iterable[Batch] = ()) -> "PPCA":
        """Mean and covariance of the images; where frames are missing, by the EM algorithm.

        valid: vowels that choose `times`; without any it is 1.
        """
        v, real = self._images(batches)
        v, mask = self._flat(v), self._mask(real)
        others = [self.image(batch.x, batch.lengths) for batch in valid]
        found: dict[float, float] = {}
        for times in TIMES if others else TIMES[:1]:
            self._fit(v, mask, times)
            found[times] = sum(self._nats(*of) for of in others)
        self.times = min(found, key=lambda times: found[times])
        if self.times != times:
            self._fit(v, mask, self.times)
        return self

    def _fit(self, v: Tensor, mask: Tensor | None, times: float) -> None:
        rounds = ROUNDS if self.front.length == "mask" else 1
        self.whitening.fit(v, mask, rounds, times)
        self.whitening.widen(self.noise**2)

    def _nats(self, image: Tensor, mask: Tensor) -> float:
        """-ln p of images with noise, the same for every covariance."""
        generator = torch.Generator(image.device).manual_seed(0)
        return -float(self.log_prob_image(image, mask, generator).double().sum())

    def code(self, v: Tensor, real: Tensor | None) -> tuple[Tensor, Tensor]:
        """z [N, T M] of standardised images v [N, T, M], and ln |det dz/dv| [N]."""
        mask = self._mask(real)
        return self.whitening(self._flat(v), mask), self.whitening.log_det(mask).expand(len(v))

    def uncode(self, z: Tensor, real: Tensor | None) -> Tensor:
        """v [N, T, M] of z [N, T M]."""
        v = torch.empty_like(z)
        v[:, self.order] = self.whitening.inverse(z, self._mask(real))
        return v.view(-1, self.front.frames, self.front.bands)

    def _flat(self, v: Tensor) -> Tensor:
        return v.flatten(1)[:, self.order]

    def _mask(self, real: Tensor | None) -> Tensor | None:
        return None if real is None else self._flat(real)
