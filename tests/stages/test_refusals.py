"""Bad input at the level of stages: one clear line, exit status 2, no traceback, nothing half written."""

import importlib.util
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.stages.workspace import KINDS, PREPARING, Workspace, parameters, spoken, write_emodb, write_timit

CHAIN = (
    *PREPARING,
    *(f"spectrograms@{kind}" for kind in KINDS),
    "judges",
    "train@vae",
    "train@segment_vae",
    "evaluate@vae",
    "evaluate@segment_vae",
    "tables",
    "report",
)


def refused(workspace: Workspace, stage: str, *said: str, lines: int = 1) -> None:
    """The stage ends with status 2 and one line that holds what is to be said; no file is changed."""
    before = workspace.files()
    name, _, argument = stage.partition("@")
    done = workspace.run(name, *filter(None, [argument]))
    assert done.status == 2, done
    assert done.err.count("\n") == lines, done.err
    assert done.err.startswith(name)
    for words in said:
        assert words in done.err
    assert workspace.files() == before


@pytest.fixture
def workspace(tmp_path: Path) -> Callable[..., Workspace]:
    """A folder in which no stage has been run yet."""

    def make(corpus: str, source: Path | str = "", **changed: Any) -> Workspace:
        values = parameters(corpus, corpus={"source": str(source)}, **changed)
        return Workspace(tmp_path / "work", values)

    return make


@pytest.mark.parametrize("stage", CHAIN[1:])
def test_nothing_before_it_has_been_run(workspace: Callable[..., Workspace], stage: str) -> None:
    refused(workspace("timit"), stage, "run ")


@pytest.mark.parametrize(
    ("lost", "stage", "said"),
    [
        ("prepared/alignment", "segments", "no such table"),
        ("prepared/segments", "spectrograms@vowels", "no such table"),
        ("prepared/spectrograms/segments", "train@segment_vae", "no such archive"),
        ("prepared/spectrograms/utterances", "train@vae", "no such table"),
        ("prepared/spectrograms/vowels", "judges", "no such table"),
        ("prepared/judges", "evaluate@segment_vae", "no judges"),
        ("prepared/judges/segments/mlp_phone.safetensors", "evaluate@segment_vae", "mlp_phone.safetensors"),
        ("prepared/judges/segments/judges.json", "evaluate@segment_vae", "no judges"),
        ("checkpoints/vae", "evaluate@vae", "no trained model here"),
        ("checkpoints/vae/curves.csv", "evaluate@vae", "curves.csv is missing"),
        ("checkpoints/vae/model.safetensors", "evaluate@vae", "model.safetensors is missing"),
        ("metrics", "tables", "no results here"),
        ("tables", "report", "no tables here"),
    ],
)
def test_one_thing_before_it_is_missing(
    copied: Callable[[], Workspace], lost: str, stage: str, said: str
) -> None:
    workspace = copied()
    path = workspace.folder / lost
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    refused(workspace, stage, said, "run ")


@pytest.mark.parametrize("corpus", ["timit", "emodb"])
def test_missing_source(workspace: Callable[..., Workspace], tmp_path: Path, corpus: str) -> None:
    refused(workspace(corpus, tmp_path / "nowhere"), "corpus", "nowhere", "ln -s /path/to/")


def test_old_corpus_stays_when_the_new_one_is_refused(
    copied: Callable[[], Workspace], tmp_path: Path
) -> None:
    workspace = copied()
    workspace.change(corpus={"source": str(tmp_path / "nowhere")})
    refused(workspace, "corpus", "nowhere")


def test_unknown_symbol(workspace: Callable[..., Workspace], tmp_path: Path) -> None:
    source = write_timit(tmp_path / "corpus")
    path = source / "TIMIT/TRAIN/DR1/FAJW0/SX93.PHN"
    first, *rest = path.read_text().splitlines()
    path.write_text("\n".join([first, *(line.rpartition(" ")[0] + " zz" for line in rest[:2]), *rest[2:]]))
    made = workspace("timit", source)
    made.do("corpus")
    refused(made, "phones", "no fold for 'zz' (2 times, first in fajw0_sx93 at position 1)", "timit.csv")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"fold": "timti"},
            ["corpus.fold: no such fold: 'timti'", "choose from arpabet, emodb, ipa, timit, xsampa"],
        ),
        ({"vowels": ["aa", "oi"]}, ["corpus.vowels: no phone of fold timit: oi", "choose from aa, ae"]),
        (
            {"factors": ["phone", "speaker", "emotion"]},
            ["corpus.factors: no factor emotion", "there are: phone, speaker, sex"],
        ),
        ({"women": 0, "men": 0}, ["corpus.women, corpus.men: "]),
        ({"womne": 3}, ["corpus.womne: no such parameter", "women"]),
    ],
)
def test_one_bad_parameter(
    workspace: Callable[..., Workspace], changed: dict[str, Any], said: list[str]
) -> None:
    made = workspace("timit")
    made.change(corpus=changed)
    for stage in ("code", "corpus", "train@vae"):
        refused(made, stage, "params.yaml: 1 fault", *said, lines=2)


def test_all_bad_parameters_at_once(workspace: Callable[..., Workspace]) -> None:
    blocks = {
        "judges": {"mlp": {"hiden": 3}},
        "hp": {"vae": {"z_dim": -1}},
        "readers": {"wsj0": {"channel": 0}},
    }
    made = workspace("timit", device="gpu", **blocks)
    said = ["4 faults", "  device: ", "  judges.mlp.hiden: ", "  hp.vae.z_dim: ", "  readers.wsj0.channel: "]
    refused(made, "corpus", *said, lines=5)


def test_no_parameters(tmp_path: Path, workspace: Callable[..., Workspace]) -> None:
    made = workspace("timit")
    (made.folder / "params.yaml").unlink()
    refused(made, "phones", "params.yaml: cannot be read", "repository root")


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        ("train", "which model is not said"),
        ("train@vea", "no such model: vea"),
        ("evaluate", "which model is not said"),
        ("evaluate@vea", "no such model: vea"),
        ("spectrograms@words", "no such kind of spectrogram: words"),
    ],
)
def test_bad_arguments(workspace: Callable[..., Workspace], stage: str, said: str) -> None:
    refused(workspace("timit"), stage, said, "name one of")


def test_model_without_parameters(workspace: Callable[..., Workspace]) -> None:
    made = workspace("timit")
    del made.values["hp"]["srnn"]
    made.set(made.values)
    refused(made, "train@srnn", "hp.srnn", "is missing")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"women": 1, "men": 1}, ["no utterance is left for valid and test", "raise corpus.women"]),
        ({"sentences": ["SI"]}, ["the corpus has no utterance"]),
        ({"sentences": ["SB"]}, ["no kind of sentence: SB", "SA, SX, SI"]),
    ],
)
def test_bad_choice_from_a_corpus(
    workspace: Callable[..., Workspace], tmp_path: Path, changed: dict[str, Any], said: list[str]
) -> None:
    made = workspace("timit", write_timit(tmp_path / "corpus"))
    made.change(corpus=changed)
    refused(made, "corpus", *said)


def test_sentences_of_one_split_only(workspace: Callable[..., Workspace]) -> None:
    made = workspace("embedded")
    made.change(corpus={"women": 2, "men": 2, "sentences": ["own:1"]})
    refused(made, "corpus", "split: no utterance is left for valid and test", "corpus.sentences")


def test_no_usable_sound(workspace: Callable[..., Workspace], tmp_path: Path) -> None:
    source = write_emodb(tmp_path / "corpus")
    for path in source.rglob("*.wav"):
        path.write_bytes(b"no sound")
    refused(workspace("emodb", source), "corpus", "no utterance of the corpus is usable (18 refused)")


def test_embedded_without_espeak(
    workspace: Callable[..., Workspace], monkeypatch: pytest.MonkeyPatch
) -> None:
    spoken()
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "espeakng_loader" else find(name)
    )
    refused(workspace("embedded"), "corpus", "espeak-ng is not installed", "run make")


def test_labels_without_times(copied: Callable[[], Workspace]) -> None:
    workspace = copied()
    workspace.change(alignment={"source": "labels"})
    path = workspace.folder / "prepared/phones/labels.csv"
    labels = pd.read_csv(path, keep_default_na=False, dtype=str)
    labels.loc[7, ["begin", "end"]] = ""
    labels.to_csv(path, index=False)
    where = f"{labels.loc[7, 'utterance']}, position 7"
    refused(workspace, "alignment", where, "1 labels have no times", "set alignment.source to forced")


def test_chunks_longer_than_all_utterances(copied: Callable[[], Workspace]) -> None:
    workspace = copied()
    workspace.change(train={"utterances": {"frames": 10_000}})
    refused(workspace, "train@vae", "holds a chunk of 10000 frames", "lower train.utterances.frames")


def damage(path: Path, how: str) -> None:
    """Spoil a checkpoint in one of the ways below."""
    weights, about = path / "model.safetensors", path / "about.json"
    described = json.loads(about.read_text())
    if how == "cut short":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif how == "no weights":
        weights.write_bytes(b"")
    elif how == "no JSON":
        about.write_text("{")
    elif how == "a list":
        about.write_text("[]")
    elif how == "another's weights":
        shutil.copyfile(path.parent / "segment_vae/model.safetensors", weights)
    else:
        changes: dict[str, dict[str, Any]] = {
            "no such model": {"model": "vea"},
            "unknown hyperparameter": {"hyperparameters": {"z_dmi": 4}},
            "no data": {"data": {}},
            "other size": {"hyperparameters": described["hyperparameters"] | {"z_dim": 5}},
            "other corpus": {"corpus": "emodb"},
            "other scale": {"scale": "paper"},
        }
        about.write_text(json.dumps(described | changes[how]))


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("cut short", "not a whole safetensors file"),
        ("no weights", "not a whole safetensors file"),
        ("no JSON", "about.json: not JSON"),
        ("a list", "no such model None"),
        ("another's weights", "the weights do not fit the model"),
        ("no such model", "no such model 'vea'"),
        ("unknown hyperparameter", "z_dmi"),
        ("no data", "does not describe"),
        ("other size", "the weights do not fit the model"),
        ("other corpus", "trained on corpus emodb, params.yaml says timit"),
        ("other scale", "trained on scale paper, params.yaml says smoke"),
    ],
)
def test_damaged_checkpoint(copied: Callable[[], Workspace], how: str, said: str) -> None:
    workspace = copied()
    damage(workspace.folder / "checkpoints/vae", how)
    refused(workspace, "evaluate@vae", "checkpoints/vae", said)


def test_stale_judges(copied: Callable[[], Workspace]) -> None:
    """Judges of other classes than the segments have would score the wrong ones."""
    workspace = copied()
    path = workspace.folder / "prepared/segments/segments.csv"
    segments = pd.read_csv(path)
    segments[segments["phone"] != "s"].to_csv(path, index=False)
    refused(workspace, "evaluate@segment_vae", "prepared/judges/segments", "classes of phone", "stage judges")


def test_nobody_to_be_shown(copied: Callable[[], Workspace]) -> None:
    workspace = copied()
    workspace.change(evaluate={"picture": {"to_speaker": "madc1"}})
    refused(workspace, "evaluate@segment_vae", "evaluate.picture.to_speaker: no speaker 'madc1'", "fajw0")


@pytest.mark.parametrize("file", ["knn_phone.safetensors", "judges.json"])
def test_damaged_judges(copied: Callable[[], Workspace], file: str) -> None:
    workspace = copied()
    path = workspace.folder / "prepared/judges/segments" / file
    path.write_bytes(path.read_bytes()[:-100])
    refused(workspace, "evaluate@segment_vae", "prepared/judges/segments: damaged judges", "run the judges")


def test_stale_spectrograms(copied: Callable[[], Workspace]) -> None:
    workspace = copied()
    path = workspace.folder / "prepared/segments/segments.csv"
    segments = pd.read_csv(path)
    segments["segment"] += "x"
    segments.to_csv(path, index=False)
    refused(workspace, "train@segment_vae", "segments.ark", "run the stage spectrograms")


def test_missing_factor_of_segments(copied: Callable[[], Workspace]) -> None:
    workspace = copied()
    workspace.change(corpus={"factors": ["phone", "sex"]})
    path = workspace.folder / "prepared/segments/segments.csv"
    pd.read_csv(path).drop(columns="sex").to_csv(path, index=False)
    refused(workspace, "judges", "no factor sex", "this corpus has phone, speaker")
