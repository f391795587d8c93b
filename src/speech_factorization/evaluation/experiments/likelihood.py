"""How well a model explains test data: the terms of its own loss, without training noise.

Utterance models: nats per frame of the power spectrogram, autoregressive ones given the true past. Segment
models: nats per segment of the standardised input, and bits per dimension of it (an upper bound where `elbo`
is a lower one). Models of vowels: bits per real bin at a resolution that `of` names.
"""

import math
from collections.abc import Iterable
from typing import Any

import torch

from speech_factorization.errors import InputError
from speech_factorization.evaluation.outcome import Outcome
from speech_factorization.interfaces import Batch, Schedule

__all__ = ["needs", "run"]

TERMS = ("reconstruction", "kl", "kl_v", "elbo", "log_prob", "log_prob_given_classes")


def needs(model: Any) -> str | None:
    """None if the model has a likelihood, else the reason it has none."""
    if not any(True for _ in model.parameters()):
        return "has no parameters, so no likelihood"
    return None if hasattr(model, "likelihood_of") else "names no likelihood (likelihood_of)"


@torch.no_grad()
def run(model: Any, test: Iterable[Batch], seed: int) -> Outcome:
    """likelihood -> {reconstruction, kl, kl_v, elbo, log_prob, log_prob_given_classes, beta, beta_v, bits_per_dim,
    of}, as far as the model has them.

    test: batches of the model's first input. Means over batches are weighted by their real frames (of
    vowels by their number), so a shorter last batch counts for less. The seed is of the samples of z.
    """
    model.eval()
    player = next(iter(model.players()))
    sums: dict[str, float] = {}
    weight, dimensions = 0.0, 0
    generator: torch.Generator | None = None
    for step, batch in enumerate(test):
        if generator is None:
            generator = torch.Generator(batch.x.device).manual_seed(seed)
        schedule = Schedule(epoch=0, epochs=1, step=step, generator=generator, training=False, true_past=True)
        frames = float(len(batch.x) if model.inputs[0] == "vowels" else batch.lengths.sum())
        dimensions = batch.x[0].numel()
        for name, term in model.loss(batch, player, schedule).items():
            sums[name] = sums.get(name, 0.0) + frames * float(term)
        weight += frames
    if not weight:
        raise InputError("no test data to take a likelihood of", remedy="check the split")
    found: dict[str, Any] = {name: sums[name] / weight for name in TERMS if name in sums}
    found |= {name: float(getattr(model, name)) for name in ("beta", "beta_v") if hasattr(model, name)}
    bound = found.get("log_prob", found.get("elbo"))
    if model.inputs[0] == "segments" and bound is not None:
        found["bits_per_dim"] = -bound / (dimensions * math.log(2))
    if "bits" in sums:
        found["bits_per_dim"] = sums["bits"] / weight
    return Outcome({"likelihood": {**found, "of": model.likelihood_of}})
