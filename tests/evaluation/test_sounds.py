"""What is given to hear: no clicks, one level."""

import numpy as np
import torch

from speech_factorization.evaluation.sounds import FADE, audible, repeated


def test_repeated_without_clicks() -> None:
    wave = torch.ones(3200)
    found = repeated(wave)
    assert len(found) == 32_000
    assert torch.equal(found[:3200], found[-3200:])
    assert float(found[FADE : 3200 - FADE].min()) == 1
    # A jump would be 1; a raised cosine over 5 ms climbs by at most pi / 2 / 80 from sample to sample.
    assert float(found.diff().abs().max()) < 0.02
    assert float(wave.min()) == 1


def test_one_level_and_nothing_clips() -> None:
    found = audible({"a": torch.tensor([0.1, -0.2]), "b": torch.tensor([0.3]), "c": torch.tensor([4.0])}, "a")
    assert np.allclose(found["a"], [0.25, -0.5])
    assert np.allclose(found["b"], [0.75])
    assert np.allclose(found["c"], [0.99])
    assert found["c"].dtype == np.float32
    assert not audible({"a": torch.zeros(3)}, "a")["a"].any()
