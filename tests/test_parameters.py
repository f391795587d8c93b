"""params.yaml is checked once, with all its faults in one report."""

import copy
import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import OmegaConf

from speech_factorization import parameters
from speech_factorization.errors import InputError
from stages.gate import flatten

ROOT = Path(__file__).parents[1]
COMMITTED: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text())


def load(tmp_path: Path, values: object) -> parameters.Parameters:
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(values))
    return parameters.load(path)


def test_committed_parameters_are_those_of_make_repro() -> None:
    """After `dvc exp run -S model=srnn` the workspace is left at srnn; it must not be committed so."""
    settings = parameters.load(ROOT / "params.yaml")
    assert settings.model == "all"
    assert settings.scale == "demo"
    assert settings.corpus.name == "embedded"
    assert sorted(settings.models) == sorted(settings.hp) == parameters.models()


def test_committed_readers_have_their_defaults() -> None:
    """All of them, so that what can be set can be seen; a reader without Settings has an empty block."""
    assert sorted(COMMITTED["readers"]) == parameters.corpora()
    for name, values in COMMITTED["readers"].items():
        reader = importlib.import_module(f"speech_factorization.corpora.{name}")
        assert values == (reader.Settings().model_dump() if hasattr(reader, "Settings") else {})


def test_faults_of_readers(tmp_path: Path) -> None:
    values = copy.deepcopy(COMMITTED)
    values["readers"]["kaldi"]["cmt"] = "phones.ctm"
    values["readers"]["kaldi"]["channel"] = 0
    values["readers"]["folder"]["speaker"] = "(.*)"
    values["readers"]["librispeech"]["part"] = "dev-cleaner"
    values["readers"]["timit"]["part"] = "TRAIN"
    values["readers"]["wjs0"] = {}
    with pytest.raises(InputError) as caught:
        load(tmp_path, values)
    message = str(caught.value)
    assert "6 faults" in message
    assert "  readers.kaldi.cmt: no such parameter (there are: root, channel, pipes," in message
    assert "  readers.kaldi.channel: Input should be greater than or equal to 1 (it is 0)" in message
    assert "  readers.folder.speaker: Value error, has no group (?P<speaker>...) (it is '(.*)')" in message
    assert "  readers.librispeech.part: Input should be 'dev-clean'," in message
    assert "  readers.timit.part: no such parameter" in message.splitlines()
    assert "  readers.wjs0: no such reader (there are: embedded, emodb, folder," in message


def test_the_corpus_needs_its_readers_block(tmp_path: Path) -> None:
    values = copy.deepcopy(COMMITTED)
    del values["readers"]["embedded"]
    with pytest.raises(
        InputError, match=r"corpus.name: embedded has no block under readers \(write embedded: {}"
    ):
        load(tmp_path, values)
    for empty in ({}, None):
        values["readers"]["embedded"] = empty
        load(tmp_path, values)
    values["readers"] = "embedded"
    with pytest.raises(InputError, match="readers: is not a mapping of readers"):
        load(tmp_path, values)


def test_factors_of_a_kaldi_directory_are_those_its_settings_name(tmp_path: Path) -> None:
    values = copy.deepcopy(COMMITTED)
    values["corpus"] |= {"name": "kaldi", "factors": ["phone", "speaker", "emotion"]}
    with pytest.raises(InputError, match="no factor emotion"):
        load(tmp_path, values)
    values["readers"]["kaldi"]["factors"] = ["emotion"]
    assert load(tmp_path, values).readers["kaldi"].factors == ["emotion"]


def test_every_fault_in_one_report(tmp_path: Path) -> None:
    values = copy.deepcopy(COMMITTED)
    values["hp"]["srnn"]["z_dmi"] = 16
    values["hp"]["vae"]["z_dim"] = "sixteen"
    values["hp"]["vae"]["beta"] = -1.0
    values["hp"]["vrm"] = {}
    values["corpus"]["name"] = "emobd"
    values["train"]["segments"]["batch"] = 0
    values["device"] = "gpu"
    values["models"].append("glow2")
    del values["jobs"]
    with pytest.raises(InputError) as caught:
        load(tmp_path, values)
    message = str(caught.value)
    for place in (
        "hp.srnn.z_dmi",
        "hp.vae.z_dim",
        "hp.vae.beta",
        "hp.vrm",
        "train.segments.batch",
        "device",
        "jobs",
    ):
        assert f"  {place}: " in message
    assert "7 faults" in message
    values = copy.deepcopy(COMMITTED)
    values["corpus"]["name"] = "emobd"
    values["models"].append("glow2")
    with pytest.raises(InputError, match="embedded") as caught:
        load(tmp_path, values)
    assert "models: glow2" in str(caught.value)


def test_strengths_that_would_have_one_name(tmp_path: Path) -> None:
    values = copy.deepcopy(COMMITTED)
    values["evaluate"]["strengths"] = [0.0, 1.0, 1.001]
    with pytest.raises(InputError, match=r"evaluate.strengths: .*two strengths are the same"):
        load(tmp_path, values)


@pytest.mark.parametrize("text", ["- a list", "a: [unclosed", ""])
def test_not_a_mapping(tmp_path: Path, text: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"params\.yaml"):
        parameters.load(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="repository root"):
        parameters.load(tmp_path / "params.yaml")


@pytest.mark.parametrize("group", ["beta", "corpus", "scale", "model"])
def test_every_choice_of_every_group_is_valid(tmp_path: Path, group: str) -> None:
    choices = sorted((ROOT / "stages" / "conf" / group).glob("*.yaml"))
    assert choices
    if group == "corpus":
        assert [choice.stem for choice in choices] == sorted([*parameters.corpora(), "keep"])
    for choice in choices:
        values = OmegaConf.to_container(OmegaConf.merge(COMMITTED, OmegaConf.load(choice)))
        settings = load(tmp_path, values)
        if group == "corpus" and choice.stem != "keep":
            assert settings.corpus.name == choice.stem
        if group == "scale" and choice.stem != "keep":
            assert settings.scale == choice.stem
        if group == "model":
            assert settings.model == choice.stem


def test_published_betas_are_those_of_the_networks_whose_divergence_was_divided_twice() -> None:
    over = OmegaConf.load(ROOT / "stages" / "conf" / "beta" / "published.yaml")
    found = {name: values["beta"] for name, values in over.hp.items() if values["beta"] != 1}
    assert found == {name: pytest.approx(1 / 4800) for name in ("dkf", "vrnn", "srnn", "dsae")}


@pytest.mark.parametrize(
    "choice",
    ["beta/one", "corpus/embedded", "scale/demo", "model/all", "beta/keep", "corpus/keep", "scale/keep"],
)
def test_the_defaults_bring_the_committed_parameters_back(choice: str) -> None:
    over = OmegaConf.load(ROOT / "stages" / "conf" / f"{choice}.yaml")
    assert OmegaConf.to_container(OmegaConf.merge(COMMITTED, over)) == COMMITTED


def test_smoke_and_paper_are_undone_by_demo() -> None:
    conf = ROOT / "stages" / "conf"
    defaults = [OmegaConf.load(conf / f"{name}.yaml") for name in ("corpus/embedded", "scale/demo")]
    for scale in ("smoke", "paper"):
        other = OmegaConf.load(conf / "scale" / f"{scale}.yaml")
        assert OmegaConf.to_container(OmegaConf.merge(COMMITTED, other)) != COMMITTED
        assert OmegaConf.to_container(OmegaConf.merge(COMMITTED, other, *defaults)) == COMMITTED


def test_every_corpus_undoes_every_other_and_what_was_mapped_for_it() -> None:
    conf = ROOT / "stages" / "conf" / "corpus"
    mapped = OmegaConf.create({"corpus": {"mapping": {"zz": "sil"}}})
    for one in parameters.corpora():
        for other in parameters.corpora():
            over = [OmegaConf.load(conf / f"{name}.yaml") for name in (one, other)]
            after = OmegaConf.merge(COMMITTED, over[0], mapped, over[1])
            assert after == OmegaConf.merge(COMMITTED, over[1])


def test_every_scale_sets_the_same_parameters() -> None:
    """So that none keeps what another one set."""
    keys = {}
    for scale in ("demo", "paper", "smoke"):
        found = OmegaConf.to_container(OmegaConf.load(ROOT / "stages" / "conf" / "scale" / f"{scale}.yaml"))
        assert isinstance(found, dict)
        found.pop("corpus", None)
        keys[scale] = set(flatten(found))
    assert keys["demo"] == keys["paper"] == keys["smoke"]
