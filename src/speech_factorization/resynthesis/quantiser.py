"""The vector quantiser of the VQ-VAEs (van den Oord et al., Neural discrete representation learning, NIPS 2017).

    z_q = e_k,  k = argmin_j |z_e - e_j|;  d loss / d z_e = d loss / d z_q  (straight through)

The codebook follows the means of what falls to each code (exponential moving averages, appendix A.1 there); a code
that hardly anything falls to becomes one of the vectors at hand. All its state is in buffers.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from vector_quantize_pytorch import VectorQuantize

__all__ = ["Quantiser"]


class Quantiser(nn.Module):
    """[B, T, width] -> the nearest codes; in training mode each forward pass moves the codebook.

    codes: how many; decay: of the moving averages; restart: how many vectors of a batch must fall to a code, in the
    moving average, for it to stay. The codebook begins as k-means of the first batch. Restarts draw from torch's
    own generator, which the training loop seeds and keeps.
    """

    def __init__(self, codes: int, width: int, decay: float = 0.99, restart: float = 1.0) -> None:
        super().__init__()
        self.codes = codes
        self.vq = VectorQuantize(
            width,
            codes,
            decay=decay,
            threshold_ema_dead_code=restart,
            kmeans_init=True,
            # The library's own default turns gradients; ours is the identity.
            rotation_trick=False,
            commitment_weight=0.0,
        )

    @property
    def codebook(self) -> Tensor:
        """[codes, width]."""
        found: Tensor = self.vq.codebook
        return found

    def forward(self, z_e: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """z_q [B, T, width] with z_e's gradient, codes [B, T] int64, commitment: mean |z_e - sg(e_k)|^2."""
        z_q, codes, _ = self.vq(z_e)
        return z_q, codes, mse_loss(z_e, z_q.detach())

    @torch.no_grad()
    def encode(self, z_e: Tensor) -> Tensor:
        """argmin_j |z_e - e_j|, the first of several: codes [...] int64 of z_e [..., width]; nothing moves."""
        distances = torch.cdist(z_e.reshape(1, -1, z_e.shape[-1]), self.codebook[None])[0]
        return distances.argmin(-1).reshape(z_e.shape[:-1])

    def decode(self, codes: Tensor) -> Tensor:
        """e_k [..., width] of codes [...]."""
        return self.codebook[codes]
