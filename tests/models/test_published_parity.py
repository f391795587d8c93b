"""With the authors' weights, each model gives what the authors' own classes gave."""

import importlib
from pathlib import Path

import numpy as np
import pytest
import torch

from speech_factorization.dynamical.gaussian import standard
from speech_factorization.dynamical.itakura_saito import itakura_saito
from speech_factorization.dynamical.published import load_published
from speech_factorization.interfaces import Data

# Model -> the authors' name, and how many parameters theirs has. DSAE's weights are random: none are public.
PUBLISHED = {
    "vae": ("VAE", 220_385),
    "dkf": ("DKF", 397_729),
    "storn": ("STORN", 673_249),
    "vrnn": ("VRNN", 453_729),
    "srnn": ("SRNN", 688_129),
    "rvae_causal": ("RVAE-Causal", 586_305),
    "rvae": ("RVAE-NonCausal", 924_225),
    "dsae": ("DSAE", 1_084_705),
}


@pytest.mark.parametrize("tag", ["syn", "smp", "u0"])
@pytest.mark.parametrize("name", PUBLISHED)
def test_same_numbers(name: str, tag: str, reference: Path) -> None:
    theirs, count = PUBLISHED[name]
    module = importlib.import_module(f"speech_factorization.models.{name}")
    model = module.Model(module.Hyperparameters(), Data({}, (257,)))
    assert sum(p.numel() for p in model.parameters()) == count
    weights = reference / "dvae-checkpoints" / f"{theirs}{'-random' if name == 'dsae' else ''}.pt"
    load_published(model, model.published, torch.load(weights, weights_only=True, map_location="cpu"))
    recorded = np.load(reference / "parity" / f"{theirs}.npz")

    x = torch.from_numpy(recorded["syn_x" if tag == "smp" else f"{tag}_x"])[None]
    noise = model.noise(x, None)
    if tag == "smp":
        noise = {key: torch.from_numpy(recorded[f"smp_{key}"])[None] for key in noise}
    with torch.no_grad():
        codes, q, p, log_y, v = model(x, **noise)
    ours = {
        "y": log_y.exp(),
        "z": codes["z"],
        "z_mean": q.mean,
        "z_logvar": q.logvar,
        "zp_mean": p.mean,
        "zp_logvar": p.logvar,
        "recon_frame": itakura_saito(x, log_y),
        "kl_frame": q.kl(p),
    }
    if v is not None:
        ours |= {"v": codes["v"], "v_mean": v.mean, "v_logvar": v.logvar, "kl_v": v.kl(standard(v.mean))}
    for key, value in ours.items():
        a, b = value[0].numpy(), recorded[f"{tag}_{key}"]
        assert a.shape == b.shape, key
        assert np.abs(a - b).max() <= 1e-5 * np.abs(b).max(), key
    if tag != "smp":
        torch.testing.assert_close(model.decode(model.encode(x)), ours["y"], rtol=1e-5, atol=0.0)
