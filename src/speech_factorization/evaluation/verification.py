"""The speaker-verification network: a judge of whole utterances that no generator ever sees.

TDNN with statistics pooling (Snyder et al., X-vectors, ICASSP 2018) and an additive angular margin (Deng
et al., ArcFace, CVPR 2019), on waves at 16 kHz; its log-mel is made inside. Trained on the training
speakers of `speaker_split`, stopped on held-out utterances of theirs, scored on speakers it never heard.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from scipy.signal import resample_poly
from torch import Tensor, nn
from torch.nn import functional

from speech_factorization.errors import InputError
from speech_factorization.evaluation.judge_networks import mel_bands
from speech_factorization.evaluation.judge_settings import VerificationSettings
from speech_factorization.evaluation.metrics import verification as metrics
from speech_factorization.features.standardise import Standardise
from speech_factorization.files import new_folder, read_json, write_json
from speech_factorization.interfaces import Batch, Schedule

__all__ = ["CropBatches", "Verification", "score"]

WINDOW, HOP = 400, 160  # 25 and 10 ms
SHORTEST = 4000  # samples; shorter waves are repeated
Waves = Mapping[str, NDArray[np.float32]] | Mapping[str, NDArray[np.int16]]


class Verification(nn.Module):
    """Wave [N, samples] -> embedding [N, 256] of unit length; a player of the training loop."""

    bands: Tensor

    def __init__(self, speakers: Sequence[str], settings: VerificationSettings, seed: int = 0) -> None:
        super().__init__()
        self.speakers, self.settings = tuple(speakers), settings
        c, bands = settings.channels, settings.bands
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.frames = nn.Sequential(
                *_layer(bands, c, 5, stride=2),
                *_layer(c, c, 3, dilation=2),
                *_layer(c, c, 3, dilation=3),
                *_layer(c, c, 1),
            )
            self.output = nn.Linear(2 * c, settings.dimensions)
            classes = len(speakers) * (1 + len(settings.speeds))
            self.centres = nn.Parameter(torch.randn(classes, settings.dimensions))
        self.standardise = Standardise((bands,))
        self.register_buffer("bands", mel_bands(bands, torch.arange(WINDOW // 2 + 1) * 40.0))

    def log_mel(self, waves: Tensor) -> Tensor:
        """[N, samples] -> [N, T, bands] at 10 ms; every band's mean over time, the channel, is taken away."""
        window = torch.hann_window(WINDOW, device=waves.device)
        spectrum = torch.stft(waves, WINDOW, HOP, window=window, return_complex=True)
        mel = (spectrum.abs().transpose(1, 2) @ self.bands.T + 1e-5).log()
        return mel - mel.mean(1, keepdim=True)

    def forward(self, waves: Tensor) -> Tensor:
        """Embedding of unit length [N, 256] of waves [N, samples]."""
        h = self.frames(self.standardise(self.log_mel(waves)).transpose(1, 2))
        statistics = torch.cat([h.mean(-1), (h.var(-1, unbiased=False) + 1e-6).sqrt()], -1)
        return functional.normalize(self.output(statistics), dim=-1)

    @torch.no_grad()
    def embed(self, waves: Tensor | Iterable[Tensor]) -> Tensor:
        """Embeddings [N, 256] of waves [N, samples], or of N waves of any lengths (level does not count)."""
        self.eval()
        if isinstance(waves, Tensor):
            return self.forward(_long_enough(waves))
        return torch.cat([self.forward(_long_enough(wave[None])) for wave in waves])

    def players(self) -> Mapping[str, list[nn.Parameter]]:
        return {"speaker": list(self.parameters())}

    def initialise(self, batches: Iterable[Batch]) -> None:
        """Fit the standardisation of the log-mel."""
        made = ((self.log_mel(batch.x), batch) for batch in batches)
        self.standardise.fit(
            Batch(mel, torch.full((len(mel),), mel.shape[1], device=mel.device), batch.factors)
            for mel, batch in made
        )

    def loss(self, batch: Batch, player: str, schedule: Schedule) -> dict[str, Tensor]:
        """Cross-entropy of s cos(theta + m [true speaker]); without the margin m outside training."""
        truth = batch.factors["speaker"]
        cosine = self.forward(batch.x) @ functional.normalize(self.centres, dim=-1).T
        right = (cosine.argmax(-1) == truth).float().mean()
        if schedule.training:
            angle = cosine.gather(1, truth[:, None]).clamp(-1 + 1e-6, 1 - 1e-6).acos()
            # Past pi the cosine would rise again.
            margined = (angle + self.settings.margin).clamp(max=torch.pi).cos()
            cosine = cosine.scatter(1, truth[:, None], margined)
        loss = functional.cross_entropy(self.settings.scale * cosine, truth)
        return {"loss": loss, "accuracy": right.detach()}

    def after_step(self) -> None:
        """Nothing follows a step."""

    def save(self, folder: Path) -> None:
        """Write verification.safetensors and verification.json, whole or not at all."""
        about = {"speakers": list(self.speakers), "settings": self.settings.model_dump()}
        with new_folder(folder) as draft:
            tensors = {name: value.contiguous() for name, value in self.state_dict().items()}
            save_file(tensors, draft / "verification.safetensors")
            write_json(draft / "verification.json", about)

    @classmethod
    def load(cls, folder: Path) -> "Verification":
        """Read what `save` wrote; errors: a folder without it."""
        if not (folder / "verification.json").is_file():
            raise InputError("no verification network", folder, "run the judges stage")
        about = read_json(folder / "verification.json")
        network = cls(about["speakers"], VerificationSettings.model_validate(about["settings"]))
        network.load_state_dict(load_file(folder / "verification.safetensors"))
        return network.eval()


class CropBatches:
    """Crops of utterances, [B, crop] waves with factor `speaker`: interfaces.Batches for `Verification`.

    waves: utterance -> [samples], int16 or float; utterances: which; speakers: of each utterance, names out
    of `classes`. Shuffled, an epoch has one random crop of every utterance at its own and at every other of
    `settings.speeds`, whose speakers are classes of their own (class + count * number of the speed), in an
    order that (seed, epoch) decides. Not shuffled, it has the middle of each at its own speed. Utterances
    shorter than a crop are repeated.
    """

    def __init__(
        self,
        waves: Waves,
        utterances: Sequence[str],
        speakers: Sequence[str],
        classes: Sequence[str],
        settings: VerificationSettings,
        *,
        seed: int = 0,
        shuffle: bool = False,
    ) -> None:
        if not utterances:
            raise InputError("no utterances for speaker verification", remedy="check the splits")
        number = {name: i for i, name in enumerate(classes)}
        unknown = sorted(set(speakers) - set(number))
        if unknown:
            raise InputError(
                f"no class for speaker {unknown[0]!r}", remedy="give every speaker's name in classes"
            )
        self._waves, self._names = waves, list(utterances)
        self._speakers = [number[speaker] for speaker in speakers]
        self._classes, self._seed, self._shuffle = len(classes), seed, shuffle
        self._speeds = [1.0, *settings.speeds] if shuffle else [1.0]
        self._crop, self._batch = settings.crop, settings.batch

    def __len__(self) -> int:
        return -(-len(self._names) * len(self._speeds) // self._batch)

    def __call__(self, epoch: int) -> Iterator[Batch]:
        rng = np.random.default_rng([self._seed, epoch])
        count = len(self._names)
        order = np.arange(count * len(self._speeds))
        places = np.full(len(order), 0.5)
        if self._shuffle:
            order, places = rng.permutation(order), rng.random(len(order))
        for i in range(0, len(order), self._batch):
            part = slice(i, i + self._batch)
            items, fast = order[part] % count, order[part] // count
            crops = [self._cut(*which) for which in zip(items, fast, places[part], strict=True)]
            classes = [self._speakers[item] + self._classes * k for item, k in zip(items, fast, strict=True)]
            yield Batch(
                x=torch.from_numpy(np.stack(crops)),
                lengths=torch.full((len(items),), self._crop),
                factors={"speaker": torch.tensor(classes)},
                utterances=tuple(self._names[item] for item in items),
            )

    def _cut(self, item: int, fast: int, place: float) -> NDArray[np.float32]:
        """A crop of an utterance played at one of the speeds; place 0..1 says where."""
        speed = Fraction(self._speeds[fast]).limit_denominator(20)
        wave: NDArray[Any] = self._waves[self._names[item]]
        needed = -(-self._crop * speed.numerator // speed.denominator)
        if len(wave) < needed:
            wave = np.tile(wave, -(-needed // len(wave)))
        begin = int(place * (len(wave) - needed + 1))
        crop = wave[begin : begin + needed].astype(np.float32)
        if wave.dtype == np.int16:
            crop /= 32768
        if speed != 1:
            crop = resample_poly(crop, speed.denominator, speed.numerator).astype(np.float32)
        return crop[: self._crop]


def score(
    network: Verification,
    waves: Sequence[Tensor],
    speakers: Sequence[str],
    texts: Sequence[str] | None = None,
) -> dict[str, float]:
    """eer, cosine_same and cosine_different over all pairs of the waves; {} if all pairs are of one kind.

    texts: pairs with the same text are left out.
    """
    pairs, same = metrics.trials(speakers, texts)
    if same.all() or not same.any():
        return {}
    embeddings = network.embed(waves).cpu().numpy()
    return metrics.evaluate(metrics.cosines(embeddings[pairs[:, 0]], embeddings[pairs[:, 1]]), same)


def _layer(inputs: int, outputs: int, kernel: int, stride: int = 1, dilation: int = 1) -> list[nn.Module]:
    convolution = nn.Conv1d(inputs, outputs, kernel, stride, dilation=dilation)
    return [convolution, nn.ReLU(), nn.BatchNorm1d(outputs)]


def _long_enough(waves: Tensor) -> Tensor:
    repeats = -(-SHORTEST // max(waves.shape[-1], 1))
    return waves.repeat(1, repeats) if repeats > 1 else waves
