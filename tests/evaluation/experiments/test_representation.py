"""Codes of which it is known what they hold."""

import io
from functools import cache
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from speech_factorization.evaluation.experiments import representation
from speech_factorization.interfaces import Batch, Data

DATA = Data({"phone": tuple("abcd"), "speaker": ("f", "m", "n"), "emotion": ("calm", "angry")}, (20, 200))
SIZES = {"phone": 4, "speaker": 3, "emotion": 2}


class Factorial(nn.Module):
    """x holds every factor, one hot with noise, in a frame of its own; z is those frames, part by part."""

    inputs = ("segments",)

    def encode(self, x, lengths=None, generator=None):
        z = x[:, :4, :40].flatten(1)
        return {"z": z, "z_phone": z[:, :40], "z_speaker": z[:, 40:80], "z_rest": z[:, 80:]}


class Whole(Factorial):
    """The same without parts, large."""

    def encode(self, x, lengths=None, generator=None):
        return {"z": x.flatten(1)}


def segments(count, seed, leak=0.0):
    """leak: how much of the speaker stands in the phone's frame."""
    g = torch.Generator().manual_seed(seed)
    factors = {name: torch.randint(size, (count,), generator=g) for name, size in SIZES.items()}
    x = torch.randn(count, 20, 200, generator=g)
    for frame, (name, size) in enumerate(SIZES.items()):
        x[:, frame, :size] += 6 * nn.functional.one_hot(factors[name], size)
    x[:, 0, 10:13] += leak * nn.functional.one_hot(factors["speaker"], 3)
    names = tuple(f"u{i // 4}" for i in range(count))
    return [
        Batch(
            x[i : i + 60],
            torch.full((len(x[i : i + 60]),), 20),
            {name: values[i : i + 60] for name, values in factors.items()},
            names[i : i + 60],
        )
        for i in range(0, count, 60)
    ]


def run(model=None, leak=0.0, data=DATA, test=None, **more):
    splits = [segments(n, n, leak) for n in (800, 150)] + [test or segments(240, 5, leak)]
    return representation.run(model or Factorial(), *splits, data, 0, **more)


@cache
def clean():
    return run()


CODES = ("z", "z_phone", "z_speaker", "z_rest")


def test_each_part_holds_its_own_factor_and_no_other():
    outcome = clean()
    assert set(outcome.numbers) == {"leak", "leak_mlp", "separation"}
    for block in ("leak", "leak_mlp"):
        found = outcome.numbers[block]
        assert set(found) == {f"{f}_from_{c}" for f in SIZES for c in CODES} | {f"chance_{f}" for f in SIZES}
        for factor, size in SIZES.items():
            chance = found[f"chance_{factor}"]
            assert chance == 1 / size
            own = "z_rest" if factor == "emotion" else f"z_{factor}"
            for code in CODES[1:]:
                read = found[f"{factor}_from_{code}"]
                assert read > 0.97 if code == own else abs(read - chance) < 0.12
            assert found[f"{factor}_from_z"] > chance + 0.4


def test_what_leaks_is_read():
    without, leaky = clean().numbers, run(leak=6.0).numbers
    for block in ("leak", "leak_mlp"):
        assert without[block]["speaker_from_z_phone"] < 0.45
        assert leaky[block]["speaker_from_z_phone"] > 0.97
        assert leaky[block]["phone_from_z_speaker"] < 0.4
    f_ratio = [n["separation"]["speaker"]["z_phone"]["f_ratio"] for n in (without, leaky)]
    assert abs(f_ratio[0]) < 0.02
    assert f_ratio[1] > 0.2


def test_separation_of_every_factor_in_every_code():
    found = clean().numbers["separation"]
    assert set(found) == set(SIZES)
    for factor in ("phone", "speaker"):
        assert set(found[factor]) == set(CODES)
        f_ratios = {code: figures["f_ratio"] for code, figures in found[factor].items()}
        assert max(f_ratios, key=f_ratios.get) == f"z_{factor}"
        assert set(found[factor]["z"]) == {"f_ratio", "silhouette"}


def test_large_codes_are_read_along_axes_that_keep_the_classes():
    found = run(Whole()).numbers
    assert set(found["leak"]) == {f"{f}_from_z" for f in SIZES} | {f"chance_{f}" for f in SIZES}
    assert all(found["leak"][f"{f}_from_z"] > 0.9 for f in SIZES)


def test_noise_is_not_read_however_many_dimensions_fit_it():
    """Axes of the class means of 400 segments in 4000 dimensions tell those segments apart, and no others."""
    train, valid, test = ([b for b in segments(n, n)] for n in (800, 150, 240))
    noise = [[Batch(torch.randn(b.x.shape), b.lengths, b.factors) for b in s] for s in (train, valid, test)]
    found = representation.run(Whole(), *noise, DATA, 0).numbers
    for factor, size in SIZES.items():
        assert found["leak"][f"{factor}_from_z"] == pytest.approx(1 / size, abs=0.12)
        assert found["leak_mlp"][f"{factor}_from_z"] == pytest.approx(1 / size, abs=0.12)


def test_figures_of_the_whole_and_of_parts():
    figures = clean().figures
    assert [len(figures[name].axes) for name in ("tsne", "tsne_parts")] == [3, 9]
    assert set(run(Whole()).figures) == {"tsne"}


def test_the_same_twice_to_the_byte():
    first, again = clean(), run()
    assert first.numbers == again.numbers
    for name in first.figures:
        drawn = []
        for outcome in (first, again):
            file = io.BytesIO()
            outcome.figures[name].savefig(file, format="png", metadata={"Software": None})
            drawn.append(file.getvalue())
        assert drawn[0] == drawn[1]


def test_limit_scores_those_that_are_manipulated():
    few, all_of_them = run(limit=60).numbers, clean().numbers
    assert few["separation"] != all_of_them["separation"]
    assert few["leak"]["phone_from_z_phone"] > 0.97


def test_what_cannot_be_told_apart_is_left_out():
    one = [
        Batch(b.x, b.lengths, {n: 0 * v if n == "speaker" else v for n, v in b.factors.items()}, b.utterances)
        for b in segments(240, 5)
    ]
    found = run(test=one).numbers
    assert set(found["separation"]) == {"phone", "emotion"}
    assert "speaker_from_z" not in found["leak"]
    nothing = [Batch(b.x, b.lengths, {n: 0 * v - 1 for n, v in b.factors.items()}) for b in segments(240, 5)]
    assert run(test=nothing).numbers == {}


def test_classes_without_training_segments_do_not_count():
    hidden = [
        Batch(b.x, b.lengths, {n: torch.where(v == 1, -1, v) for n, v in b.factors.items()}, b.utterances)
        for b in segments(800, 800)
    ]
    found = representation.run(Factorial(), hidden, segments(150, 1), segments(240, 5), DATA, 0).numbers
    assert found["leak"]["chance_phone"] == 1 / 3
    assert found["leak"]["phone_from_z_phone"] > 0.97
    assert "emotion_from_z" not in found["leak"]


def test_needs():
    assert representation.needs(Factorial()) is None
    assert representation.needs(SimpleNamespace(inputs=("utterances",))) == "takes no segments"
    assert representation.needs(SimpleNamespace(inputs=("segments",))) == "has no encode"
