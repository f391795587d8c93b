"""Claims are decided as a reader would by hand, from made-up figures."""

import pandas as pd
import pytest

from speech_factorization.errors import InputError
from speech_factorization.reporting.claims import Claim, claims, fed, judge, unlike, verdicts
from speech_factorization.reporting.measures import METRICS, NOT_FED, OWN_PAST, TRUE_PAST

CLAIM = Claim("both beat the VAE", "dkf, srnn > vae", (("dkf", "vae"), ("srnn", "vae")))


def results(metric: str = "stoi", **seeds: list[float]) -> pd.DataFrame:
    """MODEL=[value of seed 0, of seed 1, ...]."""
    rows = [
        {"model": model, "seed": seed, metric: value}
        for model, values in seeds.items()
        for seed, value in enumerate(values)
    ]
    return pd.DataFrame(rows)


def test_holds_in_one_seed() -> None:
    verdict = judge(results(vae=[0.80], dkf=[0.85], srnn=[0.90]), CLAIM, "stoi")
    assert (verdict.held, verdict.seeds, verdict.lost) == (1, 1, ())
    assert verdict.closest == "dkf > vae"
    assert verdict.text(3) == "holds (dkf > vae 0.850/0.800)"


def test_lower_is_better_for_rmse_alone() -> None:
    figures = {"vae": [0.05], "dkf": [0.04], "srnn": [0.03]}
    assert judge(results("rmse", **figures), CLAIM, "rmse").text(4) == "holds (dkf > vae 0.0400/0.0500)"
    assert judge(results("si_sdr", **figures), CLAIM, "si_sdr").text(2).startswith("does not hold (2 of 2")
    assert [name for name, measure in METRICS.items() if measure.better < 0] == ["rmse"]


def test_paired_by_seed() -> None:
    """Every model varies more over seeds than it differs from the VAE; paired, the claim holds in each."""
    verdict = judge(results(vae=[0.5, 0.6, 0.7], dkf=[0.51, 0.62, 0.73], srnn=[0.6, 0.7, 0.8]), CLAIM, "stoi")
    assert (verdict.held, verdict.seeds) == (3, 3)
    assert verdict.margin == pytest.approx(0.02)
    assert verdict.spread == pytest.approx(0.01)
    assert verdict.text(3) == "holds in all 3 seeds (dkf > vae 0.620/0.600, +0.020 +- 0.010)"


def test_differs_by_seed() -> None:
    verdict = judge(results(vae=[0.5, 0.5, 0.5], dkf=[0.6, 0.4, 0.7], srnn=[0.9, 0.9, 0.9]), CLAIM, "stoi")
    assert (
        verdict.text(2)
        == "differs by seed: holds in 2 of 3 (1 of 2 lost: dkf > vae 0.57/0.50, +0.07 +- 0.15)"
    )


def test_does_not_hold_and_names_the_clearest_loss() -> None:
    verdict = judge(results(vae=[0.5, 0.5], dkf=[0.4, 0.4], srnn=[0.2, 0.2]), CLAIM, "stoi")
    assert set(verdict.lost) == {"dkf > vae", "srnn > vae"}
    assert (
        verdict.text(2)
        == "does not hold in any of 2 seeds (2 of 2 lost: srnn > vae 0.20/0.50, -0.30 +- 0.00)"
    )


def test_a_tie_is_neither_won_nor_lost() -> None:
    verdict = judge(results(vae=[0.5], dkf=[0.5], srnn=[0.6]), CLAIM, "stoi")
    assert (verdict.held, verdict.seeds, verdict.lost, verdict.tied) == (0, 0, (), ("dkf > vae",))
    assert verdict.text(2) == "cannot tell (tied: dkf > vae)"
    alone = judge(results(vae=[0.5], dkf=[0.5]), CLAIM, "stoi")
    assert alone.text(2) == "cannot tell (tied: dkf > vae; 1 of 2 not comparable)"


def test_a_loss_decides_beside_a_tie() -> None:
    verdict = judge(results(vae=[0.5], dkf=[0.5], srnn=[0.4]), CLAIM, "stoi")
    assert verdict.text(2) == "does not hold (1 of 2 lost: srnn > vae 0.40/0.50)"


def test_a_tied_seed_does_not_count_and_is_named() -> None:
    verdict = judge(results(vae=[0.5, 0.5], dkf=[0.5, 0.6], srnn=[0.8, 0.8]), CLAIM, "stoi")
    assert (verdict.held, verdict.seeds) == (1, 1)
    assert verdict.text(2) == "holds (dkf > vae 0.55/0.50, +0.05 +- 0.07; in other seeds tied: dkf > vae)"


def test_printed_figures_tie_within_half_a_unit_of_their_last_digit() -> None:
    """.1 + .2 is more than .3 in floating point, and as printed is not."""
    figures = results(vae=[0.3], dkf=[0.1 + 0.2], srnn=[0.4])
    assert judge(figures, CLAIM, "stoi").seeds == 1
    assert judge(figures, CLAIM, "stoi", 0.05).text(1) == "cannot tell (tied: dkf > vae)"
    order = ["vae", "rvae_causal", "rvae", "dsae", "dkf", "storn", "vrnn", "srnn"]
    told = verdicts(results(**{m: [0.9 + p / 1e5] for p, m in enumerate(order)}), ["stoi"], {"stoi": 2})
    assert told.loc["SRNN is best", "stoi"].startswith("cannot tell (tied: srnn > vae")
    told = verdicts(results(**{m: [0.9 + p / 1e5] for p, m in enumerate(order)}), ["stoi"])
    assert told.loc["SRNN is best", "stoi"].startswith("holds")


def test_unlike_by_beta_or_by_what_was_fed_in_training() -> None:
    rows = pd.DataFrame(
        {
            "model": ["vae", "dkf", "srnn", "vrnn"],
            "beta": [1.0, 0.5, 1.0, None],
            "training": [NOT_FED, NOT_FED, "scheduled sampling", "truth"],
        }
    )
    assert unlike(rows, CLAIM) == "1 of 2"
    assert unlike(rows, Claim("", "", (("srnn", "vrnn"), ("srnn", "vae")))) == "1 of 2"
    assert unlike(rows.assign(training="truth"), Claim("", "", (("srnn", "vrnn"),))) == "0 of 1"
    assert unlike(rows, Claim("", "", (("storn", "vae"),))) == ""


@pytest.mark.parametrize("srnn", [[], [float("nan")]])
def test_missing_model_cannot_tell(srnn: list[float]) -> None:
    verdict = judge(results(vae=[0.5], dkf=[0.6], srnn=srnn), CLAIM, "stoi")
    assert verdict.text(2) == "cannot tell (1 of 2 not comparable)"


def test_one_lost_comparison_decides_even_where_another_is_missing() -> None:
    verdict = judge(results(vae=[0.5], dkf=[0.4]), CLAIM, "stoi")
    assert verdict.text(2) == "does not hold (1 of 1 lost: dkf > vae 0.40/0.50)"


def test_seeds_that_no_comparison_shares() -> None:
    figures = results(vae=[0.5], dkf=[0.6], srnn=[0.6])
    other = figures.assign(seed=[0, 0, 1])
    assert judge(other, CLAIM, "stoi").text(2) == "cannot tell (1 of 2 not comparable)"
    split = pd.concat([figures.query("model != 'srnn'"), figures.query("model != 'dkf'").assign(seed=1)])
    assert judge(split, CLAIM, "stoi").text(2) == "cannot tell (no seed has every comparison)"


def test_incomplete_seed_does_not_count() -> None:
    verdict = judge(results(vae=[0.5, 0.5], dkf=[0.6, 0.6], srnn=[0.6]), CLAIM, "stoi")
    assert (verdict.held, verdict.seeds) == (1, 1)


def test_two_results_of_one_seed_are_refused() -> None:
    figures = results(vae=[0.5], dkf=[0.6])
    with pytest.raises(InputError, match="two results of vae, seed 0"):
        judge(pd.concat([figures, figures]), CLAIM, "stoi")


def test_comparisons_by_hand() -> None:
    pairs = {claim.statement: set(claim.pairs) for claim in claims()}
    assert len(pairs["every dynamical VAE beats the VAE"]) == 7
    assert len(pairs["autoregression helps"]) == 12
    assert len(pairs["SRNN is best"]) == 7
    assert pairs["the posterior's structure helps"] == {("srnn", "vrnn"), ("srnn", "storn"), ("dkf", "dsae")}
    assert pairs["autoregression helps, other properties equal"] == {("srnn", "dkf"), ("vrnn", "dsae")}
    assert pairs["the posterior's structure helps, other properties equal"] == {
        ("srnn", "vrnn"),
        ("dkf", "dsae"),
    }
    assert pairs["dynamics on z help, other properties equal"] == {
        ("dkf", "rvae_causal"),
        ("dkf", "rvae"),
        ("vrnn", "storn"),
    }


def test_verdicts_of_an_ideal_table() -> None:
    """Every model better than the one before: what the order says, every claim must."""
    order = ["vae", "rvae_causal", "rvae", "dsae", "dkf", "storn", "vrnn", "srnn"]
    told = verdicts(results(**{model: [float(place)] for place, model in enumerate(order)}), ["rmse", "stoi"])
    assert told["stoi"].str.startswith("holds").all()
    assert (told["rmse"] == "").all()
    swapped = ["srnn", *order[1:-1], "vae"]
    told = verdicts(results(**{model: [float(place)] for place, model in enumerate(swapped)}), ["stoi"])
    assert told.loc["dynamics on z help", "stoi"].startswith("does not hold (1 of 3 lost: srnn > storn")
    assert (
        told.loc["dynamics on z help, other properties equal", "stoi"] == "holds (vrnn > storn 6.000/5.000)"
    )


def test_feeding_is_chosen_for_autoregressive_models_alone() -> None:
    figures = pd.DataFrame(
        {"model": ["vae", "srnn", "srnn"], "feeding": [NOT_FED, TRUE_PAST, OWN_PAST], "seed": 0}
    )
    assert fed(figures, OWN_PAST).index.tolist() == [0, 2]
    assert fed(figures, TRUE_PAST).index.tolist() == [0, 1]
