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


RESYNTHESIS_KEYS = [
    *("generator", "discriminators", "device", "threads", "batch", "crop", "parameters"),
    *("discriminator_parameters", "gmac", "wall_seconds", "cpu_seconds", "rate_gmac_s", "machine_gmac_s"),
    *("share", "real_time_factor"),
]
SHORT = ["--batch", "1", "--crop", "2560", "--seconds", "0.1", "--steps", "1"]


def test_resynthesis(load, capsys):
    arguments = ["--generator", "source_filter,istft", "--discriminators", "none,thin", *SHORT]
    assert load("resynthesis").main(arguments) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["generator"], line["discriminators"]) for line in lines] == [
        ("source_filter", "none"),
        ("source_filter", "thin"),
        ("istft", "none"),
        ("istft", "thin"),
    ]
    for line in lines:
        assert list(line) == RESYNTHESIS_KEYS
        assert (line["discriminator_parameters"] > 0) == (line["discriminators"] == "thin")
        assert min(line[key] for key in RESYNTHESIS_KEYS[8:]) > 0
    # Each weight is used once for each of 160 or 320 samples, forward and twice backward.
    without = lines[0]
    assert without["gmac"] < 3 * without["parameters"] * 2560 / 160 / 1e9


def test_a_step_of_resynthesis_trains_both_players(load):
    module = load("resynthesis")
    model = module.build("source_filter", module.DISCRIMINATORS["thin"])
    before = {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}
    model.train()
    module.training_step(model, module.batch(1, 2560))()
    moved = {
        name.split(".")[0] for name, p in model.named_parameters() if name in before and p.grad is not None
    }
    assert moved == {"generator", "discriminators"}
    assert int(model.steps) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--generator", "wavenet"], "no generator 'wavenet'"),
        (["--discriminators", "none,fat"], "no discriminators 'fat'"),
        (["--crop", "1000"], "crops of 1000 samples"),
    ],
)
def test_resynthesis_refused_in_one_line(load, capsys, arguments, said):
    assert load("resynthesis").main([*SHORT, *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert said in err


GLOW_KEYS = [
    *(
        "row",
        "device",
        "threads",
        "batch",
        "image",
        "levels",
        "steps_of_flow",
        "hidden",
        "parameters",
        "gmac",
    ),
    *(
        "wall_seconds",
        "cpu_seconds",
        "images_per_second",
        "peak_mib",
        "rate_gmac_s",
        "machine_gmac_s",
        "share",
    ),
]
SMALL_GLOW = [
    *(
        "--image",
        "16",
        "--levels",
        "2",
        "--steps-of-flow",
        "2",
        "--hidden",
        "16",
        "--batch",
        "32",
        "--steps",
        "1",
    )
]


def test_glows_of_one_shape(load, capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert load("glow").main(SMALL_GLOW) == 0
    out, err = capsys.readouterr()
    lines = {line["row"]: line for line in map(json.loads, out.splitlines())}
    assert list(lines) == ["flow", "model", "again"]
    assert all(list(line) == GLOW_KEYS for line in lines.values())
    assert all(min(line[key] for key in GLOW_KEYS[8:]) > 0 for line in lines.values())
    # What is not kept is computed again.
    assert lines["again"]["peak_mib"] < 0.8 * lines["flow"]["peak_mib"]
    assert lines["again"]["gmac"] > 1.2 * lines["flow"]["gmac"]
    assert "normflows cannot be imported" in err


def test_glow_is_timed_where_normflows_is_there(load):
    """All but the priors is of the same size as ours; skipped where it is not installed."""
    pytest.importorskip("normflows")
    module = load("glow")
    options = module._options(SMALL_GLOW)
    theirs = module.normflows_glow(options)
    v = torch.randn(32, 16, 16, generator=torch.Generator().manual_seed(0))
    assert theirs.log_prob(v[:, None], None).shape == (32,)
    _, ours = module.flow_step(options, v)
    kernels = [
        sum(p.numel() for p in parameters if p.dim() == 4 and len(p) > 1)
        for parameters in (ours, theirs.parameters())
    ]
    of_split = 8 * 16 * 9
    assert kernels[0] - of_split == kernels[1]


def test_a_graph_of_glow_needs_a_gpu(load, capsys):
    assert load("glow").main(["--graph", *SMALL_GLOW]) == 2
    assert "a CUDA graph needs a GPU" in capsys.readouterr().err
