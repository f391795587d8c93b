"""Vowels drawn from the prior at several temperatures (arXiv 1910.13288): speech, or silence and noise?

Durations are drawn as training vowels have them. A density is of vowels with the noise of training, so samples have it
too: `real` is what the test vowels have with that noise. At T < 1 the samples' noise is scaled down with the rest, and
typicality judges the scale of the noise as well. A space without a density of speech (the spectrogram) draws every bin
by itself.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from speech_factorization.evaluation.codes import Floats
from speech_factorization.evaluation.experiments.vowels.common import Material, array, needs
from speech_factorization.evaluation.experiments.vowels.figures import grid, heard, played_as
from speech_factorization.evaluation.metrics import texture
from speech_factorization.evaluation.outcome import Outcome

__all__ = ["TEMPERATURES", "key", "needs", "run"]

TEMPERATURES = (0.5, 0.7, 0.85, 1.0)
SAMPLES = 128
SHOWN = 10
HEARD = 5


def key(temperature: float) -> str:
    """0.85 is t085."""
    return f"t{round(100 * temperature):03d}"


def run(material: Material) -> Outcome:
    """sampling -> real, SPACE.t050 ... SPACE.t100 -> numbers.

    silent_frames: share of frames without a band 6 dB over the floor; silent: of samples of which more than half is
    so. entropy: the mean of the judge's on the vowel, nats; entropy_of_all: of its mean posterior, high where all
    vowels are drawn; of real vowels without noise, through the front. contrast, roughness, spread: over those of real
    vowels with noise (spread: the mean over bins of the standard deviation over vowels). nearest_ratio: see nearest.py,
    1 for real ones. typicality_by_SPACE: two-sided, no noise added to samples; at T < 1 of their noise's scale too.
    """
    generator = torch.Generator().manual_seed(material.seed)
    lengths = material.model.sample_lengths(SAMPLES, generator)
    test = material.test
    real = _texture(material, material.noisy(test.image, test.mask), test.mask)
    judged = _judged(material.posterior(test.image, test.lengths)["phone"])
    numbers: dict[str, Any] = {
        "real": real | judged | {"nearest_ratio": 1.0},
        "samples": SAMPLES,
    }
    shown, waves = {"real": test.image[:SHOWN]}, {}
    longest = material.train.at(np.array([int(material.train.lengths.argmax())]))
    for space in material.spaces:
        numbers[space] = {}
        for temperature in TEMPERATURES:
            image, mask = material.spaces[space].sample_image(SAMPLES, generator, temperature, lengths)
            found = _texture(material, image, mask)
            for name in ("contrast", "roughness", "spread"):
                found[name] /= real[name]
            found |= _judged(material.posterior(image, lengths)["phone"])
            found["nearest_ratio"] = float(material.nearest(material.flat(image)).mean())
            found |= material.typicality(image, mask, noise=False)
            numbers[space][key(temperature)] = found
            if space == material.own or temperature == 1:
                shown[f"{space}, {temperature:g}"] = image[:SHOWN]
            if space != "spectrogram" and temperature in (0.7, 1.0):
                waves[f"sample_{space}_{key(temperature)}"] = heard(material, image[:HEARD], longest)
    figure = grid(shown, {})
    return Outcome(
        {"sampling": numbers}, {"sampling": figure}, played_as(waves, f"sample_{material.own}_t100")
    )


def _texture(material: Material, image: Tensor, mask: Tensor) -> dict[str, float]:
    x, real = material.shown(image), mask.cpu().numpy()
    silent = texture.silence(x, real, material.floor)
    return {
        "silent": float((silent > 0.5).mean()),
        "silent_frames": float(silent.mean()),
        "contrast": float(texture.contrast(x, real).mean()),
        "roughness": float(texture.roughness(x, real).mean()),
        "spread": float(x.std(0).mean()),
    }


def _judged(posterior: Tensor) -> dict[str, float]:
    p = array(posterior)
    return {"entropy": float(_entropy(p).mean()), "entropy_of_all": float(_entropy(p.mean(0)))}


def _entropy(p: Floats) -> Any:
    return -(p * np.log(np.maximum(p, 1e-12))).sum(-1)
