"""code: what each stage, corpus and model depends on, as digests of its import closure."""

from pathlib import Path

from speech_factorization import parameters
from speech_factorization.digest import code_digest
from speech_factorization.errors import InputError
from speech_factorization.files import new_folder, write_json
from stages import OPAQUE, PARAMS, run

STAGES = (
    "corpus",
    "phones",
    "alignment",
    "segments",
    "spectrograms",
    "judges",
    "units",
    "pitch",
    "speaker",
    "inputs",
    "train",
    "evaluate",
    "tables",
    "report",
)


def main() -> None:
    """Write code/NAME.json for each of them; editing a docstring changes none."""
    check_source(parameters.load(PARAMS).corpus.source)
    entries = {name: [f"stages.{name}"] for name in STAGES}
    entries |= {name: _reader(name) for name in parameters.corpora()}
    entries |= {name: [f"speech_factorization.models.{name}"] for name in parameters.models()}
    with new_folder(Path("code")) as folder:
        for name, modules in entries.items():
            write_json(folder / f"{name}.json", code_digest(modules, opaque=OPAQUE))


def check_source(source: str) -> None:
    """Before any stage works, and before DVC finds a dependency missing without saying what to do."""
    if not source.startswith("remote://") and not Path(source).exists():
        remedy = f"link your copy there: mkdir -p data && ln -s /path/to/the/corpus {source}"
        raise InputError("no corpus here", f"corpus.source {source}", remedy)


def _reader(name: str) -> list[str]:
    """A corpus's reader and, if it is a package, all its modules: some are programs that none imports."""
    module = f"speech_factorization.corpora.{name}"
    files = sorted((parameters.PACKAGE / "corpora" / name).glob("*.py"))
    return [module, *(f"{module}.{file.stem}" for file in files if file.stem != "__init__")]


if __name__ == "__main__":
    run(main, "code")
