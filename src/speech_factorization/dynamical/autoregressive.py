"""Dynamical VAEs whose x_t depends on x_{t-1}: what is fed for it, the truth or the model's own output.

Training and the published evaluation feed the true x_{t-1} (teacher forcing), which a decoder that has only
codes does not know; then the model's own y_{t-1} is fed back. Scheduled sampling (Bengio et al., 2015) goes from
the one to the other during training, as in Girin et al., Dynamical variational autoencoders: a review, 2021.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from speech_factorization.dynamical.gaussian import Gaussian, standard_noise
from speech_factorization.dynamical.itakura_saito import power_noise
from speech_factorization.dynamical.model import DynamicalHyperparameters, DynamicalVAE, Frames
from speech_factorization.dynamical.scan import scan
from speech_factorization.dynamical.schedule import Epochs, ramp
from speech_factorization.interfaces import Data, Schedule

__all__ = ["AutoregressiveHyperparameters", "AutoregressiveVAE", "Step"]

# What one step of generation gives: p(z_t | .), z_t, ln y_t and the recurrent state.
Step = tuple[Gaussian, Tensor, Tensor, Any]


class AutoregressiveHyperparameters(DynamicalHyperparameters):
    """What the autoregressive ones have besides.

    scheduled_sampling: [first, last] epoch, from 0, between which the share of frames that are fed the model's own
    output grows from 0 to 1; null: the true past always.
    """

    scheduled_sampling: Epochs | None = None


class AutoregressiveVAE(DynamicalVAE):
    """Base of the autoregressive ones. A model defines `teacher_forced` and `step` besides `forward`."""

    of_true_past: ClassVar[tuple[str, ...]] = ("x_past",)

    def __init__(self, hp: AutoregressiveHyperparameters, data: Data) -> None:
        super().__init__(hp, data)
        self.scheduled_sampling = hp.scheduled_sampling

    @abstractmethod
    def teacher_forced(self, z: Tensor, x_past: Tensor) -> Tensor:
        """ln y [B, T, F] of z [B, T, z_dim] and the true x_{t-1} [B, T, F], for all frames at once."""

    @abstractmethod
    def step(self, x: Tensor, z: Tensor, state: Any, draw: Callable[[Gaussian], Tensor]) -> Step:
        """One frame of generation from x_{t-1} [B, F], z_{t-1} [B, z_dim] and the recurrent state (None at t = 1).

        draw: gives z_t, from its prior or from elsewhere.
        """

    @torch.no_grad()
    def decode(self, codes: Mapping[str, Tensor]) -> Tensor:
        """y [B, T, F] of codes["z"], from the true past codes["x_past"] or, without it, the model's own output."""
        z = codes["z"]
        if "x_past" in codes:
            return torch.exp(self.teacher_forced(z, codes["x_past"]))
        return torch.exp(self.closed_loop(z)[1])

    def closed_loop(
        self, z: Tensor, x: Tensor | None = None, own: Tensor | None = None
    ) -> tuple[Gaussian, Tensor]:
        """p(z_t | .) and ln y of z [B, T, z_dim] where y_{t-1} is fed back.

        own: [B, T] bool, False where x_t of x [B, T, F] is fed on instead of y_t.
        """
        truth = () if x is None or own is None else (x, own[..., None])

        def step(
            past: tuple[Tensor, Tensor, Any], z: Tensor, *truth: Tensor
        ) -> tuple[Any, tuple[Tensor, ...]]:
            p, z, log_y, state = self.step(*past, lambda p: z)
            # Through y_{t-1} no gradient: a model that gets one writes its memory into a bin of its output.
            y = torch.exp(log_y).detach()
            if truth:
                x, own = truth
                y = torch.where(own, y, x)
            return (y, z, state), (*p, log_y)

        mean, logvar, log_y = scan(step, self._nothing(z[:, 0]), z, *truth)
        return Gaussian(mean, logvar), log_y

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator, frames: int = 150) -> Tensor:
        """x [n, frames, F], every z_t and x_t drawn.

        What is fed back is what training ended with: the x_t drawn, or y_t after scheduled sampling.
        """
        bias = self.p_x.head.bias
        eps = standard_noise((n, frames, self.z_dim), generator, bias)
        noise = power_noise((n, frames, len(bias)), generator, bias)

        def step(past: tuple[Tensor, Tensor, Any], eps: Tensor, noise: Tensor) -> tuple[Any, tuple[Tensor]]:
            _, z, log_y, state = self.step(*past, lambda p: p.sample(eps))
            y = torch.exp(log_y)
            x = y * noise
            return (x if self.scheduled_sampling is None else y, z, state), (x,)

        (x,) = scan(step, self._nothing(eps[:, 0]), eps, noise)
        return x

    def fed(self, frames: Frames, x: Tensor, schedule: Schedule) -> Frames:
        """Generation from the same z, with the model's own output fed back at some frames or all."""
        share = self.own_share(schedule)
        if share == 0:
            return frames
        generator = schedule.generator
        own = torch.rand(x.shape[:2], generator=generator, device=generator.device) < share
        p, log_y = self.closed_loop(frames.codes["z"], x, own.to(x.device))
        return frames._replace(p=p, log_y=log_y)

    def own_share(self, schedule: Schedule) -> float:
        """Share of frames that are fed the model's own output; in validation, that at the end of training."""
        if self.scheduled_sampling is None or schedule.true_past:
            return 0.0
        return ramp(self.scheduled_sampling, schedule.epoch) if schedule.training else 1.0

    @property
    def settled_after(self) -> int:
        """Epochs until the loss is the final one."""
        return max(super().settled_after, (self.scheduled_sampling or [0])[-1])

    def _nothing(self, z: Tensor) -> tuple[Tensor, Tensor, Any]:
        """What lies before the first frame: x_0 = 0, z_0 = 0, no state."""
        return z.new_zeros(len(z), self.p_x.head.out_features), torch.zeros_like(z), None
