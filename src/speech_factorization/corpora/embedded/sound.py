"""How one utterance differs from the next, and its way from the engine's sound to 16 kHz."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from speech_factorization.corpora.base import SAMPLE_RATE
from speech_factorization.corpora.embedded.labels import ENGINE_RATE

__all__ = ["Manner", "record"]

TILT_TAPS = 127


@dataclass(frozen=True)
class Manner:
    """What is drawn for one utterance.

    rate: words per minute as the engine is told; pitch, range: the engine's 0 to 100; seed: the engine's.
    stretch: samples at 16 kHz per sample of the engine. tilt: dB at 8 kHz against 1 kHz.
    level, noise: rms of the speech and of the noise floor, dB full scale. lead, trail: samples of silence,
    100 to 200 ms. hiss: the seed of the noise.
    """

    rate: int
    pitch: int
    range: int
    seed: int
    stretch: Fraction
    tilt: float
    level: float
    noise: float
    lead: int
    trail: int
    hiss: int

    @classmethod
    def draw(cls, rate: float, alpha: float, generator: np.random.Generator) -> "Manner":
        """A manner for a voice of that rate (words per minute) and vocal tract factor alpha.

        alpha: the engine's sound is read as if sampled at 22 050 * alpha, so all its frequencies, those of
        the fricatives too, rise by alpha, and the engine is told to speak slower by as much.
        """
        pace, pitch, range_, tract, tilt, level, noise = generator.normal(size=7)
        seed, lead, trail, hiss = generator.integers([1, 1600, 1600, 0], [2**31, 3201, 3201, 2**31])
        alpha *= 1 + 0.012 * tract
        return cls(
            rate=round(rate / alpha * (1 + 0.10 * float(np.clip(pace, -2.5, 2.5)))),
            pitch=int(np.clip(round(50 + 5 * pitch), 0, 99)),
            range=int(np.clip(round(50 + 10 * range_), 0, 99)),
            seed=int(seed),
            stretch=Fraction(SAMPLE_RATE / (ENGINE_RATE * alpha)).limit_denominator(200),
            tilt=2.0 * tilt,
            level=-26 + 1.5 * level,
            noise=-56 + 2 * noise,
            lead=int(lead),
            trail=int(trail),
            hiss=int(hiss),
        )

    def place(self, sample: int) -> int:
        """A sample of the engine's sound as a sample of the recording."""
        return self.lead + round(sample * self.stretch)


def record(sound: NDArray[np.int16], manner: Manner) -> NDArray[np.int16]:
    """The engine's sound [samples] at 22 050 Hz as a recording [samples] at 16 kHz.

    Resampled and tilted without delay, so that times stay; then levelled, with a lead and a trail of silence
    and a white noise floor over all. Error: it would clip.
    """
    ratio = manner.stretch
    speech = resample_poly(sound.astype(np.float64), ratio.numerator, ratio.denominator)
    speech = np.convolve(speech, _tilt_filter(manner.tilt), mode="same")
    speech *= 10 ** (manner.level / 20) / np.sqrt(np.mean(speech**2))
    speech = np.pad(speech[: round(len(sound) * ratio)], (manner.lead, manner.trail))
    speech += 10 ** (manner.noise / 20) * np.random.default_rng(manner.hiss).normal(size=len(speech))
    wave = np.round(32768 * speech)
    if np.abs(wave).max() > 32767:
        raise RuntimeError("an utterance of the embedded corpus clips: its level is too high")
    return wave.astype(np.int16)


def _tilt_filter(tilt: float) -> NDArray[np.float64]:
    """A symmetric filter [taps]: gain in dB linear in log frequency, 0 at 1 kHz, `tilt` at 8 kHz."""
    frequency = np.fft.rfftfreq(1024, 1 / SAMPLE_RATE)
    octaves = np.log2(np.clip(frequency, 125, None) / 1000)
    response = np.fft.irfft(10 ** (tilt * octaves / 3 / 20))
    half = TILT_TAPS // 2
    taps = np.concatenate([response[-half:], response[: half + 1]])
    return taps * np.hanning(TILT_TAPS + 2)[1:-1]
