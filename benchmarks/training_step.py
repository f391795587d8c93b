"""Time of one training step (forward, backward, Adam) of the dynamical VAEs at the published sizes.

python benchmarks/training_step.py --model srnn,vrnn --threads 1 --batch 32 --frames 150: one JSON line per
model; what its columns mean stands in benchmarks/README.md.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from command import parser, positive, print_rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one JSON line per model, with --graph two; bad input is one line, and status 2."""
    return print_rows("training_step", _options(arguments), rows)


def rows(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Measure one model after the other. Errors: InputError for what cannot be measured here."""
    import torch
    from steps import build, dynamical_models

    from speech_factorization.errors import InputError

    if options.graph and options.device != "cuda":
        raise InputError("a CUDA graph needs a GPU", "--graph", "add --device cuda or leave it out")
    if options.device == "cuda" and not torch.cuda.is_available():
        raise InputError("torch finds no CUDA GPU", "--device cuda", "use --device cpu")
    torch.set_num_threads(options.threads)
    names = options.model.split(",") if options.model else list(dynamical_models())
    for name in names:
        build(name)  # an unknown name is said before anything is measured
    for name in names:
        for graph in (False, True) if options.graph else (False,):
            yield measure(name, options, graph)


def measure(name: str, options: argparse.Namespace, graph: bool) -> dict[str, Any]:
    """One row: the median step and the machine's own rate, measured in turns."""
    import torch
    from products import multiply_adds
    from steps import build, captured, eager, spectrograms
    from timing import alternate, device_name, matrix_product, onednn_product

    batch = spectrograms(options.batch, options.frames)
    model = build(name)
    model.initialise([batch])
    gmac = multiply_adds(model, options.batch, options.frames) / 1e9
    batch = batch.to(torch.device(options.device))
    step = (captured if graph else eager)(model.to(options.device), batch, options.precision)
    dtype = torch.bfloat16 if options.precision == "bf16" else torch.float32
    works = [(step, gmac), matrix_product(dtype, options.device)]
    if options.device == "cpu":
        works.append(onednn_product())
    seconds = alternate(*(work for work, _ in works), repeats=options.steps, device=options.device)
    # On one thread the processor's seconds: they leave out what other programs took.
    clock = "cpu" if options.device == "cpu" and options.threads == 1 else "wall"
    rate, machine, *onednn = (
        amount / getattr(of_work, clock) for (_, amount), of_work in zip(works, seconds, strict=True)
    )
    return {
        "model": name,
        "device": device_name(options.device),
        "threads": options.threads,
        "batch": options.batch,
        "frames": options.frames,
        "precision": options.precision,
        "graph": graph,
        "parameters": sum(p.numel() for p in model.parameters()),
        "gmac": round(gmac, 4),
        "wall_seconds": round(seconds[0].wall, 6),
        "cpu_seconds": round(seconds[0].cpu, 6),
        "rate_gmac_s": round(rate, 3),
        "machine_gmac_s": round(machine, 3),
        "onednn_gmac_s": round(onednn[0], 3) if onednn else None,
        "share": round(rate / machine, 4),
    }


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--model", help="names with commas between; default: every dynamical model")
    options.add_argument("--threads", type=positive, default=1)
    options.add_argument("--batch", type=positive, default=32)
    options.add_argument("--frames", type=positive, default=150)
    options.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    options.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    options.add_argument("--steps", type=positive, default=15, help="measured steps; 3 go before them")
    options.add_argument("--graph", action="store_true", help="also the whole step in one CUDA graph")
    return options.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
