"""Tables and pages of units, voices and pitch: what stands where, and verdicts that follow from the figures."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from speech_factorization.reporting.pages import resynthesis as page
from speech_factorization.reporting.resynthesis import MODEL, published
from speech_factorization.reporting.resynthesis_claims import CLAIMS, Comparison, decide, theirs
from speech_factorization.reporting.tables import conversion, pitch_conversion, resynthesis_claims, units
from speech_factorization.reporting.tables.base import Results, render

VOICE = {"eer": 0.03, "cosine": 0.8, "nearest_target": 0.9, "phone_error": 0.2, "ffe": 0.05, "speakers": 8}
VOICE |= {"sounds": 16}
OTHER = VOICE | {"eer": 0.04, "cosine_source": 0.1, "nearest_source": 0.05, "phone_error": 0.21}
PITCH = {"ffe": 0.05, "ffe_original": 0.06, "correlation_original": 0.9, "spread_semitones": 2.5}
FLAT = PITCH | {"ffe_original": 0.3, "correlation_original": 0.1, "spread_semitones": 0.2}
FOUND = {
    "content_units": "kmeans",
    "generator": "source_filter",
    "conversion": {"utterances": 16, "reconstruction": VOICE, "own": VOICE, "seen": OTHER, "unseen": OTHER},
    "pitch_conversion": {"utterances": 16, "reconstruction": PITCH, "flatten": FLAT},
}
UNITS = {
    "kmeans": {"pnmi": 0.65, "phone_accuracy": 0.88, "speaker_accuracy": 0.3, "f0_r2": 0.1},
    "vqvae": {"pnmi": 0.45, "phone_accuracy": 0.7, "speaker_accuracy": 0.76, "f0_r2": 0.4},
    "chance": {"phone_accuracy": 0.09, "speaker_accuracy": 0.025},
}


def results(model: Any = FOUND, of_units: Any = UNITS) -> Results:
    found = {MODEL: model, "units": of_units}
    return Results("embedded", "demo", {name: value for name, value in found.items() if value}, {})


def test_units_in_the_papers_order_and_chance_last() -> None:
    built = units.build(results())
    assert built.index.tolist() == ["vqvae", "kmeans", "chance"]
    assert built.loc["kmeans", "PNMI"] == 0.65
    assert "perplexity" not in built
    assert pd.isna(built.loc["chance", "PNMI"])


def test_conversion_has_published_rows_and_ours() -> None:
    built = conversion.build(results())
    assert built["of"].tolist() == ["published, VCTK"] * 6 + ["ours"] * 4
    assert built["form"].tolist()[-3:] == ["own voice, from other utterances", "seen target", "unseen target"]
    theirs = built[(built["units"] == "HuBERT") & (built["form"] == "random target")].iloc[0]
    assert (theirs["speaker EER"], theirs["PER"], theirs["WER"]) == (0.06, 0.209, 0.127)
    assert pd.isna(theirs["phone error"])
    seen = built[built["form"] == "seen target"].iloc[0]
    assert (seen["units"], seen["to source"], seen["of speakers"]) == ("kmeans, source_filter", 0.1, 8)
    assert pd.isna(seen["PER"])


def test_pitch_has_published_errors_to_the_original_alone() -> None:
    built = pitch_conversion.build(results())
    assert built["form"].tolist() == ["F0 as it was"] * 3 + ["flat"] * 3 + ["F0 as it was", "flat"]
    assert built["FFE to original"].tolist() == [0.111, 0.104, 0.056, 0.27, 0.267, 0.078, 0.06, 0.3]
    assert built["FFE"].isna().tolist() == [True] * 6 + [False] * 2


def test_imported_weights_say_so() -> None:
    built = conversion.build(results(FOUND | {"weights": "imported from a.pt"}))
    assert built.index[-1] == "speech_resynthesis, imported from a.pt"


@pytest.mark.parametrize("table", [units, conversion, pitch_conversion, resynthesis_claims])
@pytest.mark.parametrize("found", [results(), results(None, None)], ids=["all", "nothing"])
def test_every_table_is_written(table: Any, found: Results, tmp_path: Path) -> None:
    render("name", table.CAPTION, table.build(found), found, tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".csv", ".md", ".tex"}


CLUSTERED_PHONES, SPEAKER, F0, VOICES, WORDS, FLATTENED, UNSEEN = (claim.statement for claim in CLAIMS)


def test_claims_of_the_published_figures() -> None:
    told = resynthesis_claims.build(results(None, None))["published"]
    assert told[CLUSTERED_PHONES] == "holds (cpc < vqvae 0.230/0.320)"
    assert told[SPEAKER] == "holds (hubert < vqvae 0.060/0.116)"
    assert told[F0] == "holds (hubert < vqvae 0.733/0.922)"
    assert told[VOICES] == "holds (cpc 0.048/0.043)"
    assert told[WORDS] == "holds (hubert 0.209/0.197)"
    assert told[FLATTENED] == "holds (vqvae 0.922/0.944)"
    assert told[UNSEEN] == ""


def test_claims_of_ours_follow_from_the_figures() -> None:
    told = resynthesis_claims.build(results())["ours"]
    assert told[CLUSTERED_PHONES] == "holds (kmeans < vqvae 0.120/0.300)"
    assert told[VOICES] == "holds (seen 0.040/0.030)"
    assert told[FLATTENED] == "holds (flat 0.100/0.900)"
    assert told[UNSEEN] == "holds (unseen 0.040/0.040)"
    lost = FOUND | {"conversion": FOUND["conversion"] | {"unseen": OTHER | {"eer": 0.2}}}
    told = resynthesis_claims.build(results(lost, UNITS | {"kmeans": UNITS["vqvae"]}))["ours"]
    assert told[VOICES] == "does not hold (1 of 2 lost: unseen 0.200/0.030)"
    assert told[UNSEEN] == "does not hold (1 of 1 lost: unseen 0.200/0.040)"
    assert told[SPEAKER] == "cannot tell (tied: kmeans < vqvae)"
    # Without a VQ-VAE nothing is told of units, without conversion nothing of voices.
    told = resynthesis_claims.build(results(None, {"kmeans": UNITS["kmeans"]}))["ours"]
    assert set(told) == {""}


def changed(block: str, form: str, **figures: float) -> dict[str, Any]:
    return FOUND | {block: FOUND[block] | {form: FOUND[block][form] | figures}}


def test_a_model_that_says_nothing_decides_no_claim_on_conversion() -> None:
    for found, why in (
        (changed("conversion", "own", eer=0.5), "own EER 0.500, not below 0.25"),
        (
            changed("conversion", "reconstruction", phone_error=0.93),
            "phone error of reconstruction 0.930, not below 0.5",
        ),
    ):
        told = resynthesis_claims.build(results(found))["ours"]
        assert {told[claim] for claim in (VOICES, WORDS, UNSEEN)} == {f"cannot tell ({why})"}
        assert told[FLATTENED].startswith("holds")
        rows = page.results(pd.DataFrame([{"seed": "0", "model": MODEL, **dotted(found)}]), value)
        decided = rows[rows["experiment"] == "claims"].iloc[0]
        assert decided[[VOICES, WORDS, UNSEEN]].isna().all()
        assert decided[FLATTENED] == 1


def dotted(found: dict[str, Any]) -> dict[str, Any]:
    flat = {
        f"{a}.{b}.{name}": x
        for a in ("conversion", "pitch_conversion")
        for b, block in found[a].items()
        if isinstance(block, dict)
        for name, x in block.items()
    }
    return flat | {name: found[name] for name in ("content_units", "generator")}


def test_what_is_claimed_of_clustered_units_is_told_of_no_other() -> None:
    told = resynthesis_claims.build(results(FOUND | {"content_units": "vqvae"}))["ours"]
    assert told[VOICES] == told[WORDS] == "cannot tell (units: vqvae)"
    assert told[UNSEEN].startswith("holds")


def test_a_flat_voice_is_told_by_what_is_left_of_the_contour() -> None:
    for left, said in ((0.46, "does not hold"), (-0.46, "does not hold"), (-0.44, "holds")):
        told = resynthesis_claims.build(
            results(changed("pitch_conversion", "flatten", correlation_original=left))
        )["ours"]
        assert told[FLATTENED].startswith(f"{said} (")
    lost = changed("pitch_conversion", "reconstruction", correlation_original=0.3)
    assert resynthesis_claims.build(results(lost))["ours"][FLATTENED].startswith(
        "cannot tell (1 - correlation"
    )


def test_counts_are_whole_and_cosines_have_three_digits(tmp_path: Path) -> None:
    found = results(changed("conversion", "seen", cosine=0.01234, cosine_source=-0.5))
    render("conversion", conversion.CAPTION, conversion.build(found), found, tmp_path)
    line = next(x for x in (tmp_path / "conversion.md").read_text().splitlines() if "| seen target" in x)
    assert [cell.strip() for cell in line.split("|")[5:9]] == ["16", "0.040", "0.012", "-0.500"]


def test_a_missing_figure_leaves_a_claim_open_and_a_lost_one_decides() -> None:
    figures = {"a": 1.0, "b": 2.0, "c": 0.5}
    open_one = decide([Comparison("x", "a", "b"), Comparison("y", "a", "none")], figures.get)
    assert open_one.text(1) == "cannot tell (1 of 2 not comparable)"
    lost = decide([Comparison("x", "a", "c"), Comparison("y", "a", "none")], figures.get)
    assert lost.text(1) == "does not hold (1 of 1 lost: x 1.0/0.5)"
    near = decide([Comparison("x", "a", "c", margin=0.6)], figures.get)
    assert near.text(1) == "holds (x 1.0/0.5)"


def test_every_published_figure_a_claim_names_is_there() -> None:
    keys = [key for claim in CLAIMS for one in claim.published for key in (one.first, one.second)]
    assert all(0 < theirs(key) < 1 for key in keys)
    assert theirs("vqvae.flattened.agreement") == pytest.approx(
        1 - published("flattened").loc["VQ-VAE", "ffe"]
    )


def members(**changes: list[Any]) -> pd.DataFrame:
    """Two seeds as rows of a CSV of experiments."""
    flat: dict[str, list[Any]] = {"seed": ["0", "1"], "model": [MODEL] * 2}
    flat |= {name: [FOUND[name]] * 2 for name in ("content_units", "generator")}
    for experiment in ("conversion", "pitch_conversion"):
        for form, block in FOUND[experiment].items():
            if isinstance(block, dict):
                flat |= {f"{experiment}.{form}.{name}": [value, value] for name, value in block.items()}
    flat |= {"coding.systems.ours.pesq_wb": [1.4, 1.5], "conversion.seen.eer": [0.04, 0.06]}
    return pd.DataFrame(flat | changes)


def value(row: "pd.Series[Any]", key: str) -> float | None:
    found = row.get(key)
    return None if found is None else float(found)


def test_the_page_over_seeds() -> None:
    rows = page.results(members(), value)
    voices, changed, claims = page.tables(rows)
    assert isinstance(voices, pd.DataFrame)
    assert isinstance(changed, pd.DataFrame)
    assert isinstance(claims, pd.DataFrame)
    seen = voices[voices["form"] == "seen target"].iloc[0]
    assert (seen["seeds"], seen["speaker EER"]) == ("2", "0.050 +- 0.014")
    assert (voices["of"] == "published, VCTK").sum() == 6
    assert changed["form"].tolist() == ["F0 as it was", "flat"]
    told = dict(zip(claims["claim"], claims["ours"], strict=True))
    # Of .04 and .06 against .03 the second is not near.
    assert told[VOICES] == "differs by seed: 1 of 2 seeds"
    assert told[FLATTENED] == "holds: 2 of 2 seeds"
    assert SPEAKER not in told
    assert page.overview([({}, rows)]) is None


def test_settings_side_by_side() -> None:
    first = page.results(members(), value)
    second = page.results(members(content_units=["vqvae"] * 2), value)
    setting = "hp.speech_resynthesis.units"
    over = page.overview([({setting: "kmeans"}, first), ({setting: "vqvae"}, second)])
    assert over is not None
    assert over["units"].tolist() == ["kmeans, source_filter", "vqvae, source_filter"]
    assert over["setting"].tolist() == [f"{setting} = kmeans", f"{setting} = vqvae"]
    assert over["PESQ wb"].tolist() == ["1.45 +- 0.07"] * 2
    assert over["seen speaker EER"].tolist() == ["0.050 +- 0.014"] * 2
