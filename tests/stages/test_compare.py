"""A CSV of experiments becomes means over seeds and verdicts, or one line that says why it cannot."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from stages import compare

SAMPLING = "hp.srnn.scheduled_sampling"


def row(model: str, seed: int | None, rmse: float, free: float | None = None, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"experiment": f"e{seed}", "model": model}
    found |= {"train.seed": seed} if seed is not None else {}
    found |= {"resynthesis.rmse": rmse, "resynthesis_free_running.rmse": free, "likelihood.beta": 1.0}
    return found | {name.replace("__", "."): value for name, value in more.items()}


SEEDS = [row("vae", s, 0.05 + s / 1000) for s in (1, 2, 3)]
SEEDS += [row("srnn", s, 0.04 + s / 1000, 0.06 + s / 1000) for s in (1, 2, 3)]


def tables(text: str) -> dict[str, list[list[str]]]:
    """Heading -> rows of cells of all tables under it."""
    found: dict[str, list[list[str]]] = {}
    for line in text.splitlines():
        if line.startswith("## "):
            heading = line.removeprefix("## ")
            found[heading] = []
        elif line.startswith("|") and not line.startswith("|:"):
            found[heading].append([cell.strip() for cell in line.strip("|").split("|")])
    return found


@pytest.fixture
def compared(tmp_path: Path) -> Any:
    def run(rows: list[dict[str, Any]]) -> str:
        path = tmp_path / "seeds.csv"
        pd.DataFrame(rows).to_csv(path, index=False)
        assert compare.main([str(path)]) == 0
        return path.with_suffix(".md").read_text()

    return run


def figures(rows: list[list[str]]) -> list[Mapping[str, str]]:
    return [dict(zip(rows[0], cells, strict=False)) for cells in rows[1:] if len(cells) == len(rows[0])]


def test_mean_and_standard_deviation_per_model_and_feeding(compared: Any) -> None:
    (found,) = tables(compared(SEEDS)).values()
    published = ["published RMSE", "published PESQ raw nb", "published STOI"]
    assert found[0] == ["model", "beta", "training", "feeding", "seeds", *published, "RMSE"]
    assert found[1] == ["vae", "1", "-", "-", "3", "0.0510", "2.05", "0.86", "0.0520 +- 0.0010"]
    assert found[2][2:] == ["unknown", "true x(t-1)", "3", "0.0248", "3.64", "0.97", "0.0420 +- 0.0010"]
    assert found[3][3:] == ["own y(t-1)", "3", "", "", "", "0.0620 +- 0.0010"]


def test_verdicts_per_feeding(compared: Any) -> None:
    (found,) = tables(compared(SEEDS)).values()
    best = [cells for cells in found if cells[0] == "SRNN is best"]
    assert best[0][1:] == ["true x(t-1)", "3", "0 of 7", "cannot tell (6 of 7 not comparable)"]
    assert best[1][4] == (
        "does not hold in any of 3 seeds (1 of 1 lost: srnn > vae 0.0620/0.0520, -0.0100 +- 0.0000)"
    )


def test_training_as_evaluate_says_it_comes_before_the_parameter(compared: Any) -> None:
    first = [r | {SAMPLING: "[2, 6]"} for r in SEEDS]
    told = {row["model"]: row["training"] for row in figures(tables(compared(first))["All"])}
    assert told == {"vae": "-", "srnn": "scheduled sampling"}
    said = [r | {SAMPLING: "null", "training_feeding": "scheduled sampling"} for r in SEEDS]
    told = {row["model"]: row["training"] for row in figures(tables(compared(said))["All"])}
    assert told == {"vae": "-", "srnn": "scheduled sampling"}
    unsaid = [r | {SAMPLING: "null", "training_feeding": ""} for r in SEEDS]
    told = {row["model"]: row["training"] for row in figures(tables(compared(unsaid))["All"])}
    assert told == {"vae": "-", "srnn": "truth"}


def test_half_precision_stands_apart(compared: Any) -> None:
    other = [r | {"resynthesis.rmse": 0.03} for r in SEEDS]
    rows = [r | {"precision": p} for p, part in (("fp32", SEEDS), ("bf16", other)) for r in part]
    assert list(tables(compared(rows))) == ["precision = fp32", "precision = bf16"]


def test_settings_stand_apart_and_share_what_does_not_depend_on_them(compared: Any) -> None:
    """SRNN's beta makes two settings; the VAE, run in one of them alone, stands in both."""
    first = [r | {"hp.srnn.beta": 1.0, SAMPLING: "null"} for r in SEEDS]
    second = [
        row("srnn", s, 0.03, 0.04, experiment=f"f{s}", likelihood__beta=0.5) | {"hp.srnn.beta": 0.5}
        for s in (1, 2, 3)
    ]
    second = [r | {SAMPLING: "[10, 30]"} for r in second]
    found = tables(compared(first + second))
    assert list(found) == [
        "hp.srnn.beta = 1, hp.srnn.scheduled_sampling = null",
        "hp.srnn.beta = 0.5, hp.srnn.scheduled_sampling = [10, 30]",
    ]
    told = [{row["model"]: row for row in figures(rows)} for rows in found.values()]
    assert [t["vae"]["RMSE"] for t in told] == ["0.0520 +- 0.0010"] * 2
    assert [t["srnn"]["training"] for t in told] == ["truth", "scheduled sampling"]
    assert [t["srnn"]["beta"] for t in told] == ["1", "0.5"]
    unlike = [rows[-1][3] for rows in found.values()]
    assert unlike == ["0 of 7", "1 of 7"]


def test_parameters_of_other_models_make_no_setting(compared: Any) -> None:
    rows = [row("vae", s, 0.05 + s / 1000, hp__srnn__beta=beta) for s in (1, 2) for beta in (1.0, 0.5)]
    found = tables(compared(rows))
    assert list(found) == ["All"]
    assert [found["All"][1][i] for i in (4, -1)] == ["2", "0.0515 +- 0.0007"]


def test_without_a_seed_column_it_is_one_seed(compared: Any) -> None:
    text = compared([row("vae", None, 0.05), row("srnn", None, 0.04)])
    assert "no column train.seed: one seed" in text
    (found,) = tables(text).values()
    assert found[1] == ["vae", "1", "-", "-", "one seed", "0.0510", "2.05", "0.86", "0.0500"]


def test_one_model_alone_has_no_claims(compared: Any) -> None:
    text = compared([r for r in SEEDS if r["model"] == "vae"])
    assert "no claim can be told" in text
    assert len(next(iter(tables(text).values()))) == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no such file"),
        ("", "cannot be read"),
        ("a,b\n1,2\n", "no column experiment, model, resynthesis.rmse"),
        (
            "experiment,model,resynthesis.rmse\ne,srnn,0.1\n",
            "1 row with resynthesis.rmse, nothing to compare",
        ),
        ("experiment,model,resynthesis.rmse\ne,srnn,\nf,vae,\n", "0 rows with resynthesis.rmse"),
        (
            "experiment,model,resynthesis.rmse\ne,srnn,good\nf,vae,0.1\n",
            "seeds.csv: resynthesis.rmse of experiment e, model srnn, is no number: 'good'; write it with",
        ),
        ("experiment,model,resynthesis.rmse\ne,vae,0.1\nf,vae,0.2\n", "unlike results of vae"),
    ],
)
def test_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, said: str
) -> None:
    path = tmp_path / "seeds.csv"
    if content is not None:
        path.write_text(content)
    assert compare.main([str(path)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not path.with_suffix(".md").exists()


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert compare.main([]) == 2
    assert compare.main(["docs/results/seeds.md"]) == 2
    assert capsys.readouterr().err.count("usage") == 2
