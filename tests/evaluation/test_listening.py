"""Who hears a sound how: misheard phones, voices trimmed before they are compared, whose utterances serve for what."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from speech_factorization.errors import InputError
from speech_factorization.evaluation.listening import phone_errors
from speech_factorization.evaluation.material import needs, speaks, spread
from speech_factorization.resynthesis.pitch.statistics import of_f0
from tests.resynthesis.speaking import Ear, PhoneEar, Table, Toy, material, no_waves, spoken, vector


@pytest.fixture(scope="module")
def there():
    return material()


def test_phones_are_counted_where_the_judge_knows_them() -> None:
    wave = np.concatenate([np.full(1000, 0.5), np.zeros(1000), np.full(1000, 0.5)]).astype(np.float32)
    classes = ("loud", "quiet")
    phones = ["loud", "quiet", "other", "quiet"]
    found = phone_errors(PhoneEar(), wave, [500, 1500, 1500, 2500], phones, classes)
    assert found.tolist() == [False, False, True]
    assert phone_errors(PhoneEar(), wave, [500], ["other"], classes).tolist() == []


def test_an_utterance_is_heard_at_its_own_segments(there) -> None:
    listener = there.listener
    wave = there.wave("eve_two")
    assert listener.phones(wave, "eve_two").tolist() == [False] * 4
    assert listener.phones(wave[::-1].copy(), "eve_two").any()
    assert listener.phones(wave, "nobody").tolist() == []
    assert replace(listener, judge=None).phones(wave, "eve_two").tolist() == []


class Ruler(Ear):
    """Tells how many samples it hears, and how loud."""

    def embed(self, waves):
        return torch.stack([torch.tensor([float(len(wave)), float(wave.abs().max())]) for wave in waves])


def test_silence_around_a_voice_and_its_level_are_not_heard(there) -> None:
    listener = replace(there.listener, verification=Ruler())
    wave = there.wave("eve_two")
    padded = np.concatenate([np.zeros(16_000, np.float32), 0.3 * wave, np.zeros(9000, np.float32)])
    samples, loudest = listener.voice(padded)
    assert len(wave) - 2048 < samples < len(wave) + 2048
    assert loudest == pytest.approx(1)
    assert listener.voice(np.zeros(4000, np.float32)).tolist() == [4000, 0]
    with pytest.raises(InputError, match="NaN"):
        listener.voice(np.array([0.0, np.nan], np.float32))


def test_a_target_shares_nothing_with_what_it_is_compared_with(there) -> None:
    (source,) = [row for row in there.sources(0) if row.utterance == "eve_two"]
    compared = there.references("ann", source)
    # one, four, shared, three by name: dealt in turn, the sentence of the source left out.
    assert compared == ["ann_one", "ann_three"] or compared == ["ann_one", "ann_shared"]
    made_of = [f"ann_{text}" for text in ("four", "one", "shared", "three") if f"ann_{text}" not in compared]
    speaker, statistics = there.target("ann", source)
    mean = np.mean([vector(spoken("ann", name.split("_")[1])) for name in made_of], axis=0)
    assert speaker.numpy() == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)
    assert statistics == of_f0(np.concatenate([there.f0[name] for name in made_of]))
    # Of the source's speaker too, the utterance itself and its sentence are left out.
    assert "eve_two" not in there.references("eve", source)


def test_who_may_be_a_target(there) -> None:
    few = there.table.drop(there.table.index[1:5])  # ann says one sentence
    lonely = material(table=few)
    (source,) = [row for row in lonely.sources(0) if row.utterance == "eve_two"]
    assert not lonely.may_be("ann", source)
    assert lonely.may_be("bob", source)
    assert lonely.references("ann", source) == ["ann_one"]


def test_whispered_targets_have_the_speakers_statistics(there) -> None:
    f0 = {
        name: np.zeros_like(contour) if name.startswith("cat") else contour
        for name, contour in there.f0.items()
    }
    whispered = material(f0=f0)
    (source,) = [row for row in whispered.sources(0) if row.utterance == "eve_two"]
    assert whispered.target("cat", source)[1] == whispered.statistics.of("cat")


def test_sources_are_those_no_judge_of_phones_was_trained_on(there) -> None:
    names = [row.utterance for row in there.sources(0)]
    assert names == [f"{s}_{t}" for s in ("dan", "eve", "fay") for t in ("two", "three")]
    assert [row.utterance for row in there.sources(3)] == ["dan_two", "eve_two", "fay_two"]
    all_trained = material(table=there.table.assign(split="train"))
    assert len(all_trained.sources(0)) == 15
    assert [row.speaker for row in material(scored="train").sources(2)] == ["ann", "bob"]


def test_likeness_is_to_the_references(there) -> None:
    (source,) = [row for row in there.sources(0) if row.utterance == "eve_two"]
    own = there.likeness(there.voice("eve_two"), "eve", source)
    other = there.likeness(there.voice("eve_two"), "dan", source)
    assert len(own) == len(there.references("eve", source)) == 2
    assert own.min() > 0.99 > 0.7 > other.max()
    assert len(there.likeness(there.voice("eve_two"), "nobody", source)) == 0


def test_needs() -> None:
    assert needs(Toy()) is None
    assert needs(no_waves()) == "takes no waves"
    half = type("Half", (), {"inputs": ("waves",), "encode": 1})()
    assert needs(half) == speaks(half) == "has no decode and no encode_pitch"
    named = Toy()
    named.speaker = Table()
    assert speaks(named) is None
    assert needs(named) == "has a table of its training speakers and takes no other voice"


def test_spread() -> None:
    assert spread(range(10), 4) == [0, 2, 5, 7]
    assert spread(range(3), 0) == spread(range(3), 9) == [0, 1, 2]
    assert spread([], 4) == []


def test_a_table_without_texts_keeps_all_other_utterances() -> None:
    untold = material(table=material().table.assign(text=""))
    (source,) = [row for row in untold.sources(0) if row.utterance == "eve_two"]
    assert len(untold.references("ann", source)) == 2
    assert untold.may_be("ann", source)
