"""Every random number from one integer.

Streams are named, so that a new consumer of random numbers changes none of the others: the stream of
(seed, names) starts at the first 63 bits of SHA-256 of the seed and the names.
"""

import hashlib
import os
import random

import numpy as np
import torch

__all__ = ["derive", "generator", "seed_everything"]


def derive(seed: int, *names: str | int) -> int:
    """A seed in [0, 2^63) of its own for each (seed, names), the same on every machine."""
    text = "\x1f".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *names: str | int, device: torch.device | str = "cpu") -> torch.Generator:
    """The torch generator of (seed, names) on `device`."""
    return torch.Generator(device).manual_seed(derive(seed, *names))


def seed_everything(seed: int) -> None:
    """Seed Python, numpy and torch (CPU and CUDA) and ask torch for deterministic algorithms.

    Call it before the model is built: initial weights come from torch's global generator. Where CUDA has
    no deterministic form of an operation torch warns once and goes on; every CPU operation has one.
    """
    # cuBLAS reads this when it starts: it is deterministic with a workspace of fixed size only.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    random.seed(derive(seed, "python"))
    np.random.seed(derive(seed, "numpy") % 2**32)  # noqa: NPY002  (libraries that draw from the global one)
    torch.manual_seed(derive(seed, "torch"))
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    # Deterministic mode would also fill every new empty tensor, which nothing here reads.
    setattr(torch.utils.deterministic, "fill_uninitialized_memory", False)  # noqa: B010  (untyped)
