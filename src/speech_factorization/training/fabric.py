"""Where training runs: one process on the CPU or a GPU, or the processes that torchrun started."""

import os
from typing import Literal

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment

from speech_factorization.errors import InputError
from speech_factorization.training.devices import find_device
from speech_factorization.training.settings import Device, Precision

__all__ = ["make_fabric"]


def make_fabric(device: Device = "auto", threads: int = 1, precision: Precision = "fp32") -> Fabric:
    """A launched Fabric: one process, or under torchrun one of its processes (gloo on CPU, NCCL on CUDA).

    device: "auto" takes CUDA where there is one. threads: of torch on the CPU, for each process. precision:
    "bf16" computes losses in mixed precision; weights and their updates stay in float32.
    Errors: InputError if CUDA is asked for and absent, or has fewer GPUs than processes.
    """
    accelerator = find_device(device, threads).type
    kind: Literal["32-true", "bf16-mixed"] = "bf16-mixed" if precision == "bf16" else "32-true"
    if not torch.distributed.is_torchelastic_launched():
        # A named environment: Fabric would otherwise take a batch system's job for a distributed launch.
        fabric = Fabric(accelerator=accelerator, devices=1, precision=kind, plugins=[LightningEnvironment()])
    else:
        here = int(os.environ["LOCAL_WORLD_SIZE"])
        if accelerator == "cuda" and here > torch.cuda.device_count():
            what = f"torchrun started {here} processes for {torch.cuda.device_count()} GPUs"
            raise InputError(what, "device: cuda", "start one process per GPU")
        nodes = int(os.environ["WORLD_SIZE"]) // here
        fabric = Fabric(
            accelerator=accelerator,
            devices=here,
            num_nodes=nodes,
            precision=kind,
            strategy="ddp",
            plugins=[TorchElasticEnvironment()],
        )
    fabric.launch()
    return fabric
