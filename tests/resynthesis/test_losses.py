"""Losses: what their optima are, and what the lecture says of them."""

import math

import pytest
import torch
from torch.nn import functional

from speech_factorization.resynthesis.discriminators import Discriminators, DiscriminatorSettings, Verdict
from speech_factorization.resynthesis.losses import (
    GAMES,
    Game,
    LogMel,
    MelLoss,
    discriminator_loss,
    feature_matching,
    generator_loss,
    probability,
)
from tests.resynthesis.small import THIN

games = pytest.mark.parametrize("f", GAMES)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def verdict(scores: torch.Tensor) -> list[Verdict]:
    return [Verdict(scores[:, None], [])]


def best(f: Game, p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """D on each of a few points that are real with probabilities p and made with q, after playing alone."""
    s = torch.zeros(len(p), requires_grad=True)
    optimiser = torch.optim.Adam([s], lr=0.05)
    g, g_mirrored = GAMES[f]
    for _ in range(1500):
        optimiser.zero_grad()
        (p * g_mirrored(s) + q * g(s)).sum().backward()
        optimiser.step()
    return probability(s.detach(), f)


@games
def test_the_best_discriminator_is_the_theory_s(f: Game) -> None:
    p, q = torch.tensor([0.1, 0.2, 0.3, 0.4]), torch.tensor([0.4, 0.3, 0.25, 0.05])
    wanted = (p > q).float() if f == "D" else p / (p + q)
    torch.testing.assert_close(best(f, p, q), wanted, atol=0.02, rtol=0)


@games
def test_the_generator_moves_to_where_real_waves_are(f: Game) -> None:
    """With the best discriminator, its gradient raises the probability of being real."""
    s = torch.tensor([0.3], requires_grad=True)
    generator_loss(verdict(s), f).backward()
    assert s.grad is not None
    assert s.grad < 0


@games
def test_losses_are_means_of_scores(f: Game) -> None:
    real, made = torch.tensor([0.2, 1.4]), torch.tensor([-0.5, 0.7, 0.1])
    d = {"D": torch.sigmoid, "D^2": lambda s: s, "ln D": torch.sigmoid}[f]
    g = {"D": lambda u: u, "D^2": torch.square, "ln D": lambda u: -(1 - u).log()}[f]
    wanted = g(1 - d(real)).mean() + g(d(made)).mean()
    torch.testing.assert_close(discriminator_loss(verdict(real), verdict(made), f), wanted)
    torch.testing.assert_close(generator_loss(verdict(made), f), g(1 - d(made)).mean())


def test_freezing_the_discriminators_leaves_the_generator_s_gradient() -> None:
    torch.manual_seed(0)
    judges = Discriminators(DiscriminatorSettings(**THIN)).eval()
    with torch.no_grad():
        real = judges(noise(2, 2560, seed=1))
    gradients = []
    for frozen in (False, True):
        judges.requires_grad_(not frozen)
        wave = noise(2, 2560).requires_grad_()
        judged = judges(wave)
        (generator_loss(judged) + 2 * feature_matching(real, judged)).backward()
        gradients.append(wave.grad)
        assert all((p.grad is None) == frozen for p in judges.parameters())
        judges.zero_grad(set_to_none=True)
    torch.testing.assert_close(gradients[0], gradients[1], rtol=0, atol=0)
    assert gradients[0].abs().max() > 0


def test_features_of_one_wave_match() -> None:
    torch.manual_seed(0)
    judges = Discriminators(DiscriminatorSettings(**THIN)).eval()
    x, y = noise(1, 2560), noise(1, 2560, seed=1)
    assert feature_matching(judges(x), judges(x)) == 0
    layers = [functional.l1_loss(b, a) for r, m in zip(judges(x), judges(y), strict=True)
              for a, b in zip(r.features, m.features, strict=True)]  # fmt: skip
    torch.testing.assert_close(feature_matching(judges(x), judges(y)), sum(layers))


def test_l2_shrinks_what_it_cannot_know() -> None:
    """x and z Gaussian with correlation rho: least squares gives x_hat = rho z, E|x_hat|^2 = rho^2 E|x|^2."""
    rho = 0.6
    z, e = noise(20_000), noise(20_000, seed=1)
    x = rho * z + math.sqrt(1 - rho**2) * e
    a = torch.zeros((), requires_grad=True)
    optimiser = torch.optim.SGD([a], lr=0.2)
    for _ in range(60):
        optimiser.zero_grad()
        (x - a * z).square().mean().backward()
        optimiser.step()
    x_hat = a.detach() * z
    assert float(a.detach()) == pytest.approx(rho, abs=0.02)
    assert x_hat.square().mean() <= x.square().mean()
    assert x_hat.square().mean() / x.square().mean() == pytest.approx(rho**2, abs=0.02)


@pytest.mark.parametrize(("loss", "of"), [(functional.l1_loss, "median"), (functional.mse_loss, "mean")])
def test_l1_gives_the_median_and_l2_the_mean(loss, of: str) -> None:
    x = torch.tensor([0.0, 1.0, 1.0, 2.0, 16.0])
    x_hat = torch.linspace(0, 16, 1601)
    found = x_hat[torch.stack([loss(x, value.expand(5)) for value in x_hat]).argmin()]
    assert float(found) == pytest.approx({"median": 1.0, "mean": 4.0}[of], abs=1e-5)


def test_log_mel_is_hifi_gan_s() -> None:
    """80 triangles of equal area on Slaney's scale, linear under 1 kHz, over 513 bins, 64 frames a second."""
    mel = LogMel()
    assert mel(noise(2, 8960)).shape == (2, 80, 35)
    # Their areas in Hz are one.
    torch.testing.assert_close(mel.weights.sum(1)[20:] * 15.625, torch.ones(60), atol=0.05, rtol=0)
    wave = 0.1 * torch.sin(2 * torch.pi * 500 * torch.arange(8960) / 16_000)
    frame = mel(wave[None])[0, :, 17]
    spectrum = torch.fft.rfft(wave[17 * 256 - 384 :][:1024] * torch.hann_window(1024)).abs()
    torch.testing.assert_close(frame, (mel.weights @ spectrum).clamp(min=1e-5).log(), atol=1e-2, rtol=0)
    assert (mel(torch.zeros(1, 8960)) <= -10).all()


def test_mel_distance_counts_every_resolution() -> None:
    x, y = noise(1, 8960), 0.5 * noise(1, 8960, seed=1)
    ffts, bands = [256, 1024], [20, 80]
    both = MelLoss(ffts, bands)
    each = [functional.l1_loss(LogMel(f, b)(y), LogMel(f, b)(x)) for f, b in zip(ffts, bands, strict=True)]
    torch.testing.assert_close(both(y, x), (each[0] + each[1]) / 2)
    assert both(x, x) == 0
    # Half the level is ln 2 away, in every band.
    torch.testing.assert_close(both(0.5 * x, x), torch.tensor(math.log(2)), atol=1e-3, rtol=0)


def test_the_gradient_at_silence_is_finite() -> None:
    wave = torch.zeros(1, 4096, requires_grad=True)
    MelLoss([1024], [80])(wave, noise(1, 4096)).backward()
    assert wave.grad is not None
    assert wave.grad.isfinite().all()
