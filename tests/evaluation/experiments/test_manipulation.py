"""Factor manipulation on data whose answer is known."""

from collections.abc import Mapping
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from speech_factorization.errors import InputError
from speech_factorization.evaluation.experiments import manipulation
from speech_factorization.evaluation.experiments.shift import (
    class_means,
    draw_targets,
    encode,
    gather,
    learned_means,
    move,
    other_factor,
    own_means,
    plan,
)
from speech_factorization.interfaces import Batch, Data

PHONES, SPEAKERS, EMOTIONS = ("a", "i", "s", "t"), ("f", "m", "n"), ("calm", "angry")
DATA = Data({"phone": PHONES, "speaker": SPEAKERS, "emotion": EMOTIONS}, (20, 200))

# A phone is a level of frame 0, a speaker of frame 1, an emotion of frame 2.
LEVELS = {"phone": (0, 4), "speaker": (1, 3), "emotion": (2, 2)}


class Identity(nn.Module):
    """z = 2 x, flat."""

    inputs = ("segments", "utterances")

    def encode(self, x: Tensor, lengths: Tensor | None = None, generator: torch.Generator | None = None):
        return {"z": 2 * x.flatten(1)}

    def decode(self, codes: Mapping[str, Tensor]) -> Tensor:
        return (codes["z"] / 2).unflatten(1, (20, 200))


class Bayes:
    """The exact posterior of the linear-Gaussian data: x = m_phone + m_speaker + m_emotion + N(0, s^2)."""

    def __init__(self, noise: float) -> None:
        self.noise = noise

    def posterior(self, x: Tensor, lengths: Tensor | None = None) -> dict[str, Tensor]:
        found = {}
        for name, (frame, classes) in LEVELS.items():
            squares = (x[:, frame, None, :] - torch.arange(classes)[:, None]).square().sum(-1)
            found[name] = torch.softmax(-squares / (2 * self.noise**2), -1)
        return found


def toy(count: int, seed: int, noise: float = 1.0) -> list[Batch]:
    generator = torch.Generator().manual_seed(seed)
    factors = {
        name: torch.randint(0, classes, (count,), generator=generator)
        for name, (_, classes) in LEVELS.items()
    }
    x = noise * torch.randn(count, 20, 200, generator=generator)
    for name, (frame, _) in LEVELS.items():
        x[:, frame] += factors[name][:, None]
    utterances = tuple(f"u{i // 4}" for i in range(count))
    return [
        Batch(x[i : i + 50], torch.full((len(x[i : i + 50]),), 20), _part(factors, i), utterances[i : i + 50])
        for i in range(0, count, 50)
    ]


def _part(factors: Mapping[str, Tensor], i: int) -> dict[str, Tensor]:
    return {name: values[i : i + 50] for name, values in factors.items()}


TRAIN, TEST = toy(600, 0), toy(120, 1)
JUDGES = {"mlp": Bayes(1.0), "cnn": Bayes(2.0)}


def run(model: nn.Module, **more):
    return manipulation.run(model, class_means(model, TRAIN, DATA), TEST, JUDGES, DATA, seed=0, **more)


def test_class_means_are_those_of_the_codes() -> None:
    means = class_means(Identity(), TRAIN, DATA)
    x = torch.cat([b.x for b in TRAIN])
    phone = torch.cat([b.factors["phone"] for b in TRAIN])
    assert means["phone"].shape == (4, 4000)
    assert torch.allclose(means["phone"][2], 2 * x[phone == 2].flatten(1).mean(0), atol=1e-5)


def test_a_class_without_training_segments_has_no_mean_and_is_no_target() -> None:
    some = [
        Batch(
            b.x[b.factors["phone"] != 3],
            b.lengths,
            {n: v[b.factors["phone"] != 3] for n, v in b.factors.items()},
        )
        for b in TRAIN
    ]
    means = class_means(Identity(), some, DATA)
    assert means["phone"][3].isnan().all()
    assert means["phone"][:3].isfinite().all()
    phone = next(p for p in plan(gather(TEST, None, 0), DATA, means, 0) if p.factor == "phone")
    assert set(phone.target.tolist()) == {0, 1, 2} == set(phone.source.tolist())


def test_targets_are_uniform_over_the_others_and_never_the_source() -> None:
    source = np.repeat(np.arange(5), 20_000)
    allowed = np.array([True, True, False, True, True])
    target = draw_targets(source, allowed, np.random.default_rng(0))
    assert (target != source).all()
    for c in range(5):
        counts = np.bincount(target[source == c], minlength=5)
        others = [k for k in (0, 1, 3, 4) if k != c]
        assert counts[others].sum() == 20_000
        # Four standard deviations of a binomial count.
        share = 1 / len(others)
        assert np.abs(counts[others] - 20_000 * share).max() < 4 * np.sqrt(20_000 * share * (1 - share))


def test_targets_are_seeded_and_need_two_classes() -> None:
    source = np.array([0, 1, 2, 0, 1, 2] * 10)
    allowed = np.ones(3, bool)
    first, again, other = (draw_targets(source, allowed, np.random.default_rng(s)) for s in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()
    with pytest.raises(InputError, match="two classes"):
        draw_targets(np.zeros(2, int), np.array([True, False]), np.random.default_rng(0))


def test_plans_are_the_same_for_every_model() -> None:
    segments = gather(TEST, None, 0)
    plans = [
        plan(segments, DATA, {"phone": torch.rand(4, d), "speaker": torch.rand(3, d)}, 7) for d in (2, 9)
    ]
    for one, two in zip(*plans, strict=True):
        assert torch.equal(one.target, two.target)
    assert [(p.factor, p.other) for p in plans[0]] == [("phone", "speaker"), ("speaker", "phone")]
    assert not torch.equal(
        plans[0][0].target, plan(segments, DATA, {"phone": torch.rand(4, 2)} | _means(), 8)[0].target
    )


def _means() -> dict[str, Tensor]:
    return {"speaker": torch.rand(3, 2)}


def test_the_shift_of_true_means_makes_a_segment_of_the_target_class() -> None:
    # Without noise x is its class means alone, so x' must be the target's x to the last bit of float32.
    clean = toy(200, 3, noise=0.0)
    segments = gather(clean, None, 0)
    means = {}
    for name in ("phone", "speaker"):
        frame, classes = LEVELS[name]
        means[name] = torch.zeros(classes, 20, 200)
        means[name][:, frame] = 2 * torch.arange(classes)[:, None].float()
        means[name] = means[name].flatten(1)
    z = encode(Identity(), segments.x)
    for p in plan(segments, DATA, means, 0):
        moved = move(Identity(), z, p.source, p.target, means[p.factor])
        expected = segments.x.clone()
        expected[:, LEVELS[p.factor][0]] = p.target[:, None].float()
        assert torch.allclose(moved, expected, atol=1e-6)
        halfway = move(Identity(), z, p.source, p.target, means[p.factor], strength=0.5)
        assert torch.allclose(halfway, (segments.x + expected) / 2, atol=1e-6)


def test_on_linear_gaussian_data_the_shift_is_perfect_and_reaches_the_oracle() -> None:
    found = run(Identity()).numbers
    for factor in ("phone", "speaker"):
        row = found["manipulation"][factor]
        assert set(row) == {
            "p_target_before", "p_target_after", "delta_target",
            "p_other_before", "p_other_after", "delta_other", "delta_emotion",
        }  # fmt: skip
        assert row["p_target_before"] < 1e-3
        assert row["p_target_after"] > 0.999
        assert row["delta_target"] == pytest.approx(row["p_target_after"] - row["p_target_before"], abs=1e-12)
        assert abs(row["delta_other"]) < 1e-3
        assert abs(row["delta_emotion"]) < 1e-3
        oracle = found["manipulation_oracle"][factor]
        assert oracle["p_target_after"] > 0.999
        assert 0.9 < oracle["share"] <= 1
        assert "delta_emotion" not in oracle
    blocks = {"manipulation", "manipulation_second_judge"}
    assert set(found) == {block + kind for block in blocks for kind in ("", "_reconstructed", "_oracle")}
    emotion = found["manipulation"]["emotion"]
    assert emotion["p_target_after"] > 0.999
    assert emotion["p_other_before"] == found["manipulation"]["phone"]["p_other_before"]  # the speaker's
    assert abs(emotion["delta_phone"]) < 1e-3


def test_a_model_that_forgets_pays_in_the_other_factor() -> None:
    class Forgetful(Identity):
        def decode(self, codes: Mapping[str, Tensor]) -> Tensor:
            x = super().decode(codes)
            return torch.cat([x[:, :1], torch.zeros_like(x[:, 1:2]), x[:, 2:]], 1)  # everyone is speaker 0

    found = run(Forgetful()).numbers["manipulation"]
    share = torch.cat([b.factors["speaker"] for b in TEST]).eq(0).float().mean().item()
    assert found["phone"]["p_other_after"] == pytest.approx(share, abs=1e-3)
    assert found["phone"]["delta_other"] == pytest.approx(share - 1, abs=2e-3)
    assert found["speaker"]["delta_other"] == pytest.approx(0, abs=1e-3)


def test_learned_means_are_a_block_of_their_own() -> None:
    class Learned(Identity):
        def __init__(self) -> None:
            super().__init__()
            self.mu = nn.Parameter(torch.zeros(4, 4000))  # of no use: all the same

        def class_means(self) -> dict[str, Tensor]:
            return {"phone": self.mu.detach()}

    found = run(Learned()).numbers
    for block in ("manipulation_learned_means", "manipulation_second_judge_learned_means"):
        assert set(found[block]) == {"phone"}
        assert found[block]["phone"]["delta_target"] == pytest.approx(0, abs=1e-6)
    assert found["manipulation"]["phone"]["delta_target"] > 0.99
    assert not any(
        name.endswith("_oracle") for name in found
    )  # the oracle stands with the model of no parameters


def test_results_are_a_function_of_the_seed() -> None:
    assert run(Identity()).numbers == run(Identity()).numbers


def test_limit_draws_a_subset_in_order() -> None:
    whole, part = gather(TEST, None, 0), gather(TEST, 30, 0)
    assert len(part.x) == 30
    rows = [int((whole.x == x).flatten(1).all(1).nonzero()) for x in part.x]
    assert rows == sorted(rows)
    assert part.utterances == tuple(whole.utterances[i] for i in rows)
    assert part.factors["phone"].tolist() == whole.factors["phone"][rows].tolist()
    assert torch.equal(gather(TEST, 30, 0).x, part.x)
    assert len(gather(TEST, 0, 0).x) == len(gather(TEST, 1000, 0).x) == 120
    assert run(Identity(), limit=60).numbers["manipulation"]["phone"]["delta_target"] > 0.99


def test_segments_of_unknown_class_stay_out() -> None:
    hidden = [
        Batch(
            b.x,
            b.lengths,
            {n: torch.where(torch.arange(len(v)) % 2 == 0, -1, v) for n, v in b.factors.items()},
            b.utterances,
        )
        for b in TEST
    ]
    means = class_means(Identity(), TRAIN, DATA)
    found = manipulation.run(Identity(), means, hidden, JUDGES, DATA, seed=0).numbers
    assert found["manipulation"]["phone"]["delta_target"] > 0.99
    segments = gather(hidden, None, 0)
    assert all((segments.factors[p.factor][p.items] >= 0).all() for p in plan(segments, DATA, means, 0))


class Parted(Identity):
    """Of frame 0 a phone may be moved, of frame 1 a speaker; there is no part for the emotion."""

    parts = {"phone": slice(0, 200), "speaker": slice(200, 400)}

    def class_means(self) -> dict[str, Tensor]:
        return {"phone": torch.ones(4, 4000), "emotion": torch.ones(2, 4000)}


def test_a_model_with_parts_is_moved_within_them() -> None:
    means = class_means(Identity(), TRAIN, DATA)
    own = own_means(Parted(), means)
    assert set(own) == {"phone", "speaker"}
    assert torch.equal(own["phone"][:, :200], means["phone"][:, :200])
    assert (own["phone"][:, 200:] == 0).all()
    assert means["phone"][:, 200:].any()
    segments = gather(TEST, None, 0)
    z = encode(Parted(), segments.x)
    for p in plan(segments, DATA, own, 0):
        moved = move(Parted(), z[p.items], p.source, p.target, own[p.factor])
        changed = (moved != segments.x[p.items]).flatten(2).any(2).any(0).nonzero().flatten().tolist()
        assert changed == [LEVELS[p.factor][0]]
    assert set(learned_means(Parted())) == {"phone"}
    assert learned_means(Identity()) == {}
    assert set(run(Parted()).numbers["manipulation"]) == {"phone", "speaker"}


def test_a_model_of_one_part_moves_the_other_factor_in_its_whole_code() -> None:
    class Phones(Identity):
        parts = {"phone": slice(0, 200)}

    means = class_means(Identity(), TRAIN, DATA)
    own = own_means(Phones(), means)
    assert set(own) == {"phone", "speaker"}
    assert own["speaker"] is means["speaker"]
    assert set(own_means(Identity(), means)) == {"phone", "speaker", "emotion"}


def test_what_the_other_factor_is() -> None:
    assert [other_factor(name, DATA) for name in ("phone", "speaker", "emotion")] == [
        "speaker",
        "phone",
        "speaker",
    ]
    few = Data({"phone": PHONES, "emotion": EMOTIONS}, (20, 200))
    assert (other_factor("phone", few), other_factor("emotion", few)) == ("emotion", "phone")
    assert other_factor("phone", Data({"phone": PHONES}, (20, 200))) is None


def test_further_factors_change_no_target_of_phone_and_speaker() -> None:
    segments = gather(TEST, None, 0)
    means = class_means(Identity(), TRAIN, DATA)
    few = Data({name: DATA.factors[name] for name in ("phone", "speaker")}, (20, 200))
    plans = {p.factor: p for p in plan(segments, DATA, means, 3)}
    for p in plan(segments, few, means, 3):
        assert torch.equal(p.target, plans[p.factor].target)
    assert set(plans) == {"phone", "speaker", "emotion"}


def test_what_a_lossy_model_loses_is_said_by_itself() -> None:
    class Blind(Identity):
        def decode(self, codes: Mapping[str, Tensor]) -> Tensor:
            x = super().decode(codes)
            return torch.cat([x[:, :1], torch.zeros_like(x[:, 1:2]), x[:, 2:]], 1)  # everyone is speaker 0

    found = run(Blind()).numbers
    lost = found["manipulation_reconstructed"]["phone"]
    assert lost["p_target_after"] == pytest.approx(lost["p_target_before"], abs=1e-6)
    assert lost["p_other_before"] > 0.999
    assert lost["p_other_after"] == pytest.approx(found["manipulation"]["phone"]["p_other_after"], abs=1e-3)
    exact = run(Identity()).numbers["manipulation_reconstructed"]["speaker"]
    assert exact["delta_target"] == exact["delta_other"] == exact["delta_emotion"] == 0


def test_needs() -> None:
    assert manipulation.needs(Identity()) is None
    assert manipulation.needs(SimpleNamespace(inputs=("utterances",))) == "takes no segments"
    assert manipulation.needs(SimpleNamespace(inputs=("segments",), encode=1)) == "has no decode"
