"""What every code of vowel images has in common, be it a flow's or a Gaussian's.

An image (features/vowel_front.py) is standardised by band; in training white noise is added to it. A code is a
bijection of what is real of the standardised image, N(0, I) if the density is right.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from speech_factorization.features.standardise import Standardise
from speech_factorization.features.vowel_front import VowelFront
from speech_factorization.features.vowels import SIZE

__all__ = ["VowelCode"]

DECIBELS = 20 / math.log(10)  # of one unit of log magnitude


class VowelCode(nn.Module, ABC):
    """x [N, 288, 288] with lengths [N] ms -> image [N, T, M] with mask [N, T] <-> z [N, T M].

    mask: frames that count; the code of the others is 0, and so is that of bands that are always empty. noise: standard
    deviation of the noise on the standardised image. Probabilities are those of the image in its own unit, log
    magnitude, of what counts: where `length` is pad, silent frames behind the vowel too, so that bits per bin of one
    treatment of length are not to be compared with another's.
    """

    durations: Tensor

    def __init__(self, front: VowelFront, standardise: Standardise, noise: float) -> None:
        super().__init__()
        self.front, self.standardise, self.noise = front, standardise, noise
        self.register_buffer("durations", torch.full((101,), float(SIZE)))

    @abstractmethod
    def code(self, v: Tensor, real: Tensor | None) -> tuple[Tensor, Tensor]:
        """z [N, T M] of standardised images v [N, T, M], and ln |det dz/dv| [N]; real [N, T, M]: what counts."""

    @abstractmethod
    def uncode(self, z: Tensor, real: Tensor | None) -> Tensor:
        """v [N, T, M] of z [N, T M]."""

    @property
    def size(self) -> int:
        """Dimensions of the code, T M."""
        return self.front.frames * self.front.bands

    # What a vowel looks like.

    def image(self, x: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Image [N, T, M] and mask [N, T] of x [N, 288, 288] with `lengths` [N] ms."""
        return self.front.image(x, lengths)

    def picture(self, image: Tensor, lengths: Tensor | None = None) -> Tensor:
        """x [N, 288, 288] of an image; as exact as the front says."""
        return self.front.picture(image, lengths)

    def noisy(self, image: Tensor, mask: Tensor | None, generator: torch.Generator | None) -> Tensor:
        """The image with noise as in training where it counts; without a generator as it is."""
        if generator is None:
            return image
        noise = self.noise * self.standardise.scale * _normal(image.shape, generator, image)
        real = self.real(mask)
        return image + (noise if real is None else noise * real)

    def real(self, mask: Tensor | None) -> Tensor | None:
        """What counts of an image, [N, T, M]; None: all of it."""
        if mask is None or (self.front.length != "mask" and not self.front.empty_bands):
            return None
        return mask[:, :, None] & self.front.band_mask

    # Codes.

    @torch.no_grad()
    def encode_image(self, image: Tensor, mask: Tensor | None = None) -> Tensor:
        """z [N, T M] of images [N, T, M]."""
        return self.code(self.standardise(image), self.real(mask))[0]

    @torch.no_grad()
    def decode_image(self, z: Tensor, mask: Tensor | None = None) -> Tensor:
        """Images [N, T, M] of z [N, T M]; what does not count is the floor."""
        real = self.real(mask)
        image = self.standardise.inverse(self.uncode(z, real))
        return image if real is None else torch.where(real, image, self.front.floor)

    def encode(
        self, x: Tensor, lengths: Tensor | None = None, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """z [N, T M] of x [N, 288, 288]."""
        return {"z": self.encode_image(*self.image(x, lengths))}

    def decode(self, codes: Mapping[str, Tensor], lengths: Tensor | None = None) -> Tensor:
        """x [N, 288, 288] of codes["z"] [N, T M]."""
        mask = self.front.mask(lengths, codes["z"])
        return self.picture(self.decode_image(codes["z"], mask), lengths)

    # Probabilities.

    def log_prob_image(
        self, image: Tensor, mask: Tensor | None = None, generator: torch.Generator | None = None
    ) -> Tensor:
        """ln p(image), nats, [N]; with a generator, of the image with noise as in training."""
        real = self.real(mask)
        z, ladj = self.code(self.standardise(self.noisy(image, mask, generator)), real)
        return self.log_density(z, ladj, real)

    def log_prob(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """ln p of the image of x [N, 288, 288], nats, [N]."""
        return self.log_prob_image(*self.image(x, lengths))

    def log_density(self, z: Tensor, ladj: Tensor, real: Tensor | None) -> Tensor:
        """ln N(z; 0, I) + ln |det dz/dimage|, nats, over what is real, [N]."""
        scales = self.standardise.scale.log()
        if real is None:
            count, scaled = torch.tensor(float(self.size)), scales.sum() * self.front.frames
        else:
            count, scaled = real.sum((1, 2)), (real * scales).sum((1, 2))
        return -0.5 * (z.square().sum(1) + count * math.log(2 * math.pi)) + ladj - scaled

    def bins(self, mask: Tensor) -> Tensor:
        """How many bins of each image count, [N]; mask: [N, T]."""
        real = self.real(mask)
        if real is None:
            return torch.full((len(mask),), self.size, device=mask.device)
        return real.sum((1, 2))

    def bits(self, log_prob: Tensor, mask: Tensor) -> Tensor:
        """Bits per real bin at a resolution of 1 dB, [N]; log_prob: of images with these masks."""
        return (math.log(DECIBELS) - log_prob / self.bins(mask)) / math.log(2)

    # Samples.

    @torch.no_grad()
    def sample_image(
        self, n: int, generator: torch.Generator, temperature: float = 1.0, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """n images [n, T, M] with their masks; z ~ N(0, temperature^2 I), lengths as in `sample`."""
        lengths = self.sample_lengths(n, generator) if lengths is None else lengths
        mask = self.front.mask(lengths, lengths)
        z = temperature * _normal((n, self.size), generator, self.durations)
        return self.decode_image(z, mask), mask

    def sample(
        self, n: int, generator: torch.Generator, temperature: float = 1.0, lengths: Tensor | None = None
    ) -> Tensor:
        """n vowels x [n, 288, 288]; lengths [n] ms (None: as `sample_lengths` draws them)."""
        lengths = self.sample_lengths(n, generator) if lengths is None else lengths
        return self.picture(self.sample_image(n, generator, temperature, lengths)[0], lengths)

    def sample_lengths(self, n: int, generator: torch.Generator) -> Tensor:
        """Lengths [n] in ms as the training vowels have them; where silence is part of the image, 288."""
        if self.front.length == "pad":
            return torch.full((n,), SIZE, device=self.durations.device)
        u = 100 * torch.rand(n, generator=generator, device=generator.device).to(self.durations)
        left = u.floor().long().clamp(max=99)
        return torch.lerp(self.durations[left], self.durations[left + 1], u - left).round().long()


def _normal(shape: Sequence[int], generator: torch.Generator, like: Tensor) -> Tensor:
    """N(0, I), drawn where the generator lives: one CPU generator gives the same on every device."""
    return torch.randn(tuple(shape), generator=generator, device=generator.device).to(like)
