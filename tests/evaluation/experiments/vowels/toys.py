"""Vowels of two tones and a flow that is a rotation: what the experiments on vowels must find is known beforehand.

A vowel is one sine per factor, of a frequency that says the class, in noise; the judge looks at the bins of these.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from speech_factorization.evaluation.experiments.vowels.common import Material, prepare
from speech_factorization.features.batches import VowelBatches
from speech_factorization.features.segment_sound import level
from speech_factorization.features.standardise import Standardise
from speech_factorization.features.vowel_code import VowelCode
from speech_factorization.features.vowel_front import VowelFront
from speech_factorization.features.vowels import vowel_spectrogram
from speech_factorization.interfaces import Batch

FREQUENCIES = {
    "phone": {"aa": 750, "ae": 1500, "iy": 3000},
    "sex": {"F": 500, "M": 250},
    "speaker": {"ann": 4000, "bea": 4700, "cy": 5400, "dan": 6300},
}
NAMES = {factor: tuple(classes) for factor, classes in FREQUENCIES.items()}
SEX = {"ann": "F", "bea": "F", "cy": "M", "dan": "M"}
VOWEL = 1600  # samples


class Flow(VowelCode):
    """A rotation of the standardised image; without `rotated` the image itself."""

    inputs = ("vowels",)

    def __init__(self, rotated: bool = True, length: str = "stretch") -> None:
        super().__init__(VowelFront(16, 24, "mel", length), Standardise((24,)), noise=0.1)
        q, _ = torch.linalg.qr(torch.randn(384, 384, generator=torch.Generator().manual_seed(0)))
        self.q = q if rotated and length != "mask" else torch.eye(384)

    def code(self, v: Tensor, real: Tensor | None) -> tuple[Tensor, Tensor]:
        return (v if real is None else v * real).flatten(1) @ self.q, torch.zeros(len(v))

    def uncode(self, z: Tensor, real: Tensor | None) -> Tensor:
        return (z @ self.q.T).unflatten(1, (16, 24))

    def last_level_only(self, z: Tensor) -> Tensor:
        return torch.cat([torch.zeros_like(z[:, :-96]), z[:, -96:]], 1)


class Judge:
    """Posterior of each factor from the mean log magnitude at the frequencies of its classes."""

    def posterior(self, x: Tensor, lengths: Tensor | None = None) -> dict[str, Tensor]:
        real = (torch.arange(x.shape[1]) < lengths[:, None])[:, :, None]
        mean = (x * real).sum(1) / lengths[:, None]
        found = {}
        for factor, classes in FREQUENCIES.items():
            near = [[round(f / 31.25) + i for i in (-1, 0, 1)] for f in classes.values()]
            found[factor] = torch.softmax(torch.stack([mean[:, bins].mean(1) for bins in near], 1), 1)
        return found


def spoken(seed: int, times: int) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Rows of vowels.csv, every speaker's every vowel so many times, and the waves of their utterances."""
    rng = np.random.default_rng(seed)
    rows, waves = [], {}
    for speaker, sex in SEX.items():
        for time in range(times):
            utterance = f"{speaker}-{seed}-{time}"
            wave = 0.003 * rng.standard_normal(4 * VOWEL)
            for i, phone in enumerate(NAMES["phone"]):
                begin = VOWEL // 2 + i * VOWEL
                end = begin + int(rng.integers(VOWEL // 2, VOWEL))
                t = np.arange(begin - 200, end + 200)
                for factor, name in (("phone", phone), ("sex", sex), ("speaker", speaker)):
                    loud = 0.05 * np.exp(0.15 * rng.standard_normal())
                    wave[t] += loud * np.sin(2 * np.pi * FREQUENCIES[factor][name] * t / 16_000)
                rows.append((f"{utterance}-{i}", utterance, phone, speaker, sex, begin, end))
            waves[utterance] = wave.astype(np.float32)
    columns = ["segment", "utterance", "phone", "speaker", "sex", "begin", "end"]
    return pd.DataFrame(rows, columns=columns), waves


def batches(
    rows: pd.DataFrame, waves: dict[str, np.ndarray], names: dict[str, tuple[str, ...]]
) -> Iterator[Batch]:
    arrays = {}
    for row in rows.itertuples():
        wave = torch.from_numpy(waves[row.utterance])
        arrays[row.segment] = vowel_spectrogram(wave * level(wave), row.begin, row.end).numpy()
    return VowelBatches(arrays, rows, names, 16)(0)


def material(
    keep: dict[str, tuple[str, ...]] | None = None, length: str = "stretch", model: VowelCode | None = None
) -> Material:
    """Of the vowels whose classes are kept (factor -> names; None: all)."""
    names = NAMES | (keep or {})
    parts, waves = [], {}
    for seed, times in ((1, 6), (2, 4)):
        rows, own = spoken(seed, times)
        for factor, kept in names.items():
            rows = rows[rows[factor].isin(kept)]
        waves |= own
        parts.append(rows.reset_index(drop=True))
    flow = Flow(length=length) if model is None else model
    plain = Flow(rotated=False, length=length)
    frames = (Batch(*flow.image(b.x, b.lengths)) for b in batches(parts[0], waves, names))
    flow.standardise.fit(Batch(image, mask.sum(1)) for image, mask in ((b.x, b.lengths) for b in frames))
    plain.standardise.load_state_dict(flow.standardise.state_dict())
    data = [(batches(rows, waves, names), rows) for rows in parts]
    return prepare(flow, {"spectrogram": plain}, *data, Judge(), names, waves.__getitem__, seed=0)


@pytest.fixture(scope="session")
def whole() -> Material:
    return material()
