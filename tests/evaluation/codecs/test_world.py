"""WORLD gives speech-like sound back, without its phase."""

import numpy as np

from speech_factorization.evaluation.codecs.world import resynthesise
from speech_factorization.evaluation.metrics.vocoding import evaluate


def test_the_spectrum_comes_back_and_the_length() -> None:
    t = np.arange(16_001) / 16_000
    phase = 2 * np.pi * np.cumsum(120 + 20 * t) / 16_000
    wave = (0.1 * sum(np.cos(k * phase) / k for k in range(1, 40))).astype(np.float32)
    found = resynthesise(wave)
    assert found.shape == wave.shape
    assert found.dtype == np.float32
    scores = evaluate(wave, found)
    assert scores["mel_distance"] < 0.4
    assert scores["mel_distance"] < evaluate(wave, np.roll(wave, 8000)[::-1].copy() * 0.1)["mel_distance"]


def test_silence() -> None:
    assert np.abs(resynthesise(np.zeros(8000, np.float32))).max() < 1e-5
