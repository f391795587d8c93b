"""What a change of class is trained to do: what moved codes decode to is read, and compared with real means.

    z' = z + mu_f[c'] - mu_f[c],    y' = f^-1(z'),    n(y) = y + NOISE_X (front of white noise on x) + NOISE_Y eps
    consistency = -ln g_f(c' | n(y')) - sum_other ln g_other(c_other | n(y'))
    matching = |(y' - y) - (M[c', c_other] - M[c, c_other])|^2

M are means of y of all classes together, such as phone 3 of speaker 7: the difference of two phones is not the
same for every speaker, and a shift of x by class means alone misses that interaction. With few segments a mean is
drawn to the additive model's, as if SHRINK more had been there.
The classifiers g are trained beside the flow, on n(y) of training segments as they are; moved codes change the
flow alone. In training y is the noisy segment the flow is trained on, so y' has that noise as well. They are no
judge's network, and no judge is asked. Not of the paper: there no loss sees what a shift makes (a flow is told
where the classes are, never what lies on the way).
"""

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call

__all__ = ["NOISE_X", "NOISE_Y", "Cells", "Classifiers", "draw_moves"]

HIDDEN = 256

# With little noise classifiers are fooled by directions that no speech has.
NOISE_X = 1.0
NOISE_Y = 0.8

SHRINK = 3.0


class Classifiers(nn.Module):
    """g: one network of one hidden layer for each factor, y [N, d] -> logits [N, classes]."""

    def __init__(self, d: int, classes: Mapping[str, int]) -> None:
        super().__init__()
        self.networks = nn.ModuleDict(
            {
                name: nn.Sequential(nn.Linear(d, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, count))
                for name, count in classes.items()
            }
        )

    def entropies(self, y: Tensor, factors: Mapping[str, Tensor], fixed: bool) -> dict[str, Tensor]:
        """factor -> -ln g(c | y), nats, [N]; 0 where the class is unknown (-1).

        fixed: gradient reaches y alone, not the classifiers.
        """
        found = {}
        for name, network in self.networks.items():
            weights = {key: p.detach() if fixed else p for key, p in network.named_parameters()}
            logits = functional_call(network, weights, (y,))
            found[name] = nn.functional.cross_entropy(
                logits, factors[name], ignore_index=-1, reduction="none"
            )
        return found


def draw_moves(
    factors: Mapping[str, Tensor], classes: Mapping[str, int], generator: torch.Generator
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Which item [N] changes which factor, and to what: (factor -> new classes [N], factor -> changed [N]).

    Every factor is changed in an equal share of the items, in turn; targets are uniform over the other classes. An
    item of unknown class stays as it is.
    """
    targets, changed = {}, {}
    for turn, (name, count) in enumerate(classes.items()):
        c = factors[name]
        step = torch.randint(1, count, c.shape, generator=generator, device=generator.device).to(c.device)
        mine = torch.arange(len(c), device=c.device) % len(classes) == turn
        changed[name] = mine & (c >= 0)
        targets[name] = torch.where(changed[name], (c + step) % count, c)
    return targets, changed


class Cells(nn.Module):
    """M [classes of all factors together, d], the last factor's classes running fastest."""

    M: Tensor

    def __init__(self, d: int, classes: Mapping[str, int]) -> None:
        super().__init__()
        self.classes = dict(classes)
        self.register_buffer("M", torch.zeros(math.prod(classes.values()), d))

    def index(self, factors: Mapping[str, Tensor]) -> Tensor:
        """Row of M of each item [N]; -1 where a class is unknown."""
        row = torch.zeros_like(next(iter(factors[name] for name in self.classes)))
        known = torch.ones_like(row, dtype=torch.bool)
        for name, count in self.classes.items():
            row = row * count + factors[name].clamp(min=0)
            known &= factors[name] >= 0
        return torch.where(known, row, -1)

    def every(self, device: torch.device) -> dict[str, Tensor]:
        """factor -> class [cells] of each row of M."""
        classes = torch.cartesian_prod(*(torch.arange(count) for count in self.classes.values()))
        columns = classes.view(len(self.M), -1).to(device).unbind(1)
        return dict(zip(self.classes, columns, strict=True))

    @torch.no_grad()
    def fit(self, items: Iterable[tuple[Tensor, Mapping[str, Tensor]]], additive: Tensor) -> None:
        """items: (y [N, d], classes); additive: M of the additive model, [cells, d]."""
        total, count = SHRINK * additive.double(), torch.full((len(self.M), 1), SHRINK, dtype=torch.float64)
        count = count.to(total.device)
        for y, factors in items:
            row = self.index(factors)
            known = row >= 0
            total.index_add_(0, row[known], y[known].double())
            count += torch.bincount(row[known], minlength=len(count))[:, None]
        self.M.copy_(total / count)

    def matching(
        self, change: Tensor, factors: Mapping[str, Tensor], targets: Mapping[str, Tensor]
    ) -> Tensor:
        """The squared distance [N] of y' - y [N, d] to that of the means; 0 where a class is unknown."""
        row, to = self.index(factors), self.index(targets)
        distance = (change - (self.M[to.clamp(min=0)] - self.M[row.clamp(min=0)])).square().sum(1)
        return torch.where(row >= 0, distance, 0)
