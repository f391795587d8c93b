"""Figures and claims of the experiments on vowels: what a corpus has stands in them, what it lacks does not."""

from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from speech_factorization.reporting import vowels
from speech_factorization.reporting.pages import glow as page
from speech_factorization.reporting.tables import vowel_claims as claims_table
from speech_factorization.reporting.tables import vowels as table
from speech_factorization.reporting.tables.base import Results, leaf, render
from speech_factorization.reporting.vowel_claims import STATED, verdicts


def distribution(ks: float, spread: float, bits: float) -> dict[str, float]:
    return {"kolmogorov_smirnov": ks, "radial_spread": spread, "bits": bits, "normal": 0.9, "skewness": 0.1}


def path(typical: float, contrast: float, kept: float = 0.9) -> dict[str, float]:
    return {
        "monotonicity": 0.97,
        "largest_step": 0.3,
        "target_at_start": 0.0,
        "target_at_middle": 0.5,
        "target_at_end": 0.9,
        "kept_at_ends": 0.9,
        "kept_between": kept,
        "typicality_by_glow": typical,
        "typicality_by_ppca": 0.99,
        "contrast": contrast,
        "roughness": 0.7,
        "nearest_ratio": 1.2,
    }


def gains(best: float, snr: float = -1.0) -> dict[str, Any]:
    return {
        f"b{b:03d}": {"distance_gain": best * b / 80, "snr_gain": snr, "p_phone": 0.5}
        for b in range(0, 81, 10)
    }


def metrics() -> dict[str, Any]:
    """Of a corpus with one sex."""
    sample = {"nearest_ratio": 1.1, "roughness": 1.2, "silent_frames": 0.0, "entropy": 0.3}
    far = sample | {"nearest_ratio": 2.0}
    levels = {}
    for level, own, other in (("snr_0", 6.0, 9.0), ("snr_10", 4.0, 5.0), ("snr_20", 1.5, 1.0)):
        subtraction = {"distance_gain": other, "snr_gain": 3.0, "p_phone": 0.9}
        levels[level] = {"glow": gains(own), "spectrogram": gains(-0.1), "spectral_subtraction": subtraction}
    step = {"p_phone": 0.95, "p_speaker": 0.5, "typicality_by_glow": 0.9}
    return {
        "corpus": "embedded",
        "scale": "demo",
        "distribution": {
            "glow": distribution(0.65, 3.0, 2.7),
            "ppca": distribution(0.8, 8.0, 2.8),
            "spectrogram": distribution(2.3, 9.0, 5.0),
            "gaussian": distribution(0.62, 1.0, 0.0),
        },
        "sampling": {
            "real": {"silent_frames": 0.0, "entropy": 0.02, "entropy_of_all": 1.5},
            "glow": {"t100": sample},
            "ppca": {"t100": far},
            "spectrogram": {"t100": far | {"entropy": 1.2}},
        },
        "interpolation": {
            "vowel": {
                "changes": "aa to ae",
                "original": {"kept_at_ends": 0.95},
                "glow": path(0.8, 0.8),
                "glow_sphere": path(0.95, 1.0),
                "spectrogram": path(0.8, 0.95, 0.7),
            },
            "sex": {"skipped": "1 sex alone"},
        },
        "denoising": levels,
        "lda": {
            "vowel": {
                "items": 600,
                "glow": {"error": 0.2, "ridge_error": 0.06},
                "spectrogram": {"error": 0.01, "ridge_error": 0.0},
            }
        },
        "directions": {"glow": {"neutral": step, "phone": step, "speaker": step}},
        "reconstruction": {"front": {"p_phone": 0.98, "p_speaker": 0.9}},
    }


def told(values: dict[str, Any]) -> pd.DataFrame:
    return verdicts(partial(leaf, values)).set_index("claim")


@pytest.mark.parametrize(
    ("claim", "space", "said"),
    [
        ("codes are normal, each dimension", "Glow", "holds (K-S 0.65, normal numbers 0.62; 0.90 normal)"),
        ("codes are normal, each dimension", "one Gaussian", "in part (K-S 0.80"),
        ("codes are normal, each dimension", "spectrogram", "does not hold"),
        ("codes are normal, all together", "Glow", "in part (radial spread 3.00)"),
        ("denser than one Gaussian", "Glow", "holds (2.700 bits, one Gaussian 2.800)"),
        ("samples are plausible", "Glow", "holds (distance 1.10, roughness 1.20, entropy 0.20 of a guess)"),
        ("samples are plausible", "one Gaussian", "in part"),
        ("samples are plausible", "spectrogram", "does not hold"),
        ("interpolation is gradual: vowel", "Glow", "holds (0.97 of steps rise, 0.90 in all, 0.30 at once)"),
        ("the other factor stays: vowel changed", "Glow", "holds"),
        ("the other factor stays: vowel changed", "spectrogram", "does not hold"),
        (
            "the space is dense: vowel",
            "Glow",
            "in part (typical 0.80, contrast 0.80; on the sphere 0.95, 1.00)",
        ),
        ("the space is dense: vowel", "spectrogram", "does not hold (typical 0.80, contrast 0.95)"),
        (
            "a shift takes noise out",
            "Glow",
            "in part (6.0 of 9.0, 4.0 of 5.0, 1.5 of 1.0 dB at 0, 10 and 20 dB; SNR -1.0, ",
        ),
        ("a shift takes noise out", "spectrogram", "does not hold"),
        (
            "the class is harder to find linearly in the code: vowel",
            "Glow",
            "in part (of 600 items; LDA 0.010 to 0.200; ridge 0.000 to 0.060)",
        ),
        ("factors are directions", "Glow", "does not hold (vowel 0.95, speaker 0.50; typical 0.90)"),
    ],
)
def test_verdicts(claim: str, space: str, said: str) -> None:
    assert told(metrics()).loc[claim, space].startswith(said)


def test_a_shift_that_beats_spectral_subtraction_everywhere_takes_noise_out() -> None:
    values = metrics()
    for level in values["denoising"].values():
        level["glow"] = gains(9.5, snr=0.5)
    assert told(values).loc["a shift takes noise out", "Glow"].startswith("holds")
    # Not where it loses SNR; not at all where b = .8 gains next to nothing, whatever a smaller b does.
    values["denoising"]["snr_20"]["glow"] = gains(9.5, snr=-0.5)
    assert told(values).loc["a shift takes noise out", "Glow"].startswith("in part")
    values["denoising"]["snr_20"]["glow"] = gains(0.05) | {"b040": {"distance_gain": 3.0, "snr_gain": 1.0}}
    assert told(values).loc["a shift takes noise out", "Glow"].startswith("does not hold")


@pytest.mark.parametrize(("step", "said"), [(0.31, "in part"), (0.5, "in part"), (0.51, "does not hold")])
def test_a_jump_is_not_gradual(step: float, said: str) -> None:
    values = metrics()
    values["interpolation"]["vowel"]["glow"]["largest_step"] = step
    assert told(values).loc["interpolation is gradual: vowel", "Glow"].startswith(said)


def test_what_the_judge_does_not_see_is_not_decided() -> None:
    values = metrics()
    values["interpolation"]["vowel"]["glow"]["kept_at_ends"] = 0.75
    found = told(values).loc["the other factor stays: vowel changed", "Glow"]
    assert found == "not decided (the judge no longer sees it through the front: 0.75 of 0.95)"


@pytest.mark.parametrize(("typical", "said"), [(0.5, "holds"), (0.49, "in part")])
def test_directions_that_lead_out_of_speech(typical: float, said: str) -> None:
    values = metrics()
    values["directions"]["glow"]["speaker"] |= {"p_speaker": 0.9, "typicality_by_glow": typical}
    assert told(values).loc["factors are directions", "Glow"].startswith(said)


def test_denser_by_a_hundredth_of_a_bit() -> None:
    values = metrics()
    values["distribution"]["glow"]["bits"] = 2.795
    assert told(values).loc["denser than one Gaussian", "Glow"].startswith("does not hold")


def test_claims_without_figures_are_left_out() -> None:
    claims = set(told(metrics()).index)
    assert not {claim for claim in claims if "sex" in claim or claim.endswith(": speaker")}
    assert claims < {claim.statement for claim in STATED}
    assert told({"corpus": "embedded"}).empty
    assert told(metrics()).loc["codes are normal, each dimension", "Glow"] != ""
    # No verdict where the question makes no sense, or a figure lacks.
    assert told(metrics()).loc["denser than one Gaussian", "one Gaussian"] == ""
    assert told(metrics()).loc["the space is dense: vowel", "one Gaussian"] == ""


def test_tables_hold_the_figures(tmp_path: Path) -> None:
    found = Results(
        "embedded", "demo", {"glow": metrics(), "vae": {"corpus": "embedded", "scale": "demo"}}, {}
    )
    rows = table.build(found)
    assert set(rows.index) == {"glow"}
    line = rows[
        (rows["experiment"] == "distribution") & (rows["measure"] == "bits per real bin at 1 dB")
    ].iloc[0]
    assert (line["Glow"], line["one Gaussian"], line["reference is"]) == (2.7, 2.8, "normal numbers")
    assert not rows["experiment"].str.contains("sex").any()
    assert len(claims_table.build(found)) == len(told(metrics()))
    for name, module in (("vowels", table), ("vowel_claims", claims_table)):
        render(name, module.CAPTION, module.build(found), found, tmp_path)
        text = (tmp_path / f"{name}.md").read_text()
        # A bar within a cell would make two of it.
        assert len({line.count("|") for line in text.splitlines() if line.startswith("|")}) == 1
    nothing = Results("embedded", "demo", {}, {})
    assert table.build(nothing).empty
    assert claims_table.build(nothing).empty


def collected(*bits: float) -> pd.DataFrame:
    """Rows as stages.collect gives them, seed by seed."""

    def figure(row: "pd.Series[Any]", key: str) -> Any:
        values = metrics()
        values["distribution"]["glow"]["bits"] = row["bits"]
        return leaf(values, key)

    members = pd.DataFrame({"seed": [str(i) for i in range(len(bits))], "bits": bits, "model": "glow"})
    return page.results(members, figure)


def test_the_page_over_seeds() -> None:
    claims, figures = page.tables(collected(2.6, 2.7, 2.9))
    line = figures[figures["measure"] == "bits per real bin at 1 dB"].iloc[0]
    assert line["Glow"] == "2.733 +- 0.153"
    assert line["seeds"] == "3"
    claims = claims.set_index("claim")
    assert claims.loc["denser than one Gaussian", "Glow"] == "holds (2), does not hold (1)"
    assert claims.loc["codes are normal, each dimension", "Glow"] == "holds (3)"
    one, _ = page.tables(collected(2.6))
    assert (
        one.set_index("claim").loc["denser than one Gaussian", "Glow"]
        == "holds (2.600 bits, one Gaussian 2.800)"
    )


def test_the_overview_of_settings() -> None:
    settings = [
        ({"hp.glow.length": length}, collected(bits)) for length, bits in (("pad", 2.0), ("mask", 3.0))
    ]
    found = page.overview(settings)
    assert found["distribution: bits per real bin at 1 dB"].tolist() == ["2.000", "3.000"]
    assert found["setting"].tolist() == ["hp.glow.length = pad", "hp.glow.length = mask"]
    assert page.overview(settings[:1]) is None


def test_digits() -> None:
    assert vowels.column_digits()["Glow"] == 3
