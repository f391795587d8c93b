"""The whole recipe on synthetic sound, where every boundary is known."""

import numpy as np
import pytest
import torch

from speech_factorization.alignment.align import align, train
from speech_factorization.alignment.gmm import Mixtures, fit_single, reestimate, split
from speech_factorization.alignment.sequences import Chain, Transcript
from speech_factorization.alignment.settings import AlignmentSettings
from speech_factorization.alignment.train import baum_welch, hard_statistics
from speech_factorization.errors import InputError

RATE = 16000
PITCHES = {"a": (700, 1200), "e": (400, 2000), "i": (280, 2400), "o": (450, 800), "s": None, "n": (250, 1000)}


def sound_of(unit, samples, rng):
    """A stretch of one unit: two partials, noise, or almost nothing."""
    noise = rng.normal(size=samples)
    if unit == "sil":
        return 0.001 * noise
    if PITCHES[unit] is None:
        return 0.1 * np.diff(noise, prepend=0.0)
    t = np.arange(samples) / RATE
    return sum(0.2 * np.sin(2 * np.pi * f * t + rng.uniform(0, 6)) for f in PITCHES[unit]) + 0.005 * noise


def corpus(count=30, pause_every=0.0, seed=0):
    """Transcripts, with a silence offered between any two pairs of units, and their true intervals."""
    rng = np.random.default_rng(seed)
    transcripts, truth = [], {}
    for number in range(count):
        units, lengths = ["sil"], [int(rng.integers(1600, 3200))]
        for i in range(10):
            choices = [unit for unit in PITCHES if unit != units[-1]]
            if pause_every and i and i % 2 == 0:
                units.append("sil")
                lengths.append(int(rng.integers(1200, 2400)) if rng.random() < pause_every else 0)
            units.append(str(rng.choice(choices)))
            lengths.append(int(rng.integers(960, 2560)))
        units.append("sil")
        lengths.append(int(rng.integers(1600, 3200)))
        wave = np.concatenate([sound_of(unit, n, rng) for unit, n in zip(units, lengths, strict=True)])
        ends = np.cumsum(lengths).tolist()
        transcripts.append(Transcript(f"u{number}", wave.astype(np.float32), tuple(units)))
        truth[f"u{number}"] = list(zip([0, *ends[:-1]], ends, strict=True))
    return transcripts, truth


@pytest.fixture(scope="module")
def given():
    transcripts, truth = corpus()
    return transcripts, truth, align(transcripts, AlignmentSettings(), {f"u{i}" for i in range(24)})


def test_known_boundaries_are_found(given):
    transcripts, truth, alignment = given
    assert not alignment.refused
    for times in (alignment.times, *alignment.by_method.values()):
        for own in (transcripts, transcripts[24:]):
            off = [
                abs(found[0] - true[0]) / 16
                for one in own
                for found, true in zip(times[one.utterance][1:], truth[one.utterance][1:], strict=True)
            ]
            assert np.mean(np.array(off) <= 20) > 0.95


def test_intervals_are_whole_and_contiguous(given):
    transcripts, _, alignment = given
    for one in transcripts:
        times = alignment.times[one.utterance]
        assert len(times) == len(one.units)
        assert times[0][0] == 0
        assert times[-1][1] == len(one.wave)
        assert all(before[1] == after[0] for before, after in zip(times, times[1:], strict=False))
        assert all(begin < end for begin, end in times)
    table = alignment.table()
    assert len(table) == sum(len(one.units) for one in transcripts)
    assert table["position"].max() == 11


def test_the_same_input_gives_the_same_bits_and_a_shift_moves_inner_boundaries(given):
    transcripts, _, alignment = given
    state = torch.random.get_rng_state()
    again = align(transcripts, AlignmentSettings(shift_ms=2.5), {f"u{i}" for i in range(24)})
    assert torch.equal(state, torch.random.get_rng_state())
    for name, times in alignment.times.items():
        moved = [begin + 40 for begin, _ in times[1:]]
        assert [begin for begin, _ in again.times[name]] == [0, *moved]
        assert again.times[name][-1][1] == times[-1][1]


def test_a_pause_is_found_where_it_is_and_not_where_it_is_not():
    transcripts, truth = corpus(40, pause_every=0.5, seed=1)
    alignment = align(transcripts, AlignmentSettings(pauses="optional", epochs=2))
    seen = {(True, True): 0, (True, False): 0, (False, True): 0, (False, False): 0}
    for one in transcripts:
        rows = zip(
            one.units[1:-1], alignment.times[one.utterance][1:-1], truth[one.utterance][1:-1], strict=True
        )
        for unit, found, true in rows:
            if unit == "sil":
                seen[true[0] < true[1], found[0] < found[1]] += 1
    assert seen[True, True] > 50
    assert seen[False, False] > 50
    assert seen[True, False] + seen[False, True] <= 2
    table = alignment.table()
    assert (table["begin"] < table["end"]).all()
    assert len(table) < sum(len(one.units) for one in transcripts)


def test_what_cannot_be_aligned_is_refused_with_a_reason(given):
    transcripts, _, _ = given
    wave = transcripts[0].wave
    bad = [
        Transcript("short", wave[:1600], ("sil", "a", "e", "sil")),
        Transcript("empty", wave[:0], ("sil", "a")),
        Transcript("silent", np.zeros(16000, np.float32), ("sil", "a")),
        Transcript("mute", wave, ()),
        Transcript("broken", np.full(16000, np.nan, np.float32), ("sil", "a")),
    ]
    alignment = align([*transcripts, *bad], AlignmentSettings(epochs=1, viterbi=1, baum_welch=1))
    assert set(alignment.refused) == {"short", "empty", "silent", "mute", "broken"}
    assert alignment.refused["short"] == "10 frames of 10 ms are too few for 4 units of 3 states"
    assert set(alignment.times) == {one.utterance for one in transcripts}
    with pytest.raises(InputError, match="no utterance can be used to train the aligner, 5 refused"):
        align(bad, AlignmentSettings())
    with pytest.raises(InputError, match="0 refused"):
        align([], AlignmentSettings())


def test_a_trained_aligner_refuses_units_it_does_not_know():
    transcripts, _ = corpus(8)
    aligner = train(transcripts, AlignmentSettings(epochs=1, viterbi=1, baum_welch=1, mixtures=1))
    strange = Transcript("strange", transcripts[0].wave, ("sil", "a", "zz", "sil"))
    alignment = aligner.apply([transcripts[0], strange])
    assert alignment.refused == {"strange": "the aligner was not trained on zz"}
    assert list(alignment.times) == ["u0"]


def toy(seed=0):
    """Three utterances of random features with their chains."""
    rng = np.random.default_rng(seed)
    chains, features = [], []
    for units in ([0, 1, 2], [2, 0], [1, 2, 1, 0]):
        numbers = torch.tensor(units)
        lengths = rng.integers(4, 9, size=3 * len(units))
        places = np.repeat((3 * numbers[:, None] + torch.arange(3)).reshape(-1).numpy(), lengths)
        features.append(torch.from_numpy(0.5 * places[:, None] + rng.normal(size=(len(places), 4))).float())
        optional = torch.zeros(len(units), dtype=torch.bool)
        optional[1:-1] = numbers[1:-1] == 2
        chains.append(Chain(numbers, optional, torch.arange(len(units))))
    return features, chains


def test_the_likelihood_rises_with_every_iteration():
    features, chains = toy()
    states = torch.cat(
        [
            c.states[torch.arange(len(x)) * len(c.states) // len(x)]
            for x, c in zip(features, chains, strict=True)
        ]
    )
    model = fit_single(*hard_statistics(torch.cat(features), states, 9))
    history = []
    for _ in range(8):
        model, likelihood = baum_welch(features, chains, model)
        history.append(likelihood)
    assert all(after >= before - 1e-3 for before, after in zip(history, history[1:], strict=False))
    assert history[-1] > history[0] + 1

    x, states = torch.cat(features), torch.zeros(sum(map(len, features)), dtype=torch.long)
    one = fit_single(*hard_statistics(x, states, 1))
    mixture: Mixtures = split(one)
    history = []
    for _ in range(8):
        history.append(float(mixture.log_likelihood(x).sum()))
        mixture = reestimate(mixture, x, states)
    assert all(after >= before - 1e-3 for before, after in zip(history, history[1:], strict=False))
    assert history[-1] > float(one.log_likelihood(x).sum()) + 1


def test_the_likelihood_of_a_mixture_is_that_of_the_formula():
    rng = np.random.default_rng(0)
    x, means, variances = (
        rng.normal(size=(5, 3)),
        rng.normal(size=(2, 2, 3)),
        rng.uniform(0.5, 2, size=(2, 2, 3)),
    )
    weights = np.array([[0.3, 0.7], [0.5, 0.5]])
    density = np.exp(-0.5 * (x[:, None, None] - means) ** 2 / variances) / np.sqrt(2 * np.pi * variances)
    expected = np.log((weights * density.prod(axis=-1)).sum(axis=-1))
    model = Mixtures(*(torch.from_numpy(a).float() for a in (np.log(weights), means, variances)))
    np.testing.assert_allclose(model.log_likelihood(torch.from_numpy(x).float()), expected, rtol=1e-4)
