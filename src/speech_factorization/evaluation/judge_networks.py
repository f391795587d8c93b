"""The classifiers behind the judges: one network for one factor, trained by the training loop.

All take the input as the features stage made it, standardise it themselves and give logits; `posterior`
divides them by a temperature fitted on validation data (Guo et al., On calibration of modern neural
networks, ICML 2017), so that posteriors can be averaged.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from speech_factorization.evaluation.judge_settings import CnnSettings, MlpSettings
from speech_factorization.features.mel import mel_bands
from speech_factorization.features.standardise import Standardise
from speech_factorization.interfaces import Batch, Schedule

__all__ = ["CnnJudge", "JudgeNetwork", "MlpJudge", "VowelNetwork"]

BIN_HZ = 31.25  # of vowel images: 512-point FFT at 16 kHz
TEMPERATURES = torch.logspace(-0.7, 0.7, 57)  # 0.2 to 5


class JudgeNetwork(nn.Module, ABC):
    """A classifier of one factor; subclasses give `body`, and may give `features` and `corrupt`.

    factor: its name in `Batch.factors`; shape: shape of one item's features, [*shape].
    """

    temperature: Tensor

    def __init__(self, factor: str, shape: Sequence[int], dropout: float, label_smoothing: float) -> None:
        super().__init__()
        self.factor, self.dropout, self.label_smoothing = factor, dropout, label_smoothing
        self.standardise = Standardise(shape)
        self.register_buffer("temperature", torch.ones(()))

    def features(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """What the classifier sees of x [N, ...]: [N, *shape]."""
        return x

    def corrupt(self, v: Tensor, generator: torch.Generator) -> Tensor:
        """Training noise on the standardised features."""
        return v

    @abstractmethod
    def body(self, v: Tensor, generator: torch.Generator | None) -> Tensor:
        """Logits [N, classes] of standardised features; a generator means training."""

    def logits(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Logits before the temperature, [N, classes]."""
        return self.body(self.standardise(self.features(x, lengths)), None)

    @torch.no_grad()
    def posterior(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Calibrated posterior [N, classes] of x [N, ...]."""
        self.eval()
        return torch.softmax(self.logits(x, lengths) / self.temperature, -1)

    @torch.no_grad()
    def calibrate(self, batches: Iterable[Batch]) -> None:
        """Set the temperature that gives the least cross-entropy on (validation) batches."""
        self.eval()
        pairs = [(self.logits(b.x, b.lengths), b.factors[self.factor]) for b in batches]
        logits, truth = torch.cat([a for a, _ in pairs]), torch.cat([b for _, b in pairs])
        logits, truth = logits[truth >= 0], truth[truth >= 0]
        if len(truth):
            losses = [float(functional.cross_entropy(logits / t, truth)) for t in TEMPERATURES]
            self.temperature.copy_(TEMPERATURES[losses.index(min(losses))])

    def players(self) -> Mapping[str, list[nn.Parameter]]:
        """One player: the judge."""
        return {"judge": list(self.parameters())}

    def initialise(self, batches: Iterable[Batch]) -> None:
        """Fit the standardisation."""
        self.standardise.fit(replace(b, x=self.features(b.x, b.lengths)) for b in batches)

    def loss(self, batch: Batch, player: str, schedule: Schedule) -> dict[str, Tensor]:
        """Cross-entropy in nats (smoothed and noisy in training); items of unknown class do not count."""
        truth = batch.factors[self.factor]
        v = self.standardise(self.features(batch.x, batch.lengths))
        if schedule.training:
            logits = self.body(self.corrupt(v, schedule.generator), schedule.generator)
        else:
            logits = self.body(v, None)
        known = (truth >= 0).sum().clamp(min=1)
        smoothing = self.label_smoothing if schedule.training else 0.0
        loss = functional.cross_entropy(
            logits, truth, ignore_index=-1, reduction="sum", label_smoothing=smoothing
        )
        right = (logits.argmax(-1) == truth).sum()
        return {"loss": loss / known, "accuracy": (right / known).detach()}

    def after_step(self) -> None:
        """Nothing follows a step."""

    def _drop(self, h: Tensor, generator: torch.Generator | None) -> Tensor:
        """Dropout whose random numbers come from the generator."""
        if generator is None or self.dropout == 0:
            return h
        keep = _random(torch.rand, h, generator) >= self.dropout
        return h * keep / (1 - self.dropout)


class MlpJudge(JudgeNetwork):
    """First judge: Gaussian noise on the input, one hidden layer, dropout (as the ICASSP 2021 table's)."""

    def __init__(self, factor: str, classes: int, shape: Sequence[int], settings: MlpSettings) -> None:
        super().__init__(factor, shape, settings.dropout, settings.label_smoothing)
        self.noise = settings.noise
        self.hidden = nn.Linear(int(torch.Size(shape).numel()), settings.hidden)
        self.output = nn.Linear(settings.hidden, classes)

    def corrupt(self, v: Tensor, generator: torch.Generator) -> Tensor:
        """v + noise * N(0, 1)."""
        return v + self.noise * _random(torch.randn, v, generator)

    def body(self, v: Tensor, generator: torch.Generator | None) -> Tensor:
        """[N, *shape] -> [N, classes]."""
        h = functional.relu(self.hidden(v.flatten(1)))
        logits: Tensor = self.output(self._drop(h, generator))
        return logits


class CnnJudge(JudgeNetwork):
    """Second judge: two convolutions over time and frequency, trained with noise and masking.

    Masking (Park et al., SpecAugment, Interspeech 2019): per segment one run of frames and one run of
    bins is set to the mean.
    """

    def __init__(self, factor: str, classes: int, shape: Sequence[int], settings: CnnSettings) -> None:
        super().__init__(factor, shape, settings.dropout, settings.label_smoothing)
        self.noise = settings.noise
        self.masks = (settings.mask_frames, settings.mask_bins)
        c = settings.channels
        # Strides without padding or normalisation: five times faster on a CPU, and no worse.
        self.convolutions = nn.Sequential(
            nn.AvgPool2d((1, 2)),
            nn.Conv2d(1, c, (4, 8), stride=(2, 4)),
            nn.ReLU(),
            nn.Conv2d(c, 2 * c, (3, 4), stride=(1, 2)),
            nn.ReLU(),
            nn.Flatten(),
        )
        with torch.no_grad():
            size = self.convolutions(torch.zeros(1, 1, *shape)).shape[1]
        self.output = nn.Linear(size, classes)

    def corrupt(self, v: Tensor, generator: torch.Generator) -> Tensor:
        """Noise everywhere, then one masked run per axis."""
        v = v + self.noise * _random(torch.randn, v, generator)
        for axis, longest in zip((1, 2), self.masks, strict=True):
            v = v.masked_fill(_runs(v, axis, longest, generator), 0.0)
        return v

    def body(self, v: Tensor, generator: torch.Generator | None) -> Tensor:
        """[N, frames, bins] -> [N, classes]."""
        logits: Tensor = self.output(self._drop(self.convolutions(v[:, None]), generator))
        return logits


class VowelNetwork(MlpJudge):
    """Judge of vowel images [N, 288, 288]: an MLP on means over 24 mel-like bands and 24 pieces of time.

    Only the first 257 bands and the real frames (`lengths`; all where not given) are looked at, so padding
    cannot tell anything.
    """

    PIECES = 24
    BANDS = 24
    BINS = 257

    bands: Tensor

    def __init__(self, factor: str, classes: int, shape: Sequence[int], settings: MlpSettings) -> None:
        super().__init__(factor, classes, (self.PIECES, self.BANDS), settings)
        bands = mel_bands(self.BANDS, torch.arange(self.BINS) * BIN_HZ)
        # Padding weighs nothing; so the images need not be cut.
        self.register_buffer("bands", functional.pad(bands, (0, shape[1] - self.BINS)))

    def features(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """[N, T, F] -> [N, 24, 24]."""
        if lengths is None:
            lengths = torch.full((len(x),), x.shape[1], device=x.device)
        banded = x @ self.bands.T
        return _pieces(lengths, x.shape[1], self.PIECES) @ banded


def _pieces(lengths: Tensor, frames: int, pieces: int) -> Tensor:
    """Weights [N, pieces, frames] that average each of `pieces` equal parts of the first `lengths` frames."""
    width = lengths.to(torch.float32)[:, None, None] / pieces
    begin = torch.arange(pieces, device=lengths.device)[None, :, None] * width
    t = torch.arange(frames, device=lengths.device)[None, None]
    overlap = torch.minimum(t + 1.0, begin + width) - torch.maximum(t + 0.0, begin)
    return overlap.clamp(min=0) / width


def _random(draw: Callable[..., Tensor], like: Tensor, generator: torch.Generator) -> Tensor:
    """draw(shape of `like`), made where the generator lives, given where `like` lives."""
    return draw(like.shape, generator=generator, device=generator.device).to(like.device)


def _runs(v: Tensor, axis: int, longest: int, generator: torch.Generator) -> Tensor:
    """Mask with one run per item along `axis` of v [N, T, F], 0 to `longest` long, anywhere."""
    size = v.shape[axis]
    shape = [len(v), 1, 1]
    uniform = torch.rand((2, *shape), generator=generator, device=generator.device).to(v.device)
    length = (uniform[0] * (longest + 1)).floor()
    begin = (uniform[1] * (size - length + 1)).floor()
    shape[0], shape[axis] = 1, size
    position = torch.arange(size, device=v.device).view(shape)
    return (position >= begin) & (position < begin + length)
