"""Spectral distances: by other libraries' hands, by hand, and by what they must not depend on."""

import math

import numpy as np
import pytest
import torch
from torchaudio.functional import melscale_fbanks

from speech_factorization.errors import InputError
from speech_factorization.evaluation.metrics import vocoding
from speech_factorization.evaluation.metrics.vocoding import (
    METRICS,
    evaluate,
    mcd,
    mel_distance,
    prepare,
    stft_distance,
)

RNG = np.random.default_rng(0)
T = np.arange(16_000) / 16_000
SPEECH = np.sin(2 * np.pi * 150 * T) + 0.3 * np.sin(2 * np.pi * 1500 * T) * np.sin(2 * np.pi * 3 * T)
REFERENCE = SPEECH + 0.05 * RNG.normal(size=len(T))


def test_the_mel_is_that_of_the_library() -> None:
    theirs = melscale_fbanks(513, 0.0, 8000.0, 80, 16_000, norm="slaney", mel_scale="slaney").numpy()
    np.testing.assert_allclose(vocoding._bands(), theirs, atol=1e-6)
    spectrum = torch.stft(
        torch.from_numpy(REFERENCE), 1024, 256, 600, torch.hann_window(600).double(), pad_mode="constant",
        return_complex=True,
    )  # fmt: skip
    np.testing.assert_allclose(
        vocoding._magnitude(REFERENCE, 1024, 256, 600), spectrum.abs().T.numpy(), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("name", METRICS)
def test_nothing_to_a_copy_and_the_more_the_worse(name: str) -> None:
    noise = RNG.normal(size=len(T))
    found = [METRICS[name](REFERENCE, REFERENCE + amount * noise) for amount in (0, 0.05, 0.2, 1)]
    assert found[0] == 0
    assert found == sorted(found)
    assert found[1] > 0.01


def test_what_a_gain_does() -> None:
    """Twice as loud: ln 2 in every band, and nothing to the cepstra, whose level is left out."""
    assert mel_distance(REFERENCE, 2 * REFERENCE) == pytest.approx(math.log(2), abs=1e-4)
    assert mcd(REFERENCE, 2 * REFERENCE) == pytest.approx(0, abs=1e-3)
    assert stft_distance(REFERENCE, 2 * REFERENCE) == pytest.approx(1 + math.log(2), abs=1e-3)


def test_mcd_is_the_rms_over_bands_of_a_smooth_difference_in_db() -> None:
    """A filter of one cosine over the mel bands, a cos(pi d (k + 1/2) / 80) nepers, has 20 / ln 10 a / sqrt 2 dB."""
    a, d = 0.5, 3
    mel = np.zeros((5, 80))
    changed = mel + a * np.cos(np.pi * d * (np.arange(80) + 0.5) / 80)
    with pytest.MonkeyPatch.context() as patch:
        spectra = iter([mel, changed])
        patch.setattr(vocoding, "_mel", lambda wave: next(spectra))
        patch.setattr(vocoding, "_magnitude", lambda *arguments: np.ones((5, 4)))
        assert mcd(REFERENCE, REFERENCE) == pytest.approx(20 / math.log(10) * a / math.sqrt(2))


def test_silent_frames_count_for_no_cepstra() -> None:
    quiet = np.concatenate([REFERENCE, 1e-4 * RNG.normal(size=16_000)])
    other = np.concatenate([REFERENCE, np.zeros(16_000)])
    assert mcd(quiet, other) < 0.05
    assert mel_distance(quiet, other) > 0.5


def test_neither_the_level_nor_more_samples_count_once_prepared() -> None:
    estimate = REFERENCE + 0.2 * RNG.normal(size=len(T))
    found = evaluate(REFERENCE.astype(np.float32), estimate.astype(np.float32))
    louder = evaluate(100 * REFERENCE, np.pad(100 * estimate, (0, 50)))
    assert found == {name: pytest.approx(louder[name], rel=1e-3) for name in METRICS}
    reference, _ = prepare(REFERENCE, estimate)
    assert np.sqrt(np.mean(reference**2)) == pytest.approx(0.05)


def test_a_phase_does_not_count_much() -> None:
    t = np.arange(16_000) / 16_000
    cosine, sine = (sum(wave(2 * np.pi * 200 * k * t) for k in range(1, 30)) for wave in (np.cos, np.sin))
    assert evaluate(cosine, sine)["mel_distance"] < 0.15


@pytest.mark.parametrize("samples", [1, 10, 500])
def test_short_sounds(samples: int) -> None:
    found = evaluate(REFERENCE[:samples], 0.5 * REFERENCE[:samples])
    assert all(math.isfinite(value) for value in found.values())


@pytest.mark.parametrize(
    ("reference", "estimate", "said"),
    [
        (np.zeros(100), np.ones(100), "silent"),
        (np.zeros(0), np.ones(100), "silent"),
        (np.ones(100), np.full(100, np.nan), "NaN or infinity"),
    ],
)
def test_bad_pairs(reference, estimate, said: str) -> None:
    with pytest.raises(InputError, match=said):
        evaluate(reference, estimate)


def test_unequal_lengths() -> None:
    with pytest.raises(InputError, match="of equal length"):
        mel_distance(REFERENCE, REFERENCE[1:])
