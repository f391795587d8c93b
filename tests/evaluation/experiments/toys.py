"""A dynamical VAE whose codes are read off its input, so that the answers of experiments are known."""

from types import SimpleNamespace

import torch
from torch import nn

from speech_factorization.dynamical.gaussian import Gaussian
from speech_factorization.interfaces import Batch


def gaussian(mean, logvar):
    return Gaussian(mean, torch.full_like(mean, logvar))


class Toy(nn.Module):
    """z_t: bins of `z` of the log power, in a posterior of log-variance `z_logvar`; v: `v_of` their means over
    time, in one of `v_logvar`. Prior of z: N(prior, exp(prior_logvar) I), of v: N(0, I)."""

    inputs = ("utterances",)

    def __init__(self, z=slice(0, 4), v_of=None, v_logvar=0.0, prior=0.0, z_logvar=0.0, prior_logvar=0.0):
        super().__init__()
        self.z, self.v_of, self.v_logvar, self.z_logvar = z, v_of, v_logvar, z_logvar
        self.prior, self.prior_logvar = prior, prior_logvar
        if v_of is not None:
            self.v_dim = 4

    def noise(self, x, generator):
        assert generator is None
        return {"eps": torch.zeros_like(x[..., self.z])}

    def forward(self, x, eps, lengths=None):
        z = torch.log(x[..., self.z].clamp(min=1e-9)) + eps
        real = (torch.arange(x.shape[1]) < lengths[:, None])[..., None]
        mean = torch.where(real, z, 0).sum(1) / lengths[:, None]
        v = None if self.v_of is None else gaussian(self.v_of(mean), self.v_logvar)
        q, p = gaussian(z, self.z_logvar), gaussian(torch.full_like(z, self.prior), self.prior_logvar)
        return SimpleNamespace(codes={"z": z}, q=q, p=p, v=v)


def batches(utterances, size=3):
    """Utterance -> log power [T, F] as zero-padded batches."""
    names = list(utterances)
    for i in range(0, len(names), size):
        group = [torch.as_tensor(utterances[name]).float().exp() for name in names[i : i + size]]
        lengths = torch.tensor([len(x) for x in group])
        x = nn.utils.rnn.pad_sequence(group, batch_first=True)
        yield Batch(x, lengths, utterances=tuple(names[i : i + size]))


class Louder(nn.Module):
    """z of segments [N, 20, 200]: x itself, flat; a shift of one throughout is a neper."""

    inputs = ("segments",)

    def encode(self, x, lengths=None, generator=None):
        return {"z": x.flatten(1)}

    def decode(self, codes):
        return codes["z"].unflatten(1, (20, 200))
