"""Which device torch computes on, and with how many threads."""

import torch

from speech_factorization.errors import InputError
from speech_factorization.training.settings import Device

__all__ = ["find_device"]


def find_device(device: Device = "auto", threads: int = 1) -> torch.device:
    """The device; "auto" takes CUDA where there is one. threads: of torch on the CPU, set for this process.

    Errors: InputError if CUDA is asked for and absent.
    """
    torch.set_num_threads(threads)
    there = torch.cuda.is_available()
    if device == "cuda" and not there:
        raise InputError("torch finds no CUDA GPU", "device: cuda", "set device to auto or cpu")
    return torch.device("cuda" if device != "cpu" and there else "cpu")
