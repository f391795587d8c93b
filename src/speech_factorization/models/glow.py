"""Glow on vowel images: a normalization flow that keeps the code of every level.

Kingma and Dhariwal (Glow, NeurIPS 2018), as Sun et al. walk through its code (On investigation of unsupervised
speech factorization based on normalization flow, arXiv 1910.13288). Once it is trained the moving average of
its weights is what is used.
"""

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from speech_factorization.dynamical.finite import require_finite
from speech_factorization.errors import InputError
from speech_factorization.features.standardise import Standardise
from speech_factorization.features.vowel_code import DECIBELS, VowelCode
from speech_factorization.features.vowel_front import Bands, Length, VowelFront
from speech_factorization.flow.glow.average import averaged, follow
from speech_factorization.flow.glow.multiscale import MultiScale
from speech_factorization.interfaces import Batch, Data, Inputs, Schedule
from speech_factorization.strict import Strict

__all__ = ["Hyperparameters", "Model"]

Positive = Annotated[int, Field(gt=0)]

# Training vowels that ActNorm and the 1 x 1 convolutions start from, and how many there must be at least.
START = 256
FEWEST = 16
# Every so many steps the averaged weights see the batch too: their last level's prior is refitted from it.
GLIMPSE = 4


class Hyperparameters(Strict):
    """Of Glow.

    frames x bands: the image; scale: what the bands are, `linear` or `mel`; length: what becomes of a vowel's
    length (features/vowel_front.py). levels: L; steps: K of each; hidden: channels of the coupling networks;
    squeezes: 2 x 2 to 1 before the first level. top: covariance of the last level's prior, refitted every
    `refit` steps where it is full. noise: standard deviation of what is added to the standardised image in
    training. average: decay of the moving average of the weights. checkpointing: less memory, more time.
    """

    frames: Positive = 288
    bands: Positive = 288
    scale: Bands = "linear"
    length: Length = "pad"
    levels: Positive = 3
    steps: Positive = 32
    hidden: Positive = 512
    squeezes: Positive = 1
    top: Literal["full", "diagonal"] = "diagonal"
    refit: Positive = 50
    noise: float = Field(0.1, ge=0)
    average: float = Field(0.99, ge=0, lt=1)
    checkpointing: bool = False


class Model(VowelCode):
    """z holds the codes of all levels, the first level's first. Errors: InputError for sizes that do not fit."""

    inputs: ClassVar[tuple[Inputs, ...]] = ("vowels",)
    likelihood_of: ClassVar[str] = (
        "log spectrogram with white noise, bits per real bin at 1 dB resolution "
        "(length pad: silent frames behind the vowel count)"
    )

    steps_done: Tensor

    def __init__(self, hp: Hyperparameters, data: Data) -> None:
        front = VowelFront(hp.frames, hp.bands, hp.scale, hp.length)
        super().__init__(front, Standardise((hp.bands,)), hp.noise)
        self.decay, self.refit = hp.average, hp.refit
        self.vowels = tuple(data.factors.get("phone", ()))
        self.flow = MultiScale(
            (hp.frames, hp.bands),
            hp.levels,
            hp.steps,
            hp.hidden,
            squeezes=hp.squeezes,
            full=hp.top == "full",
            real_bands=int(front.band_mask.sum()),
            checkpointing=hp.checkpointing,
        )
        self.average = averaged(self.flow)
        self.register_buffer("steps_done", torch.zeros((), dtype=torch.int64))

    def code(self, v: Tensor, real: Tensor | None) -> tuple[Tensor, Tensor]:
        """z [N, T M] of standardised images v [N, T, M], and ln |det dz/dv| [N]."""
        found: tuple[Tensor, Tensor] = self.average(real).call_and_ladj(v)
        return found

    def uncode(self, z: Tensor, real: Tensor | None) -> Tensor:
        """v [N, T, M] of z [N, T M]."""
        v: Tensor = self.average(real).inv(z)
        return v

    def encode(
        self, x: Tensor, lengths: Tensor | None = None, generator: torch.Generator | None = None
    ) -> dict[str, Tensor]:
        """z [N, T M] of x [N, 288, 288], and what is each level's of it: z_1 to z_L."""
        z = super().encode(x, lengths)["z"]
        return {"z": z, **{f"z_{i}": z[:, part] for i, part in self.levels.items()}}

    @property
    def levels(self) -> dict[int, slice]:
        """Level, from 1 -> its part of z."""
        ends = list(itertools.accumulate(self.flow.sizes, initial=0))
        return {i + 1: slice(*ends[i : i + 2]) for i in range(len(self.flow.sizes))}

    def last_level_only(self, z: Tensor) -> Tensor:
        """z [N, T M] without the codes of all but the last level, which is what the public port keeps.

        They are 0, their mean given the last one's.
        """
        kept, last = torch.zeros_like(z), self.levels[len(self.levels)]
        kept[:, last] = z[:, last]
        return kept

    def players(self) -> dict[str, list[nn.Parameter]]:
        """One."""
        return {"flow": list(self.flow.parameters())}

    def initialise(self, batches: Iterable[Batch]) -> None:
        """Statistics of bands and lengths from all vowels, the flow's own start from 256 of them, with noise.

        Errors: InputError for too few vowels, which names what there is.
        """
        counts: Counter[int] = Counter()
        lengths: list[Tensor] = []
        start: list[tuple[Tensor, Tensor]] = []

        def images() -> Iterator[Batch]:
            for batch in batches:
                require_finite(batch.x, batch)
                image, mask = self.image(batch.x, batch.lengths)
                counts.update(batch.factors["phone"].tolist() if self.vowels else [0] * len(image))
                lengths.append(batch.lengths)
                if sum(len(one) for one, _ in start) < START:
                    start.append((image, mask))
                # Silence behind the vowel counts in no band's statistics, even where it is part of the image.
                yield Batch(image, self.front.frames_of(batch.lengths))

        self.standardise.fit(images())
        self._require(counts)
        whole = torch.cat(lengths).to(self.durations)
        self.durations.copy_(torch.quantile(whole, torch.linspace(0, 1, 101).to(whole)))
        image, mask = (torch.cat(parts)[:START] for parts in zip(*start, strict=True))
        generator = torch.Generator(whole.device).manual_seed(int(torch.randint(2**62, ())))
        v = self.standardise(self.noisy(image, mask, generator))
        self.flow.initialise(v, self.real(mask))
        self.average.load_state_dict(self.flow.state_dict())

    def loss(self, batch: Batch, player: str, schedule: Schedule) -> dict[str, Tensor]:
        """loss: -ln p of the image with noise, nats per real bin; bits: the same at 1 dB resolution."""
        # Mixed precision is for the networks alone.
        with torch.autocast(batch.x.device.type, enabled=False):
            image, mask = self.image(batch.x, batch.lengths)
        v, real = self.standardise(self.noisy(image, mask, schedule.generator)), self.real(mask)
        z, ladj = (self.flow if schedule.training else self.average)(real).call_and_ladj(v)
        log_prob = self.log_density(z, ladj, real)
        if schedule.training:
            self.flow.gather(z.detach(), real)
            if schedule.step % GLIMPSE == 0:
                with torch.no_grad():
                    self.average.gather(self.code(v, real)[0], real)
        nats = -log_prob.sum() / self.bins(mask).sum()
        require_finite(nats, batch)
        return {"loss": nats, "bits": (nats + math.log(DECIBELS)) / math.log(2), "log_prob": log_prob.mean()}

    def after_step(self) -> None:
        """Move the averages, and every `refit` steps fit the last level's prior again."""
        self.steps_done += 1
        done = int(self.steps_done)
        # The average of the first steps is theirs, not the start's.
        follow(self.average, self.flow, min(self.decay, done / (10 + done)))
        if done % self.refit == 0:
            self.flow.top.refit()
            self.average.top.refit()

    def _require(self, counts: Mapping[int, int]) -> None:
        total = sum(counts.values())
        if total < FEWEST:
            there = (
                ", ".join(f"{name} {counts.get(i, 0)}" for i, name in enumerate(self.vowels)) or "none named"
            )
            raise InputError(
                f"{total} training vowels ({there}), the minimum is {FEWEST}",
                "corpus.vowels",
                "use more data or name more vowels",
            )
