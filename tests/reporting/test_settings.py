"""Experiments are grouped by what could have changed their results, and by nothing else."""

import pandas as pd
import pytest

from speech_factorization.errors import InputError
from speech_factorization.reporting.settings import by_setting, title


def table(*rows: tuple[str, str, str, str, str]) -> pd.DataFrame:
    columns = ["experiment", "model", "train.seed", "hp.srnn.beta", "resynthesis.rmse"]
    return pd.DataFrame(rows, columns=columns)


def members(found: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(found["experiment"], found["model"], strict=True))


def test_a_setting_prefers_its_own_run_of_what_does_not_depend_on_it() -> None:
    rows = table(
        ("a", "srnn", "1", "1.0", ".1"),
        ("a", "vae", "1", "1.0", ".20"),
        ("b", "srnn", "1", "0.5", ".1"),
        ("b", "vae", "1", "0.5", ".21"),
        ("c", "srnn", "1", "0.1", ".1"),
    )
    found = by_setting(rows)
    assert [setting for setting, _ in found] == [{"hp.srnn.beta": beta} for beta in ("1.0", "0.5", "0.1")]
    assert [members(part) for _, part in found] == [
        [("a", "srnn"), ("a", "vae")],
        [("b", "srnn"), ("b", "vae")],
        [("c", "srnn"), ("a", "vae")],
    ]


def test_what_is_no_hyperparameter_is_never_shared() -> None:
    rows = table(("a", "srnn", "1", "1.0", ".1"), ("b", "vae", "1", "1.0", ".2"))
    found = by_setting(rows.assign(**{"train.utterances.epochs": ["5", "9"]}))
    assert [members(part) for _, part in found] == [[("a", "srnn")], [("b", "vae")]]


def test_equal_repeats_count_once_and_unlike_ones_are_refused() -> None:
    once = ("a", "srnn", "1", "1.0", ".1")
    ((setting, part),) = by_setting(table(once, ("b", *once[1:])))
    assert (setting, members(part)) == ({}, [("a", "srnn")])
    with pytest.raises(InputError, match=r"here: unlike results of srnn, seed 1, .* \(a, b\)"):
        by_setting(table(once, ("b", *once[1:4], ".3")), "here")


def test_title() -> None:
    assert title({}) == "All"
    beta = str(1 / 4800)
    shared = {"hp.dkf.beta": beta, "hp.srnn.beta": beta, "hp.vrnn.beta": "1.0", "scale": "demo"}
    assert title(shared) == "hp.{dkf,srnn}.beta = 0.000208333, hp.vrnn.beta = 1, scale = demo"
