"""Tables hold what metrics/ holds, published figures beside them, and never mix corpora or scales."""

import importlib
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from speech_factorization.errors import InputError
from speech_factorization.files import write_json
from speech_factorization.reporting.published import printed, read
from speech_factorization.reporting.tables.base import Results, label, leaf, read_results, render

SRNN = {
    "corpus": "embedded",
    "scale": "demo",
    "phone_times": "forced",
    "resynthesis": {
        "rmse": 0.04,
        "pesq_wb": 2.0,
        "pesq_nb_raw": 2.5,
        "stoi": 0.9,
        "estoi": 0.8,
        "si_sdr": 7.25,
    },
    "likelihood": {"kl": 6.5, "beta": 1.0, "reconstruction": 300.0},
}
CHANGES = {"p_target_after": 0.6, "delta_target": 0.5, "delta_other": -0.1}
SEGMENT_VAE = {
    "corpus": "embedded",
    "scale": "demo",
    "phone_times": "labels",
    "manipulation": {"phone": CHANGES, "speaker": CHANGES},
}


def results(**metrics: Any) -> Results:
    return Results("embedded", "demo", metrics, {})


def table(name: str, found: Results) -> pd.DataFrame:
    built: pd.DataFrame = importlib.import_module(f"speech_factorization.reporting.tables.{name}").build(
        found
    )
    return built


def test_other_corpus_or_scale_is_left_out_and_named(tmp_path: Path) -> None:
    write_json(tmp_path / "srnn.json", SRNN)
    write_json(tmp_path / "vae.json", SRNN | {"corpus": "emodb"})
    write_json(tmp_path / "identity.json", SRNN | {"scale": "paper"})
    found = read_results(tmp_path, "embedded", "demo")
    assert list(found.metrics) == ["srnn"]
    assert set(found.left_out) == {"vae", "identity"}
    assert "emodb" in found.left_out["vae"]


@pytest.mark.parametrize("text", ["{", "[]", '{"scale": "demo"}'])
def test_unreadable_metrics_are_one_clear_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "srnn.json").write_text(text)
    with pytest.raises(InputError, match=r"srnn\.json"):
        read_results(tmp_path, "embedded", "demo")


def test_dynamical_rows_and_published_columns() -> None:
    built = table("dynamical", results(srnn=SRNN, segment_vae=SEGMENT_VAE, identity=SRNN))
    assert built.index.tolist() == ["identity", "srnn"]
    assert built.loc["srnn", "published RMSE"] == pytest.approx(0.0248)
    assert pd.isna(built.loc["identity", "published RMSE"])
    assert built.loc["srnn", "SI-SDR (dB)"] == 7.25
    assert built.loc["srnn", "beta"] == 1.0
    assert built["feeding"].tolist() == ["-", "true x(t-1)"]


FREE_RUNNING = {"resynthesis_free_running": SRNN["resynthesis"] | {"rmse": 0.07}}
DSAE = SRNN | {"likelihood": {"kl": 5.0, "kl_v": 0.02, "beta": 1 / 4800, "reconstruction": 310.0}}


def test_dynamical_rows_per_feeding() -> None:
    built = table("dynamical", results(dsae=DSAE, vae=SRNN, srnn=SRNN | FREE_RUNNING))
    assert built.index.tolist() == ["vae", "srnn", "srnn", "dsae"]
    assert built["feeding"].tolist() == ["-", "true x(t-1)", "own y(t-1)", "-"]
    assert built["RMSE"].tolist() == [0.04, 0.04, 0.07, 0.04]
    # The paper published no free-running figure, and the likelihood is computed with the true past.
    assert built["published RMSE"].isna().tolist() == [False, False, True, False]
    assert built["KL"].isna().tolist() == [False, False, True, False]
    assert built["beta"].notna().all()
    assert built["KL of v (nats per frame)"].dropna().tolist() == [0.02]
    assert built["published beta"].tolist()[-1] == pytest.approx(1 / 4800, rel=1e-4)


def test_dynamical_column_order() -> None:
    columns = table("dynamical", results(srnn=SRNN)).columns
    published = [i for i, name in enumerate(columns) if name.startswith("published")]
    assert published == [1, 2, 3, 4]
    assert columns[-1] == "beta"


def test_claims_of_the_published_table() -> None:
    """What the paper's own figures say, by hand: STORN's PESQ and STOI are below DKF's."""
    built = table("dynamical_claims", results()).set_index("feeding", append=True)
    truth = built.xs("true x(t-1)", level="feeding")
    assert (
        truth.loc["every dynamical VAE beats the VAE", "published RMSE"]
        == "holds (rvae_causal > vae 0.0499/0.0510)"
    )
    assert truth.loc["SRNN is best", "published PESQ raw nb"] == "holds (srnn > vrnn 3.64/3.60)"
    lost = truth.loc["autoregression helps"]
    assert lost["published RMSE"] == "holds (storn > dkf 0.0338/0.0344)"
    assert lost["published PESQ raw nb"] == "does not hold (1 of 12 lost: storn > dkf 3.05/3.30)"
    assert lost["RMSE"] == ""
    # 9.3 and 9.2, but .91 and .91: as printed, a tie.
    posterior = truth.loc["the posterior's structure helps, other properties equal"]
    assert posterior["review SI-SDR (dB)"] == "holds (dkf > dsae 9.3/9.2)"
    assert posterior["review ESTOI"] == "cannot tell (tied: dkf > dsae)"
    own = built.xs("own y(t-1)", level="feeding")
    assert (own.filter(like="published") == "").all(axis=None)
    # The review's SRNN with its own output fed back is worse than its VAE.
    assert own.loc["every dynamical VAE beats the VAE", "review SI-SDR (dB)"].startswith("does not hold")


def test_claims_of_ours() -> None:
    vae = SRNN | {"resynthesis": SRNN["resynthesis"] | {"rmse": 0.05}}
    built = table("dynamical_claims", results(srnn=SRNN | FREE_RUNNING, vae=vae))
    best = built.loc["SRNN is best"].set_index("feeding")["RMSE"]
    assert best["true x(t-1)"] == "cannot tell (6 of 7 not comparable)"
    assert best["own y(t-1)"] == "does not hold (1 of 1 lost: srnn > vae 0.0700/0.0500)"
    assert set(table("dynamical_claims", results(srnn=SRNN, vae=vae)).loc["SRNN is best", "RMSE"]) == {
        "cannot tell (6 of 7 not comparable)",
        "",
    }


def test_claims_count_unlike_training_of_ours() -> None:
    """`-S beta=published` makes DKF, VRNN and SRNN unlike the others; imported weights take no part."""

    def trained(beta: float, feeding: str | None = None) -> Any:
        return (
            SRNN | {"likelihood": {"beta": beta}} | ({} if feeding is None else {"training_feeding": feeding})
        )

    found = results(
        srnn=trained(1 / 4800, "scheduled sampling"),
        vrnn=trained(1 / 4800, "truth"),
        vae=trained(1.0),
        dkf=trained(1.0) | {"weights": "imported from DKF.pt"},
    )
    built = table("dynamical_claims", found)
    column = built["unlike beta or training"].groupby("claim").first()
    assert column["every dynamical VAE beats the VAE"] == "2 of 7"
    assert column["the posterior's structure helps"] == "1 of 3"
    assert column["autoregression helps"] == ""
    free = built[built["feeding"] == "own y(t-1)"]["unlike beta or training"]
    assert (free == "").all()
    assert built.columns.get_loc("unlike beta or training") == built.columns.get_loc("RMSE") - 1
    shown = table("dynamical", found)
    assert shown["trained on"].tolist() == ["-", "-", "truth", "scheduled sampling"]
    assert shown.index[1] == "dkf, imported from DKF.pt"


def test_manipulation_says_whose_phone_times() -> None:
    built = table("manipulation", results(segment_vae=SEGMENT_VAE, srnn=SRNN))
    assert built.index.tolist() == ["segment_vae", "nf", "dnf", "fdnf", "segment_vae"]
    assert built["of"].iloc[-1] == "ours, labels times"
    assert built["delta phone"].iloc[-1] == 0.5
    assert built["delta phone"].iloc[0] == pytest.approx(0.299)


def test_judges_have_one_row_each() -> None:
    found = {
        "corpus": "embedded",
        "scale": "demo",
        "phone_times": "forced",
        "mlp": {"phone": 0.9, "speaker": 0.8},
        "chance": {"phone": 0.1, "speaker": 0.05},
        "verification": {"eer": 0.02, "cosine_same": 0.9, "cosine_different": 0.1},
        "not_answered": {"vowels": "none"},
    }
    built = table("judges", results(judges=found))
    assert built.index.tolist() == ["MLP", "chance", "verification"]
    assert built.loc["MLP", "speaker"] == 0.8
    assert built.loc["MLP", "phone times"] == "forced"
    assert built.loc["verification", "EER"] == 0.02
    assert pd.isna(built.loc["verification", "phone"])


def test_alignment_rows() -> None:
    block = {"within_10ms": 0.7, "within_20ms": 0.9, "within_50ms": 0.99, "median_ms": 5.0, "boundaries": 100}
    pauses = {"pause_precision": 0.9, "pause_recall": 0.8}
    found = block | {
        "pauses": "optional",
        "held_out_speakers": block | {"within_20ms": 0.88, "optional_pauses": pauses},
        "by_method": {"A": block | {"within_20ms": 0.85}},
        "optional_pauses": pauses,
    }
    built = table("alignment", results(alignment=found))
    assert built["within_20ms"].tolist() == [0.9, 0.88, 0.85]
    assert built["pauses"].unique().tolist() == ["optional"]
    assert built["pause_recall"].iloc[:2].tolist() == [0.8, 0.8]


@pytest.mark.parametrize(
    "name",
    [
        "alignment", "judges", "dynamical", "dynamical_claims", "codes",
        "manipulation", "factorization_claims", "representation",
    ],
)  # fmt: skip
def test_every_table_can_be_built_from_nothing(name: str, tmp_path: Path) -> None:
    built = table(name, results())
    render(name, "A caption.", built, results(), tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".csv", ".md", ".tex"}


def test_rendered_forms_agree(tmp_path: Path) -> None:
    found = results(srnn=SRNN)
    render("dynamical", "A caption.", table("dynamical", found), found, tmp_path)
    assert pd.read_csv(tmp_path / "dynamical.csv", index_col=0).loc["srnn", "SI-SDR (dB)"] == 7.25
    for ending in ("md", "tex"):
        text = (tmp_path / f"dynamical.{ending}").read_text()
        assert "7.25 " in text
        assert "corpus embedded, scale demo" in text


def test_digits_are_those_of_the_column_not_of_the_value(tmp_path: Path) -> None:
    worse = SRNN | {"resynthesis": SRNN["resynthesis"] | {"rmse": 0.1}}
    found = results(vae=worse, srnn=SRNN)
    render("dynamical", "A caption.", table("dynamical", found), found, tmp_path)
    rows = [line.split("|") for line in (tmp_path / "dynamical.md").read_text().splitlines()[2:]]
    head = [cell.strip() for cell in rows[0]]
    shown = [dict(zip(head, (cell.strip() for cell in row), strict=True)) for row in rows[2:]]
    assert [row["RMSE"] for row in shown] == ["0.1000", "0.0400"]
    assert [row["published RMSE"] for row in shown] == ["0.0510", "0.0248"]
    assert [row["published STOI"] for row in shown] == ["0.86", "0.97"]
    assert [row["published PESQ raw nb"] for row in shown] == ["2.05", "3.64"]
    assert shown[1]["STOI"] == "0.900"


def test_digits_as_printed() -> None:
    digits = printed("dynamical_wsj0")
    assert [digits[name] for name in ("rmse", "pesq_nb_raw", "stoi", "si_sdr_review")] == [4, 2, 2, 1]


def test_imported_weights_say_so() -> None:
    assert label("srnn", {}) == "srnn"
    codes = {"codes": {"dimensions": 16}, "weights": "imported from SRNN.pt"}
    assert table("codes", results(srnn=codes)).index[-1] == "srnn, imported from SRNN.pt"
    shifted = SEGMENT_VAE | {"weights": "imported from a.pt"}
    assert table("manipulation", results(segment_vae=shifted)).index[-1] == "segment_vae, imported from a.pt"


def test_published_figures_as_printed() -> None:
    """Spot checks against the papers, and the order both papers claim."""
    dynamical, manipulation = read("dynamical_wsj0"), read("manipulation_timit")
    assert dynamical["rmse"].idxmin() == "srnn"
    assert dynamical.loc["vae", "pesq_nb_raw"] == 2.05
    assert len(dynamical) == 8
    models, free_running = read("dynamical_models"), read("dynamical_wsj0_free_running")
    assert models.index.tolist() == dynamical.index.tolist()
    assert free_running["si_sdr_review"].tolist() == [-1.0, 7.8]
    # What the caption says of the published betas.
    assert ((dynamical["beta"] < 1) == (models["dynamical_z"] == 1)).all()
    assert manipulation["phone_delta_target"].is_monotonic_increasing
    assert manipulation.loc["fdnf", "speaker_delta_other"] == -0.017


def test_leaf() -> None:
    assert leaf({"a": {"b": 1}}, "a.b") == 1
    assert leaf({"a": {"b": 1}}, "a.c") is None
    assert leaf({"a": 1}, "a.b") is None


def test_codes_stand_in_the_benchmarks_order_with_what_v_holds() -> None:
    codes = {"dimensions": 16, "active_dimensions": 9, "smoothness": 0.7, "smoothness_of_spectrogram": 0.6}
    dsae = {"codes": codes, "sequence_code": {"kl": 0.2, "speaker_accuracy": 0.5, "chance": 0.125}}
    built = table("codes", results(dsae=dsae, dkf={"codes": codes}, srnn=SRNN))
    assert list(built.index) == ["log spectrogram", "dkf", "dsae"]
    assert built.loc["log spectrogram", "smoothness"] == 0.6
    kl = "KL of v (nats per utterance)"
    assert built.loc["dsae", ["active", kl, "speaker by v", "chance"]].tolist() == [9, 0.2, 0.5, 0.125]
    assert pd.isna(built.loc["dkf", kl])
    assert table("codes", results(srnn=SRNN)).empty


def test_counts_of_codes_are_whole_numbers_beside_empty_cells(tmp_path: Path) -> None:
    codes = {"dimensions": 16, "active_dimensions": 9, "smoothness": 0.7}
    found = results(dsae={"codes": codes, "sequence_code": {"active_dimensions": 3}}, dkf={"codes": codes})
    render("codes", "A caption.", table("codes", found), found, tmp_path)
    lines = (tmp_path / "codes.csv").read_text().splitlines()
    assert [line.split(",")[:3] for line in lines[1:]] == [
        ["log spectrogram", "", ""],
        ["dkf", "16", "9"],
        ["dsae", "16", "9"],
    ]
    assert "16.0" not in (tmp_path / "codes.md").read_text()
