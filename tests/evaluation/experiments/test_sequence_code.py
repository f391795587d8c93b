"""Codes of whole sequences that hold the speaker, the text or nothing."""

from unittest import mock

import numpy as np
import pandas as pd
import pytest
import torch

from speech_factorization.errors import InputError
from speech_factorization.evaluation.experiments import sequence_code
from speech_factorization.evaluation.experiments.sequence_code import halves, needs, run
from speech_factorization.interfaces import Data
from speech_factorization.models import dsae, vae
from tests.evaluation.experiments.toys import Toy, batches

SPEAKERS = 4
BINS = 12
"""0 to 3: the speaker, one of four; 4 to 7: noise of the utterance; 8 to 11: the text."""


def corpus(texts, versions=1, shared=True, seed=0):
    """Table and log power of everyone's `texts` texts, each said `versions` times; shared or the speaker's own."""
    rng = np.random.default_rng(seed)
    of_text = rng.normal(size=(SPEAKERS * texts, 4))
    rows, x = [], {}
    for speaker in range(SPEAKERS):
        for number in range(texts):
            text = number if shared else speaker * texts + number
            for version in range(versions):
                name = f"s{speaker}_{number:02}_{version}"
                rows.append((name, f"s{speaker}", "FM"[speaker % 2], f"text {text}"))
                constant = np.concatenate([np.eye(4)[speaker], rng.normal(size=4), of_text[text]])
                x[name] = constant + 0.01 * rng.normal(size=(int(rng.integers(5, 9)), BINS))
    return pd.DataFrame(rows, columns=["utterance", "speaker", "sex", "text"]), x


def found(model, table, x):
    return run(model, batches(x), table, seed=0).numbers["sequence_code"]


def noise_model(**how):
    return Toy(slice(4, 8), **how)


def test_a_code_that_is_the_speaker_is_read():
    numbers = found(Toy(v_of=lambda mean: mean, v_logvar=-10.0), *corpus(10))
    assert numbers["speaker_accuracy"] == numbers["speaker_accuracy_sampled"] == 1
    assert numbers["chance"] == 1 / SPEAKERS
    assert (numbers["speakers"], numbers["utterances"], numbers["dimensions"]) == (SPEAKERS, 40, 4)
    assert numbers["active_dimensions"] == 4


def test_a_code_that_is_noise_is_not_but_other_codes_are():
    """The noise has its own bins; the speaker stands in the spectrogram all the same."""
    numbers = found(noise_model(v_of=lambda mean: mean), *corpus(50))
    for key in ("speaker_accuracy", "speaker_accuracy_sampled", "speaker_accuracy_from_mean_z"):
        assert numbers[key] == pytest.approx(numbers["chance"], abs=0.1)
    assert numbers["speaker_accuracy_from_mean_spectrum"] == 1


def test_noise_scores_chance_though_one_speaker_says_most():
    """60 utterances of one and 20 of each other: naming the most frequent would be right in half of them."""
    accuracies = []
    for seed in range(12):
        table, x = corpus(60, seed=seed)
        rows = table[table["speaker"].eq("s0") | table["utterance"].str[3:5].lt("20")]
        numbers = found(noise_model(v_of=lambda mean: mean), rows, _of(x, rows))
        assert numbers["chance"] == 1 / SPEAKERS
        accuracies.append([numbers["speaker_accuracy"], numbers["speaker_accuracy_sampled"]])
    assert np.mean(accuracies, 0) == pytest.approx(1 / SPEAKERS, abs=0.04)


def test_samples_are_as_far_apart_as_their_variance_says():
    """Speakers a distance of one deviation from the origin: right where own noise + 1 is above all others'."""
    u = np.linspace(-8, 8, 4001)
    density = np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi)
    below = np.cumsum(density) * (u[1] - u[0])
    expected = np.sum(density * np.interp(u + 1, u, below) ** (SPEAKERS - 1)) * (u[1] - u[0])
    assert 0.5 < expected < 0.6
    model = Toy(v_of=lambda mean: np.exp(-1) * mean, v_logvar=-2.0)
    numbers = found(model, *corpus(100))
    assert numbers["speaker_accuracy"] == 1
    assert numbers["speaker_accuracy_sampled"] == pytest.approx(expected, abs=0.03)


def test_the_accuracy_of_samples_is_a_mean_over_many():
    """What one draw of noise scores varies; its mean over ten varies by a third of that."""
    table, x = corpus(10)
    seeds = range(24)

    def deviation():
        model = Toy(v_of=torch.zeros_like)
        runs = (run(model, batches(x), table, seed).numbers["sequence_code"] for seed in seeds)
        return np.std([numbers["speaker_accuracy_sampled"] for numbers in runs])

    many = deviation()
    with mock.patch.object(sequence_code, "DRAWS", 1):
        assert 2 < deviation() / many < 5


def test_the_mean_of_z_may_hold_the_speaker_where_v_does_not():
    numbers = found(Toy(v_of=torch.zeros_like), *corpus(10))
    assert numbers["speaker_accuracy_from_mean_z"] == 1
    assert numbers["speaker_accuracy"] == pytest.approx(numbers["chance"])
    assert (numbers["kl"], numbers["active_dimensions"]) == (0, 0)


def test_a_collapsed_code_is_read_from_its_mean_but_not_from_samples():
    numbers = found(Toy(v_of=lambda mean: 0.01 * mean), *corpus(50))
    assert numbers["speaker_accuracy"] == 1
    assert numbers["speaker_accuracy_sampled"] == pytest.approx(numbers["chance"], abs=0.05)
    assert numbers["kl"] < 0.001
    assert numbers["active_dimensions"] == 0


def test_kl_is_of_the_whole_vector_in_nats_per_utterance():
    numbers = found(Toy(v_of=lambda mean: torch.full_like(mean, 2.0), v_logvar=-1.0), *corpus(4))
    assert numbers["kl"] == pytest.approx(4 * 0.5 * (np.exp(-1) + 2.0**2 - 1 + 1), rel=1e-6)


def test_a_code_that_is_the_text_does_not_pass_for_the_speaker():
    """Everyone says what nobody else says, four times: halves that part those times would read it."""
    text = Toy(slice(8, 12), v_of=lambda mean: mean, v_logvar=-10.0)
    accuracies = []
    for seed in range(8):
        table, x = corpus(6, versions=4, shared=False, seed=seed)
        parting = table.assign(text="")
        accuracies.append([found(text, rows, x)["speaker_accuracy"] for rows in (table, parting)])
    by_text, by_utterance = np.mean(accuracies, 0)
    assert by_text == pytest.approx(1 / SPEAKERS, abs=0.1)
    assert by_utterance > 0.4


@pytest.mark.parametrize("shared", [True, False])
def test_halves_part_texts_and_hold_equally_much_of_every_speaker(shared):
    table, _ = corpus(10, versions=3, shared=shared)
    half = halves(table.sample(frac=1, random_state=0))
    assert (half.groupby(table["text"]).nunique() == 1).all()
    assert half.groupby(table["speaker"]).mean().tolist() == [0.5] * SPEAKERS
    pd.testing.assert_series_equal(half.sort_index(), halves(table))


def test_who_is_in_one_half_alone_is_left_out():
    table, x = corpus(4)
    lonely = table["speaker"].ne("s3") | table["text"].eq("text 0")
    assert found(Toy(v_of=lambda mean: mean), table[lonely], _of(x, table[lonely]))["speakers"] == 3
    one = table[table["speaker"] == "s0"]
    numbers = found(Toy(v_of=lambda mean: mean), one, _of(x, one))
    assert set(numbers) == {"utterances", "kl", "dimensions", "active_dimensions"}


def _of(x, table):
    return {name: x[name] for name in table["utterance"]}


def test_numbers_come_from_the_seed_and_not_from_batches_or_order():
    table, x = corpus(6)
    model = Toy(v_of=lambda mean: mean)
    one = run(model, batches(x, size=1), table, seed=0).numbers["sequence_code"]
    turned = batches(dict(reversed(x.items())), size=7)
    assert run(model, turned, table[::-1], seed=0).numbers["sequence_code"] == pytest.approx(one, rel=1e-6)
    other = run(model, batches(x), table, seed=1).numbers["sequence_code"]
    assert other["speaker_accuracy_sampled"] != one["speaker_accuracy_sampled"]


@pytest.mark.parametrize("v_dim", [16, 1])
def test_the_figure_has_a_colour_per_speaker(v_dim):
    table, x = corpus(5)
    model = Toy(v_of=lambda mean: mean.repeat(1, 4)[:, :v_dim])
    figure = run(model, batches(x), table, seed=0).figures["sequence_code"]
    assert [len(axes.collections) for axes in figure.axes] == [SPEAKERS] * 2
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["s0", "s1", "s2", "s3"]


def test_needs_says_what_is_lacking():
    data = Data({}, (257,))
    assert needs(dsae.Model(dsae.Hyperparameters(), data)) is None
    assert needs(vae.Model(vae.Hyperparameters(), data)) == "has no code of the whole sequence"


def test_dsae_is_examined():
    torch.manual_seed(0)
    model = dsae.Model(dsae.Hyperparameters(rnn=8, rnn_z=8, rnn_p=8), Data({}, (BINS,)))
    table, x = corpus(3)
    numbers = found(model, table, x)
    assert numbers["dimensions"] == 16
    assert numbers["kl"] > 0


def test_no_utterances_are_refused():
    with pytest.raises(InputError, match="no utterances"):
        run(Toy(v_of=lambda mean: mean), [], corpus(2)[0], seed=0)
