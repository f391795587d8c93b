"""Small dynamical VAEs, and batches for them."""

import importlib

import pytest
import torch
from torch import Tensor

from speech_factorization.dynamical.model import DynamicalVAE
from speech_factorization.interfaces import Batch, Data, Schedule

BINS, T = 5, 7

SMALL = {
    "vae": {"z_dim": 3, "x_z": [6, 4], "z_x": [4, 6]},
    "dkf": {"z_dim": 3, "rnn": 4, "x_g": [6], "z_g": [4, 5], "g_z": [5, 4], "z_x": [4, 6]},
    "storn": {"z_dim": 3, "rnn": 4, "x_g": [6], "g_z": [5, 4], "z_h": [4, 5], "x_h": [6], "h_x": [6]},
    "vrnn": {"z_dim": 3, "rnn": 4, "x": [6], "z": [4, 5], "hx_z": [5, 4], "h_z": [5, 4], "hz_x": [6]},
    "srnn": {"z_dim": 3, "rnn": 4, "x_h": [6], "hx_g": [6], "gz_z": [5, 4], "hz_z": [5, 4], "hz_x": [6]},
    "rvae_causal": {"z_dim": 3, "rnn": 4, "x_g": [6], "z_g": [4, 5], "g_z": [5, 4], "z_h": [4, 5], "h_x": [6]},
    "rvae": {"z_dim": 3, "rnn": 4, "x_g": [6], "z_g": [4, 5], "g_z": [5, 4], "z_h": [4, 5], "h_x": [6]},
    "dsae": {
        "z_dim": 3, "v_dim": 2, "rnn": 4, "rnn_z": 4, "rnn_p": 3,
        "x_g": [6], "g_v": [5], "xv_r": [6], "r_k": [5], "vz_x": [4, 6],
    },
}  # fmt: skip
AUTOREGRESSIVE = ("storn", "vrnn", "srnn")

models = pytest.mark.parametrize("name", SMALL)


def build(name: str, seed: int = 0, **more: object) -> DynamicalVAE:
    torch.manual_seed(seed)
    module = importlib.import_module(f"speech_factorization.models.{name}")
    model: DynamicalVAE = module.Model(module.Hyperparameters(**SMALL[name], **more), Data({}, (BINS,)))
    return model


def power(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, BINS, generator=torch.Generator().manual_seed(seed)).square()


def at(epoch: int = 0, training: bool = True, seed: int = 0) -> Schedule:
    return Schedule(epoch, 10, 0, torch.Generator().manual_seed(seed), training)


def batch_of(x: Tensor, *lengths: int) -> Batch:
    names = tuple(f"utterance{i}" for i in range(len(x)))
    return Batch(x, torch.tensor(lengths or [x.shape[1]] * len(x)), utterances=names)
