"""Training in several processes: each takes its share of a batch, and all step alike.

Weights are the same in every process at all times, so only gradients, buffers and terms travel. They
are summed in one flat tensor per step, weighted by items: a step of several processes is the step of
one process on the whole batch, whatever the shares. (DistributedDataParallel is not used: it wants one
forward per backward through a wrapped `forward`, and players who freeze each other have neither.)
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from speech_factorization.interfaces import Batch

__all__ = [
    "average_buffers",
    "average_gradients",
    "first_decides",
    "gather",
    "same_everywhere",
    "share",
    "start_alike",
    "sum_totals",
]


def gather(fabric: Fabric, tensor: Tensor) -> Tensor:
    """The same flat tensor [n] of every process, in every process: [processes, n]."""
    gathered = fabric.all_gather(tensor)
    assert isinstance(gathered, Tensor)
    return gathered.reshape(fabric.world_size, -1)


def _sum(fabric: Fabric, tensor: Tensor) -> Tensor:
    """The sum over all processes, in every process."""
    total = fabric.all_reduce(tensor, reduce_op="sum")
    assert isinstance(total, Tensor)
    return total


def share(batch: Batch, rank: int, world: int) -> tuple[Batch, int]:
    """Every world-th item of the batch from item `rank` on, and how many they are.

    A process left without an item gets the first one with weight 0, so that all take the same steps.
    """
    items = len(batch.x)
    if world == 1:
        return batch, items
    mine = slice(rank, None, world) if rank < items else slice(0, 1)
    part = replace(
        batch,
        x=batch.x[mine],
        lengths=batch.lengths[mine],
        factors={name: values[mine] for name, values in batch.factors.items()},
        utterances=batch.utterances[mine],
        streams={name: values[mine] for name, values in batch.streams.items()},
    )
    return part, len(range(rank, items, world))


def average_gradients(
    fabric: Fabric, parameters: Sequence[nn.Parameter], terms: Tensor, weight: int
) -> tuple[Tensor, int]:
    """Replace the gradients by their mean over all items of all processes; so the terms [n] and the weight.

    A parameter without a gradient in every process keeps none (Adam then leaves it alone).
    """
    if fabric.world_size == 1:
        return terms, weight
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    present = terms.new_tensor([float(p.grad is not None) for p in parameters])
    pieces = [*(g.flatten() * weight for g in gradients), terms * weight, present, terms.new_tensor([weight])]
    flat = _sum(fabric, torch.cat(pieces))
    total = flat[-1]
    *sums, term_sums, present, _ = torch.split(flat, [piece.numel() for piece in pieces])
    for parameter, gradient, anywhere in zip(parameters, sums, present.tolist(), strict=True):
        parameter.grad = (gradient / total).view_as(parameter).to(parameter.dtype) if anywhere else None
    return term_sums / total, int(total)


def average_buffers(fabric: Fabric, model: nn.Module) -> None:
    """Replace floating-point buffers (running statistics, codebooks) by their mean over the processes."""
    buffers = [b for b in model.buffers() if b.is_floating_point() and b.numel()]
    if fabric.world_size == 1 or not buffers:
        return
    # In double precision the mean of equal numbers is that number, so constants stay what they are.
    flat = _sum(fabric, torch.cat([b.flatten().double() for b in buffers])) / fabric.world_size
    for buffer, mean in zip(buffers, torch.split(flat, [b.numel() for b in buffers]), strict=True):
        buffer.copy_(mean.view_as(buffer))


def start_alike(fabric: Fabric, model: nn.Module) -> None:
    """Give every process the parameters and buffers of the first."""
    if fabric.world_size > 1:
        for tensor in (*model.parameters(), *model.buffers()):
            torch.distributed.broadcast(tensor.data, src=0)


def first_decides(fabric: Fabric, answer: bool) -> bool:
    """The first process's answer, in every process."""
    if fabric.world_size == 1:
        return answer
    flag = torch.tensor(float(answer and fabric.global_rank == 0), device=fabric.device)
    return bool(_sum(fabric, flag).item())


def same_everywhere(fabric: Fabric, number: int) -> bool:
    """Whether all processes hold the same number."""
    if fabric.world_size == 1:
        return True
    numbers = gather(fabric, torch.tensor([number], device=fabric.device))
    return len(set(numbers.flatten().tolist())) == 1


def sum_totals(fabric: Fabric, totals: dict[str, tuple[float, int]]) -> dict[str, tuple[float, int]]:
    """Sums and items of terms over all processes."""
    if fabric.world_size == 1:
        return totals
    values = torch.tensor(list(totals.values()), dtype=torch.float64, device=fabric.device)
    sums = _sum(fabric, values).tolist()
    return {name: (total, int(items)) for name, (total, items) in zip(totals, sums, strict=True)}
