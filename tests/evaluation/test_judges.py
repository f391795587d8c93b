"""The judges: what they say is a distribution, seeded, calibrated, and the same after loading."""

from pathlib import Path

import numpy as np
import pytest
import torch

from speech_factorization.errors import InputError
from speech_factorization.evaluation.judge_networks import CnnJudge, MlpJudge, VowelNetwork
from speech_factorization.evaluation.judge_settings import (
    CnnSettings,
    JudgeSettings,
    MlpSettings,
    NeighbourSettings,
)
from speech_factorization.evaluation.judges import SEGMENT_FAMILIES, Judge, Judges, build, train_judges
from speech_factorization.evaluation.neighbours import NeighbourJudge
from speech_factorization.features.mel import mel_bands
from speech_factorization.features.segments import segment_spectrogram
from speech_factorization.interfaces import Batch, Data, Schedule

SHAPE = (20, 200)
DATA = Data({"phone": ("a", "i", "s"), "speaker": ("f", "m")}, SHAPE)
SETTINGS = JudgeSettings(
    mlp=MlpSettings(hidden=16),
    cnn=CnnSettings(channels=4),
    knn=NeighbourSettings(bands=8, neighbours=[1, 3, 5], shrinkages=[1.0, 30.0]),
)


class Toy:
    """Batches of log spectrograms in which a phone is a bump in frequency and a speaker a tilt."""

    def __init__(self, count: int, seed: int, noise: float = 0.3) -> None:
        rng = np.random.default_rng(seed)
        phone, speaker = rng.integers(0, 3, count), rng.integers(0, 2, count)
        bins = np.arange(200)
        bump = 3 * np.exp(-0.5 * ((bins - np.array([30, 90, 160])[phone, None]) / 15) ** 2)
        tilt = np.linspace(-1, 1, 200) * (2 * speaker[:, None] - 1)
        x = -3 + (bump + tilt)[:, None] + noise * rng.normal(size=(count, *SHAPE))
        self.x = torch.tensor(x, dtype=torch.float32)
        self.factors = {"phone": torch.tensor(phone), "speaker": torch.tensor(speaker)}

    def __call__(self, epoch: int):
        for i in range(0, len(self.x), 32):
            x = self.x[i : i + 32]
            factors = {name: values[i : i + 32] for name, values in self.factors.items()}
            yield Batch(x, torch.full((len(x),), 20), factors)


TRAIN, VALID, TEST = Toy(160, 0), Toy(64, 1), Toy(64, 2)


def schedule(training: bool, seed: int = 0) -> Schedule:
    return Schedule(0, 1, 0, torch.Generator().manual_seed(seed), training)


def fit(family: str, factor: str, network) -> None:
    """A few steps of Adam, in place of the training loop."""
    network.initialise(TRAIN(0))
    optimiser = torch.optim.Adam(network.players()["judge"], 3e-3)
    steps = schedule(True)
    for _ in range(3):
        for batch in TRAIN(0):
            optimiser.zero_grad()
            network.loss(batch, "judge", steps)["loss"].backward()
            optimiser.step()


@pytest.fixture(scope="module")
def judges() -> Judges:
    return train_judges(DATA, TRAIN, VALID, SETTINGS, 0, fit)


@pytest.mark.parametrize("family", SEGMENT_FAMILIES)
def test_posteriors_are_distributions_and_right_on_easy_data(judges: Judges, family: str) -> None:
    found = judges[family].posterior(TEST.x)
    assert {name: p.shape for name, p in found.items()} == {"phone": (64, 3), "speaker": (64, 2)}
    for p in found.values():
        assert torch.allclose(p.sum(-1), torch.ones(64), atol=1e-5)
        assert (p >= 0).all()
    assert all(value > 0.95 for value in judges[family].accuracy(TEST(0)).values())


@pytest.mark.parametrize("family", SEGMENT_FAMILIES)
def test_judging_sound_is_judging_its_spectrogram(judges: Judges, family: str) -> None:
    wave = torch.randn(8000, generator=torch.Generator().manual_seed(0))
    centres = torch.tensor([1600, 4000, 7900])
    heard, seen = (
        judges[family].posterior_of_sound(wave, centres),
        judges[family].posterior(segment_spectrogram(wave, centres)),
    )
    assert all(torch.equal(heard[name], seen[name]) for name in DATA.factors)


def test_accuracies_know_chance(judges: Judges) -> None:
    found = judges.accuracies(TEST)
    assert set(found) == {*SEGMENT_FAMILIES, "chance"}
    assert found["chance"]["phone"] == TEST.factors["phone"].bincount().max().item() / 64


def test_accuracy_counts_items_of_known_class_only(judges: Judges) -> None:
    right = judges["mlp"].posterior(TEST.x)["phone"].argmax(-1)
    truth = torch.where(torch.arange(64) < 60, -1, right)
    truth[60] = (right[60] + 1) % 3
    batch = Batch(TEST.x, torch.full((64,), 20), {"phone": truth, "speaker": torch.full((64,), -1)})
    assert judges["mlp"].accuracy([batch]) == {"phone": 0.75}


def test_large_inputs_are_judged_in_parts(judges: Judges, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = judges["knn"].posterior(TEST.x)
    monkeypatch.setattr("speech_factorization.evaluation.judges.PART", 10)
    parts = judges["knn"].posterior(TEST.x)
    assert all(torch.allclose(whole[name], parts[name], atol=1e-4) for name in whole)
    assert judges["mlp"].posterior(TEST.x[:0])["phone"].shape == (0, 3)


def test_saving_and_loading_gives_the_same_posteriors(judges: Judges, tmp_path: Path) -> None:
    judges.save(tmp_path / "judges")
    loaded = Judges.load(tmp_path / "judges")
    assert list(loaded) == list(judges)
    assert loaded.data == judges.data
    for family in judges:
        before, after = judges[family].posterior(TEST.x), loaded[family].posterior(TEST.x)
        assert all(torch.equal(before[name], after[name]) for name in before)
    assert {path.suffix for path in (tmp_path / "judges").iterdir()} == {".safetensors", ".json"}


def test_a_folder_without_judges_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="judges stage"):
        Judges.load(tmp_path)


def test_two_trainings_are_alike_and_families_are_not(judges: Judges) -> None:
    torch.manual_seed(123)  # must not matter
    again = train_judges(DATA, TRAIN, VALID, SETTINGS, 0, fit)
    for family in judges:
        same, found = judges[family].posterior(TEST.x), again[family].posterior(TEST.x)
        assert all(torch.equal(same[name], found[name]) for name in same)
    other = build("mlp", "phone", 3, SHAPE, SETTINGS, seed=1).state_dict()["output.weight"]
    assert not torch.equal(
        other, build("mlp", "phone", 3, SHAPE, SETTINGS, seed=2).state_dict()["output.weight"]
    )


def test_an_unknown_family_is_refused() -> None:
    with pytest.raises(InputError, match="mlp, cnn, knn, vowel"):
        build("svm", "phone", 3, SHAPE, SETTINGS, 0)


@pytest.mark.parametrize("family", ["mlp", "cnn"])
def test_only_the_generator_makes_noise(family: str) -> None:
    network = build(family, "phone", 3, SHAPE, SETTINGS, 0)
    network.initialise(TRAIN(0))
    batch = next(TRAIN(0))

    def loss(training: bool, seed: int) -> float:
        return network.loss(batch, "judge", schedule(training, seed))["loss"].item()

    assert loss(True, 1) == loss(True, 1) != loss(True, 2)
    assert loss(False, 1) == loss(False, 2)


def test_items_of_unknown_class_do_not_count() -> None:
    network = build("mlp", "phone", 3, SHAPE, SETTINGS, 0)
    batch = next(TRAIN(0))
    truth = batch.factors["phone"].clone()
    truth[4:] = -1
    known = Batch(batch.x[:4], batch.lengths[:4], {"phone": truth[:4]})
    partly = Batch(batch.x, batch.lengths, {"phone": truth})
    losses = [network.loss(b, "judge", schedule(False))["loss"].item() for b in (known, partly)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    none = Batch(batch.x, batch.lengths, {"phone": torch.full_like(truth, -1)})
    assert network.loss(none, "judge", schedule(True))["loss"].item() == 0.0


def test_the_cnn_masks_one_run_of_frames_and_one_of_bins() -> None:
    network = CnnJudge("phone", 3, SHAPE, CnnSettings(noise=0.0, mask_frames=4, mask_bins=30))
    v = network.corrupt(torch.ones(500, *SHAPE), torch.Generator().manual_seed(0))
    frames = (v == 0).all(2).sum(1)
    bins = (v == 0).all(1).sum(1)
    assert (frames.min(), frames.max()) == (0, 4)
    assert bins.min() == 0
    assert bins.max() == 30
    # The rest is untouched, and what is hidden is one rectangle's union of a row and a column.
    hidden = (v == 0).sum((1, 2))
    assert torch.equal(hidden, 200 * frames + 20 * bins - frames * bins)


def test_calibration_finds_the_temperature() -> None:
    network = MlpJudge("phone", 3, (2,), MlpSettings(hidden=4))
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(20_000, 3, generator=generator)
    truth = torch.multinomial(torch.softmax(logits / 2, -1), 1, generator=generator)[:, 0]
    network.body = lambda v, generator: v  # the features are the logits
    network.standardise = torch.nn.Identity()
    network.calibrate([Batch(logits, torch.ones(len(logits)), {"phone": truth})])
    assert float(network.temperature) == pytest.approx(2.0, rel=0.08)


def test_neighbours_vote_by_distance_and_prior() -> None:
    judge = NeighbourJudge("phone", 2, SHAPE, SETTINGS.knn)
    judge.prior.copy_(torch.tensor([0.5, 0.5]))
    p = judge._vote(torch.tensor([[0.0, 1.0, 2.0]]), torch.tensor([[0, 1, 1]]))
    weights = np.exp([0.0, -1.0, -2.0])
    prior = 0.5 * weights.mean()
    expected = (weights[0] + prior / 2) / (weights.sum() + prior)
    assert float(p[0, 0]) == pytest.approx(expected, rel=1e-6)


def test_a_training_segment_is_its_own_nearest_neighbour(judges: Judges) -> None:
    p = judges["knn"].posterior(TRAIN.x)["speaker"]
    assert torch.equal(p.argmax(-1), TRAIN.factors["speaker"])


def test_mel_bands_are_means() -> None:
    bands = mel_bands(24, torch.arange(1, 201) * 40.0)
    assert bands.shape == (24, 200)
    assert (bands >= 0).all()
    assert torch.allclose(bands.sum(1), torch.ones(24), atol=1e-6)
    centres = bands.argmax(1)
    assert (centres.diff() > 0).all()


def test_the_vowel_judge_sees_means_over_real_frames_alone() -> None:
    network = VowelNetwork("phone", 3, (288, 288), MlpSettings(hidden=4))
    image = torch.zeros(2, 288, 288)
    lengths = torch.tensor([50, 288])
    image[0, :50, :257] = torch.arange(50.0)[:, None]
    image[1, :, :257] = 7.0
    seen = network.features(image, lengths)
    # Equal pieces of 50 / 24 frames: the mean of a ramp over each is its middle.
    middles = (torch.arange(24) + 0.5) * 50 / 24
    steps = seen[0, :, 0]
    assert steps.mean() == pytest.approx(24.5, abs=1e-4)
    assert (steps - (middles - 0.5)).abs().max() < 0.26  # frames are steps, not a line
    assert torch.allclose(seen[1], torch.full((24, 24), 7.0), atol=1e-5)
    image[0, 50:] = 99.0
    image[:, :, 257:] = 99.0
    assert torch.equal(network.features(image, lengths), seen)


def test_vowel_judges_save_and_judge_images(tmp_path: Path) -> None:
    data = Data({"phone": ("a", "i"), "sex": ("F", "M")}, (288, 288))
    x = torch.rand(8, 288, 288, generator=torch.Generator().manual_seed(0))
    x[4:, :, 100:] += 2
    truth = (torch.arange(8) >= 4).long()
    batch = Batch(x, torch.full((8,), 200), {"phone": truth, "sex": 1 - truth})

    def some_steps(family: str, factor: str, network) -> None:
        network.initialise([batch])
        optimiser = torch.optim.Adam(network.parameters(), 1e-2)
        for _ in range(10):
            optimiser.zero_grad()
            network.loss(batch, "judge", schedule(True))["loss"].backward()
            optimiser.step()

    def batches(epoch: int):
        return iter([batch])

    judges = train_judges(data, batches, batches, SETTINGS, 0, some_steps, ("vowel",))
    right = {"phone": 1.0, "sex": 1.0}
    assert judges.accuracies(batches) == {"vowel": right, "vowel_chance": {"phone": 0.5, "sex": 0.5}}
    judges.save(tmp_path / "vowel")
    loaded = Judges.load(tmp_path / "vowel")
    p = loaded["vowel"].posterior(x, batch.lengths)["phone"]
    assert torch.equal(p, judges["vowel"].posterior(x, batch.lengths)["phone"])


def test_settings_refuse_what_they_do_not_know() -> None:
    with pytest.raises(ValueError, match="extra"):
        JudgeSettings.model_validate({"mlp": {"epoch": 3}})
    with pytest.raises(ValueError, match="less than 1"):
        JudgeSettings.model_validate({"cnn": {"dropout": 1.0}})
    assert JudgeSettings().mlp.training().keys() == {
        "epochs",
        "batch",
        "patience",
        "learning_rate",
        "schedule",
    }


def test_a_judge_has_what_it_was_given() -> None:
    members = {"phone": build("mlp", "phone", 3, SHAPE, SETTINGS, 0)}
    assert set(Judge(members).posterior(TEST.x)) == {"phone"}
