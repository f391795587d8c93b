"""The base of Glow's transforms: images of values [N, H, W, C], some of which are padding.

mask [N, H, W, C] bool says which values are real (None: all); the others are 0 before and after, and count in
no determinant.
"""

from abc import abstractmethod

from torch import Tensor
from torch.distributions import Transform, constraints

__all__ = ["ImageTransform"]


class ImageTransform(Transform):
    """A bijection of the real values, with its determinant from the same pass."""

    domain = constraints.independent(constraints.real, 3)  # type: ignore[no-untyped-call]
    codomain = constraints.independent(constraints.real, 3)  # type: ignore[no-untyped-call]
    bijective = True

    def __init__(self, mask: Tensor | None = None) -> None:
        super().__init__()
        self.mask = mask

    @abstractmethod
    def call_and_ladj(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """y and ln |det dy/dx| [N]."""

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """ln |det dy/dx| [N] at x."""
        return self.call_and_ladj(x)[1]

    def _call(self, x: Tensor) -> Tensor:
        return self.call_and_ladj(x)[0]

    def _real(self, x: Tensor) -> Tensor:
        """x, 0 where it is padding."""
        return x if self.mask is None else x * self.mask
