"""The page shows every figure once: maps of the codes of all models together, the rest model by model."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from speech_factorization.files import write_json
from tests.stages.workspace import Workspace, parameters


@pytest.fixture
def reported(tmp_path: Path) -> Callable[..., str]:
    def run(**figures: list[str]) -> str:
        """MODEL=[names of its figures] -> the page; every picture is of another size."""
        workspace = Workspace(tmp_path / "work", parameters("embedded"))
        (workspace.folder / "tables").mkdir()
        (workspace.folder / "tables/judges.md").write_text("A caption.\n\n| judge |\n|:--|\n| MLP |\n")
        for model, names in figures.items():
            write_json(workspace.folder / f"metrics/{model}.json", {"corpus": "embedded", "scale": "smoke"})
            folder = workspace.folder / "plots" / model
            folder.mkdir(parents=True)
            for name in names:
                Figure(figsize=(1, 1)).savefig(folder / f"{name}.png", dpi=10)
        workspace.do("report")
        return (workspace.folder / "report/index.html").read_text(encoding="utf-8")

    return run


def sections(page: str) -> dict[str, list[str]]:
    """Heading -> headings of the figures under it."""
    found: dict[str, list[str]] = {}
    for level, text in re.findall(r"<h([23])>(.*?)</h", page):
        if level == "2":
            found[text] = []
        else:
            found[list(found)[-1]].append(text)
    return found


def test_maps_of_all_models_stand_together_in_the_order_of_the_paper(reported: Callable[..., str]) -> None:
    page = reported(
        fdnf=["tsne", "tsne_parts"], nf=["tsne"], identity=["manipulation", "tsne"], vae=["resynthesis"]
    )
    found = sections(page)
    assert found["tsne of every model"] == ["identity", "nf", "fdnf"]
    assert found["fdnf"] == ["tsne_parts"]
    assert found["identity"] == ["manipulation"]
    assert found["vae"] == ["resynthesis"]
    assert "nf" not in found
    assert page.count("data:image/png;base64,") == 6


def test_without_maps_there_is_no_such_section(reported: Callable[..., str]) -> None:
    assert list(sections(reported(vae=["resynthesis"]))) == ["judges", "vae"]
