"""One step of training a dynamical VAE, eager or captured in a CUDA graph, as something to call."""

import importlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace

import torch
from torch import Tensor

from speech_factorization.dynamical.frames import frame_mask
from speech_factorization.dynamical.model import DynamicalVAE
from speech_factorization.errors import InputError
from speech_factorization.interfaces import Batch, Data, Schedule
from speech_factorization.parameters import models
from speech_factorization.training.optimisers import adam
from speech_factorization.training.settings import TrainSettings

__all__ = ["build", "capture", "captured", "dynamical_models", "eager", "spectrograms", "static_loss"]

BINS = 257
LEARNING_RATE = 1e-3

Step = Callable[[], None]


def dynamical_models() -> dict[str, type[DynamicalVAE]]:
    """The dynamical VAEs there are, by name."""
    found = {name: importlib.import_module(f"speech_factorization.models.{name}").Model for name in models()}
    return {name: model for name, model in found.items() if issubclass(model, DynamicalVAE)}


def build(name: str) -> DynamicalVAE:
    """A model of the published sizes with seeded weights. Error: there is none of this name."""
    known = dynamical_models()
    if name not in known:
        raise InputError(f"no dynamical model {name!r}", "--model", f"there are: {', '.join(known)}")
    torch.manual_seed(0)
    hyperparameters = importlib.import_module(known[name].__module__).Hyperparameters()
    return known[name](hyperparameters, Data({}, (BINS,)))


def spectrograms(batch: int, frames: int) -> Batch:
    """Noise as an STFT would see it: power [batch, frames, 257] that falls by 40 dB over the band."""
    generator = torch.Generator().manual_seed(0)
    parts = torch.randn(2, batch, frames, BINS, generator=generator)
    power = parts.square().sum(0) * torch.logspace(0, -4, BINS)
    return Batch(power, torch.full((batch,), frames))


def eager(model: DynamicalVAE, batch: Batch, precision: str) -> Step:
    """The step as the training loop takes it: the model's own loss; gradient clipping left out."""
    device = batch.x.device
    settings = TrainSettings(batch=len(batch.x), epochs=1, patience=1, learning_rate=LEARNING_RATE)
    optimiser = adam(list(model.parameters()), settings)
    generator = torch.Generator(device).manual_seed(0)
    schedule = Schedule(epoch=0, epochs=1, step=0, generator=generator, training=True)
    return lambda: _train(
        lambda: model.loss(batch, "model", schedule)["loss"], optimiser, _autocast(device, precision)
    )


def static_loss(model: DynamicalVAE, batch: Batch, noise: Mapping[str, Tensor]) -> Tensor:
    """The loss of `model.loss` from noise that lies in buffers; values of x are not looked at."""
    real = frame_mask(batch.lengths, batch.x.shape[1])
    return model.terms(model(batch.x, lengths=batch.lengths, **noise), batch.x, real, 1.0)["loss"]


def captured(model: DynamicalVAE, batch: Batch, precision: str) -> Step:
    """The whole step in one CUDA graph; what changes from step to step is written into its buffers.

    Capture as in torch's notes on CUDA graphs. The learning rate is part of the graph.
    """
    device = batch.x.device
    generator = torch.Generator(device).manual_seed(0)
    static, noise = replace(batch, x=batch.x.clone()), model.noise(batch.x, generator)
    optimiser = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, fused=True, capturable=True)

    def step() -> None:
        _train(lambda: static_loss(model, static, noise), optimiser, _autocast(device, precision))

    graph = capture(step)

    def replay() -> None:
        static.x.copy_(batch.x)
        for eps in noise.values():
            eps.normal_(generator=generator)
        graph.replay()

    return replay


def capture(step: Step) -> torch.cuda.CUDAGraph:
    """A step in one CUDA graph, to be replayed."""
    # Libraries start and Adam makes its moments outside the graph, on a stream that is not the default one.
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph


def _train(
    loss: Callable[[], Tensor], optimiser: torch.optim.Optimizer, autocast: AbstractContextManager[None]
) -> None:
    optimiser.zero_grad(set_to_none=True)
    with autocast:
        value = loss()
    value.backward()
    optimiser.step()


def _autocast(device: torch.device, precision: str) -> AbstractContextManager[None]:
    """What Fabric's bf16-mixed puts around the loss."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")
