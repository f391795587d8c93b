"""Glow: levels of steps (ActNorm, 1 x 1 convolution, coupling), of which every level keeps its code.

Kingma and Dhariwal, Glow: generative flow with invertible 1 x 1 convolutions, NeurIPS 2018. Values stand as
[N, H, W, C]: time, bands, channels.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.distributions import Transform, constraints
from torch.utils.checkpoint import checkpoint
from zuko.transforms import ComposedTransform

from speech_factorization.errors import InputError
from speech_factorization.features.whitening import LARGEST
from speech_factorization.flow.glow.actnorm import ActNorm
from speech_factorization.flow.glow.convolution import Convolution
from speech_factorization.flow.glow.coupling import Coupling
from speech_factorization.flow.glow.split import Split
from speech_factorization.flow.glow.squeeze import Squeeze
from speech_factorization.flow.glow.top import DiagonalTop, FullTop

__all__ = ["Level", "MultiScale", "MultiScaleTransform", "Step"]


class Step(nn.Module):
    """Gives the transform of one step of flow."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.actnorm = ActNorm(channels)
        self.convolution = Convolution(channels)
        self.coupling = Coupling(channels, hidden)

    def forward(self, mask: Tensor | None) -> ComposedTransform:
        return ComposedTransform(self.actnorm(mask), self.convolution(mask), self.coupling(mask))

    def initialise(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Start ActNorm and convolution from the values x that reach this step; what leaves it."""
        self.actnorm.initialise(x, mask)
        x = self.actnorm(mask)(x)
        self.convolution.initialise(x, mask)
        # The coupling is the identity still; its network would take the most memory of all.
        y: Tensor = self.convolution(mask)(x)
        return y


class Level(nn.Module):
    """Squeezes, K steps, and in all levels but the last a split. channels: behind the squeezes."""

    def __init__(self, channels: int, squeezes: int, steps: int, hidden: int, split: bool) -> None:
        super().__init__()
        self.squeezes = squeezes
        self.steps = nn.ModuleList(Step(channels, hidden) for _ in range(steps))
        self.split = Split(channels) if split else None

    def squeezed(self, x: Tensor) -> Tensor:
        """x [N, H, W, C] as this level takes it."""
        for _ in range(self.squeezes):
            x = Squeeze()(x)
        return x

    def unsqueezed(self, x: Tensor) -> Tensor:
        """Back."""
        for _ in range(self.squeezes):
            x = Squeeze().inv(x)
        return x

    def initialise(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Start every step from the squeezed values x that reach the first; what goes on to the next level."""
        for step in self.steps:
            if isinstance(step, Step):
                x = step.initialise(x, mask)
        return self.stays(x)

    def stays(self, x: Tensor) -> Tensor:
        """What of x [N, H, W, C], behind the squeezes, goes on to the next level."""
        return x if self.split is None else x.chunk(2, -1)[0]


class MultiScale(nn.Module):
    """v [N, T, M] <-> the codes of all levels side by side, [N, T M], the first level's first.

    levels: L; steps: K of each; hidden: channels of the networks; squeezes: 2 x 2 to 1 before the first level,
    once before each of the others; real_bands: how many of the M, those behind may be padding (None: all); full:
    the last level's prior has a full covariance; checkpointing: a step's values are computed again for its
    gradient, not kept. where: names the parameters in errors. Errors: InputError for an image that the levels do
    not divide, and for too many dimensions of a full covariance.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        levels: int,
        steps: int,
        hidden: int,
        *,
        squeezes: int = 1,
        real_bands: int | None = None,
        full: bool = True,
        checkpointing: bool = False,
        where: str = "hp.glow",
    ) -> None:
        super().__init__()
        _require_divisible(shape, levels, squeezes, where)
        self.checkpointing = checkpointing
        # How late a value may become padding: by its frame, and behind them all the bands that are empty.
        frames, bands = shape
        empty = torch.arange(bands) >= (bands if real_bands is None else real_bands)
        late = (torch.arange(frames)[:, None] + frames * empty)[None, :, :, None]
        built, self.sizes = [], list[int]()
        for i in range(levels):
            halvings = squeezes if i == 0 else 1
            channels = late.shape[-1] * 4**halvings
            level = Level(channels, halvings, steps, hidden, split=i < levels - 1)
            squeezed = level.squeezed(late)
            late = level.stays(squeezed)
            self.sizes.append((squeezed if level.split is None else late).numel())
            built.append(level)
        self.scales = nn.ModuleList(built)
        if full and late.numel() > LARGEST:
            raise InputError(
                f"the last level has {late.numel()} dimensions, too many for a full covariance ({LARGEST} at most)",
                f"{where}.top",
                "take top: diagonal, more levels or a smaller image",
            )
        self.top = FullTop(late[0]) if full else DiagonalTop(late.shape[-1])
        self.last_shape = late.shape[1:]

    @property
    def levels(self) -> Sequence[Level]:
        """The first one first."""
        return [level for level in self.scales if isinstance(level, Level)]

    def forward(self, mask: Tensor | None = None) -> "MultiScaleTransform":
        """The transform of v; mask [N, T, M]: what is real of it (None: all)."""
        return MultiScaleTransform(self, mask)

    @torch.no_grad()
    def initialise(self, v: Tensor, mask: Tensor | None = None) -> None:
        """Start every step, and the last level's prior, from images v [N, T, M]."""
        x, masks = v[..., None], self.masks(mask)
        for level, real in zip(self.levels, masks, strict=True):
            x = level.squeezed(x)
            x = level.initialise(x, real)
        self.top.initialise(x, masks[-1])

    def masks(self, mask: Tensor | None) -> list[Tensor | None]:
        """What is real in each level, [N, H, W, C]; mask: of v."""
        if mask is None:
            return [None] * len(self.levels)
        found, left = [], mask[..., None]
        for level in self.levels:
            found.append(level.squeezed(left))
            left = level.stays(found[-1])
        return list(found)

    def gather(self, z: Tensor, mask: Tensor | None) -> None:
        """Take codes z [N, T M] into account at the next `top.refit`."""
        self.top.gather(z[:, -self.sizes[-1] :].view(-1, *self.last_shape), self.masks(mask)[-1])


class MultiScaleTransform(Transform):
    """v [N, T, M] -> z [N, T M]; what is padding is 0 in z."""

    domain = constraints.independent(constraints.real, 2)  # type: ignore[no-untyped-call]
    codomain = constraints.real_vector
    bijective = True

    def __init__(self, flow: MultiScale, mask: Tensor | None) -> None:
        super().__init__()
        self.flow, self.masks = flow, flow.masks(mask)

    def call_and_ladj(self, v: Tensor) -> tuple[Tensor, Tensor]:
        """z and ln |det dz/dv| [N]."""
        x, codes, ladj = v[..., None], [], v.new_zeros(len(v))
        for level, mask in zip(self.flow.levels, self.masks, strict=True):
            x = level.squeezed(x)
            x = x if mask is None else x * mask
            for transform in self._transforms(level, mask):
                x, of_this = self._apply(transform, x)
                ladj = ladj + of_this
            if level.split is not None:
                x, eps = x.chunk(2, -1)
                codes.append(eps.flatten(1))
        z, of_this = self.flow.top(self.masks[-1]).call_and_ladj(x)
        return torch.cat([*codes, z.flatten(1)], 1), ladj + of_this

    def _inverse(self, z: Tensor) -> Tensor:
        *codes, last = torch.split(z, self.flow.sizes, 1)
        x = self.flow.top(self.masks[-1]).inv(last.view(-1, *self.flow.last_shape))
        for i, level in reversed(list(enumerate(self.flow.levels))):
            if level.split is not None:
                x = torch.cat([x, codes[i].view_as(x)], -1)
            mask = self.masks[i]
            x = x if mask is None else x * mask
            for transform in reversed(list(self._transforms(level, mask))):
                x = transform.inv(x)
            x = level.unsqueezed(x)
        v: Tensor = x[..., 0]
        return v

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """ln |det dz/dv| [N] at v = x."""
        return self.call_and_ladj(x)[1]

    def _call(self, x: Tensor) -> Tensor:
        return self.call_and_ladj(x)[0]

    def _transforms(self, level: Level, mask: Tensor | None) -> Iterator[Transform]:
        """The steps, and the split."""
        yield from (step(mask) for step in level.steps)
        if level.split is not None:
            yield level.split(mask)

    def _apply(self, transform: ComposedTransform, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.flow.checkpointing and torch.is_grad_enabled():
            y, ladj = checkpoint(transform.call_and_ladj, x, use_reentrant=False)
        else:
            y, ladj = transform.call_and_ladj(x)
        return y, ladj


def _require_divisible(shape: tuple[int, int], levels: int, squeezes: int, where: str) -> None:
    factor = 2 ** (levels - 1 + squeezes)
    if shape[0] % factor or shape[1] % factor:
        raise InputError(
            f"an image of {shape[0]} frames x {shape[1]} bands: {levels} levels, squeezed {squeezes} times before "
            f"the first, need multiples of {factor}",
            where,
            "change frames, bands, levels or squeezes",
        )
