"""A dynamical VAE whose codes are read off its input, so that the answers of experiments are known."""

from types import SimpleNamespace

import torch
from torch import nn

from speech_factorization.interfaces import Batch


def gaussian(mean, logvar=0.0):
    return SimpleNamespace(mean=mean, logvar=torch.full_like(mean, logvar))


class Toy(nn.Module):
    """z_t: bins of `z` of the log power; v: `v_of` their means over time, in a posterior of log-variance
    `v_logvar`. Both priors: N(0, I), that of z shifted by `prior`."""

    inputs = ("utterances",)

    def __init__(self, z=slice(0, 4), v_of=None, v_logvar=0.0, prior=0.0):
        super().__init__()
        self.z, self.v_of, self.v_logvar, self.prior = z, v_of, v_logvar, prior
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
        return SimpleNamespace(codes={"z": z}, q=gaussian(z), p=gaussian(torch.full_like(z, self.prior)), v=v)


def batches(utterances, size=3):
    """Utterance -> log power [T, F] as zero-padded batches."""
    names = list(utterances)
    for i in range(0, len(names), size):
        group = [torch.as_tensor(utterances[name]).float().exp() for name in names[i : i + size]]
        lengths = torch.tensor([len(x) for x in group])
        x = nn.utils.rnn.pad_sequence(group, batch_first=True)
        yield Batch(x, lengths, utterances=tuple(names[i : i + size]))
