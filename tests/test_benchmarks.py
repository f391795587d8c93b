"""The benchmarks print whole lines, refuse in one line, and count right; no time is asserted."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from speech_factorization.interfaces import Schedule

FOLDER = Path(__file__).parents[1] / "benchmarks"

# GMAC of a step at 32 x 150 x 257, from the sizes of the published models' layers.
GMAC = {
    "vae": 2.84,
    "dkf": 5.38,
    "storn": 9.02,
    "vrnn": 6.19,
    "srnn": 9.23,
    "rvae_causal": 8.07,
    "rvae": 12.90,
    "dsae": 14.94,
}
STEP_KEYS = [
    *("model", "device", "threads", "batch", "frames", "precision", "graph", "parameters", "gmac"),
    *("wall_seconds", "cpu_seconds", "rate_gmac_s", "machine_gmac_s", "onednn_gmac_s", "share"),
]
FEATURE_KEYS = [
    *("row", "device", "threads", "audio_seconds", "wall_seconds", "cpu_seconds", "times_real_time"),
    "machine_gmac_s",
]
TINY = ["--batch", "2", "--frames", "4", "--steps", "1"]


@pytest.fixture
def load(monkeypatch):
    """Scripts import what lies beside them by its bare name."""
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.setenv("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))

    def module(name: str) -> ModuleType:
        return importlib.import_module(name)

    return module


def test_every_dynamical_model_has_a_known_count(load):
    assert set(load("steps").dynamical_models()) == set(GMAC)


@pytest.mark.parametrize("name", GMAC)
def test_multiply_adds_are_those_of_the_layers(load, name):
    model = load("steps").build(name)
    assert load("products").multiply_adds(model, 32, 150) / 1e9 == pytest.approx(GMAC[name], rel=0.01)


def test_multiply_adds_grow_with_batch_and_frames(load):
    model, count = load("steps").build("srnn"), load("products").multiply_adds
    assert count(model, 2, 8) == 2 * count(model, 1, 8) == 4 * count(model, 1, 4)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_one_whole_line_per_model(load, capsys, precision):
    assert load("training_step").main(["--model", "vae,srnn", "--precision", precision, *TINY]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["model"] for line in lines] == ["vae", "srnn"]
    for line in lines:
        assert list(line) == STEP_KEYS
        assert (line["batch"], line["frames"], line["precision"], line["graph"]) == (2, 4, precision, False)
        numbers = [line[key] for key in ("gmac", "wall_seconds", "rate_gmac_s", "machine_gmac_s", "share")]
        assert min(numbers) > 0


def test_a_step_trains(load):
    steps = load("steps")
    model, batch = steps.build("vae"), steps.spectrograms(4, 6)
    before = [p.detach().clone() for p in model.parameters()]
    steps.eager(model, batch, "fp32")()
    assert all((p != q).any() for p, q in zip(model.parameters(), before, strict=True))


@pytest.mark.parametrize("name", GMAC)
def test_what_is_captured_is_the_loss_that_is_trained(load, name):
    steps = load("steps")
    model, batch = steps.build(name), steps.spectrograms(2, 4)
    noise = model.noise(batch.x, torch.Generator().manual_seed(0))
    schedule = Schedule(0, 1, 0, torch.Generator().manual_seed(0), training=True)
    trained = model.loss(batch, "model", schedule)["loss"]
    assert torch.equal(steps.static_loss(model, batch, noise), trained)


def test_from_the_command_line():
    command = [sys.executable, str(FOLDER / "training_step.py"), "--model", "vae", *TINY]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert list(json.loads(done.stdout)) == STEP_KEYS


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--graph"], "a CUDA graph needs a GPU"),
        (["--model", "vae,nope"], "no dynamical model 'nope'"),
        (["--model", "identity"], "no dynamical model 'identity'"),
    ],
)
def test_refused_in_one_line(load, capsys, arguments, said):
    assert load("training_step").main([*arguments, *TINY]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert said in err


FLOW_KEYS = [
    *("flow", "device", "threads", "batch", "dimensions", "couplings", "parameters", "gmac", "wall_seconds"),
    *("cpu_seconds", "rate_gmac_s", "machine_gmac_s", "share"),
]


def test_flows_of_one_shape(load, capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    arguments = ["--dimensions", "64", "--batch", "4", "--couplings", "4", "--steps", "1"]
    assert load("flow_step").main(arguments) == 0
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["flow"] for line in lines] == ["couplings", "nf", "zuko"]
    assert all(list(line) == FLOW_KEYS for line in lines)
    assert len({line["parameters"] for line in lines}) == 1
    # What all do: 32 x 512, 512 x 512 and 512 x 64 in each of four couplings, three times a vector but for x.
    weights = 4 * (32 * 512 + 512 * 512 + 512 * 64)
    assert lines[0]["gmac"] == pytest.approx((3 * weights - 32 * 512) * 4 / 1e9, rel=0.01)
    assert lines[0]["gmac"] == pytest.approx(lines[2]["gmac"], rel=0.01)
    assert "normflows cannot be imported" in err


def test_flows_are_timed_where_normflows_is_there(load):
    """The shape of normflows' flow is that of the others; skipped where it is not installed."""
    pytest.importorskip("normflows")
    module = load("flow_step")
    parameters, loss = module._normflows(8, 4)
    ours = dict(module.flows(module._options(["--dimensions", "8", "--couplings", "4"])))["couplings"][0]
    assert sum(p.numel() for p in parameters) == sum(p.numel() for p in ours)
    assert loss(torch.zeros(2, 8)).isfinite()


def test_features(load, capsys):
    assert load("features").main(["--utterances", "2", "--seconds", "0.5", "--repeats", "1"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == len({line["row"] for line in lines}) == 14
    rows = {line["row"] for line in lines}
    assert {"vowel_spectrogram", "read wav at 16000 Hz", "corpus of flac at 44100 Hz"} <= rows
    for line in lines:
        assert list(line) == FEATURE_KEYS
        assert line["audio_seconds"] == 1.0
        assert line["times_real_time"] > 0
