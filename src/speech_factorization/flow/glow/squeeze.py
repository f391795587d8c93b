"""Space to depth: [N, H, W, C] <-> [N, H/2, W/2, 4 C]."""

from torch import Tensor

from speech_factorization.flow.glow.transform import ImageTransform

__all__ = ["Squeeze"]


class Squeeze(ImageTransform):
    """Every 2 x 2 patch becomes one position, its earlier frame first (Dinh et al., Real NVP, 2017)."""

    def call_and_ladj(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The squeezed x and 0 [N]: nothing is scaled."""
        n, h, w, c = x.shape
        patches = x.reshape(n, h // 2, 2, w // 2, 2, c).permute(0, 1, 3, 2, 4, 5)
        return patches.reshape(n, h // 2, w // 2, 4 * c), x.new_zeros(n)

    def _inverse(self, y: Tensor) -> Tensor:
        n, h, w, c = y.shape
        patches = y.reshape(n, h, w, 2, 2, c // 4).permute(0, 1, 3, 2, 4, 5)
        return patches.reshape(n, 2 * h, 2 * w, c // 4)
