"""Class-conditional priors on parts of the code (Sun et al., ICASSP 2021, arXiv 2010.14242, equation 3).

    p(z | c) = prod_f N(z_f; mu_f[c_f], I) * N(z_rest; 0, I)

Where the class of a factor is unknown its part has the mixture over classes, sum_c pi_c N(z_f; mu_f[c], I).
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from speech_factorization.dynamical.gaussian import standard_noise

__all__ = ["FactorialPrior", "standard_log_prob"]


def standard_log_prob(z: Tensor) -> Tensor:
    """ln N(z; 0, I), nats, [N]."""
    return -0.5 * (z.square().sum(1) + z.shape[1] * math.log(2 * math.pi))


class FactorialPrior(nn.Module):
    """p(z | c) of z [N, D]. parts: factor -> slice of z; classes: how many each factor has.

    The means are learned at `rate` times the learning rate: Adam's steps have one size for all numbers, so
    what it steps is mu / rate. pi are the frequencies in training, fixed.
    """

    def __init__(self, parts: Mapping[str, slice], classes: Mapping[str, int], rate: float = 1.0) -> None:
        super().__init__()
        self.parts, self.rate = dict(parts), rate
        widths = {name: part.stop - part.start for name, part in parts.items()}
        self.scaled_means = nn.ParameterDict(
            {name: nn.Parameter(torch.zeros(classes[name], width)) for name, width in widths.items()}
        )
        for name in parts:
            self.register_buffer(f"log_pi_{name}", torch.full((classes[name],), -math.log(classes[name])))

    def mean(self, factor: str) -> Tensor:
        """mu_f [classes, width of the part]."""
        mu: Tensor = self.rate * self.scaled_means[factor]
        return mu

    def log_pi(self, factor: str) -> Tensor:
        """ln pi_f [classes]."""
        return self.get_buffer(f"log_pi_{factor}")

    @torch.no_grad()
    def set(self, factor: str, means: Tensor, counts: Tensor) -> None:
        """Start from these means [classes, width]; counts: training items of each class."""
        self.scaled_means[factor].copy_(means / self.rate)
        self.log_pi(factor).copy_((counts / counts.sum()).log())

    def scores(self, z: Tensor) -> dict[str, Tensor]:
        """factor -> ln N(z_f; mu_f[c], I) - ln N(z_f; 0, I) of every class c, [N, classes]."""
        means = {name: self.mean(name) for name in self.parts}
        # z^T mu - |mu|^2 / 2: what all classes share, |z|^2 / 2, has cancelled.
        return {
            name: torch.addmm(-0.5 * mu.square().sum(1), z[:, self.parts[name]], mu.T)
            for name, mu in means.items()
        }

    def log_prob(self, z: Tensor, factors: Mapping[str, Tensor], scores: Mapping[str, Tensor]) -> Tensor:
        """ln p(z | c), nats, [N]; scores: those of z.

        factors: the class of each item [N], -1 (or no entry) where it is unknown.
        """
        found = standard_log_prob(z)
        for name, score in scores.items():
            mixture = (self.log_pi(name) + score).logsumexp(1)
            c = factors.get(name, z.new_full((len(z),), -1, dtype=torch.int64))
            found = found + torch.where(c >= 0, _of_class(score, c), mixture)
        return found

    def cross_entropy(self, factor: str, score: Tensor, c: Tensor) -> Tensor:
        """-ln p(c | z_f), nats, mean over the items whose class is known; 0 where there is none."""
        known = c >= 0
        log_p = _of_class((self.log_pi(factor) + score).log_softmax(1), c)
        return -torch.where(known, log_p, 0).sum() / known.sum().clamp(min=1)

    def sample(self, shape: tuple[int, int], generator: torch.Generator, like: Tensor) -> Tensor:
        """z [N, D] of this shape: classes drawn from pi, then z from p(z | c); on the device of `like`."""
        z = standard_noise(shape, generator, like)
        for name, part in self.parts.items():
            pi = self.log_pi(name).exp().to(generator.device)
            c = torch.multinomial(pi, len(z), replacement=True, generator=generator)
            z[:, part] += self.mean(name)[c.to(z.device)]
        return z


def _of_class(values: Tensor, c: Tensor) -> Tensor:
    """values [N, classes] at c [N]; anything where c is -1."""
    return values.gather(1, c.clamp(min=0)[:, None])[:, 0]
