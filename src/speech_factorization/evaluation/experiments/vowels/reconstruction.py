"""There and back without a change: what the model's front loses, and what its code alone would.

Nothing that an experiment does can be judged better than what passes through the front unchanged.
"""

from typing import Any

import numpy as np
from torch import Tensor

from speech_factorization.evaluation.experiments.vowels.common import Material, array, needs
from speech_factorization.evaluation.metrics.noise import log_spectral_distance
from speech_factorization.evaluation.outcome import Outcome

__all__ = ["needs", "run"]


def run(material: Material) -> Outcome:
    """reconstruction -> original, front, SPACE -> {p_FACTOR: mean posterior of the true class, distance, largest}.

    original: pictures of test vowels as they are; front: through image and back; distance: of images to the
    front's, log-spectral in dB; largest: of all errors, in nepers. last_level: codes of all levels but the last are
    set to their mean, as an implementation that keeps the last alone would have it.
    """
    test = material.test
    numbers: dict[str, Any] = {"original": _true(material, test.posterior)}
    numbers["front"] = _seen(material, test.image)
    for space in material.spaces:
        numbers[space] = _seen(material, material.decode(space, material.codes[space]["test"], test.mask))
    keep = getattr(material.model, "last_level_only", None)
    if keep is not None:
        kept = keep(material.codes[material.own]["test"])
        numbers["last_level"] = _seen(material, material.decode(material.own, kept, test.mask))
    return Outcome({"reconstruction": numbers})


def _seen(material: Material, image: Tensor) -> dict[str, float]:
    test = material.test
    found = _true(material, material.posterior(image, test.lengths))
    clean, estimate, mask = material.shown(test.image), material.shown(image), test.mask.cpu().numpy()
    found["distance"] = float(log_spectral_distance(clean, estimate, mask).mean())
    found["largest"] = float(np.abs((clean - estimate) * mask[:, :, None]).max())
    return found


def _true(material: Material, posterior: Any) -> dict[str, float]:
    """p_FACTOR, of vowels of known class."""
    found = {}
    for factor, p in posterior.items():
        classes = material.test.classes(factor)
        known = classes >= 0
        if known.any():
            found[f"p_{factor}"] = float(array(p)[known, classes[known]].mean())
    return found
