"""Experiments on vowels with a flow that is a rotation: it must find what the spectrogram finds."""

import json
import math
from typing import Any

import numpy as np
import pytest
import torch

from speech_factorization.evaluation.experiments.vowels import (
    denoising,
    directions,
    distribution,
    interpolation,
    lda,
    reconstruction,
    sampling,
)
from speech_factorization.evaluation.experiments.vowels.common import Material
from speech_factorization.evaluation.metrics import texture, two_classes
from tests.evaluation.experiments.vowels.toys import material

EVERY = (reconstruction, distribution, sampling, interpolation, denoising, lda, directions)


@pytest.fixture(scope="module")
def whole() -> Material:
    return material()


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer pairs, samples and noisy vowels than a corpus is asked for."""
    monkeypatch.setattr(interpolation, "PAIRS", 6)
    monkeypatch.setattr(sampling, "SAMPLES", 48)
    monkeypatch.setattr(denoising, "SCORED", 8)


def leaves(nested: Any) -> list[Any]:
    return [leaf for of in nested.values() for leaf in leaves(of)] if isinstance(nested, dict) else [nested]


def close(a: Any, b: Any, tolerance: float = 1e-3) -> bool:
    return all(abs(x - y) < tolerance for x, y in zip(leaves(a), leaves(b), strict=True))


def test_there_and_back(whole: Material) -> None:
    found = reconstruction.run(whole).numbers["reconstruction"]
    assert found["glow"]["largest"] < 1e-4
    assert found["glow"]["p_phone"] == pytest.approx(found["front"]["p_phone"], abs=1e-4)
    assert found["original"]["p_phone"] > 0.9
    # A quarter of a rotation's dimensions holds half of the standard deviation.
    assert found["last_level"]["distance"] > 3


def test_codes_are_more_normal_than_bins(whole: Material) -> None:
    outcome = distribution.run(whole)
    found = outcome.numbers["distribution"]
    assert found["gaussian"]["radial_spread"] == pytest.approx(1, abs=0.3)
    assert found["glow"]["kolmogorov_smirnov"] < found["spectrogram"]["kolmogorov_smirnov"]
    assert found["glow"]["bits"] == pytest.approx(found["spectrogram"]["bits"], abs=1e-4)
    assert list(outcome.figures) == ["distribution"]


def test_samples(whole: Material) -> None:
    outcome = sampling.run(whole)
    found = outcome.numbers["sampling"]
    for space in ("glow", "spectrogram"):
        cold, hot = found[space]["t050"], found[space]["t100"]
        assert cold["spread"] == pytest.approx(0.5 * hot["spread"], rel=0.05)
        assert hot["spread"] == pytest.approx(1, abs=0.1)
        assert hot["roughness"] > 3
        assert hot["silent"] == 0
    assert found["real"]["entropy"] < 0.5 * found["glow"]["t100"]["entropy"] < math.log(3)
    assert {*outcome.sounds} == {"sample_glow_t070", "sample_glow_t100"}


def test_samples_are_held_against_real_vowels_with_noise(
    whole: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sampling.run(whole).numbers["sampling"]["real"]
    noise = np.sqrt(2) * float((whole.model.noise * whole.model.standardise.scale).square().mean().sqrt())
    mask = whole.test.mask.numpy()
    clean = texture.roughness(whole.shown(whole.test.image), mask)
    assert real["roughness"] == pytest.approx(np.sqrt(clean**2 + noise**2).mean(), rel=0.02)
    assert real["roughness"] > 1.01 * clean.mean()
    p = whole.posterior(whole.test.image, whole.test.lengths)["phone"].double()
    assert real["entropy"] == pytest.approx(float(-(p * p.log()).sum(1).mean()), rel=1e-6)
    # Vowels without noise in place of samples are smoother than that; no noise is added to what is drawn.
    again = (whole.test.image[:48], whole.test.mask[:48])
    monkeypatch.setattr(type(whole.model), "sample_image", lambda *_: again)
    monkeypatch.setattr(type(whole.model), "sample_lengths", lambda *_: whole.test.lengths[:48])
    monkeypatch.setattr(Material, "typicality", lambda *_, noise=True: {"noise": noise})
    found = sampling.run(whole).numbers["sampling"]["glow"]["t100"]
    assert found["roughness"] < 0.99
    assert found["noise"] is False


def test_lines_of_a_rotation_are_those_of_the_spectrogram(whole: Material) -> None:
    outcome = interpolation.run(whole)
    found = outcome.numbers["interpolation"]
    for kind in ("vowel", "sex", "speaker"):
        assert close(found[kind]["glow"], found[kind]["spectrogram"])
        glow, sphere = found[kind]["glow"], found[kind]["glow_sphere"]
        assert glow["target_at_start"] < 0.2 < glow["target_at_middle"] < glow["target_at_end"]
        assert glow["monotonicity"] > 0.9
        # The middle of a straight line is smooth and too probable, that of the sphere is not.
        assert glow["roughness"] < 0.9 < sphere["roughness"]
        assert glow["bits_gain"] > 5 * abs(sphere["bits_gain"])
        assert glow["typicality_by_glow"] < sphere["typicality_by_glow"]
    assert found["vowel"]["changes"] == "aa to ae"
    assert found["vowel"]["pairs"] == 6
    assert found["vowel"]["original"]["target_at_end"] > 0.9
    assert set(outcome.figures) == {f"interpolation_{kind}" for kind in ("vowel", "sex", "speaker")} | {
        "interpolation"
    }
    assert all(np.abs(wave).max() <= 0.99 for wave in outcome.sounds.values())


def test_slerp() -> None:
    a, b = torch.randn(2, 5, 400, generator=torch.Generator().manual_seed(0))
    w = torch.full((5, 1), 0.5)
    assert torch.allclose(interpolation.slerp(a, b, 0 * w), a, atol=1e-5)
    assert torch.allclose(interpolation.slerp(a, b, 0 * w + 1), b, atol=1e-5)
    middle = interpolation.slerp(a, b, w).norm(dim=1)
    assert torch.allclose(middle, (a.norm(dim=1) + b.norm(dim=1)) / 2, rtol=0.05)
    assert (interpolation.linear(a, b, w).norm(dim=1) < 0.8 * middle).all()
    assert torch.allclose(interpolation.slerp(a, a, w), a)


def test_noise_is_taken_out(whole: Material) -> None:
    outcome = denoising.run(whole)
    found = outcome.numbers["denoising"]
    loud = found["snr_0"]
    assert loud["noisy"]["snr"] == pytest.approx(0, abs=0.1)
    assert found["snr_20"]["noisy"]["snr"] == pytest.approx(20, abs=0.2)
    assert loud["glow"]["b000"]["distance_gain"] == pytest.approx(0, abs=1e-3)
    gains = [loud["glow"][denoising.key(b)]["distance_gain"] for b in denoising.STRENGTHS]
    assert all(np.diff(gains) > 0.3)
    assert loud["glow_matched"]["b080"]["distance_gain"] > gains[-1]
    assert loud["spectral_subtraction"]["snr_gain"] > 3
    assert close(loud["glow"], loud["spectrogram"])
    assert {*outcome.sounds} == {
        f"denoising_{of}" for of in ("clean", "noisy", "glow", "spectral_subtraction")
    }


def test_spectral_subtraction_of_noise_alone_leaves_little() -> None:
    noise = torch.randn(200, 257, dtype=torch.complex64, generator=torch.Generator().manual_seed(0)) * 1000
    left = denoising.subtracted(noise, 1e6)
    assert (2 * left).exp().mean() < 0.1e6
    loud = noise + 1e5
    assert torch.allclose(denoising.subtracted(loud, 1e6), loud.abs().log(), atol=0.01)


def test_classes_along_a_line(whole: Material) -> None:
    found = lda.run(whole).numbers["lda"]
    assert [found[kind]["classes"] for kind in ("vowel", "sex", "speaker")] == [
        "aa and ae",
        "F and M",
        "ann and bea",
    ]
    for kind in ("vowel", "sex", "speaker"):
        assert found[kind]["glow"]["error"] == found[kind]["glow"]["ridge_error"] == 0
        assert found[kind]["glow"]["second_error"] > 0.2
        assert close(found[kind]["glow"], found[kind]["spectrogram"], 0.01)


def test_folds_are_of_whole_speakers(whole: Material, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, original = [], two_classes.scores

    def scores(x: Any, classes: Any, folds: Any, seed: int) -> Any:
        seen.append(folds)
        return original(x, classes, folds, seed)

    monkeypatch.setattr(two_classes, "scores", scores)
    lda.run(whole)
    # Four speakers, a fold each; of the two speakers told apart each is in several.
    assert [len(np.unique(folds)) for folds in seen[::2]] == [4, 4, 5]


def test_directions_one_after_another(whole: Material) -> None:
    found = directions.run(whole).numbers["directions"]
    assert found["targets"] == 3 * 4
    steps = found["glow"]
    assert steps["neutral"]["p_phone"] == pytest.approx(1 / 3, abs=0.01)
    assert steps["phone"]["p_phone"] > 0.85 > 0.6 > steps["phone"]["p_sex"]
    assert steps["sex"]["p_sex"] > 0.9
    assert steps["speaker"]["p_speaker"] > 0.7
    assert steps["speaker"]["p_phone"] > 0.85
    assert close(steps, found["spectrogram"])


@pytest.mark.parametrize("length", ["pad", "mask"])
def test_other_treatments_of_length(length: str) -> None:
    of = material(length=length)
    numbers = {}
    for experiment in EVERY:
        numbers |= experiment.run(of).numbers
    json.dumps(numbers, allow_nan=False)
    real = numbers["sampling"]["real"]["silent_frames"]
    assert (real > 0.5) if length == "pad" else (real == 0)
    assert numbers["interpolation"]["vowel"]["glow"]["target_at_end"] > 0.8


def test_what_a_corpus_lacks_is_said() -> None:
    one = material({"phone": ("iy",), "sex": ("M",), "speaker": ("cy",)})
    for experiment in (interpolation, lda):
        numbers = experiment.run(one).numbers[experiment.__name__.rpartition(".")[2]]
        assert numbers["vowel"] == {"skipped": "one vowel alone"}
        assert numbers["sex"] == {"skipped": "1 sex alone"}
        assert "skipped" in numbers["speaker"]
    assert "skipped" in distribution.run(one).numbers["distribution"]
    outcome = directions.run(one)
    assert list(outcome.numbers["directions"]["glow"]) == ["neutral"]
    for experiment in (reconstruction, sampling, denoising):
        json.dumps(experiment.run(one).numbers, allow_nan=False)
