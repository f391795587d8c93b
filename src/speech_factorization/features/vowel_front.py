"""What a model of vowels sees of a vowel spectrogram: an image of T frames and M bands, and the way back.

x [N, 288, 288] is log(max(|S|, 1)) of the 16-bit wave, 1 ms a frame (features/vowels.py). Its bands are kept
(`linear`, 31 of 288 are empty) or averaged to mel bands of the magnitude, log(magnitude + 0.01) of the wave in
[-1, 1). In time the image is `pad` (every 288/T-th ms, silence behind the vowel is part of the image), `mask`
(the same, but frames behind the vowel do not count) or `stretch` (T frames spread evenly over the vowel, whose
length is kept aside).
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from speech_factorization.errors import InputError
from speech_factorization.features.mel import mel, mel_bands, mel_edges
from speech_factorization.features.vowels import BINS, SCALE, SIZE

__all__ = ["Bands", "Length", "VowelFront"]

Bands = Literal["linear", "mel"]
Length = Literal["pad", "mask", "stretch"]

BIN_HZ = 31.25  # 512-point FFT at 16 kHz
LOWEST, HIGHEST = 50.0, 7800.0
FLOOR = 0.01
MOST_MEL = 128

# Of the way back from mel: what lies 20 dB under the floor cannot be told from less.
LEAST = FLOOR / 10
# A frame none of whose bands is so much over the floor is silent: 6 dB.
SILENT = math.log(2)


class VowelFront(nn.Module):
    """x [N, 288, 288] with lengths [N] <-> image [N, T, M] with mask [N, T].

    frames: T; bands: M; scale: what the bands are; length: see above. where: names the parameters in errors.
    Errors: InputError for a size that the image cannot have.
    """

    weights: Tensor
    back: Tensor
    band_mask: Tensor

    def __init__(self, frames: int, bands: int, scale: Bands, length: Length, where: str = "hp.glow") -> None:
        super().__init__()
        self.frames, self.bands, self.scale, self.length = frames, bands, scale, length
        if length != "stretch" and SIZE % frames:
            raise InputError(
                f"{frames} frames do not divide the {SIZE} ms of a vowel image",
                f"{where}.frames",
                f"take a divisor of {SIZE}, or length: stretch",
            )
        if scale == "linear" and not BINS <= bands <= SIZE:
            raise InputError(
                f"{bands} linear bands; a spectrum has {BINS}",
                f"{where}.bands",
                f"take {BINS} to {SIZE}, or mel bands",
            )
        if scale == "mel" and bands > MOST_MEL:
            raise InputError(
                f"{bands} mel bands; the lowest are narrower than half a bin of the spectrum",
                f"{where}.bands",
                f"take {MOST_MEL} at most, or linear bands",
            )
        # What x = 0 becomes.
        self.floor = math.log(FLOOR + 1 / SCALE) if scale == "mel" else 0.0
        # Nothing of these is learned: they follow from the sizes.
        self.register_buffer("weights", _mel_weights(bands), persistent=False)
        self.register_buffer("back", _mel_back(bands), persistent=False)
        real = torch.arange(bands) < (BINS if scale == "linear" else bands)
        self.register_buffer("band_mask", real, persistent=False)
        self.empty_bands = int((~real).sum())

    def frames_of(self, lengths: Tensor) -> Tensor:
        """Frames of the image [N] that a vowel of `lengths` [N] ms has."""
        if self.length == "stretch":
            return torch.full_like(lengths, self.frames)
        return (lengths * self.frames + SIZE - 1) // SIZE

    def mask(self, lengths: Tensor | None, like: Tensor) -> Tensor:
        """[N, T], the frames that count; all of them where `length` is not mask, or without lengths."""
        if lengths is None or self.length != "mask":
            return torch.ones(len(like), self.frames, dtype=torch.bool, device=like.device)
        t = torch.arange(self.frames, device=lengths.device)
        return t < self.frames_of(lengths)[:, None]

    def image(self, x: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The image [N, T, M], log magnitude, and its mask; without lengths a vowel fills x."""
        if lengths is None:
            lengths = torch.full((len(x),), x.shape[1], device=x.device)
        t = torch.arange(self.frames, device=x.device)
        # Frames before bands: of most images few are looked at.
        left, right, w = _neighbours(self._milliseconds(t, lengths), lengths)
        image = torch.lerp(self._banded(_at(x, left)), self._banded(_at(x, right)), w.to(x.dtype))
        if self.length != "stretch":
            behind = t >= self.frames_of(lengths)[:, None]
            image = image.masked_fill(behind[:, :, None], self.floor)
        return image, self.mask(lengths, x)

    def picture(self, image: Tensor, lengths: Tensor | None = None) -> Tensor:
        """x [N, 288, 288] of an image, floor behind `lengths` [N] ms (not given: 288).

        Exact with 288 x 288 linear bands where `length` is not stretch. Else frames in between, and of mel
        bands the bins in between, are interpolated; a silent frame is silence.
        """
        if lengths is None:
            lengths = torch.full((len(image),), SIZE, device=image.device)
        i = torch.arange(SIZE, device=image.device)
        if self.scale == "mel":
            quiet = self.silent(image)[:, :, None]
            magnitude = ((image @ self.back.T).exp() - FLOOR).clamp(min=LEAST)
            banded = (SCALE * magnitude).log().masked_fill(quiet, 0)
        else:
            banded = image
        left, right, w = _neighbours(self._frames_at(i, lengths), self.frames_of(lengths))
        x = torch.lerp(_at(banded, left), _at(banded, right), w.to(image.dtype))
        x = nn.functional.pad(x, (0, SIZE - x.shape[2]))
        return x.clamp(min=0).masked_fill((i >= lengths[:, None])[:, :, None], 0)

    def _banded(self, x: Tensor) -> Tensor:
        """Bands of frames of x."""
        if self.scale == "linear":
            return x[..., : self.bands]
        return ((x[..., :BINS] - math.log(SCALE)).exp() @ self.weights.T + FLOOR).log()

    def silent(self, image: Tensor) -> Tensor:
        """[N, T]: frames without a band 6 dB over the floor."""
        return image[..., : BINS if self.scale == "linear" else self.bands].amax(-1) < self.floor + SILENT

    def _milliseconds(self, t: Tensor, lengths: Tensor) -> Tensor:
        """Where in x the middle of frame t of the image is, [N, T]."""
        spread = lengths if self.length == "stretch" else torch.full_like(lengths, SIZE)
        return (t + 0.5) * spread[:, None] / self.frames - 0.5

    def _frames_at(self, i: Tensor, lengths: Tensor) -> Tensor:
        """Where in the image millisecond i is, [N, 288]."""
        spread = lengths if self.length == "stretch" else torch.full_like(lengths, SIZE)
        return (i + 0.5) * self.frames / spread[:, None] - 0.5


def _neighbours(places: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The frames before and behind places [N, O], of the first `lengths` [N], and the second one's weight [N, O, 1].

    Where a place is a frame its weight is 0: it is given back bit for bit.
    """
    last = (lengths - 1).clamp(min=0)[:, None]
    places = torch.minimum(places.clamp(min=0), last)
    left = places.floor().to(torch.int64)
    return left, torch.minimum(left + 1, last), (places - left)[:, :, None]


def _at(x: Tensor, index: Tensor) -> Tensor:
    """Frames index [N, O] of x [N, I, M]."""
    return x[torch.arange(len(x), device=x.device)[:, None], index]


def _mel_weights(bands: int) -> Tensor:
    return mel_bands(bands, torch.arange(BINS) * BIN_HZ, HIGHEST, LOWEST)


def _mel_back(bands: int) -> Tensor:
    """[257, M]: every bin from the two mel bands around it, linear in mel; beyond the last band, that band."""
    centres = mel(mel_edges(bands, HIGHEST, LOWEST)[1:-1])
    place = (mel(torch.arange(BINS) * BIN_HZ) - centres[0]) / (centres[1] - centres[0])
    return (1 - (place.clamp(0, bands - 1)[:, None] - torch.arange(bands)).abs()).clamp(min=0)
