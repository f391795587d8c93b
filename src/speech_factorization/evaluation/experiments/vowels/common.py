"""What the experiments on vowels share: the vowels as a model sees them, its code space beside others, the judge.

The same function walks through the flow's code, through that of one Gaussian (ppca) and through the spectrogram
itself: all are `features.vowel_code.VowelCode`s of the same images. Pictures [N, 288, 288] are what they are made of,
and what the judge looks at.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from speech_factorization.errors import InputError
from speech_factorization.evaluation.codes import Floats
from speech_factorization.evaluation.judges import Judge
from speech_factorization.evaluation.metrics.nearest import Nearest
from speech_factorization.evaluation.metrics.typicality import typicality
from speech_factorization.features.segment_sound import level
from speech_factorization.features.vowel_code import VowelCode
from speech_factorization.interfaces import Batch

__all__ = [
    "PREFERRED",
    "Material",
    "Vowels",
    "array",
    "decode",
    "encode",
    "gather",
    "images",
    "needs",
    "pictures",
    "prepare",
    "scaled",
]

PART = 128
# Of the pairs of vowels a corpus has, the paper's.
PREFERRED = ("aa", "ae")


def needs(model: Any) -> str | None:
    """None if a walk through the model's code of vowels is possible, else why it is not."""
    if "vowels" not in model.inputs:
        return "takes no vowels"
    return None if isinstance(model, VowelCode) else "its code of vowels is no bijection"


@dataclass(frozen=True)
class Vowels:
    """Vowels as images [N, T, M] with their mask [N, T]; lengths: [N] frames of 1 ms; factors: name -> class [N].

    rows: their rows of vowels.csv, in the same order; posterior: factor -> the judge's [N, classes] of the pictures
    they are of, before any front, where it was asked.
    """

    image: Tensor
    mask: Tensor
    lengths: Tensor
    factors: Mapping[str, Tensor]
    rows: pd.DataFrame
    posterior: Mapping[str, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.image)

    def at(self, index: NDArray[np.int64]) -> "Vowels":
        """Those at `index` [n]."""
        i = torch.from_numpy(index).to(self.image.device)
        factors, looks = ({n: v[i] for n, v in of.items()} for of in (self.factors, self.posterior))
        rows = self.rows.iloc[index].reset_index(drop=True)
        return Vowels(self.image[i], self.mask[i], self.lengths[i], factors, rows, looks)

    def places(self) -> tuple[list[str], list[int], list[int]]:
        """Utterance, begin and end in samples, of every vowel."""
        of = self.rows
        return of["utterance"].tolist(), [int(b) for b in of["begin"]], [int(e) for e in of["end"]]

    def classes(self, factor: str) -> NDArray[np.int64]:
        """Class of every vowel [N]; -1 where unknown."""
        return self.factors[factor].cpu().numpy()


def gather(
    code: VowelCode,
    batches: Iterable[Batch],
    rows: pd.DataFrame,
    limit: int,
    seed: int,
    judge: Judge | None = None,
) -> Vowels:
    """At most `limit` of the vowels, drawn by the seed, in their order. Pictures are not kept, they are large.

    rows: those of vowels.csv that the batches are of, in their order; judge: looks at the pictures themselves.
    Errors: InputError where the table and the batches are not of one number of vowels, or there are none.
    """
    count = len(rows)
    kept = np.arange(count)
    if count > limit:
        kept = np.sort(np.random.default_rng([seed, 7]).choice(count, limit, replace=False))
    parts: list[tuple[Tensor, ...]] = []
    factors: list[dict[str, Tensor]] = []
    looks: list[dict[str, Tensor]] = []
    begin = 0
    for batch in batches:
        index = kept[(kept >= begin) & (kept < begin + len(batch.x))] - begin
        begin += len(batch.x)
        if len(index):
            i = torch.from_numpy(index).to(batch.x.device)
            x, lengths = batch.x[i], batch.lengths[i]
            parts.append((*code.image(x, lengths), lengths))
            factors.append({name: classes[i] for name, classes in batch.factors.items()})
            looks.append({} if judge is None else judge.posterior(x, lengths))
    if begin != count or not parts:
        raise InputError(f"{begin} vowels, {count} in their table", remedy="run the stage spectrograms again")
    image, mask, lengths = (torch.cat(columns) for columns in zip(*parts, strict=True))
    joined = [{name: torch.cat([p[name] for p in of]) for name in of[0]} for of in (factors, looks)]
    return Vowels(image, mask, lengths, joined[0], rows.iloc[kept].reset_index(drop=True), joined[1])


@torch.no_grad()
def encode(code: VowelCode, image: Tensor, mask: Tensor) -> Tensor:
    """Codes [N, D] of images, part by part."""
    return torch.cat([code.encode_image(image[p], mask[p]) for p in _parts(len(image))])


@torch.no_grad()
def decode(code: VowelCode, z: Tensor, mask: Tensor) -> Tensor:
    """Images [N, T, M] of codes."""
    return torch.cat([code.decode_image(z[p], mask[p]) for p in _parts(len(z))])


@torch.no_grad()
def images(code: VowelCode, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Images and masks of pictures [N, 288, 288]."""
    found = [code.image(x[p], lengths[p]) for p in _parts(len(x))]
    return torch.cat([image for image, _ in found]), torch.cat([mask for _, mask in found])


@torch.no_grad()
def pictures(code: VowelCode, image: Tensor, lengths: Tensor) -> Tensor:
    """Pictures [N, 288, 288] of images."""
    return torch.cat([code.picture(image[p], lengths[p]) for p in _parts(len(image))])


def scaled(wave: NDArray[np.float32]) -> Tensor:
    """A wave [samples] at the level that spectrograms of vowels are taken at."""
    sound = torch.from_numpy(np.array(wave))
    return sound * level(sound)


@dataclass(frozen=True)
class Material:
    """What an experiment on vowels is given.

    spaces: name -> space, the model's own first; train, test: vowels the model was trained on, and others; judge: of
    pictures; names: factor -> class names; wave: utterance -> [samples], 16 kHz, the corpus's own; seed: of all draws.
    """

    spaces: Mapping[str, VowelCode]
    train: Vowels
    test: Vowels
    judge: Judge
    names: Mapping[str, tuple[str, ...]]
    wave: Callable[[str], NDArray[np.float32]]
    seed: int

    @property
    def own(self) -> str:
        """The name of the model's own space."""
        return next(iter(self.spaces))

    @property
    def model(self) -> VowelCode:
        """The model, which says what images are."""
        return self.spaces[self.own]

    def encode(self, space: str, image: Tensor, mask: Tensor) -> Tensor:
        """Codes [N, D] of images."""
        return encode(self.spaces[space], image, mask)

    def decode(self, space: str, z: Tensor, mask: Tensor) -> Tensor:
        """Images [N, T, M] of codes."""
        return decode(self.spaces[space], z, mask)

    @torch.no_grad()
    def noisy(self, image: Tensor, mask: Tensor) -> Tensor:
        """Images with noise as in training, the same whenever it is asked for."""
        return self.model.noisy(image, mask, torch.Generator(image.device).manual_seed(self.seed))

    @torch.no_grad()
    def bits(self, space: str, image: Tensor, mask: Tensor, noise: bool = True) -> Floats:
        """-log p of images, bits per real bin, [N].

        noise: with that of training, for images that are made of clean ones; samples have it already.
        """
        of, image = self.spaces[space], self.noisy(image, mask) if noise else image
        found = [of.log_prob_image(image[p], mask[p]) for p in _parts(len(image))]
        return array(self.model.bits(torch.cat(found), mask))

    @torch.no_grad()
    def posterior(self, image: Tensor, lengths: Tensor) -> dict[str, Tensor]:
        """Factor -> the judge's posterior [N, classes] of images as pictures."""
        found = [
            self.judge.posterior(self.model.picture(image[p], lengths[p]), lengths[p])
            for p in _parts(len(image))
        ]
        return {name: torch.cat([of[name] for of in found]) for name in found[0]}

    @cached_property
    def codes(self) -> dict[str, dict[str, Tensor]]:
        """Space -> train and test -> codes [N, D] of all vowels."""
        parts = {"train": self.train, "test": self.test}
        return {
            space: {name: self.encode(space, of.image, of.mask) for name, of in parts.items()}
            for space in self.spaces
        }

    @cached_property
    def real(self) -> dict[str, Floats]:
        """Space -> bits of the test vowels, with noise: what is typical."""
        return {space: self.bits(space, self.test.image, self.test.mask) for space in self.spaces}

    @property
    def densities(self) -> list[str]:
        """Spaces with a density that says how probable speech is: all but the spectrogram's independent bins."""
        return [space for space in self.spaces if space != "spectrogram"]

    @property
    def floor(self) -> float:
        """What silence is in an image."""
        return self.model.front.floor

    @cached_property
    def bands(self) -> Tensor:
        """Which bands of images [M] are not empty."""
        varies: Tensor = self.train.image.amax((0, 1)) > self.train.image.amin((0, 1))
        return varies

    def shown(self, image: Tensor) -> Floats:
        """Images without empty bands."""
        return array(image[..., self.bands])

    def flat(self, image: Tensor) -> Floats:
        """Images as vectors [N, D], standardised by band with the training vowels' mean and standard deviation."""
        real = self.train.image[self.train.mask]
        x = (image - real.mean(0)) / real.std(0).clamp(min=1e-5)
        return x[..., self.bands].flatten(1).cpu().numpy()

    @cached_property
    def nearest(self) -> Nearest:
        """How far from the nearest training vowel `flat` images are, in units of what test vowels are."""
        return Nearest(self.flat(self.train.image), self.flat(self.test.image), self.seed)

    def typicality(self, image: Tensor, mask: Tensor, noise: bool = True) -> dict[str, float]:
        """typicality_by_SPACE -> share of images that are as probable as real ones under the density of that space.

        noise: see `bits`.
        """
        return {
            f"typicality_by_{space}": typicality(self.bits(space, image, mask, noise), self.real[space])
            for space in self.densities
        }

    @cached_property
    def vowels(self) -> tuple[int, int] | None:
        """Classes of aa and ae, or of the two vowels most frequent in both parts; None where there are not two."""
        names = self.names["phone"]
        number = {name: i for i, name in enumerate(names)}
        if all(name in number for name in PREFERRED):
            return number[PREFERRED[0]], number[PREFERRED[1]]
        counts = np.bincount(np.concatenate([self.train.classes("phone"), self.test.classes("phone")]))
        common = np.argsort(-counts, kind="stable")[:2].tolist()
        return None if len(names) < 2 else (min(common), max(common))

    def sound(self, utterance: str) -> Tensor:
        """The wave [samples] of an utterance, at the level its spectrograms were taken at."""
        return scaled(self.wave(utterance))


def prepare(
    model: VowelCode,
    baselines: Mapping[str, VowelCode],
    train: tuple[Iterable[Batch], pd.DataFrame],
    test: tuple[Iterable[Batch], pd.DataFrame],
    judge: Judge,
    names: Mapping[str, tuple[str, ...]],
    wave: Callable[[str], NDArray[np.float32]],
    seed: int,
    limit: int = 2000,
) -> Material:
    """The material of a model and its baselines. train, test: batches, not shuffled, and the rows they are of.

    limit: so many training vowels at most, and half as many test vowels.
    """
    known = gather(model, *train, limit, seed)
    held = gather(model, *test, limit // 2, seed, judge)
    return Material({"glow": model, **baselines}, known, held, judge, names, wave, seed)


def array(x: Tensor) -> Floats:
    """As float64 on the CPU."""
    found: Floats = x.detach().cpu().double().numpy()
    return found


def _parts(count: int) -> list[slice]:
    return [slice(i, i + PART) for i in range(0, max(count, 1), PART)]
