"""Time of a training step and of synthesis of speech resynthesis, for each generator and the published networks.

python benchmarks/resynthesis.py --generator source_filter,istft,hifigan --discriminators none,published: one JSON
line for each of both; sizes are the models' own defaults, which are the published ones where there are any. A step is
the training loop's: the discriminators', then the generator's, forward, backward and AdamW. What the columns mean
stands in benchmarks/README.md.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

from command import parser, positive, print_rows

GENERATORS = ("source_filter", "istft", "hifigan")
DISCRIMINATORS: dict[str, dict[str, Any] | None] = {
    "none": None,
    "thin": {"periods": [2, 3, 5], "period_channels": [8, 16, 32, 64], "scales": 2, "scale_channels": 16},
    "published": {},
}
RATE, BLOCK = 16_000, 1280


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one JSON line per generator and discriminators; bad input is one line, and status 2."""
    return print_rows("resynthesis", _options(arguments), rows)


def rows(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Measure one after the other. Errors: InputError for what cannot be measured here."""
    import torch

    from speech_factorization.errors import InputError

    for name, there in (("generator", GENERATORS), ("discriminators", DISCRIMINATORS)):
        for chosen in getattr(options, name):
            if chosen not in there:
                raise InputError(f"no {name} {chosen!r}", f"--{name}", f"there are: {', '.join(there)}")
    if options.crop % BLOCK:
        raise InputError(f"crops of {options.crop} samples", "--crop", f"use a multiple of {BLOCK}")
    if options.device == "cuda" and not torch.cuda.is_available():
        raise InputError("torch finds no CUDA GPU", "--device cuda", "use --device cpu")
    torch.set_num_threads(options.threads)
    for generator, judges in product(options.generator, options.discriminators):
        yield measure(generator, judges, options)


def measure(generator: str, judges: str, options: argparse.Namespace) -> dict[str, Any]:
    """One row: median seconds of a step and of synthesis, and the machine's own rate, in turns."""
    import torch
    from timing import alternate, device_name, matrix_product
    from torch.utils.flop_counter import FlopCounterMode

    model = build(generator, DISCRIMINATORS[judges]).to(options.device)
    step = training_step(model, batch(options.batch, options.crop).to(torch.device(options.device)))
    blocks = -(-round(options.seconds * RATE) // BLOCK)
    speak = synthesis(model, batch(1, blocks * BLOCK).to(torch.device(options.device)))
    with FlopCounterMode(display=False) as counter:
        step()
    gmac = int(counter.get_total_flops()) / 2e9
    multiply, of_product = matrix_product(device=options.device)
    seconds = alternate(step, speak, multiply, repeats=options.steps, device=options.device)
    # On one thread the processor's seconds: they leave out what other programs took.
    clock = "cpu" if options.device == "cpu" and options.threads == 1 else "wall"
    of_step, of_speech, of_multiply = (getattr(measured, clock) for measured in seconds)
    rate, machine = gmac / of_step, of_product / of_multiply
    return {
        "generator": generator,
        "discriminators": judges,
        "device": device_name(options.device),
        "threads": options.threads,
        "batch": options.batch,
        "crop": options.crop,
        "parameters": sum(p.numel() for p in model.generator.parameters()),
        "discriminator_parameters": sum(p.numel() for p in model.players().get("discriminators", [])),
        "gmac": round(gmac, 4),
        "wall_seconds": round(seconds[0].wall, 6),
        "cpu_seconds": round(seconds[0].cpu, 6),
        "rate_gmac_s": round(rate, 3),
        "machine_gmac_s": round(machine, 3),
        "share": round(rate / machine, 4),
        "real_time_factor": round(of_speech * RATE / (blocks * BLOCK), 6),
    }


def build(generator: str, judges: dict[str, Any] | None) -> Any:
    """The model with seeded weights, on parts that have learned nothing."""
    import torch

    from speech_factorization.features.speaker_settings import SpeakerNetworkSettings
    from speech_factorization.interfaces import Data
    from speech_factorization.models.speech_resynthesis import Hyperparameters, Model
    from speech_factorization.resynthesis.pitch.coder import PitchCoder
    from speech_factorization.resynthesis.pitch.settings import CoderSettings
    from speech_factorization.resynthesis.speaker import SpeakerEncoder
    from speech_factorization.resynthesis.units.kmeans import KMeansUnits
    from speech_factorization.resynthesis.units.settings import KMeansSettings

    parts = {
        "units": KMeansUnits(KMeansSettings()),
        "pitch": PitchCoder(CoderSettings()),
        "speaker": SpeakerEncoder(["one", "two"], SpeakerNetworkSettings()),
    }
    given: dict[str, Any] = {"generator": generator, "adversarial": judges is not None}
    hp = Hyperparameters.model_validate({**given, "discriminators": judges or {}})
    torch.manual_seed(0)
    return Model(hp, Data({}, (1,), {name: part.describe() for name, part in parts.items()}))


def batch(items: int, samples: int) -> Any:
    """Noise, with random codes and a voice at 120 Hz."""
    import torch

    from speech_factorization.interfaces import Batch

    random = torch.Generator().manual_seed(0)
    streams = {
        "content": torch.randint(100, (items, samples // 320), generator=random),
        "pitch": torch.randint(20, (items, samples // BLOCK), generator=random),
        "f0": torch.full((items, samples // 80), 120.0),
        "speaker": torch.randn(items, 256, generator=random) / 16,
    }
    x = 0.05 * torch.randn(items, samples, generator=random)
    return Batch(x, torch.full((items,), samples), streams=streams)


def training_step(model: Any, batch: Any) -> Callable[[], None]:
    """One step of every player, as the training loop takes it."""
    import torch

    from speech_factorization.interfaces import Schedule
    from speech_factorization.training.optimisers import adam, only
    from speech_factorization.training.settings import TrainSettings

    # A rate so small that the weights stay where they are, however often a step is taken.
    settings = TrainSettings(batch=len(batch.x), epochs=1, patience=1, learning_rate=1e-8, weight_decay=0.01)
    players = {name: (list(ps), adam(list(ps), settings)) for name, ps in model.players().items()}
    generator = torch.Generator(batch.x.device).manual_seed(0)
    schedule = Schedule(0, 1, 0, generator, training=True)

    def step() -> None:
        for name, (parameters, optimiser) in players.items():
            optimiser.zero_grad(set_to_none=True)
            with only(parameters, model):
                model.loss(batch, name, schedule)["loss"].backward()
            optimiser.step()
            model.after_step()

    return step


def synthesis(model: Any, batch: Any) -> Callable[[], None]:
    """A wave from the codes of one recording, in the parts in which a long one is made."""
    from speech_factorization.resynthesis.generators.streaming import generate

    streams = [batch.streams[name][0] for name in ("content", "pitch", "f0", "speaker")]
    return lambda: generate(model.averaged, *streams)  # type: ignore[return-value]


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument(
        "--generator", type=_names, default=list(GENERATORS), help="names with commas between"
    )
    options.add_argument("--discriminators", type=_names, default=["none"], help="none, thin, published")
    options.add_argument("--threads", type=positive, default=1)
    options.add_argument("--batch", type=positive, default=4)
    options.add_argument("--crop", type=positive, default=8960)
    options.add_argument("--seconds", type=float, default=8.0, help="of speech that is made")
    options.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    options.add_argument("--steps", type=positive, default=5, help="measured steps; 3 go before them")
    return options.parse_args(arguments)


def _names(text: str) -> list[str]:
    return text.split(",")


if __name__ == "__main__":
    sys.exit(main())
