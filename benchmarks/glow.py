"""Time and memory of one training step (forward, backward, Adam) of Glow, ours beside normflows' of the same shape.

python benchmarks/glow.py --image 48 --steps-of-flow 4 --hidden 64: one JSON line per row. `flow` is ours alone, `model`
the model with all that comes to it in training (image, noise, moving average, fits of the last prior), `again` the flow
with activation checkpointing, `normflows` version 1.7.3 where it can be imported; with --graph `captured` is the flow's
step in one CUDA graph. What the columns mean stands in benchmarks/README.md.
"""

import argparse
import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from command import parser, positive, print_rows

Step = Callable[[], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one JSON line per row; on standard error what is left out. Bad input is one line, and status 2."""
    return print_rows("glow", _options(arguments), rows)


def rows(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Measure all in turns, and the machine's own rate, so that what slows one slows all."""
    import torch
    from timing import alternate, device_name, matrix_product
    from torch.utils.flop_counter import FlopCounterMode

    from speech_factorization.errors import InputError

    if options.graph and options.device != "cuda":
        raise InputError("a CUDA graph needs a GPU", "--graph", "add --device cuda or leave it out")
    if options.device == "cuda" and not torch.cuda.is_available():
        raise InputError("torch finds no CUDA GPU", "--device cuda", "use --device cpu")
    torch.set_num_threads(options.threads)
    steps = dict(training_steps(options))
    gmac, memory = {}, {}
    for name, (step, _) in steps.items():
        step()
        memory[name] = _peak(step, options.device)
        with FlopCounterMode(display=False) as counter:
            step()
        # A graph's products were counted when it was captured, as the flow's.
        gmac[name] = int(counter.get_total_flops()) / 2e9 or gmac["flow"]
    product, of_product = matrix_product(device=options.device)
    works = [step for step, _ in steps.values()]
    *seconds, machine = alternate(*works, product, repeats=options.steps, device=options.device)
    # On one thread the processor's seconds: they leave out what other programs took.
    clock = "cpu" if options.device == "cpu" and options.threads == 1 else "wall"
    speed = of_product / getattr(machine, clock)
    for name, of_step in zip(steps, seconds, strict=True):
        rate = gmac[name] / getattr(of_step, clock)
        yield {
            "row": name,
            "device": device_name(options.device),
            "threads": options.threads,
            "batch": options.batch,
            "image": f"{options.image}x{options.image}",
            "levels": options.levels,
            "steps_of_flow": options.steps_of_flow,
            "hidden": options.hidden,
            "parameters": sum(p.numel() for p in steps[name][1]),
            "gmac": round(gmac[name], 4),
            "wall_seconds": round(of_step.wall, 6),
            "cpu_seconds": round(of_step.cpu, 6),
            "images_per_second": round(options.batch / getattr(of_step, clock), 2),
            "peak_mib": round(memory[name] / 2**20, 2),
            "rate_gmac_s": round(rate, 3),
            "machine_gmac_s": round(speed, 3),
            "share": round(rate / speed, 4),
        }


def training_steps(options: argparse.Namespace) -> Iterator[tuple[str, tuple[Step, list[Any]]]]:
    """(name, (a step of training, what it learns)) of each row."""
    import torch
    from steps import capture

    g = torch.Generator().manual_seed(0)
    v = torch.randn(options.batch, options.image, options.image, generator=g).to(options.device)
    yield "flow", flow_step(options, v)
    yield "model", _model(options)
    yield "again", flow_step(options, v, checkpointing=True)
    if options.graph:
        step, parameters = flow_step(options, v, capturable=True)
        yield "captured", (capture(step).replay, parameters)
    if importlib.util.find_spec("normflows") is None:
        print("glow: normflows cannot be imported and is left out", file=sys.stderr)
    else:
        flow = normflows_glow(options).to(options.device)
        parameters = list(flow.parameters())
        yield "normflows", (_step(parameters, lambda: -flow.log_prob(v[:, None], None).mean()), parameters)


def flow_step(
    options: argparse.Namespace, v: Any, checkpointing: bool = False, capturable: bool = False
) -> tuple[Step, list[Any]]:
    """Ours, with a prior of diagonal covariance on the last level as in normflows, started from v."""
    import torch

    from speech_factorization.flow.glow.multiscale import MultiScale
    from speech_factorization.flow.prior import standard_log_prob

    torch.manual_seed(0)
    flow = MultiScale(
        tuple(v.shape[1:]),
        options.levels,
        options.steps_of_flow,
        options.hidden,
        squeezes=options.squeezes,
        full=False,
        checkpointing=checkpointing,
        where="--image",
    )
    flow.initialise(v.cpu())
    flow.to(v.device)

    def loss() -> Any:
        z, ladj = flow().call_and_ladj(v)
        return -(standard_log_prob(z) + ladj).mean()

    parameters = list(flow.parameters())
    return _step(parameters, loss, capturable), parameters


def _model(options: argparse.Namespace) -> tuple[Step, list[Any]]:
    """Our model as the training loop takes a step of it, its prior's covariance full where it is not too large."""
    import torch

    from speech_factorization.features.vowels import BINS, SIZE
    from speech_factorization.features.whitening import LARGEST
    from speech_factorization.interfaces import Batch, Data, Schedule
    from speech_factorization.models.glow import Hyperparameters, Model

    linear = options.image >= BINS
    hp = Hyperparameters(
        frames=options.image,
        bands=options.image,
        scale="linear" if linear else "mel",
        length="stretch",
        levels=options.levels,
        steps=options.steps_of_flow,
        hidden=options.hidden,
        squeezes=options.squeezes,
        top="full" if options.image**2 >> (options.levels - 1) <= LARGEST else "diagonal",
    )
    g = torch.Generator().manual_seed(0)
    x = 9 * torch.rand(max(options.batch, 16), SIZE, SIZE, generator=g)
    x[..., BINS:] = 0
    model = Model(hp, Data({}, (SIZE, SIZE)))
    model.initialise([Batch(x, torch.full((len(x),), 100))])
    model.to(options.device)
    batch = Batch(x[: options.batch], torch.full((options.batch,), 100)).to(torch.device(options.device))
    schedule = Schedule(0, 1, 0, torch.Generator(options.device).manual_seed(0), training=True)
    parameters = model.players()["flow"]
    step = _step(parameters, lambda: model.loss(batch, "flow", schedule)["loss"])

    def whole() -> None:
        step()
        with torch.no_grad():
            model.after_step()

    return whole, parameters


def normflows_glow(options: argparse.Namespace) -> Any:
    """As in its example of Glow; the sizes are ours."""
    import normflows as nf

    base, flows, merges = [], [], []
    channels, size, built = 1, options.image, []
    for level in range(options.levels):
        squeezes = options.squeezes if level == 0 else 1
        channels, size = channels * 4**squeezes, size >> squeezes
        built.append((channels, size, squeezes))
        channels //= 2
    # It counts levels from the last one on, and each level's flows from the code to the image.
    for channels, size, squeezes in reversed(built):
        blocks = [nf.flows.GlowBlock(channels, options.hidden) for _ in range(options.steps_of_flow)]
        flows.append([*blocks, *(nf.flows.Squeeze() for _ in range(squeezes))])
        last = len(flows) == 1
        base.append(nf.distributions.DiagGaussian((channels if last else channels // 2, size, size)))
        if not last:
            merges.append(nf.flows.Merge())
    return nf.MultiscaleFlow(base, flows, merges, class_cond=False)


def _step(parameters: list[Any], loss: Callable[[], Any], capturable: bool = False) -> Step:
    """A step of training, as a function to call."""
    import torch

    # A rate so small that the weights stay where they are, however often a step is taken.
    optimiser = torch.optim.Adam(parameters, lr=1e-8, fused=True, capturable=capturable)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        loss().backward()
        optimiser.step()

    return step


def _peak(step: Step, device: str) -> int:
    """Bytes that torch holds at most in a step, over what it holds before it."""
    import torch
    from torch.profiler import ProfilerActivity, profile

    if device == "cuda":
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        step()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as watched:
        step()
    events = [e for e in watched.profiler.kineto_results.events() if e.name() == "[memory]"]
    held = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    return peak


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--image", type=positive, default=48, help="frames and bands")
    options.add_argument("--levels", type=positive, default=3)
    options.add_argument("--steps-of-flow", type=positive, default=4, help="K, of each level")
    options.add_argument("--hidden", type=positive, default=64)
    options.add_argument("--squeezes", type=positive, default=2, help="before the first level")
    options.add_argument("--batch", type=positive, default=32)
    options.add_argument("--threads", type=positive, default=1)
    options.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    options.add_argument("--graph", action="store_true", help="also the flow's step in one CUDA graph")
    options.add_argument("--steps", type=positive, default=15, help="measured steps; 3 go before them")
    return options.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
