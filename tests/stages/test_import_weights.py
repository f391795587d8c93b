"""Authors' weights become a checkpoint that can be evaluated, or one line says why not."""

import hashlib
import importlib
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import save_file
from torch import Tensor, nn

from speech_factorization import parameters
from speech_factorization.trained import load_model
from stages.gate import RULES, compare
from stages.import_weights import DATA
from tests.stages.workspace import Workspace

FILES = {
    "vae": "VAE",
    "dkf": "DKF",
    "storn": "STORN",
    "vrnn": "VRNN",
    "srnn": "SRNN",
    "rvae": "RVAE-NonCausal",
    "rvae_causal": "RVAE-Causal",
    "dsae": "DSAE-random",
}
State = dict[str, Tensor]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A folder whose params.yaml says nothing: the file fixes the sizes."""
    return Workspace(tmp_path / "work", {})


def build(name: str) -> Any:
    module = importlib.import_module(f"speech_factorization.models.{name}")
    torch.manual_seed(3)
    return module.Model(module.Hyperparameters(), DATA)


def as_published(model: Any) -> State:
    """The model's weights under the authors' names: what importing undoes."""
    state = {}
    for name, parameter in model.state_dict().items():
        prefix = max((p for p in model.published if name.startswith(p)), key=len)
        theirs = model.published[prefix]
        beginnings = (theirs,) if isinstance(theirs, str) else theirs
        for beginning, part in zip(beginnings, parameter.chunk(len(beginnings)), strict=True):
            state[beginning + name.removeprefix(prefix)] = part.clone()
    return state


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file of random weights for each of the eight."""
    folder = tmp_path_factory.mktemp("weights")
    for name, stem in FILES.items():
        torch.save(as_published(build(name)), folder / f"{stem}.pt")
    return folder


@pytest.fixture(params=["made up", "real"])
def weights(request: pytest.FixtureRequest, made_up: Path) -> Path:
    """The made-up files, and the authors' own where they are."""
    if request.param == "made up":
        return made_up
    folder: Path = request.getfixturevalue("reference") / "dvae-checkpoints"
    return folder


def refused(workspace: Workspace, name: str, file: Path | str, *said: str) -> None:
    """Status 2, one line that says this, and no file changed."""
    before = workspace.files()
    done = workspace.run("import_weights", name, str(file))
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1), done
    assert done.err.startswith("import_weights-")
    for words in said:
        assert words in done.err
    assert workspace.files() == before


@pytest.mark.parametrize("name", FILES)
def test_every_model_takes_its_own_file_and_no_other(name: str, workspace: Workspace, weights: Path) -> None:
    for other in FILES.values():
        if other != FILES[name]:
            refused(
                workspace, name, weights / f"{other}.pt", f"{other}.pt: not the published weights of", name
            )
    file = weights / f"{FILES[name]}.pt"
    done = workspace.run("import_weights", name, str(file))
    assert (done.status, done.err) == (0, "")
    model, about = load_model(workspace.folder / "checkpoints" / name)
    theirs = torch.load(file, weights_only=True, map_location="cpu")
    ours = as_published(model)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    assert about == {
        "model": name,
        "hyperparameters": type(model).__init__.__annotations__["hp"]().model_dump(mode="json"),
        "data": {"factors": [], "shape": [257]},
        "parameters": sum(tensor.numel() for tensor in theirs.values()),
        "imported": {"file": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()},
    }


@pytest.mark.parametrize("wrapped", ["state_dict", "model_state_dict", "module.", "half", "double"])
def test_the_same_in_other_wrappings(wrapped: str, workspace: Workspace, tmp_path: Path) -> None:
    state = as_published(build("vae"))
    forms: dict[str, Any] = {
        "module.": {f"module.{name}": tensor for name, tensor in state.items()},
        "half": {name: tensor.half() for name, tensor in state.items()},
        "double": {name: tensor.double() for name, tensor in state.items()},
    }
    torch.save(forms.get(wrapped, {wrapped: state, "epoch": 7}), tmp_path / "weights.pt")
    done = workspace.run("import_weights", "vae", str(tmp_path / "weights.pt"))
    assert (done.status, done.err) == (0, "")
    model, _ = load_model(workspace.folder / "checkpoints" / "vae")
    for name, tensor in as_published(model).items():
        expected = state[name].half().float() if wrapped == "half" else state[name]
        assert torch.equal(tensor, expected)


@pytest.mark.parametrize("about", ['{"model": "vae", "epochs": 3}', '{"model": "v', None])
def test_a_model_trained_here_is_not_replaced(about: str | None, workspace: Workspace, made_up: Path) -> None:
    """Nor one whose description is damaged; without one there is no model."""
    folder = workspace.folder / "checkpoints" / "vae"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"hours of training")
    if about is None:
        assert workspace.run("import_weights", "vae", str(made_up / "VAE.pt")).status == 0
        return
    (folder / "about.json").write_text(about)
    refused(
        workspace,
        "vae",
        made_up / "VAE.pt",
        "checkpoints/vae: holds a model trained here; move it away first",
    )
    assert workspace.run("import_weights", "srnn", str(made_up / "SRNN.pt")).status == 0


@pytest.mark.parametrize(
    "before", [{"imported": {"file": "old.pt"}}, {"skipped": "the corpus has no labels"}], ids=repr
)
def test_an_imported_or_a_skipped_one_is_replaced(
    before: dict[str, Any], workspace: Workspace, made_up: Path
) -> None:
    folder = workspace.folder / "checkpoints" / "vae"
    folder.mkdir(parents=True)
    (folder / "about.json").write_text(json.dumps({"model": "vae"} | before))
    (folder / "curves.csv").write_text("epoch\n")
    for _ in range(2):
        assert workspace.run("import_weights", "vae", str(made_up / "VAE.pt")).status == 0
        assert {path.name for path in folder.iterdir()} == {"model.safetensors", "about.json"}
        assert json.loads((folder / "about.json").read_text())["imported"]["file"] == "VAE.pt"


class Calls:
    """Pickled, a call of something that leaves a trace."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("open('ran', 'w')",)


def write(path: Path, kind: str) -> None:
    """A file that holds no weights."""
    whole, half = path.with_suffix(".whole"), None
    if kind == "a truncated file":
        torch.save(as_published(build("vae")), whole)
        half = whole.read_bytes()
    elif kind == "a truncated old file":
        torch.save(as_published(build("vae")), whole, _use_new_zipfile_serialization=False)
        half = whole.read_bytes()
    elif kind == "safetensors":
        save_file(as_published(build("vae")), path)
    elif kind == "TorchScript":
        torch.jit.save(torch.jit.script(nn.Linear(2, 2)), path)
    else:
        contents = {
            "an empty file": b"",
            "text": b"hello\n",
            "zeros": bytes(999),
            "a pickle": pickle.dumps([1]),
        }
        path.write_bytes(contents[kind])
    if half is not None:
        path.write_bytes(half[: len(half) // 2])
        whole.unlink()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "kind",
    [
        "a truncated file",
        "a truncated old file",
        "safetensors",
        "TorchScript",
        "an empty file",
        "text",
        "zeros",
        "a pickle",
    ],
)
def test_no_file_of_weights(kind: str, workspace: Workspace, tmp_path: Path) -> None:
    write(tmp_path / "weights.pt", kind)
    refused(workspace, "vae", tmp_path / "weights.pt", "weights.pt: not a whole file of weights; give a file")


def test_no_file(workspace: Workspace, tmp_path: Path) -> None:
    refused(workspace, "vae", tmp_path / "nowhere.pt", "nowhere.pt: no such file")
    refused(workspace, "vae", tmp_path, f"{tmp_path}: no such file")


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    ("value", "said"), [(Calls(), "exec"), (nn.Linear(2, 2), "torch.nn.modules.linear.Linear")]
)
def test_code_is_not_run(
    value: object, said: str, zipped: bool, workspace: Workspace, tmp_path: Path
) -> None:
    torch.save({"weight": value}, tmp_path / "weights.pt", _use_new_zipfile_serialization=zipped)
    refused(workspace, "vae", tmp_path / "weights.pt", "holds more than tensors", said, "is not run")
    assert not (workspace.folder / "ran").exists()


@pytest.mark.parametrize(
    "value", [[torch.ones(3)], torch.ones(3), {}, {"epoch": 3}, {"state_dict": {"a": 1}}, 3], ids=repr
)
def test_no_state_dict(value: object, workspace: Workspace, tmp_path: Path) -> None:
    torch.save(value, tmp_path / "weights.pt")
    refused(workspace, "vae", tmp_path / "weights.pt", "weights.pt: not a state dict")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: None, "gen_logvar.bias is missing"),
        (lambda t: t[1:], "gen_logvar.bias has shape (256,), p_x.head.bias (257,)"),
        (lambda t: t[:, None], "gen_logvar.bias has shape (257, 1)"),
        (lambda t: t.sum(), "gen_logvar.bias has shape ()"),
        (lambda t: t.long(), "gen_logvar.bias is no floating-point tensor"),
        (lambda t: t.to(torch.complex64), "gen_logvar.bias is no floating-point tensor"),
        (lambda t: t.to_sparse(), "gen_logvar.bias is no floating-point tensor"),
        (lambda t: t.to("meta"), "gen_logvar.bias is no floating-point tensor"),
        (lambda t: t.index_fill(0, torch.tensor(5), torch.nan), "gen_logvar.bias holds NaN or infinity"),
        (lambda t: t.index_fill(0, torch.tensor(5), -torch.inf), "gen_logvar.bias holds NaN or infinity"),
        (lambda t: t.double().index_fill(0, torch.tensor(5), 1e39), "gen_logvar.bias holds NaN or infinity"),
    ],
)
def test_one_bad_tensor(
    change: Callable[[Tensor], Tensor | None], said: str, workspace: Workspace, tmp_path: Path
) -> None:
    state = as_published(build("vae"))
    changed = change(state.pop("gen_logvar.bias"))
    torch.save(state if changed is None else state | {"gen_logvar.bias": changed}, tmp_path / "weights.pt")
    refused(workspace, "vae", tmp_path / "weights.pt", f"published weights of vae: {said}")


def test_one_tensor_too_many(workspace: Workspace, tmp_path: Path) -> None:
    torch.save(as_published(build("vae")) | {"extra": torch.ones(2)}, tmp_path / "weights.pt")
    refused(workspace, "vae", tmp_path / "weights.pt", "published weights of vae: extra is not used;")


def test_stacked_tensors_that_do_not_fit_each_other(workspace: Workspace, tmp_path: Path) -> None:
    state = as_published(build("vae"))
    state["inf_mean.weight"] = state["inf_mean.weight"][:, :-1]
    torch.save(state, tmp_path / "weights.pt")
    said = "inf_mean.weight + inf_logvar.weight has shape (16, 31) + (16, 32), q_z.head.weight (32, 32)"
    refused(workspace, "vae", tmp_path / "weights.pt", said)


@pytest.mark.parametrize("name", ["identity", "segment_vae"])
def test_nothing_was_published(name: str, workspace: Workspace, made_up: Path) -> None:
    refused(workspace, name, made_up / "VAE.pt", f"{name}: no weights of this model were published")


def test_command_line(workspace: Workspace, made_up: Path) -> None:
    refused(workspace, "vea", made_up / "VAE.pt", "no such model: vea", ", ".join(parameters.models()))
    for arguments in ([], ["vae"], ["vae", "VAE.pt", "OUT"]):
        done = workspace.run("import_weights", *arguments)
        assert (done.status, done.err.count("\n")) == (2, 1)
        assert "give MODEL FILE" in done.err


def test_imported_weights_are_evaluated_and_say_so(copied: Callable[[], Workspace], made_up: Path) -> None:
    """On any corpus and scale; what is not known of them is in no result."""
    workspace = copied()
    trained = workspace.json("metrics/vae.json")
    assert "weights" not in trained
    refused(workspace, "vae", made_up / "VAE.pt", "checkpoints/vae: holds a model trained here")
    (workspace.folder / "checkpoints/vae").rename(workspace.folder / "trained")
    assert workspace.run("import_weights", "vae", str(made_up / "VAE.pt")).status == 0
    workspace.do("evaluate@vae", "tables", "report")
    found = workspace.json("metrics/vae.json")
    assert found["weights"] == "imported from VAE.pt"
    assert found["parameters"] == 220_385
    assert {key: found[key] for key in ("corpus", "scale")} == {
        key: trained[key] for key in ("corpus", "scale")
    }
    assert not {"seed", "epochs", "best_epoch"} & set(found)
    assert "beta" in trained["likelihood"]
    assert "beta" not in found["likelihood"]
    assert found["likelihood"].keys() | {"beta"} == trained["likelihood"].keys()
    assert not (workspace.folder / "plots/vae/curves.csv").exists()
    rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    for pair in ((trained, found), (found, trained)):
        assert compare({"vae": pair[0]}, {"vae": pair[1]}, rules).unknown
