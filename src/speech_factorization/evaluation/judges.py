"""Judges: classifiers that score whatever a model manipulates, trained apart and frozen before any model.

Three families look at 20 x 200 log spectrograms of segments: `mlp`, `cnn` (noise and masking) and `knn`
(log-mel); `vowel` looks at vowel images. A family has one classifier for each factor. The stage hands in
the training loop (`fit`); nothing here imports it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from speech_factorization.errors import InputError
from speech_factorization.evaluation.judge_networks import CnnJudge, JudgeNetwork, MlpJudge, VowelNetwork
from speech_factorization.evaluation.judge_settings import JudgeSettings
from speech_factorization.evaluation.neighbours import NeighbourJudge
from speech_factorization.features.segments import segment_spectrogram
from speech_factorization.files import new_folder, read_json, write_json
from speech_factorization.interfaces import Batch, Batches, Data

__all__ = ["SEGMENT_FAMILIES", "VOWEL_FAMILIES", "Classifier", "Judge", "Judges", "build", "train_judges"]

SEGMENT_FAMILIES = ("mlp", "cnn", "knn")
VOWEL_FAMILIES = ("vowel",)

PART = 1024

Classifier = JudgeNetwork | NeighbourJudge


def build(
    family: str, factor: str, classes: int, shape: tuple[int, ...], settings: JudgeSettings, seed: int
) -> Classifier:
    """An untrained classifier of `factor` for items of `shape`; its weights depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if family == "mlp":
            return MlpJudge(factor, classes, shape, settings.mlp)
        if family == "cnn":
            return CnnJudge(factor, classes, shape, settings.cnn)
        if family == "knn":
            return NeighbourJudge(factor, classes, (shape[0], shape[1]), settings.knn)
        if family == "vowel":
            return VowelNetwork(factor, classes, shape, settings.vowel)
    known = ", ".join(SEGMENT_FAMILIES + VOWEL_FAMILIES)
    raise InputError(f"no family of judges named {family!r}", remedy=f"use one of {known}")


class Judge:
    """One family: a classifier for each factor."""

    def __init__(self, members: Mapping[str, Classifier]) -> None:
        self.members = dict(members)

    def posterior(self, x: Tensor, lengths: Tensor | None = None) -> dict[str, Tensor]:
        """Factor -> posterior [N, classes] of x: segments [N, 20, 200] or vowel images [N, 288, 288].

        lengths: [N] real frames, of vowel images only.
        """
        found = {}
        for factor, member in self.members.items():
            # In parts: the memory of a convolution over a whole test set is not small.
            parts = [slice(i, i + PART) for i in range(0, max(len(x), 1), PART)]
            found[factor] = torch.cat(
                [member.posterior(x[part], None if lengths is None else lengths[part]) for part in parts]
            )
        return found

    def posterior_of_sound(self, wave: Tensor, centres: Tensor) -> dict[str, Tensor]:
        """The posteriors around the samples `centres` [N] of wave [samples], 16 kHz."""
        return self.posterior(segment_spectrogram(wave, centres))

    def accuracy(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Factor -> share of items of known class judged right."""
        right = dict.fromkeys(self.members, 0)
        known = dict.fromkeys(self.members, 0)
        for batch in batches:
            for factor, p in self.posterior(batch.x, batch.lengths).items():
                truth = batch.factors[factor]
                right[factor] += int(((p.argmax(-1) == truth) & (truth >= 0)).sum())
                known[factor] += int((truth >= 0).sum())
        return {factor: right[factor] / known[factor] for factor in right if known[factor]}


class Judges(Mapping[str, Judge]):
    """Families by name, with the factors they know; saved whole or not at all, without pickle."""

    def __init__(self, families: Mapping[str, Judge], data: Data, settings: JudgeSettings) -> None:
        self._families, self.data, self.settings = dict(families), data, settings

    def __getitem__(self, family: str) -> Judge:
        return self._families[family]

    def __iter__(self) -> Iterator[str]:
        return iter(self._families)

    def __len__(self) -> int:
        return len(self._families)

    def to(self, device: torch.device) -> "Judges":
        """Move every classifier to a device."""
        for judge in self.values():
            for member in judge.members.values():
                member.to(device)
        return self

    def accuracies(self, batches: Batches) -> dict[str, dict[str, float]]:
        """Family -> factor -> accuracy, and what always naming the most frequent class gives.

        That stands under `chance`, or `vowel_chance` for judges of vowels: both go into one file.
        """
        found = {family: judge.accuracy(batches(0)) for family, judge in self.items()}
        chance = "chance" if set(self) <= set(SEGMENT_FAMILIES) else "vowel_chance"
        return {**found, chance: _chance(self.data, batches(0))}

    def save(self, folder: Path) -> None:
        """Write FAMILY_FACTOR.safetensors and judges.json."""
        about = {
            "families": list(self),
            "factors": {name: list(classes) for name, classes in self.data.factors.items()},
            "shape": list(self.data.shape),
            "settings": self.settings.model_dump(),
        }
        with new_folder(folder) as draft:
            for family, judge in self.items():
                for factor, member in judge.members.items():
                    tensors = {name: value.contiguous() for name, value in member.state_dict().items()}
                    save_file(tensors, draft / f"{family}_{factor}.safetensors")
            write_json(draft / "judges.json", about)

    @classmethod
    def load(cls, folder: Path) -> "Judges":
        """Read what `save` wrote; errors: a folder without judges, or with damaged ones."""
        if not (folder / "judges.json").is_file():
            raise InputError("no judges", folder, "run the judges stage")
        try:
            return cls._load(folder)
        except (SafetensorError, OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
            what = f"damaged judges ({' '.join(str(error).split())})"
            raise InputError(what, folder, "run the judges stage") from None

    @classmethod
    def _load(cls, folder: Path) -> "Judges":
        about = read_json(folder / "judges.json")
        settings = JudgeSettings.model_validate(about["settings"])
        factors = {name: tuple(classes) for name, classes in about["factors"].items()}
        data = Data(factors, tuple(about["shape"]))
        families = {}
        for family in about["families"]:
            members = {}
            for factor, classes in factors.items():
                member = build(family, factor, len(classes), data.shape, settings, seed=0)
                tensors = load_file(folder / f"{family}_{factor}.safetensors")
                if isinstance(member, NeighbourJudge):
                    member.allocate(len(tensors["labels"]))
                member.load_state_dict(tensors)
                members[factor] = member.eval()
            families[family] = Judge(members)
        return cls(families, data, settings)


def train_judges(
    data: Data,
    train: Batches,
    valid: Batches,
    settings: JudgeSettings,
    seed: int,
    fit: Callable[[str, str, JudgeNetwork], object],
    families: Iterable[str] = SEGMENT_FAMILIES,
) -> Judges:
    """Train every family on `train`; `valid` stops early, calibrates and chooses k.

    fit(family, factor, network) trains one network in place on the same batches (the stage gives the
    training loop); it is called family by family, factor by factor. Each network starts from its own seed
    and is on the CPU afterwards (`Judges.to` moves them).
    """
    judges = {}
    for number, family in enumerate(families):
        members: dict[str, Classifier] = {}
        for i, (factor, classes) in enumerate(data.factors.items()):
            start = 1000 * seed + 100 * number + i
            member = build(family, factor, len(classes), data.shape, settings, start)
            if isinstance(member, NeighbourJudge):
                member.fit(train(0), valid(0))
            else:
                fit(family, factor, member)
                member.to("cpu").calibrate(valid(0))
            members[factor] = member.eval()
        judges[family] = Judge(members)
    return Judges(judges, data, settings)


def _chance(data: Data, batches: Iterable[Batch]) -> dict[str, float]:
    counts = {name: torch.zeros(len(classes), dtype=torch.int64) for name, classes in data.factors.items()}
    for batch in batches:
        for name, count in counts.items():
            truth = batch.factors[name].cpu()
            count += torch.bincount(truth[truth >= 0], minlength=len(count))
    return {name: int(count.max()) / int(count.sum()) for name, count in counts.items() if int(count.sum())}
