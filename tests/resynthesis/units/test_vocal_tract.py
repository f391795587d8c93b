"""Warps are found without labels: a shorter tract's formants are brought to where the others are."""

import pytest
import torch

from speech_factorization.features.mel import mel_edges
from speech_factorization.resynthesis.units import clusters
from speech_factorization.resynthesis.units.hearing import BANDS, LOWEST, listen, log_mel
from speech_factorization.resynthesis.units.vocal_tract import LEAST, MOST, WARPS, VocalTract
from tests.resynthesis.units.speech import buzz

FACTORS = torch.linspace(torch.tensor(LEAST).log(), torch.tensor(MOST).log(), WARPS).exp()


def test_a_warp_reads_bands_at_scaled_frequencies() -> None:
    tract = VocalTract()
    centres = mel_edges(BANDS, lowest=LOWEST)[1:-1]
    # A spectrum that is a straight line over mel is read exactly between bands.
    line = torch.arange(BANDS).float()[None]
    for warp in (0, WARPS - 1):
        read = (line @ tract.warps[warp])[0]
        wanted = FACTORS[warp] * centres
        inside = (wanted > centres[0]) & (wanted < centres[-1])
        step = torch.log1p(centres[1] / 700) - torch.log1p(centres[0] / 700)
        place = (torch.log1p(wanted / 700) - torch.log1p(centres[0] / 700)) / step
        assert torch.allclose(read[inside], place[inside], atol=1e-3)
    assert torch.allclose(tract.warps.sum(1), torch.ones(WARPS, BANDS), atol=1e-5)


def test_cepstra_have_no_mean_and_about_one_spread() -> None:
    found = VocalTract().cepstra(log_mel(listen(buzz(16_000))), 3)
    assert torch.allclose(found.mean(0), torch.zeros(10), atol=1e-4)
    assert (found.std(0) < 1).all()
    assert found.std(0)[0] > 0.7


@pytest.fixture(scope="module")
def fitted() -> VocalTract:
    """Of ten voices, half of them with formants 1.15 times as high."""
    tract = VocalTract()
    recordings = [log_mel(listen(buzz(32_000, seed, 1.15 if seed % 2 else 1.0))) for seed in range(10)]
    tract.fit(recordings, 0)
    return tract


def test_higher_formants_are_read_at_higher_frequencies(fitted: VocalTract) -> None:
    """On recordings it has not heard, of the same words in two voices."""
    chosen = {
        tract: [fitted.choose(log_mel(listen(buzz(32_000, seed, tract)))) for seed in range(20, 25)]
        for tract in (1.0, 1.15)
    }
    ratios = [float(FACTORS[high] / FACTORS[low]) for low, high in zip(*chosen.values(), strict=True)]
    assert sum(ratios) / len(ratios) == pytest.approx(1.15, abs=0.06)


def test_the_chosen_warp_has_the_least_distortion(fitted: VocalTract) -> None:
    bands = log_mel(listen(buzz(8000, 40, 1.1)))
    distortions = [clusters.distortion(fitted.cepstra(bands, a)[::3], fitted.centres) for a in range(WARPS)]
    assert fitted.choose(bands) == distortions.index(min(distortions))
