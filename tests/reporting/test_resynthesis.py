"""Tables of speech resynthesis: the paper's figures as fractions, ours beside them, marked as something else."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from speech_factorization.reporting import resynthesis
from speech_factorization.reporting.published import read
from speech_factorization.reporting.tables import coding, coding_rates
from speech_factorization.reporting.tables.base import Results, render

QUALITY = {
    "pesq_wb": 1.5,
    "stoi": 0.8,
    "phone_error": 0.16,
    "ffe": 0.059,
    "eer": 0.0,
    "cosine": 0.9,
    "mcd": 4.0,
}
STREAM = {"nominal": 332.2, "ceil": 350.0, "unigram": 327.0, "conditional": 142.0, "tables": 160.0}
PITCH = {name: value / 6 for name, value in STREAM.items()}
FORM = {"payload": 190.0, "file": 240.0, "amortised": 280.0, "alone": 660.0}
CODING = {
    "rates": {
        "content": STREAM,
        "pitch": PITCH,
        "kept": FORM,
        "removed": {name: value - 10 for name, value in FORM.items()} | {"units": 90.0, "durations": 60.0},
    },
    "systems": {
        "original": QUALITY | {"bits_per_second": 256_000.0, "file_bits_per_second": 256_000.0},
        "ours": QUALITY | {"bits_per_second": 180.0, "file_bits_per_second": 270.0},
        "world": QUALITY,
        "opus_6000": QUALITY | {"bits_per_second": 5700.0, "file_bits_per_second": 7700.0},
        "codec2_700c": QUALITY | {"bits_per_second": 700.0, "file_bits_per_second": 700.0},
    },
}


def results(**metrics: Any) -> Results:
    return Results("embedded", "demo", metrics, {})


FOUND = results(speech_resynthesis={"coding": CODING}, srnn={"resynthesis": {"rmse": 0.04}})


def test_published_figures_are_all_there() -> None:
    assert len(read("resynthesis")) == 48
    assert not read("resynthesis").reset_index().duplicated(["experiment", "system", "measure"]).any()
    assert resynthesis.published("reconstruction").loc["HuBERT"].to_dict() == {
        "per": 0.197, "wer": 0.114, "vde": 0.098, "ffe": 0.104, "eer": 0.058,
    }  # fmt: skip
    assert resynthesis.published("conversion").loc["VQ-VAE", "eer"] == 0.116
    assert resynthesis.published("flattened").loc["CPC"].tolist() == [0.253, 0.27]
    assert resynthesis.published("rate").loc["VQ-VAE + F0", "bits_per_second"] == 865
    assert resynthesis.published("entropy").loc["CPC-100"].tolist() == [664, 585, 162]
    assert resynthesis.published("reconstruction").index.tolist() == ["CPC", "HuBERT", "VQ-VAE"]


def test_every_published_measure_has_a_name() -> None:
    assert set(read("resynthesis")["measure"]) <= {*resynthesis.MEASURES, *resynthesis.RATES}


def test_coding_from_the_highest_rate_to_the_lowest() -> None:
    table = coding.build(FOUND)
    assert table.index.tolist() == [
        *resynthesis.published("rate").index,
        *("WORLD", "original", "Opus 6000", "Codec2 700c", "ours"),
    ]
    assert set(table["of"][:9]) == {"published, VCTK"}
    assert set(table["of"][9:]) == {"measured here"}
    ours = table.iloc[-1]
    assert (ours["bits per second"], ours["with its file"], ours["PESQ wb"]) == (180, 270, 1.5)
    assert pd.isna(table.loc["WORLD", "bits per second"])
    assert table.loc["CPC-100", "bits per second"] == 700
    assert table.iloc[:9].drop(columns=["of", "bits per second"]).isna().all(axis=None)
    assert not {"PER", "WER"} & set(table)


def test_rates_add_up() -> None:
    table = coding_rates.build(FOUND)
    assert table.loc["HuBERT-100", "conditional"] == 117
    assert table.loc["units", "nominal"] == 332.2
    kept = table.loc["units + pitch, duplicates kept"]
    assert kept["nominal"] == pytest.approx(332.2 * 7 / 6)
    assert kept["payload"] == 190
    removed = table.loc["units + pitch, duplicates removed"]
    assert (removed["payload"], pd.isna(removed["nominal"])) == (180, True)
    assert table.loc["of these, durations", "by the tables"] == 60
    assert table["of"].tolist() == ["published, VCTK"] * 3 + ["ours"] * 6


@pytest.mark.parametrize("table", [coding, coding_rates])
@pytest.mark.parametrize("found", [FOUND, results(), results(speech_resynthesis={"not_answered": {}})])
def test_tables_are_written_with_or_without_results(table: Any, found: Results, tmp_path: Path) -> None:
    name = table.__name__.rpartition(".")[2]
    built = table.build(found)
    render(name, table.CAPTION, built, found, tmp_path)
    text = (tmp_path / f"{name}.md").read_text(encoding="utf-8")
    assert "nan" not in text.lower()
    assert "published, VCTK" in text
    assert ("ours" in built.get("of", pd.Series()).tolist() or "ours" in built.index) == (found is FOUND)


def test_digits_are_those_of_the_measure(tmp_path: Path) -> None:
    render("coding", coding.CAPTION, coding.build(FOUND), FOUND, tmp_path)
    line = next(
        line for line in (tmp_path / "coding.md").read_text(encoding="utf-8").splitlines() if "| ours" in line
    )
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[:5] == ["ours", "measured here", "180", "270", "1.50"]


def test_the_caption_of_coding_says_of_how_much_it_is_and_what_is_not_here() -> None:
    why = {"codec2_1300": "no c2enc on PATH", "codec2_700c": "no c2enc on PATH"}
    found = CODING | {"files": 4, "seconds": 19.53, "not_answered": why}
    said = coding.caption(results(speech_resynthesis={"coding": found}))
    assert said.startswith(coding.CAPTION)
    assert "Of 4 files, 19.5 s." in said
    assert "660 with duplicates kept, 650 with duplicates removed" in said
    assert "Not measured: Codec2 1300, Codec2 700c (no c2enc on PATH)." in said
    assert coding.caption(results()) == coding.CAPTION
