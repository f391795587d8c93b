"""Experiments are grouped by what could have changed their results, and by nothing else."""

from dataclasses import fields

import pandas as pd
import pytest

from speech_factorization.errors import InputError
from speech_factorization.parameters import Parameters
from speech_factorization.reporting.settings import PARAMETERS, by_setting, title


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
    )
    found = by_setting(rows)
    assert [setting for setting, _ in found] == [{"hp.srnn.beta": beta} for beta in ("1", "0.5")]
    assert [members(part) for _, part in found] == [
        [("a", "srnn"), ("a", "vae")],
        [("b", "srnn"), ("b", "vae")],
    ]


def test_a_setting_shares_equal_results_and_refuses_unlike_ones() -> None:
    """c has no VAE of its own; which one stands beside its SRNN must not matter."""
    rows = [
        ("a", "srnn", "1", "1.0", ".1"),
        ("a", "vae", "1", "1.0", ".06"),
        ("b", "srnn", "1", "0.5", ".1"),
        ("b", "vae", "1", "0.5", ".060"),
        ("c", "srnn", "1", "0.1", ".1"),
    ]
    assert members(by_setting(table(*rows))[2][1]) == [("c", "srnn"), ("a", "vae")]
    rows[3] = ("b", "vae", "1", "0.5", ".09")
    with pytest.raises(InputError, match=r"unlike results of vae, seed 1, .* \(a, b\)"):
        by_setting(table(*rows))


def test_equal_numbers_are_one_setting_however_written() -> None:
    rows = table(
        ("a", "srnn", "1", "1", ".1"), ("b", "srnn", "2", "1.0", ".2"), ("c", "vae", "2.0", "", ".3")
    )
    assert [members(part) for _, part in by_setting(rows.head(2))] == [[("a", "srnn"), ("b", "srnn")]]
    ((_, found),) = by_setting(rows.iloc[1:].assign(**{"hp.srnn.beta": ["1", "1.0"]}))
    assert found["seed"].nunique() == 1


def test_every_parameter_of_a_run_can_make_a_setting() -> None:
    assert {field.name for field in fields(Parameters)} - {"model", "models"} == PARAMETERS
    rows = table(("a", "srnn", "1", "1.0", ".1"), ("b", "srnn", "1", "1.0", ".2"))
    found = by_setting(rows.assign(precision=["fp32", "bf16"]))
    assert [setting for setting, _ in found] == [{"precision": "fp32"}, {"precision": "bf16"}]


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
