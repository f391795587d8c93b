"""Time of one training step (forward, backward, Adam) of a coupling flow, ours beside zuko's and normflows'.

python benchmarks/flow_step.py --dimensions 4000 --batch 128: one JSON line per flow, all of the same shape: affine
couplings over halves of all dimensions, conditioners 2 x 512, p(z) = N(0, I). `couplings` is ours alone, `nf` the
model with all that comes to it in training (standardisation, linear front, noise). normflows 1.7.3 is compared
where it can be imported; what the columns mean stands in benchmarks/README.md.
"""

import argparse
import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from command import parser, positive, print_rows

HIDDEN = [512, 512]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one JSON line per flow; on standard error, what is left out."""
    return print_rows("flow_step", _options(arguments), rows)


def rows(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Measure all flows and the machine's own rate in turns, so that what slows one slows all."""
    import torch
    from timing import alternate, device_name, matrix_product
    from torch.utils.flop_counter import FlopCounterMode

    torch.set_num_threads(options.threads)
    x = torch.randn(options.batch, options.dimensions, generator=torch.Generator().manual_seed(0))
    built = dict(flows(options))
    steps = {name: _step(parameters, loss, x) for name, (parameters, loss) in built.items()}
    gmac = {}
    for name, step in steps.items():
        with FlopCounterMode(display=False) as counter:
            step()
        gmac[name] = int(counter.get_total_flops()) / 2e9
    product, of_product = matrix_product()
    *seconds, machine = alternate(*steps.values(), product, repeats=options.steps)
    # On one thread the processor's seconds: they leave out what other programs took.
    clock = "cpu" if options.threads == 1 else "wall"
    speed = of_product / getattr(machine, clock)
    for name, of_step in zip(steps, seconds, strict=True):
        rate = gmac[name] / getattr(of_step, clock)
        yield {
            "flow": name,
            "device": device_name("cpu"),
            "threads": options.threads,
            "batch": options.batch,
            "dimensions": options.dimensions,
            "couplings": options.couplings,
            "parameters": sum(p.numel() for p in built[name][0]),
            "gmac": round(gmac[name], 4),
            "wall_seconds": round(of_step.wall, 6),
            "cpu_seconds": round(of_step.cpu, 6),
            "rate_gmac_s": round(rate, 3),
            "machine_gmac_s": round(speed, 3),
            "share": round(rate / speed, 4),
        }


def flows(options: argparse.Namespace) -> Iterator[tuple[str, tuple[list[Any], Callable[[Any], Any]]]]:
    """(name, (parameters, x -> mean negative log-likelihood)) of each flow of this shape."""
    import torch

    from speech_factorization.flow.coupling import Couplings
    from speech_factorization.flow.prior import standard_log_prob

    torch.manual_seed(0)
    size, count = options.dimensions, options.couplings
    ours = Couplings(size, count, HIDDEN)

    def couplings(x: Any) -> Any:
        z, ladj = ours().call_and_ladj(x)
        return -(standard_log_prob(z) + ladj).mean()

    yield "couplings", (list(ours.parameters()), couplings)
    yield "nf", _model(size, count)
    yield "zuko", _zuko(size, count)
    if importlib.util.find_spec("normflows") is None:
        print("flow_step: normflows cannot be imported and is left out", file=sys.stderr)
    else:
        yield "normflows", _normflows(size, count)


def _model(size: int, count: int) -> tuple[list[Any], Callable[[Any], Any]]:
    """Our nf, whose front whitens 256 dimensions at most."""
    import torch

    from speech_factorization.interfaces import Batch, Data, Schedule
    from speech_factorization.models.nf import Hyperparameters, Model

    hp = Hyperparameters(dimensions=size, whitened=min(256, size), couplings=count, hidden=HIDDEN)
    model = Model(hp, Data({}, (1, size)))
    schedule = Schedule(0, 1, 0, torch.Generator().manual_seed(0), training=True)

    def loss(x: Any) -> Any:
        lengths = torch.ones(len(x), dtype=torch.int64)
        return model.loss(Batch(x[:, None], lengths), "flow", schedule)["loss"]

    return list(model.parameters()), loss


def _zuko(size: int, count: int) -> tuple[list[Any], Callable[[Any], Any]]:
    """Over random halves, as ours."""
    import torch
    from zuko.distributions import DiagNormal
    from zuko.flows import Flow, GeneralCouplingTransform, UnconditionalDistribution

    masks = [torch.randperm(size) < size // 2 for _ in range((count + 1) // 2)]
    transforms = [
        GeneralCouplingTransform(size, mask=masks[i // 2] ^ bool(i % 2), hidden_features=HIDDEN)
        for i in range(count)
    ]
    base = UnconditionalDistribution(DiagNormal, torch.zeros(size), torch.ones(size), buffer=True)
    flow = Flow(transforms, base)
    return list(flow.parameters()), lambda x: -flow().log_prob(x).mean()


def _normflows(size: int, count: int) -> tuple[list[Any], Callable[[Any], Any]]:
    """Over the first and the second half, swapped after each coupling."""
    import normflows

    parts = []
    for _ in range(count):
        conditioner = normflows.nets.MLP([size // 2, *HIDDEN, size], init_zeros=True)
        parts.append(normflows.flows.AffineCouplingBlock(conditioner))
        parts.append(normflows.flows.Permute(size, mode="swap"))
    base = normflows.distributions.DiagGaussian(size, trainable=False)
    flow = normflows.NormalizingFlow(base, parts)
    return list(flow.parameters()), flow.forward_kld


def _step(parameters: list[Any], loss: Callable[[Any], Any], x: Any) -> Callable[[], None]:
    """A step of training on x, as a function to call."""
    import torch

    # A rate so small that the weights stay where they are, however often a step is taken.
    optimiser = torch.optim.Adam(parameters, lr=1e-8, fused=True)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        loss(x).backward()
        optimiser.step()

    return step


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--dimensions", type=_even, default=4000)
    options.add_argument("--couplings", type=_even, default=8)
    options.add_argument("--batch", type=positive, default=128)
    options.add_argument("--threads", type=positive, default=1)
    options.add_argument("--steps", type=positive, default=15, help="measured steps; 3 go before them")
    return options.parse_args(arguments)


def _even(text: str) -> int:
    number = positive(text)
    if number % 2:
        raise argparse.ArgumentTypeError(f"{number} is odd: halves could not be equal")
    return number


if __name__ == "__main__":
    sys.exit(main())
