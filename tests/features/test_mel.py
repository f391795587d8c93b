"""Mel bands: means over bins, where they should be."""

import pytest
import torch

from speech_factorization.features.mel import mel, mel_bands, mel_edges


def test_edges_are_evenly_spread_on_the_scale():
    edges = mel_edges(48, 7800.0, 50.0)
    assert len(edges) == 50
    assert edges[[0, -1]].tolist() == pytest.approx([50, 7800], rel=1e-4)
    steps = mel(edges).diff()
    assert float(steps.std()) < 1e-2 < float(steps.mean())
    assert float(mel(torch.tensor(1000.0))) == pytest.approx(999.99, abs=0.1)


@pytest.mark.parametrize("count", [24, 48, 200])
def test_bands_are_means_with_their_peak_at_their_centre(count):
    frequencies = torch.arange(257) * 31.25
    bands = mel_bands(count, frequencies, 7800.0, 50.0)
    torch.testing.assert_close(bands.sum(1), torch.ones(count))
    assert (bands >= 0).all()
    distance = (frequencies[bands.argmax(1)] - mel_edges(count, 7800.0, 50.0)[1:-1]).abs()
    assert distance.max() < 20
    assert (bands[:, frequencies > 7800] == 0).all()
