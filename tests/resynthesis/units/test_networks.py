"""VQ-VAE and CPC learn what their losses say, and end the same whether they were killed or not."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import log_softmax

from speech_factorization.interfaces import Batch, Schedule
from speech_factorization.resynthesis.units.cpc import CPCUnits
from speech_factorization.resynthesis.units.vqvae import VQVAEUnits
from tests.resynthesis.units.learning import BrokenOffError, train
from tests.resynthesis.units.speech import CPC, VQVAE, buzz


def schedule(training: bool = False) -> Schedule:
    return Schedule(0, 1, 0, torch.Generator().manual_seed(0), training)


def batch_of(part: Any, samples: int = 6400) -> Batch:
    x = torch.stack([part.front(buzz(samples, seed)) for seed in range(3)])
    return Batch(x, torch.full((3,), x.shape[1]))


def ended(kind: str, scratch: Path, life: int | None) -> tuple[dict[str, torch.Tensor], Any]:
    """State dict and curves of a training; life: it is killed after so many batches, and started again."""

    def make() -> Any:
        return VQVAEUnits(VQVAE, 3) if kind == "vqvae" else CPCUnits(CPC, 3)

    if life is not None:
        with pytest.raises(BrokenOffError):
            train(make(), scratch, life)
    part = make()
    history = train(part, scratch)
    if kind == "cpc":
        part.cluster([part.front(buzz(16_000, seed)) for seed in range(8)], 0)
    return part.state_dict(), history.rows


@pytest.mark.parametrize("kind", ["vqvae", "cpc"])
def test_killed_and_started_again_it_ends_the_same(kind: str, tmp_path: Path) -> None:
    """Weights, the codebook and its moving averages, restarts of dead codes, k-means: all of the state dict."""
    whole, curves = ended(kind, tmp_path / "whole", None)
    # Four batches an epoch: in the first epoch, at its end, in the second.
    for life in (1, 4, 7):
        again, other = ended(kind, tmp_path / str(life), life)
        assert other == curves
        assert again.keys() == whole.keys()
        for name, value in whole.items():
            assert torch.equal(again[name], value), (life, name)


@pytest.mark.parametrize("kind", ["vqvae", "cpc"])
@pytest.mark.parametrize("front", ["normalised", "mel", "wave"])
def test_training_lowers_the_loss(kind: str, front: str, tmp_path: Path) -> None:
    settings: Any = (VQVAE if kind == "vqvae" else CPC).model_copy(
        update={"input": front, "epochs": 20, "patience": 20, "learning_rate": 1e-2}
    )
    part = VQVAEUnits(settings) if kind == "vqvae" else CPCUnits(settings)
    rows = train(part, tmp_path).rows
    assert rows[-1]["valid_loss"] < 0.98 * rows[0]["valid_loss"]


def test_the_gradient_at_the_encoder_is_that_at_the_code() -> None:
    """The lecture's straight-through estimator, in the whole VQ-VAE: autograd's dL/dz_e is dL/dz_q."""
    part = VQVAEUnits(VQVAE.model_copy(update={"commitment": 0.0})).train()
    batch, held = batch_of(part), {}
    quantise = part.quantiser.forward

    def watched(z_e: torch.Tensor) -> Any:
        z_q, codes, commitment = quantise(z_e)
        held["z_e"], held["z_q"] = z_e, z_q
        return z_q, codes, commitment

    part.quantiser.forward = watched  # type: ignore[method-assign]
    loss = part.loss(batch, "units", schedule(training=True))["loss"]
    at_encoder, at_code = torch.autograd.grad(loss, [held["z_e"], held["z_q"]])
    assert at_code.abs().sum() > 0
    assert torch.equal(at_encoder, at_code)


def test_the_commitment_draws_the_encoder_to_its_code() -> None:
    part = VQVAEUnits(VQVAE).train()
    terms = part.loss(batch_of(part), "units", schedule(training=True))
    assert terms["loss"].item() == pytest.approx(
        (terms["reconstruction"] + VQVAE.commitment * terms["commitment"]).item(), rel=1e-6
    )
    assert 1 <= terms["perplexity"] <= VQVAE.codes
    (first, *_), (last, *_) = part.encoder.parameters(), part.decoder.parameters()
    at_encoder, at_decoder = torch.autograd.grad(terms["commitment"], [first, last], allow_unused=True)
    assert at_encoder.abs().sum() > 0
    assert at_decoder is None


@pytest.mark.parametrize(("hop", "reach"), [(320, 0), (320, 30), (160, 20)])
def test_what_is_decoded_lies_around_the_unit(hop: int, reach: int) -> None:
    part = VQVAEUnits(VQVAE.model_copy(update={"hop": hop, "reach": reach}))
    frames = torch.arange(12.0)[None, :, None].expand(1, 12, 40)
    found = part.around(frames).unflatten(2, (40, -1))[0, :, 0]
    own, more = hop // 160, reach // 10
    assert found.shape == (12 // own, own + 2 * more)
    assert found[2].tolist() == [float(t) for t in range(2 * own - more, 2 * own + own + more)]
    assert (found[0, :more] == 0).all()


def test_info_nce_by_hand() -> None:
    part = CPCUnits(CPC.model_copy(update={"steps": 2})).eval()
    batch = batch_of(part, 1600)
    with torch.no_grad():
        terms = part.loss(batch, "units", schedule())
        z = part.z(batch.x)
        c, _ = part.recurrent(z)
        W = part.predictors.weight.view(2, CPC.channels, CPC.context)
        losses = []
        for k in (1, 2):
            steps = [
                -log_softmax(z[b] @ W[k - 1] @ c[b, t] / CPC.channels**0.5, 0)[t + k]
                for b in range(3)
                for t in range(10 - k)
            ]
            losses.append(torch.stack(steps).mean())
    assert terms["loss"].item() == pytest.approx(float(sum(losses)) / 2, rel=1e-5)
    assert 0 <= terms["accuracy"] <= 1


def test_contexts_know_the_past_alone() -> None:
    part = CPCUnits(CPC)
    heard = part.front(buzz(16_000))
    other = heard.clone()
    other[60:] = 0
    same = (part.context(heard) - part.context(other)).abs().amax(1) < 1e-6
    # The encoder's convolutions see a frame or two ahead.
    assert same[: 60 - part.encoder.context].all()
    assert not same[60:].any()
