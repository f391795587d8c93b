"""A CSV of factorization experiments becomes a grid of settings, figures over seeds, verdicts and codes."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from stages import compare

WEIGHTS = [f"hp.{name}.discriminative" for name in ("dnf_phone", "dnf_speaker", "fdnf")]
# Model -> delta and side effect of the phone, of the speaker.
FIGURES = {
    "identity": (0.89, -0.04, 0.78, -0.02),
    "segment_vae": (0.72, -0.17, 0.58, -0.13),
    "nf": (0.80, -0.10, 0.70, -0.06),
    "dnf_phone": (0.95, -0.29, 0.10, -0.50),
    "dnf_speaker": (0.10, -0.50, 0.87, -0.14),
    "fdnf": (0.94, -0.01, 0.88, -0.01),
}


def row(model: str, seed: int, weight: float, more: float = 0.0) -> dict[str, Any]:
    """One row of collect's; `more` is added to the deltas, a hundredth per seed too where the model is trained."""
    found: dict[str, Any] = {"experiment": f"w{weight:g}s{seed}", "model": model, "train.seed": seed}
    found |= dict.fromkeys(WEIGHTS, weight) | {"corpus": "embedded", "scale": "demo"}
    phone, phone_other, speaker, speaker_other = FIGURES[model]
    trained = 0.0 if model == "identity" else seed / 100 + more
    for block in ("manipulation", "manipulation_second_judge"):
        found |= {
            f"{block}.phone.delta_target": phone + trained,
            f"{block}.phone.delta_other": phone_other,
            f"{block}.speaker.delta_target": speaker + trained,
            f"{block}.speaker.delta_other": speaker_other,
        }
    if model == "identity":
        found |= {"manipulation_oracle.phone.delta_target": 0.97, "manipulation_oracle.phone.share": 0.6}
    if model == "fdnf":
        found |= {"discriminative": weight, "leak.phone_from_z_speaker": 0.04 + seed / 100}
        found |= {"leak.chance_phone": 0.025, "separation.phone.z_phone.f_ratio": 1.2}
    return found


ROWS = [row(model, seed, 0.0) for seed in (0, 1, 2) for model in FIGURES]
ROWS += [row(m, s, 20.0, 0.02) for s in (0, 1, 2) for m in ("dnf_phone", "dnf_speaker", "fdnf")]


@pytest.fixture
def compared(tmp_path: Path) -> Any:
    def run(rows: list[dict[str, Any]]) -> dict[str, list[list[str]]]:
        """Heading -> rows of cells of all tables under it."""
        path = tmp_path / "grid.csv"
        pd.DataFrame(rows).to_csv(path, index=False)
        assert compare.main([str(path)]) == 0
        found: dict[str, list[list[str]]] = {}
        for line in path.with_suffix(".md").read_text().splitlines():
            if line.startswith("## "):
                found[line.removeprefix("## ")] = cells = []
            elif line.startswith("|") and not line.startswith("|:"):
                cells.append([cell.strip() for cell in line.strip("|").split("|")])
        return found

    return run


TITLES = [f"hp.{{dnf_phone,dnf_speaker,fdnf}}.discriminative = {weight}" for weight in (0, 20)]


def test_every_model_stands_once_in_the_grid_of_all_settings(compared: Any) -> None:
    found = compared(ROWS)
    assert list(found) == ["All settings", *TITLES]
    head, *body = found["All settings"]
    assert head[:5] == ["model", "setting", "seeds", "phone, MLP", "phone, CNN"]
    assert [(cells[0], cells[1]) for cells in body] == [
        ("identity", ""),
        ("segment_vae", ""),
        ("nf", ""),
        ("dnf", "hp.{dnf_phone,dnf_speaker}.discriminative = 0"),
        ("dnf", "hp.{dnf_phone,dnf_speaker}.discriminative = 20"),
        ("fdnf", "hp.fdnf.discriminative = 0"),
        ("fdnf", "hp.fdnf.discriminative = 20"),
        ("oracle", ""),
    ]
    told = {(cells[0], cells[1]): dict(zip(head, cells, strict=True)) for cells in body}
    dnf = told["dnf", "hp.{dnf_phone,dnf_speaker}.discriminative = 20"]
    assert dnf["phone, MLP"] == "0.980 +- 0.010 / -0.290 +- 0.000"
    assert dnf["speaker, CNN"] == "0.900 +- 0.010 / -0.140 +- 0.000"
    assert told["nf", ""]["seeds"] == "3"
    assert told["identity", ""]["phone, k-NN"] == ""


def test_figures_of_one_setting_with_published_ones_first(compared: Any) -> None:
    head, *body = compared(ROWS)[TITLES[1]]
    figures = [dict(zip(head, cells, strict=False)) for cells in body]
    assert [row["model"] for row in figures[:4]] == [
        f"{name}, published, TIMIT" for name in ("segment_vae", "nf", "dnf", "fdnf")
    ]
    assert figures[3]["side effect of phone"] == "-0.076"
    (fdnf,) = (row for row in figures if (row["model"], row["judge"]) == ("fdnf", "MLP"))
    assert (fdnf["weight"], fdnf["seeds"], fdnf["means"]) == ("20", "3", "empirical")
    assert fdnf["delta phone"] == "0.970 +- 0.010"
    (nf,) = (row for row in figures if (row["model"], row["judge"]) == ("nf", "MLP"))
    assert (nf["weight"], nf["delta phone"]) == ("", "0.810 +- 0.010")


def test_verdicts_over_seeds_at_one_weight(compared: Any) -> None:
    found = compared(ROWS)[TITLES[0]]
    head = next(cells for cells in found if cells[0] == "claim")
    told = {
        (cells[0], cells[1]): dict(zip(head, cells, strict=False)) for cells in found[found.index(head) + 1 :]
    }
    half = told["f-DNF's side effect is at most half of DNF's", "phone"]
    assert half["MLP"] == "holds in all 3 seeds (fdnf >= 0.5 x dnf 0.010/0.290, +0.135 +- 0.000)"
    assert half["CNN"] == half["MLP"]
    assert half["unlike weight"] == "0 of 1"
    lost = told["f-DNF's delta is no less than DNF's", "phone"]["MLP"]
    assert lost == "does not hold in any of 3 seeds (1 of 1 lost: fdnf >= dnf 0.950/0.960, -0.010 +- 0.000)"


def test_codes_over_seeds(compared: Any) -> None:
    found = compared(ROWS)[TITLES[0]]
    head = next(cells for cells in found if cells[:2] == ["model", "code"])
    assert head == ["model", "code", "seeds", "phone, linear", "phone, F-ratio"]
    assert found[found.index(head) + 1 :] == [
        ["fdnf", "z_phone", "3", "", "1.200 +- 0.000"],
        ["fdnf", "z_speaker", "3", "0.050 +- 0.010", ""],
        ["chance", "", "3", "0.025 +- 0.000", ""],
    ]


def test_the_weight_is_the_parameter_where_no_metric_says_it(compared: Any) -> None:
    found = compared([r | {"discriminative": ""} for r in ROWS])[TITLES[1]]
    weights = {cells[0]: cells[3] for cells in found if cells[1:3] == ["MLP", "empirical"]}
    assert weights == {"identity": "", "segment_vae": "", "nf": "", "dnf": "20", "fdnf": "20"}


def test_one_setting_needs_no_grid_and_one_model_has_no_claims(compared: Any) -> None:
    assert list(compared(ROWS[: len(FIGURES)])) == ["All"]
    found = compared([r for r in ROWS[: 3 * len(FIGURES)] if r["model"] == "nf"])
    assert not any(cells[0] == "claim" for cells in found["All"])


def test_both_kinds_of_experiments_make_a_part_each(compared: Any) -> None:
    rows = [r | {"resynthesis.rmse": 0.0} if r["model"] == "identity" else r for r in ROWS]
    heads = [cells for cells in compared(rows)["All"] if cells[0] == "model"]
    assert heads[0][-1] == "RMSE"
