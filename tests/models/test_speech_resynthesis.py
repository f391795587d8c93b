"""Speech resynthesis: its parts, its game, its checkpoints, and waves of any length there and back."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from speech_factorization.errors import InputError
from speech_factorization.interfaces import Batch
from speech_factorization.models.speech_resynthesis import Hyperparameters, Model
from speech_factorization.resynthesis.pitch.statistics import Statistics, of_f0
from speech_factorization.trained import load_model
from speech_factorization.training.checkpoints import about_data, save
from speech_factorization.training.fabric import make_fabric
from speech_factorization.training.history import History
from speech_factorization.training.loop import fit
from speech_factorization.training.settings import TrainSettings
from tests.resynthesis.small import (
    CODES,
    SETTINGS,
    Repeated,
    at,
    batch,
    data,
    hyperparameters,
    model,
    parts,
)

every = pytest.mark.parametrize("name", SETTINGS)


def trained(built: Model, scratch: Path, steps: int, rate: float = 2e-3, **more: object) -> History:
    values = {"batch": 2, "epochs": 2, "patience": 2, "learning_rate": rate, "betas": [0.8, 0.99], **more}
    settings, one = TrainSettings.model_validate(values), batch()
    fabric = make_fabric("cpu", 1)
    return fit(built, Repeated(one, steps // 2), Repeated(one), settings, fabric, scratch, progress=False)


def buzz(samples: int, seed: int = 0) -> torch.Tensor:
    t = torch.arange(samples) / 16_000
    f0 = 140 + 30 * torch.sin(7 * t)
    phase = 2 * torch.pi * (f0 / 16_000).cumsum(0)
    noise = torch.randn(samples, generator=torch.Generator().manual_seed(seed))
    wave = sum(torch.sin(k * phase) / k for k in range(1, 20)) * (torch.sin(9 * t) > -0.7)
    return 0.1 * wave + 0.003 * noise


@pytest.mark.parametrize("adversarial", [False, True])
@every
def test_learns_one_batch_a_bit(name: str, adversarial: bool, tmp_path: Path) -> None:
    built = model(name, adversarial=adversarial, mel_weight=1.0, average=0.5)
    with torch.no_grad():
        before = float(built.mel(built.make(batch(), at()), batch().x))
    history = trained(built, tmp_path, steps=24, rate=5e-3)
    assert history.rows[-1]["train_mel"] < 0.97 * before
    assert history.rows[-1]["valid_loss"] == history.rows[-1]["valid_mel"] < history.rows[0]["train_mel"]
    judged = {"train_discriminators_loss", "train_matching", "train_adversarial"}
    assert (judged <= set(history.rows[0])) == adversarial
    if adversarial:
        first, last = history.rows
        assert last["train_discriminators_loss"] < first["train_discriminators_loss"]


@pytest.mark.parametrize("f", ["D", "D^2", "ln D"])
def test_the_game_s_terms(f: str) -> None:
    built = model(adversarial=True, f=f).train()
    assert list(built.players()) == ["discriminators", "generator"]
    terms = built.loss(batch(), "generator", at())
    wanted = 45 * terms["mel"] + 2 * terms["matching"] + terms["adversarial"]
    torch.testing.assert_close(terms["loss"], wanted)
    assert set(built.loss(batch(), "discriminators", at())) == {"loss"}
    assert set(built.loss(batch(), "generator", at(training=False))) == {"loss", "mel"}


def test_discriminators_are_told_nothing_of_the_generator_s_weights() -> None:
    built = model(adversarial=True).train()
    built.loss(batch(), "discriminators", at())["loss"].backward()
    assert all(p.grad is None for p in built.generator.parameters())
    assert all(p.grad is not None for p in built.players()["discriminators"])


def test_the_average_follows_the_generator_alone() -> None:
    built = model(adversarial=True, average=0.9).train()
    learned, averaged = list(built.generator.parameters()), list(built.averaged.parameters())
    start = [p.detach().clone() for p in learned]
    with torch.no_grad():
        for p in learned:
            p += 1.0
    for player in ("discriminators", "generator"):
        built.loss(batch(), player, at())
        built.after_step()
        moved = [float((p - s).mean()) for p, s in zip(averaged, start, strict=True)]
        assert moved == pytest.approx([0.0 if player == "discriminators" else 0.9] * len(moved), abs=1e-4)
    for _ in range(200):
        built._player = "generator"
        built.after_step()
    with torch.no_grad():
        for p in learned:
            p += 1.0
        built.after_step()
    # By now the decay is what was asked for.
    assert float((averaged[0] - start[0]).mean()) == pytest.approx(1.1, abs=1e-3)
    assert not any(p.requires_grad for p in averaged)


def test_validated_and_used_with_the_averaged_weights() -> None:
    built = model()
    with torch.no_grad():
        built.generator.gains.bias += 1.0
    x = buzz(4000)
    valid, train = (float(built.loss(batch(), "generator", at(t))["mel"]) for t in (False, True))
    assert valid != train
    spoken = built.decode(built.encode(x))
    built.generator.gains.bias.data -= 1.0
    assert float(built.loss(batch(), "generator", at(False))["mel"]) == valid
    torch.testing.assert_close(built.decode(built.encode(x)), spoken, rtol=0, atol=0)


def test_parts_do_not_learn(tmp_path: Path) -> None:
    built = model()
    before = {key: value.clone() for key, value in built.state_dict().items()}
    trained(built, tmp_path, steps=4)
    changed = {key for key, value in built.state_dict().items() if not torch.equal(value, before[key])}
    assert changed
    assert {key.split(".")[0] for key in changed} <= {"generator", "averaged", "steps", "everyone"}
    built.train()
    assert built.generator.training
    assert not any(part.training for part in (built.units, built.pitch, built.speaker))


def test_everyone_s_pitch_is_that_of_the_training_data(tmp_path: Path) -> None:
    built = model()
    trained(built, tmp_path, steps=2)
    f0 = batch().streams["f0"]
    log_f0 = f0[f0 > 0].log()
    torch.testing.assert_close(built.everyone, torch.stack([log_f0.mean(), log_f0.std()]), atol=1e-4, rtol=0)
    silent = Repeated(Batch(**{**vars(batch()), "streams": {**batch().streams, "f0": 0 * f0}}))
    with pytest.raises(InputError, match="hardly a frame of the training data is voiced"):
        built.initialise(silent(0))


@every
def test_saved_and_loaded_without_the_parts(name: str, tmp_path: Path) -> None:
    made, x = parts(), buzz(5000)
    built = model(name)
    trained(built, tmp_path / "scratch", steps=2)
    about = {
        "model": "speech_resynthesis",
        "hyperparameters": hyperparameters(name).model_dump(mode="json"),
        "data": about_data(data(**made)),
    }
    save(tmp_path / "speech_resynthesis", built, about)
    loaded, _ = load_model(tmp_path / "speech_resynthesis")
    torch.testing.assert_close(loaded.decode(loaded.encode(x)), built.decode(built.encode(x)), rtol=0, atol=0)


@pytest.mark.parametrize("samples", [160, 319, 1280, 16_001])
@every
def test_there_and_back_at_its_own_level(name: str, samples: int) -> None:
    built, x = model(name), buzz(samples)
    codes = built.encode(x)
    assert (len(codes.content), len(codes.pitch)) == (-(-samples // 320), -(-samples // 1280))
    assert (codes.samples, codes.speaker.shape, codes.content.dtype) == (samples, (256,), torch.int64)
    spoken = built.decode(codes)
    assert spoken.shape == (samples,)
    assert float(spoken.square().mean().sqrt()) == pytest.approx(float(x.square().mean().sqrt()), rel=1e-4)
    assert len(built.decode_pitch(codes)) == -(-samples // 80)
    # What it is made of does not depend on how loud it was.
    louder = built.encode(8 * x)
    assert torch.equal(louder.content, codes.content)
    assert louder.level == pytest.approx(8 * codes.level, rel=1e-5)


def test_pitch_is_of_the_recording_unless_told_otherwise() -> None:
    built, x = model(), buzz(32_000)
    built.everyone.copy_(torch.tensor([5.0, 0.2]))
    own = built.encode(x).statistics
    assert own.hertz == pytest.approx(140, rel=0.1)
    other = Statistics(4.5, 0.1)
    assert built.encode(x, other).statistics == other
    unvoiced = built.encode(torch.randn(8000, generator=torch.Generator().manual_seed(3)) * 0.1)
    f0 = np.zeros(100, np.float32)
    assert of_f0(f0) is None
    if unvoiced.statistics.mean == pytest.approx(5.0):
        assert unvoiced.statistics.std == pytest.approx(0.2)


def test_another_voice_and_another_height() -> None:
    built, x = model(), buzz(16_000)
    with torch.no_grad():
        torch.nn.init.normal_(built.averaged.gains.weight, std=0.3)
    codes = built.encode(x)
    spoken = built.decode(codes)
    voice = replace(codes, speaker=-codes.speaker)
    assert (built.decode(voice) - spoken).abs().max() > 1e-3
    higher = replace(codes, statistics=Statistics(codes.statistics.mean + 0.3, codes.statistics.std))
    f0, raised = built.decode_pitch(codes), built.decode_pitch(higher)
    both = (f0 > 70) & (raised > 0) & (raised < 480)
    if both.any():
        torch.testing.assert_close((raised / f0)[both].log().mean(), torch.tensor(0.3), atol=0.01, rtol=0)
    given = built.encode(x, speaker=voice.speaker)
    assert torch.equal(given.speaker, voice.speaker)
    assert torch.equal(given.content, codes.content)


@pytest.mark.parametrize(
    ("wave", "said"),
    [
        (torch.zeros(8000), "silent"),
        (torch.full((8000,), torch.nan), "not a finite number"),
        (torch.ones(2, 8000), "one channel"),
        (torch.zeros(0), "one channel"),
    ],
)
def test_what_cannot_be_heard(wave: torch.Tensor, said: str) -> None:
    with pytest.raises(InputError, match=said):
        model().encode(wave)


def test_codes_of_another_model() -> None:
    built = model()
    codes = built.encode(buzz(8000))
    wrong = {
        "12 units, 7 pitch codes": replace(codes, content=codes.content[:12]),
        "a unit that is not one of 7": replace(codes, content=codes.content + CODES),
        "an F0 code that is not one of": replace(codes, pitch=codes.pitch + 99),
        r"a vector of \[3\]": replace(codes, speaker=codes.speaker[:3]),
    }
    for said, other in wrong.items():
        with pytest.raises(InputError, match=said):
            built.decode(other)


def test_only_the_parts_it_was_built_for() -> None:
    made = parts()
    built = model()
    with pytest.raises(InputError, match="the part units is missing"):
        built.adopt({"pitch": made["pitch"], "speaker": made["speaker"]})
    with pytest.raises(InputError, match="the part units is another: settings"):
        built.adopt({**made, "units": parts(codes=CODES + 1)["units"]})
    with pytest.raises(InputError, match="the part pitch is another: kind"):
        built.adopt({**made, "pitch": made["speaker"]})
    with pytest.raises(
        InputError, match="the units are of kind kmeans, hp.speech_resynthesis.units says cpc"
    ):
        Model(hyperparameters(units="cpc"), data(**made))
    with pytest.raises(InputError, match="the part speaker is not described"):
        Model(hyperparameters(), data(units=made["units"], pitch=made["pitch"]))


def test_adopted_weights_are_the_parts_own() -> None:
    made, built = parts(), model()
    for name, part in made.items():
        for key, value in part.state_dict().items():
            assert torch.equal(getattr(built, name).state_dict()[key], value)


def test_hyperparameters_that_cannot_be() -> None:
    for wrong in ({"ffts": [1024, 512]}, {"ffts": [1023]}, {"f": "D^3"}, {"generator": "wavenet"}):
        with pytest.raises(ValueError):
            Hyperparameters.model_validate(wrong)


@every
def test_mixed_precision_ends_before_samples_and_spectra(name: str) -> None:
    built = model(name).train()
    with torch.no_grad():
        whole = built.make(batch(), at())
        with torch.autocast("cpu", torch.bfloat16):
            mixed = built.make(batch(), at())
            terms = built.loss(batch(), "generator", at())
    assert mixed.dtype == terms["mel"].dtype == torch.float32
    # Sixteen bits of samples would be eight: most of them lie on no such grid.
    assert (mixed.bfloat16().float() != mixed).float().mean() > 0.9
    assert ((mixed - whole).square().mean() / whole.square().mean()).sqrt() < 0.05
