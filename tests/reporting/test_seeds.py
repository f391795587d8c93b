"""Means, standard deviations and claims of one setting."""

from typing import Any

import pandas as pd

from speech_factorization.reporting.measures import LIKELIHOOD, METRICS
from speech_factorization.reporting.seeds import claims_over_seeds, figures_over_seeds


def row(model: str, feeding: str, seed: int, beta: float = 1.0, **values: float) -> dict[str, Any]:
    found = {"model": model, "feeding": feeding, "seed": seed, "beta": beta, "training": "-"}
    return found | dict.fromkeys([*METRICS, *LIKELIHOOD]) | values


def test_figures_in_the_order_of_the_paper() -> None:
    rows = [
        row("srnn", "own y(t-1)", 1, stoi=0.5),
        row("srnn", "true x(t-1)", 1, stoi=0.9, kl=6.0),
        row("srnn", "true x(t-1)", 2, stoi=0.8, kl=8.0),
        row("vae", "-", 1, 1 / 4800, stoi=0.7),
        row("identity", "-", 1, stoi=1.0),
    ]
    found = figures_over_seeds(pd.DataFrame(rows))
    published = ["published RMSE", "published PESQ raw nb", "published STOI"]
    assert list(found) == ["model", "beta", "training", "feeding", "seeds", *published, "STOI", "KL"]
    assert found[published].to_numpy().tolist() == [
        ["", "", ""],
        ["0.0510", "2.05", "0.86"],
        ["0.0248", "3.64", "0.97"],
        ["", "", ""],
    ]
    assert found["model"].tolist() == ["identity", "vae", "srnn", "srnn"]
    assert found["seeds"].tolist() == ["one seed", "one seed", "2", "one seed"]
    assert found["STOI"].tolist() == ["1.000", "0.700", "0.850 +- 0.071", "0.500"]
    assert found["KL"].tolist() == ["", "", "7.0 +- 1.4", ""]
    assert found["beta"].tolist() == ["1", "0.000208", "1", "1"]


def test_claims_say_which_comparisons_are_of_unlike_betas() -> None:
    rows = [
        row("storn", "true x(t-1)", 1, stoi=0.8),
        row("vrnn", "true x(t-1)", 1, 1 / 4800, stoi=0.9),
        row("srnn", "true x(t-1)", 1, stoi=0.7),
    ]
    found = claims_over_seeds(pd.DataFrame(rows)).set_index("claim")
    assert found["feeding"].unique().tolist() == ["true x(t-1)"]
    assert found.loc["dynamics on z help", "unlike beta or training"] == "1 of 3"
    assert found.loc["dynamics on z help", "STOI"] == "does not hold (1 of 2 lost: srnn > storn 0.700/0.800)"
    assert found.loc["SRNN is best", "STOI"] == "does not hold (2 of 2 lost: srnn > vrnn 0.700/0.900)"


def test_one_model_has_no_claims() -> None:
    assert claims_over_seeds(pd.DataFrame([row("vae", "-", 1, stoi=0.7)])).empty
    assert claims_over_seeds(
        pd.DataFrame([row("vae", "-", 1, stoi=0.7), row("identity", "-", 1, stoi=1.0)])
    ).empty
