"""The metrics against closed forms, and against what PESQ and STOI are known to do."""

import math

import numpy as np
import pesq
import pytest

from speech_factorization.errors import InputError
from speech_factorization.evaluation.metrics.resynthesis import (
    METRICS,
    Undefined,
    estoi,
    evaluate,
    pesq_nb_raw,
    pesq_wb,
    prepare,
    rmse,
    si_sdr,
    stoi,
)

RATE = 16_000


@pytest.fixture(scope="module")
def speech():
    """Three seconds that PESQ and STOI take for speech: a buzz under moving formants, in syllables."""
    rng = np.random.default_rng(0)
    t = np.arange(3 * RATE) / RATE
    phase = 2 * np.pi * np.cumsum(120 + 20 * np.sin(2 * np.pi * 0.7 * t)) / RATE
    formant = 1200 + 700 * np.sin(2 * np.pi * 1.3 * t)
    harmonics = [
        np.exp(-(((k * 120 - formant) / 500) ** 2)) * np.sin(k * phase) + 0.2 / k * np.sin(k * phase)
        for k in range(1, 30)
    ]
    wave = np.sum(harmonics, 0) * np.clip(np.sin(2 * np.pi * 2 * t), 0, 1)
    return 0.5 * wave / np.abs(wave).max() + 1e-4 * rng.normal(size=len(t))


@pytest.fixture(scope="module")
def noise(speech):
    """White noise, orthogonal to the speech and of the same energy."""
    noise = np.random.default_rng(1).normal(size=len(speech))
    noise -= (noise @ speech) / (speech @ speech) * speech
    return noise * math.sqrt((speech @ speech) / (noise @ noise))


@pytest.mark.parametrize("snr", [-10.0, 0.0, 5.0, 30.0])
def test_orthogonal_noise_has_its_snr_as_si_sdr_and_a_closed_rmse(speech, noise, snr):
    g = 10 ** (-snr / 20)
    estimate = speech + g * noise
    assert si_sdr(speech, estimate) == pytest.approx(snr, abs=1e-9)
    # The best gain is 1 / (1 + g^2); what is left of the reference is g / sqrt(1 + g^2).
    power = math.sqrt(float(np.mean(speech**2)))
    assert rmse(speech, estimate) == pytest.approx(power * g / math.sqrt(1 + g**2), rel=1e-9)


def test_neither_depends_on_the_estimates_gain(speech, noise):
    estimate = speech + 0.3 * noise
    for gain in (0.01, -1.0, 7.0):
        assert rmse(speech, gain * estimate) == pytest.approx(rmse(speech, estimate), rel=1e-9)
        assert si_sdr(speech, gain * estimate) == pytest.approx(si_sdr(speech, estimate), rel=1e-9)
    assert rmse(3 * speech, estimate) == pytest.approx(3 * rmse(speech, estimate), rel=1e-9)


def test_si_sdr_is_symmetric_and_rmse_is_not(speech, noise):
    estimate = 2 * (speech + 0.3 * noise)
    assert si_sdr(speech, estimate) == pytest.approx(si_sdr(estimate, speech), abs=1e-9)
    assert rmse(speech, estimate) != pytest.approx(rmse(estimate, speech), rel=0.1)


def test_identical_signals_have_the_best_values(speech):
    scores = evaluate(speech, speech)
    assert list(scores) == list(METRICS)
    assert scores["rmse"] == pytest.approx(0, abs=1e-12)
    assert scores["pesq_wb"] == pytest.approx(4.644, abs=1e-3)
    assert scores["pesq_nb_raw"] == pytest.approx(4.5, abs=1e-3)
    assert scores["stoi"] == pytest.approx(1, abs=1e-9)
    assert scores["estoi"] == pytest.approx(1, abs=1e-6)
    assert scores["si_sdr"] == 100


@pytest.mark.parametrize("name", list(METRICS))
def test_more_noise_is_worse(speech, noise, name):
    values = [evaluate(speech, speech + g * noise)[name] for g in (0.001, 0.03, 0.3, 1.0)]
    assert values == sorted(values, reverse=name != "rmse")
    assert len(set(values)) == 4


def test_raw_pesq_undoes_the_mapping_of_p862_1(speech, noise):
    estimate = speech + 0.1 * noise
    raw = pesq_nb_raw(speech, estimate)
    assert 0.999 + 4 / (1 + math.exp(-1.4945 * raw + 4.6607)) == pytest.approx(
        pesq.pesq(RATE, speech, estimate, "nb"), abs=1e-5
    )
    assert raw < 4.5


def test_prepare_scales_both_together_cuts_and_rounds_to_pcm16():
    reference, estimate = prepare(np.array([0.1, -0.2, 0.05]), np.array([0.1, 0.4, 0.0, 0.2]))
    assert reference.shape == estimate.shape == (3,)
    np.testing.assert_allclose(reference, [0.225, -0.45, 0.1125], atol=1 / 65536)
    np.testing.assert_allclose(estimate, [0.225, 0.9, 0], atol=1 / 65536)
    assert np.array_equal(reference * 32768, np.rint(reference * 32768))
    silent, _ = prepare(np.zeros(3), np.zeros(3))
    assert not silent.any()


def test_the_inputs_are_left_as_they_are(speech, noise):
    a, b = speech.copy(), (speech + 0.1 * noise)
    before = b.copy()
    evaluate(a, b)
    assert np.array_equal(a, speech)
    assert np.array_equal(b, before)


@pytest.mark.parametrize("metric", [pesq_wb, pesq_nb_raw, stoi, estoi, si_sdr])
def test_silence_has_no_value(speech, metric):
    for pair in ((speech, 0 * speech), (0 * speech, speech)):
        with pytest.raises(Undefined, match="silent"):
            metric(*pair)


def test_a_silent_estimate_keeps_its_rmse_alone(speech):
    scores = evaluate(speech, 0 * speech)
    assert list(scores) == ["rmse"]
    assert scores["rmse"] == pytest.approx(0.9 * np.sqrt(np.mean(speech**2)) / np.abs(speech).max(), rel=1e-3)


def test_what_is_too_short_for_pesq_and_stoi_has_no_value(speech, noise):
    short = slice(RATE // 4, RATE // 4 + 2000)
    for metric in (pesq_wb, pesq_nb_raw, stoi, estoi):
        with pytest.raises(Undefined):
            metric(speech[short], (speech + 0.1 * noise)[short])
    assert set(evaluate(speech[short], (speech + 0.1 * noise)[short])) == {"rmse", "si_sdr"}


def test_estoi_is_the_same_twice_and_leaves_the_global_state(speech, noise):
    np.random.seed(5)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first = estoi(speech, speech + 0.3 * noise)
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    np.random.seed(6)  # noqa: NPY002
    assert estoi(speech, speech + 0.3 * noise) == first


def test_bad_input_is_an_input_error(speech):
    for pair in ((speech, speech[:-1]), (speech[None], speech[None]), (speech[:0], speech[:0])):
        with pytest.raises(InputError, match="equal length"):
            rmse(*pair)
    with pytest.raises(InputError, match="NaN"):
        evaluate(speech, np.where(np.arange(len(speech)) == 7, np.nan, speech))
    with pytest.raises(InputError, match="22050"):
        stoi(speech, speech, 22_050)
    with pytest.raises(InputError, match="wide-band"):
        pesq_wb(speech, speech, 8000)
