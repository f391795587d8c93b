"""Speech resynthesis from discrete, disentangled units: what is said, its pitch, and whose voice, each by itself.

    x -> z_c (content units), z_F0 (pitch codes), z_spk (a vector) -> x_hat

Polyak et al., Speech resynthesis from discrete disentangled self-supervised representations, Interspeech 2021.
The three encoders are parts, trained before and frozen here; what is learned is a generator from their codes.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Annotated, Any, ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from speech_factorization.errors import InputError
from speech_factorization.interfaces import Batch, Data, Inputs, Schedule
from speech_factorization.resynthesis import generators, losses, parts
from speech_factorization.resynthesis.codes import Codes
from speech_factorization.resynthesis.discriminators import Discriminators, DiscriminatorSettings
from speech_factorization.resynthesis.entropy import Counts as CodeCounts
from speech_factorization.resynthesis.generators.base import BLOCK, SPEAKER, Streams
from speech_factorization.resynthesis.generators.streaming import generate
from speech_factorization.resynthesis.level import RMS, level_of, scaled
from speech_factorization.resynthesis.pitch.settings import Tracker
from speech_factorization.resynthesis.pitch.statistics import Statistics, of_f0
from speech_factorization.resynthesis.pitch.track import track
from speech_factorization.resynthesis.source import FRAME, Source, phases
from speech_factorization.strict import Strict

__all__ = ["Hyperparameters", "Model"]

PARTS = ("units", "pitch", "speaker")
Counts = Annotated[list[Annotated[int, Field(gt=0)]], Field(min_length=1)]


class Hyperparameters(Strict):
    """units: kind of the content units. generator: which of the three; its sizes stand in the block of its name.

    adversarial: with discriminators, or by the log-mel distance alone; f: of their game (resynthesis/losses.py);
    mel_weight, matching_weight: of the log-mel distance and of feature matching, beside 1 of the game; ffts, bands:
    of the log-mel spectra that are compared; average: decay of the moving average of the generator's weights, with
    which it is validated and used (0: its last weights).
    """

    units: Literal["kmeans", "vqvae", "hubert", "cpc"] = "kmeans"
    generator: generators.Name = "source_filter"
    source_filter: generators.source_filter.Settings = generators.source_filter.Settings()
    istft: generators.istft.Settings = generators.istft.Settings()
    hifigan: generators.hifigan.Settings = generators.hifigan.Settings()
    adversarial: bool = False
    f: losses.Game = "D^2"
    discriminators: DiscriminatorSettings = DiscriminatorSettings()
    mel_weight: float = Field(45.0, gt=0)
    matching_weight: float = Field(2.0, ge=0)
    ffts: Counts = [1024]
    bands: Counts = [80]
    average: float = Field(0.99, ge=0, lt=1)

    @model_validator(mode="after")
    def _spectra(self) -> Self:
        if len(self.ffts) != len(self.bands) or any(fft % 8 for fft in self.ffts):
            raise ValueError("ffts are multiples of 8, and there are as many bands as ffts")
        return self


class Model(nn.Module):
    """Wave [samples] -> Codes -> wave [samples], 16 kHz, of any length; trained on crops that come with their codes.

    everyone: mean and standard deviation of log F0 in the training data, for a recording that has no voiced frame.
    """

    inputs: ClassVar[tuple[Inputs, ...]] = ("waves",)
    everyone: Tensor
    steps: Tensor

    def __init__(self, hp: Hyperparameters, data: Data) -> None:
        super().__init__()
        self.hp = hp
        self.units, self.pitch, self.speaker = (_build(data, name) for name in PARTS)
        kind = data.parts["units"]["kind"]
        if kind != hp.units:
            what = f"the units are of kind {kind}, hp.speech_resynthesis.units says {hp.units}"
            raise InputError(what, "speech_resynthesis", "train it again on the units it shall have")
        streams = Streams(self.units.codes, self.units.hop, self.pitch.codes)
        # What files of codes are compressed by.
        self.counts = CodeCounts(self.units.codes, self.units.hop, self.pitch.codes, BLOCK)
        self.generator = generators.build(getattr(hp, hp.generator), streams)
        self.averaged = deepcopy(self.generator).requires_grad_(False)
        self.discriminators = Discriminators(hp.discriminators) if hp.adversarial else None
        self.mel = losses.MelLoss(hp.ffts, hp.bands)
        self.register_buffer("everyone", torch.zeros(2))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self._player = ""

    @property
    def absolute_pitch(self) -> bool:
        """Whether the generator hears F0 in Hz, and not the pitch codes alone."""
        return self.generator.absolute_pitch

    @property
    def tracker(self) -> Tracker:
        """By which F0 is found before it is coded."""
        tracker: Tracker = self.pitch.tracker
        return tracker

    def adopt(self, trained: Mapping[str, nn.Module]) -> None:
        """Take over the weights of trained parts: units, pitch, speaker.

        Errors: InputError that names the part which is missing, or another than this model was built for.
        """
        for name in PARTS:
            own, found = getattr(self, name), trained.get(name)
            if found is None:
                raise InputError(f"the part {name} is missing", "speech_resynthesis", f"run the stage {name}")
            wanted, given = own.describe(), found.describe()  # type: ignore[operator]
            if wanted != given:
                other = sorted(key for key in {*wanted, *given} if wanted.get(key) != given.get(key))
                said = ", ".join(f"{key} {given.get(key)} and not {wanted.get(key)}" for key in other)
                raise InputError(
                    f"the part {name} is another: {said}", "speech_resynthesis", "train it again"
                )
            own.load_state_dict(found.state_dict())
        self.counts.belong_to(*(getattr(self, name) for name in PARTS))

    def train(self, mode: bool = True) -> Self:
        """The parts never learn: a codebook would follow what it sees."""
        super().train(mode)
        for name in PARTS:
            getattr(self, name).eval()
        return self

    def players(self) -> Mapping[str, list[nn.Parameter]]:
        players = {"generator": list(self.generator.parameters())}
        if self.discriminators is not None:
            return {"discriminators": list(self.discriminators.parameters()), **players}
        return players

    def initialise(self, batches: Iterable[Batch]) -> None:
        """Log F0 of everyone; the moving average starts where the generator does."""
        f0 = torch.cat([batch.streams["f0"][batch.streams["f0"] > 0] for batch in batches]).double().log()
        if len(f0) < 2:
            raise InputError(
                "hardly a frame of the training data is voiced", "speech_resynthesis", "use speech"
            )
        self.everyone.copy_(torch.stack([f0.mean(), f0.std().clamp(min=0.02)]))
        self.averaged.load_state_dict(self.generator.state_dict())

    @torch.no_grad()
    def after_step(self) -> None:
        """The moving average follows the generator; its decay grows with the first steps."""
        if self._player != "generator":
            return
        self.steps += 1
        n = int(self.steps)
        decay = min(self.hp.average, n / (n + 9))
        pairs = zip(self.averaged.parameters(), self.generator.parameters(), strict=True)
        for average, weight in pairs:
            average.lerp_(weight, 1 - decay)

    def loss(self, batch: Batch, player: str, schedule: Schedule) -> dict[str, Tensor]:
        """What the player minimises; of the generator outside training the log-mel distance alone, to be compared."""
        self._player = player
        if player == "discriminators":
            return {"loss": self._discriminator_loss(batch, schedule)}
        made = self.make(batch, schedule)
        mel = self.mel(made, batch.x)
        loss = self.hp.mel_weight * mel
        if self.discriminators is None or not schedule.training:
            return {"loss": loss, "mel": mel}
        with torch.no_grad():
            real = self.discriminators(batch.x)
        judged = self.discriminators(made)
        matching, adversarial = (
            losses.feature_matching(real, judged),
            losses.generator_loss(judged, self.hp.f),
        )
        loss = loss + self.hp.matching_weight * matching + adversarial
        return {"loss": loss, "mel": mel, "matching": matching, "adversarial": adversarial}

    def _discriminator_loss(self, batch: Batch, schedule: Schedule) -> Tensor:
        assert self.discriminators is not None
        with torch.no_grad():
            made = self.make(batch, schedule)
        return losses.discriminator_loss(self.discriminators(batch.x), self.discriminators(made), self.hp.f)

    def make(self, batch: Batch, schedule: Schedule) -> Tensor:
        """Wave [B, crop] of a batch's codes; outside training with the averaged weights."""
        generator = self.generator if schedule.training else self.averaged
        noise = torch.randn(batch.x.shape, generator=schedule.generator, device=batch.x.device)
        streams = batch.streams
        source = Source(phases(streams["f0"]), noise)
        wave: Tensor = generator(
            streams["content"], streams["pitch"], streams["f0"], streams["speaker"], source
        )
        return wave

    @torch.no_grad()
    def encode(
        self, wave: Tensor, statistics: Statistics | None = None, speaker: Tensor | None = None
    ) -> Codes:
        """Codes, on the CPU, of wave [samples] at 16 kHz and any level.

        statistics: of log F0; None: the recording's own, or everyone's where none of it is voiced. speaker: the vector
        [256]; None: what the speaker encoder hears. Errors: no sound, silence, a sample that is no finite number.
        """
        device, sound = self.everyone.device, wave.detach().cpu().float().numpy()
        level, loud = level_of(sound), scaled(sound)
        f0 = track(loud, self.tracker)
        own = statistics or of_f0(f0) or Statistics(*self.everyone.tolist())
        heard = torch.from_numpy(loud).to(device)
        vector = self.speaker.embed(heard) if speaker is None else speaker
        content, pitch = self.units.encode(heard), self.encode_pitch(torch.from_numpy(f0), own)
        return Codes(content.cpu(), pitch, vector.cpu(), own, len(sound), level)

    @torch.no_grad()
    def encode_pitch(self, f0: Tensor, statistics: Statistics) -> Tensor:
        """Pitch codes [ceil(T / 16)] int64 of F0 [T] in Hz every 5 ms, 0 = unvoiced."""
        codes: Tensor = self.pitch.encode(f0.to(self.everyone.device), statistics)
        return codes.cpu()

    @torch.no_grad()
    def decode_pitch(self, codes: Codes) -> Tensor:
        """F0 [ceil(samples / 80)] in Hz every 5 ms, 0 = unvoiced, as the generator is given it."""
        return self._f0(codes).cpu()[: -(-codes.samples // FRAME)]

    def _f0(self, codes: Codes) -> Tensor:
        pitch, frames = codes.pitch.to(self.everyone.device), len(codes.pitch) * BLOCK // FRAME
        f0: Tensor = self.pitch.decode(pitch, codes.statistics, frames)
        return f0

    @torch.no_grad()
    def decode(self, codes: Codes) -> Tensor:
        """Wave [samples] on the CPU, at the codes' level; long ones in parts.

        Errors: InputError for codes that are not of this model's units, or of unequal lengths.
        """
        self._check(codes)
        device, wanted = self.everyone.device, len(codes.pitch) * BLOCK // self.units.hop
        # The last block is whole: what is spoken goes on.
        content = torch.cat([codes.content, codes.content[-1:].expand(wanted - len(codes.content))])
        streams = (content.to(device), codes.pitch.to(device), self._f0(codes), codes.speaker.to(device))
        wave = generate(self.averaged, *streams)[: codes.samples]
        rms = wave.square().mean().sqrt().clamp(min=1e-3 * RMS)
        return wave * (codes.level / rms)

    def _check(self, codes: Codes) -> None:
        units, blocks = -(-codes.samples // self.units.hop), -(-codes.samples // BLOCK)
        lengths = (len(codes.content), len(codes.pitch), tuple(codes.speaker.shape))
        if codes.samples < 1 or lengths != (units, blocks, (SPEAKER,)):
            what = f"{lengths[0]} units, {lengths[1]} pitch codes and a vector of {list(lengths[2])}"
            wanted = f"{codes.samples} samples are {units}, {blocks} and [{SPEAKER}] of this model"
            raise InputError(what, "codes", wanted)
        if int(codes.content.min()) < 0 or int(codes.content.max()) >= self.units.codes:
            raise InputError(
                f"a unit that is not one of {self.units.codes}", "codes", "decode with their own model"
            )


def _build(data: Data, name: str) -> Any:
    """The frozen part, untrained."""
    if name not in data.parts:
        raise InputError(f"the part {name} is not described", "speech_resynthesis", f"run the stage {name}")
    return parts.build(data.parts[name]).eval().requires_grad_(False)
