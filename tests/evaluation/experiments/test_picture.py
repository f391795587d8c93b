"""Which segments are shown, and what is drawn and heard of them."""

import re

import numpy as np
import pandas as pd
import pytest
import torch

from speech_factorization.errors import InputError
from speech_factorization.evaluation.experiments import picture
from speech_factorization.features.segment_sound import log_magnitude, spectrum
from speech_factorization.features.segments import segment_spectrogram
from speech_factorization.interfaces import Data
from tests.evaluation.experiments.toys import Louder

DATA = Data({"phone": ("aa", "iy", "s"), "speaker": ("ann", "bea", "cy", "dan")}, (20, 200))
NOTHING: dict[str, str | None] = {"speaker": None, "to_speaker": None, "phone": None, "to_phone": None}


def table() -> pd.DataFrame:
    rows = []
    for speaker, sex, split, phones in (
        ("ann", "F", "train", "aa iy s s iy"),
        ("bea", "F", "train", "aa s"),
        ("bea", "F", "valid", "aa aa"),
        ("bea", "F", "test", "s iy iy aa"),
        ("cy", "M", "train", "aa"),
        ("cy", "M", "test", "aa iy iy s s"),
        ("dan", "M", "train", "iy s"),
        ("eve", "F", "test", "aa aa aa"),
    ):
        utterance = f"{speaker}-{split}"
        for position, phone in enumerate(phones.split()):
            begin = 4000 + 4000 * position
            times = (begin, begin + 1000, begin + 500)
            rows.append((f"{utterance}-{position}", utterance, position, phone, speaker, sex, split, *times))
    names = ["segment", "utterance", "position", "phone", "speaker", "sex", "split", "begin", "end", "centre"]
    return pd.DataFrame(rows, columns=names)


def choose(**wanted: str | None) -> picture.Choice:
    return picture.choose(table(), DATA, NOTHING | wanted)


def test_the_datas_choice() -> None:
    found = choose()
    # ann has no test segment; bea says iy most often there, cy is the first man.
    assert found.rows["segment"].tolist() == ["bea-test-1", "bea-test-2"]
    assert found.same["segment"].tolist() == ["bea-test-1", "bea-test-2"]
    assert found.targets == {"phone": "aa", "speaker": "cy"}


def test_names_are_kept_and_other_splits_fill_up() -> None:
    found = choose(speaker="bea", to_speaker="ann", phone="aa", to_phone="iy")
    # Those of test last: the last column is heard.
    assert found.rows["segment"].tolist() == ["bea-train-0", "bea-valid-0", "bea-valid-1", "bea-test-3"]
    assert found.same["segment"].tolist() == ["bea-test-3"]
    assert found.targets == {"phone": "iy", "speaker": "ann"}
    assert choose(phone="s").rows["speaker"].tolist() == ["bea"] * 2
    assert choose(speaker="cy").targets == {"phone": "s", "speaker": "ann"}
    assert choose(speaker="ann", phone="iy").rows["split"].tolist() == ["train", "train"]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"speaker": "fajw0"}, "evaluate.picture.speaker: no speaker 'fajw0'; there are ann, bea, cy, dan"),
        ({"to_speaker": "eve"}, "evaluate.picture.to_speaker: no speaker 'eve'"),
        ({"phone": "zh"}, "evaluate.picture.phone: no phone 'zh'; there are aa, iy, s"),
        ({"to_phone": "zh"}, "evaluate.picture.to_phone: no phone 'zh'"),
        ({"phone": "aa", "to_phone": "aa"}, "phone and to_phone are the same"),
        ({"speaker": "dan", "phone": "aa"}, "dan says no aa; there are iy, s"),
    ],
)
def test_what_is_not_there(wanted: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)) as caught:
        choose(**wanted)
    assert "\n" not in str(caught.value)


def test_a_target_that_the_data_would_choose_gives_way() -> None:
    assert choose(to_phone="iy").rows["phone"].iloc[0] != "iy"
    assert choose(to_speaker="bea").rows["speaker"].iloc[0] != "bea"


def test_further_factors_and_lone_classes() -> None:
    data = Data(DATA.factors | {"emotion": ("calm", "glad")}, (20, 200))
    rows = table().assign(emotion="calm")
    assert picture.choose(rows, data, NOTHING).targets["emotion"] == "glad"
    alone = Data({"phone": ("aa", "iy", "s"), "speaker": ("bea",)}, (20, 200))
    assert picture.choose(table(), alone, NOTHING).targets == {"phone": "aa"}


def waves(utterance: str) -> np.ndarray:
    noise = np.random.default_rng(len(utterance)).normal(0, 0.1, 28_000)
    return noise.astype(np.float32)


def test_figure_and_sounds() -> None:
    means = {"phone": torch.zeros(3, 4000), "speaker": torch.zeros(4, 4000)}
    means["phone"][1] = 1.0  # iy is a neper louder
    choice = choose(speaker="bea", phone="aa", to_phone="iy")
    outcome = picture.run(Louder(), means, choice, waves, DATA, seed=0)
    figure = outcome.figures["manipulation"]
    assert len(figure.axes) == 3 * 4 + 1  # and the colours' scale
    assert [ax.get_title() for ax in figure.axes[4:8]] == ["aa to iy"] * 4
    kinds = ("original", "phone", "speaker")
    assert set(outcome.sounds) == {f"segment_{kind}{end}" for kind in kinds for end in ("", "_griffin_lim")}
    assert {len(sound) for sound in outcome.sounds.values()} == {32_000}
    assert np.array_equal(outcome.sounds["segment_original"], outcome.sounds["segment_speaker"])
    shown = np.array(figure.axes[7].images[0].get_array()) - np.array(figure.axes[3].images[0].get_array())
    assert np.allclose(shown, 1, atol=1e-4)


def test_the_sound_is_the_spectrogram_shown() -> None:
    means = {"phone": torch.zeros(3, 4000), "speaker": torch.zeros(4, 4000)}
    means["phone"][1] = 0.5
    choice = choose(speaker="bea", phone="aa", to_phone="iy")
    outcome = picture.run(Louder(), means, choice, waves, DATA, seed=0)
    row = choice.rows.iloc[-1]
    x = segment_spectrogram(torch.from_numpy(waves(row["utterance"])), torch.tensor([int(row["centre"])]))[0]
    original, changed = (
        torch.from_numpy(outcome.sounds[f"segment_{name}"]) for name in ("original", "phone")
    )
    # The middle frames of the fifth repetition, at the level of the archive's spectrogram.
    centres = 4 * 3200 + 1600 + (torch.arange(4, 16) * 160 - 1520)
    found = spectrum(original, centres)
    gain = float((found[:, 1:].abs().sum()) / (x[4:16].exp() - 0.01).sum())
    assert torch.allclose(log_magnitude(found / gain), x[4:16], atol=2e-3)
    # DC stays as it was, and its neighbours follow it.
    step = (log_magnitude(spectrum(changed, centres) / gain) - x[4:16])[:, 3:]
    assert torch.allclose(step.mean(), torch.tensor(0.5), atol=0.01)
    assert float(step.std()) < 0.05
