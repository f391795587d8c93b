"""Digests reach what a stage reads, also where it imports by a computed name."""

from pathlib import Path

import pytest

from speech_factorization import parameters
from speech_factorization.digest import closure
from speech_factorization.errors import InputError
from speech_factorization.files import read_json
from stages import OPAQUE, code

ROOT = Path(__file__).parents[2]


@pytest.fixture
def digests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """NAME -> what code/NAME.json holds."""
    for name in ("src", "stages", "params.yaml"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    code.main()
    found = {path.stem: read_json(path) for path in Path("code").glob("*.json")}
    return {name: {*digest["modules"], *digest["data"]} for name, digest in found.items()}


def test_every_stage_corpus_and_model_has_one(digests: dict[str, set[str]]) -> None:
    scripts = {path.stem for path in (ROOT / "stages").glob("*.py")}
    tools = {"collect", "compare", "export_kaldi", "gate", "import_weights", "published_table"}
    helpers = {"__init__", "code", "data", "drafts", "materials", "parts"} | tools
    assert set(digests) == scripts - helpers | set(parameters.corpora()) | set(parameters.models())


def test_tables_reach_every_table_and_published_figure(digests: dict[str, set[str]]) -> None:
    folder = ROOT / "src" / "speech_factorization" / "reporting"
    tables = {
        f"speech_factorization.reporting.tables.{path.stem}" for path in (folder / "tables").glob("[!_]*.py")
    }
    figures = {
        f"speech_factorization/reporting/published/{path.name}"
        for path in (folder / "published").glob("*.csv")
    }
    assert tables | figures <= digests["tables"]


def test_the_embedded_corpus_reaches_its_program_and_sentences(digests: dict[str, set[str]]) -> None:
    assert "speech_factorization.corpora.embedded.speak" in digests["embedded"]
    assert "speech_factorization/corpora/embedded/sentences.csv" in digests["embedded"]


def test_phones_reach_the_folds(digests: dict[str, set[str]]) -> None:
    assert "speech_factorization/phones/data/timit.csv" in digests["phones"]


@pytest.mark.parametrize("stage", code.STAGES)
def test_imports_by_a_computed_name_are_only_of_readers_models_and_parts(stage: str) -> None:
    """Those have digests of their own, on which the stages depend; any other would be missed.

    A part (units, pitch, speaker) is in the digest of the stage that trains it, whose result others depend on.
    """
    known = {
        "stages.corpus",
        "stages.data",
        "stages.inputs",
        "stages.train",
        "speech_factorization.resynthesis.parts",
        "speech_factorization.trained",
        "speech_factorization.parameters",
    }
    for module in closure([f"stages.{stage}"], opaque=OPAQUE):
        path = ROOT / "src" / f"{module.replace('.', '/')}.py"
        path = path if path.exists() else ROOT / f"{module.replace('.', '/')}.py"
        if path.exists() and "import_module(" in path.read_text():
            assert module in known


def test_a_missing_corpus_is_said_before_any_stage_works() -> None:
    with pytest.raises(InputError, match="ln -s"):
        code.check_source("data/nowhere")
    code.check_source("remote://timit/TIMIT")
