"""What the benchmarks share: medians of seconds, and the machine's own rates measured in between."""

import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch.nn import functional

__all__ = ["Seconds", "alternate", "device_name", "matrix_product", "onednn_product"]

SIZE = 1024
GMAC = SIZE**3 / 1e9
# On CUDA a single product would be over before the next is launched.
PRODUCTS = {"cpu": 1, "cuda": 50}

Work = Callable[[], object]


class Seconds(NamedTuple):
    """Seconds on the clock, and of the processor (all threads together)."""

    wall: float
    cpu: float


def alternate(*works: Work, repeats: int, device: str = "cpu") -> list[Seconds]:
    """Median seconds of each work, called in turns after three rounds that do not count.

    In turns, so that what slows the machine down for a while slows all of them.
    """
    rounds = [[_seconds(work, device) for work in works] for _ in range(3 + repeats)][3:]
    return [Seconds(*map(statistics.median, zip(*times, strict=True))) for times in zip(*rounds, strict=True)]


def matrix_product(dtype: torch.dtype = torch.float32, device: str = "cpu") -> tuple[Work, float]:
    """torch.mm of two 1024 x 1024 matrices, and how many GMAC (10^9 multiply-adds) one call does."""
    a, b = _matrices(device).to(dtype)
    out = torch.empty_like(a)

    def multiply() -> None:
        for _ in range(PRODUCTS[device]):
            torch.mm(a, b, out=out)

    return multiply, PRODUCTS[device] * GMAC


def onednn_product() -> tuple[Work, float]:
    """The same product in float32 by oneDNN, the library of nn.LSTM on the CPU; torch.mm is MKL's."""
    a, b = (matrix.to_mkldnn() for matrix in _matrices("cpu"))
    return lambda: functional.linear(a, b), GMAC


def device_name(device: str) -> str:
    """What the GPU or the processor calls itself; of a processor also family and model, where it says them."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    cpuinfo = Path("/proc/cpuinfo")
    first = cpuinfo.read_text(encoding="utf-8").partition("\n\n")[0] if cpuinfo.is_file() else ""
    said = {
        key.strip(): value.strip() for key, _, value in (line.partition(":") for line in first.splitlines())
    }
    if "model name" not in said:
        return platform.processor() or platform.machine()
    # A virtual machine may leave out the generation, which family and model give away.
    return f"{said['model name']}, family {said.get('cpu family', '?')} model {said.get('model', '?')}"


def _matrices(device: str) -> torch.Tensor:
    return torch.randn(2, SIZE, SIZE, generator=torch.Generator(device).manual_seed(0), device=device)


def _seconds(work: Work, device: str) -> Seconds:
    _wait(device)
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    _wait(device)
    return Seconds(time.perf_counter() - wall, time.process_time() - cpu)


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
