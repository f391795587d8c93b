"""Speaker verification: the error rate by hand, the crops, the network."""

import numpy as np
import pytest
import torch

from speech_factorization.errors import InputError
from speech_factorization.evaluation.judge_settings import VerificationSettings
from speech_factorization.evaluation.metrics.verification import cosines, eer, error_curve, evaluate, trials
from speech_factorization.evaluation.verification import Verification, score
from speech_factorization.features.speaker_batches import CropBatches
from speech_factorization.interfaces import Schedule

SETTINGS = VerificationSettings(channels=8, dimensions=16, bands=20, crop=8000, batch=4)
CROPS = (SETTINGS.crop, SETTINGS.batch, SETTINGS.speeds)
SPEAKERS = ("a", "b")


@pytest.mark.parametrize(
    ("scores", "same", "expected"),
    [
        ([3, 2, 1, 0], [1, 1, 0, 0], 0.0),
        ([0, 1, 2, 3], [1, 1, 0, 0], 1.0),
        ([5, 5, 5, 5], [1, 1, 0, 0], 0.5),  # nothing to go by: one straight line
        ([4, 3, 2, 1], [1, 0, 1, 0], 0.5),  # after two acceptances one of two is wrong on both sides
        ([6, 5, 4, 3, 2, 1], [1, 1, 0, 1, 0, 0], 1 / 3),
        # (0, 1/2) -> (1/3, 1/2) -> (1/3, 0): the curve meets the diagonal where it falls at 1/3.
        ([5, 4, 3, 2, 1], [1, 0, 1, 0, 0], 1 / 3),
        # One same pair tied with two others: a straight line from (0, 1/2) to (2/4, 0).
        ([5, 3, 3, 3, 1, 0], [1, 1, 0, 0, 0, 0], 0.25),
    ],
)
def test_eer_by_hand(scores: list[float], same: list[int], expected: float) -> None:
    assert eer(scores, same) == pytest.approx(expected, abs=1e-12)


def test_eer_does_not_depend_on_order_or_on_a_monotone_change_of_scores() -> None:
    rng = np.random.default_rng(0)
    same = rng.random(500) < 0.3
    scores = np.round(rng.normal(size=500) + same, 1)
    order = rng.permutation(500)
    assert eer(scores[order], same[order]) == eer(scores, same)
    assert eer(np.exp(scores), same) == eer(scores, same)
    assert eer(-scores, ~same) == pytest.approx(eer(scores, same))


def test_eer_of_two_gaussians() -> None:
    # Scores N(0, 1) and N(2, 1): the errors are equal at 1, Phi(-1) = 0.1587.
    rng = np.random.default_rng(1)
    scores = np.concatenate([rng.normal(2, 1, 100_000), rng.normal(0, 1, 100_000)])
    assert eer(scores, np.arange(200_000) < 100_000) == pytest.approx(0.15866, abs=0.003)


def test_error_curve_goes_from_accepting_none_to_all() -> None:
    false_acceptance, false_rejection = error_curve([2, 1, 1, 0], [1, 0, 1, 0])
    assert false_acceptance.tolist() == [0, 0, 0.5, 1]
    assert false_rejection.tolist() == [1, 0.5, 0, 0]


def test_bad_scores_are_refused() -> None:
    with pytest.raises(InputError, match="one kind"):
        eer([1, 2], [1, 1])
    with pytest.raises(InputError, match="finite"):
        eer([np.nan, 2], [1, 0])
    with pytest.raises(InputError, match="shape"):
        eer([1, 2, 3], [1, 0])


def test_evaluate_and_cosines() -> None:
    a, b = np.array([[1.0, 0], [1, 0], [0, 2]]), np.array([[2.0, 0], [0, 1], [0, 1]])
    assert cosines(a, b).tolist() == [1, 0, 1]
    found = evaluate(cosines(a, b), [True, False, True])
    assert found == {"eer": 0.0, "cosine_same": 1.0, "cosine_different": 0.0}


def test_trials_leave_out_pairs_of_one_text() -> None:
    pairs, same = trials(["a", "a", "b", "b"])
    assert len(pairs) == 6
    assert same.sum() == 2
    pairs, same = trials(["a", "a", "b", "b"], ["x", "y", "x", "z"])
    assert [0, 2] not in pairs.tolist()
    assert len(pairs) == 5
    assert len(trials(["a", "b"], ["", ""])[0]) == 1


def _waves() -> dict[str, np.ndarray]:
    """Two speakers, noise with bursts of tone ten times a second: one speaker's are low, the other's high."""
    rng = np.random.default_rng(0)
    time = np.arange(12_000) / 16_000
    bursts = np.sin(2 * np.pi * 10 * time) > 0
    tones = [np.sin(2 * np.pi * frequency * time) for frequency in (500, 3000)]
    return {
        f"{'ab'[i % 2]}{i}": (0.2 * bursts * tones[i % 2] + 0.01 * rng.normal(size=12_000)).astype(np.float32)
        for i in range(12)
    }


def _batches(shuffle: bool) -> CropBatches:
    waves = _waves()
    return CropBatches(
        waves, list(waves), [name[0] for name in waves], SPEAKERS, *CROPS, seed=3, shuffle=shuffle
    )


def test_embeddings_have_unit_length_and_do_not_know_the_level() -> None:
    network = Verification(SPEAKERS, SETTINGS, seed=1)
    network.initialise(_batches(False)(0))
    waves = torch.from_numpy(_waves()["b1"])[None]
    embedding = network.embed(waves)
    assert embedding.shape == (1, 16)
    assert torch.allclose(embedding.norm(dim=-1), torch.ones(1))
    assert torch.allclose(network.embed(3 * waves), embedding, atol=1e-3)
    # One by one or together, and of any length, even shorter than the network's context.
    assert torch.allclose(network.embed([waves[0], waves[0]]), embedding.expand(2, -1), atol=1e-5)
    assert network.embed([waves[0, :300]]).isfinite().all()


def test_the_same_seed_gives_the_same_network() -> None:
    torch.manual_seed(5)
    state = Verification(SPEAKERS, SETTINGS, seed=1).state_dict()
    torch.manual_seed(6)
    again = Verification(SPEAKERS, SETTINGS, seed=1).state_dict()
    assert all(torch.equal(state[name], again[name]) for name in state)


def test_the_margin_makes_training_harder_and_is_absent_in_validation() -> None:
    network = Verification(SPEAKERS, SETTINGS, seed=1).eval()
    batch = next(_batches(False)(0))
    losses = [
        network.loss(batch, "speaker", Schedule(0, 1, 0, torch.Generator(), training))["loss"].item()
        for training in (True, False)
    ]
    assert losses[0] > losses[1]
    cosine = network(batch.x) @ torch.nn.functional.normalize(network.centres, dim=-1).T
    plain = torch.nn.functional.cross_entropy(SETTINGS.scale * cosine, batch.factors["speaker"])
    assert losses[1] == pytest.approx(plain.item(), rel=1e-5)


def test_saving_and_loading(tmp_path) -> None:
    network = Verification(SPEAKERS, SETTINGS, seed=1)
    network.initialise(_batches(False)(0))
    network.save(tmp_path / "verification")
    loaded = Verification.load(tmp_path / "verification")
    waves = torch.from_numpy(_waves()["a0"])[None]
    assert torch.equal(loaded.embed(waves), network.embed(waves))
    with pytest.raises(InputError, match="judges stage"):
        Verification.load(tmp_path)


def test_it_learns_to_tell_two_speakers() -> None:
    network = Verification(SPEAKERS, SETTINGS, seed=1)
    batches = _batches(True)
    network.initialise(batches(0))
    optimiser = torch.optim.Adam(network.parameters(), 5e-3)
    network.train()
    for epoch in range(3):
        for batch in batches(epoch):
            optimiser.zero_grad()
            network.loss(batch, "speaker", Schedule(epoch, 3, 0, torch.Generator(), True))["loss"].backward()
            optimiser.step()
    waves = _waves()
    found = score(network, [torch.from_numpy(w) for w in waves.values()], [name[0] for name in waves])
    assert found["eer"] == 0.0
    assert found["cosine_same"] > found["cosine_different"] + 0.1
    assert score(network, [torch.from_numpy(waves["a0"])] * 2, ["a", "a"]) == {}
