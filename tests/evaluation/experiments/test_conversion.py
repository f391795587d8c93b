"""Conversion with a toy that can and with one that cannot: every figure goes the way it should."""

import json

import numpy as np
import pytest

from speech_factorization.errors import InputError
from speech_factorization.evaluation.experiments import conversion
from tests.resynthesis.speaking import Deaf, Table, Toy, material, spoken


@pytest.fixture(scope="module")
def converted():
    return conversion.run(Toy(), material(), seed=0, limit=3, targets=2)


def test_a_model_that_converts(converted) -> None:
    found = converted.numbers["conversion"]
    assert found["utterances"] == 3
    for kind, speakers in (("seen", 4), ("unseen", 3)):
        block = found[kind]
        assert (block["sounds"], block["speakers"]) == (6, speakers)
        assert block["nearest_target"] == 1
        assert block["nearest_source"] == 0
        assert block["eer"] < 0.1
        assert block["cosine"] > 0.95 > block["cosine_source"]
        assert block["ffe"] < 0.15
        assert block["phone_error"] <= 0.25
    for own in ("reconstruction", "own"):
        assert found[own]["nearest_target"] == 1
        assert "cosine_source" not in found[own]
        assert found[own]["ffe"] < 0.15
    json.dumps(converted.numbers, allow_nan=False)


def test_one_that_gives_its_source_back(converted) -> None:
    """Its conversions are worth what the unchanged originals are."""
    found = conversion.run(Deaf(), material(), seed=0, limit=3, targets=2).numbers["conversion"]
    for kind in ("seen", "unseen"):
        unchanged = found[f"unchanged_{kind}"]
        assert {name: found[kind][name] for name in unchanged} == unchanged
        assert unchanged == converted.numbers["conversion"][f"unchanged_{kind}"]
        assert unchanged["eer"] >= 0.5
        assert unchanged["nearest_source"] == 1
        assert found[kind]["gpe"] > 0.3
    # Of its own voice it is the original itself.
    original = found["original"]
    assert {name: found["reconstruction"][name] for name in original} == original
    assert original["eer"] == 0
    assert found["reconstruction"]["ffe"] == 0


def test_each_pool_has_its_own_of_real_speech(converted) -> None:
    found = converted.numbers["conversion"]
    # Of dan, eve and fay, or of ann, bob and cat; the source of `seen` is of neither.
    assert (found["original"]["speakers"], found["original_seen"]["speakers"]) == (3, 3)
    assert (found["original_seen"]["sounds"], found["original_seen"]["nearest_target"]) == (3, 1)
    assert found["original_seen"]["cosine"] != found["original"]["cosine"]


def test_figures_and_sounds_are_of_the_first_utterance(converted) -> None:
    assert set(converted.figures) == {"conversion", "conversion_cosines"}
    kinds = ("source", "reconstruction", "seen_target", "seen", "unseen_target", "unseen")
    assert set(converted.sounds) == {f"conversion_{kind}" for kind in kinds}
    source = converted.sounds["conversion_source"]
    assert np.corrcoef(source, spoken("dan", "two"))[0, 1] == pytest.approx(1)
    assert all(0 < np.abs(wave).max() <= 1 for wave in converted.sounds.values())
    titles = [axis.get_title() for axis in converted.figures["conversion"].axes]
    # dan is a man: of the targets drawn the women are shown.
    assert titles[0] == "dan_two, source"
    assert titles[1] in ("an utterance of ann (seen)", "an utterance of cat (seen)")
    assert titles[3] in ("an utterance of eve (unseen)", "an utterance of fay (unseen)")


def test_the_same_twice(converted) -> None:
    again = conversion.run(Toy(), material(), seed=0, limit=3, targets=2)
    assert again.numbers == converted.numbers


def test_targets_are_drawn_by_name() -> None:
    there = material()
    sources, pool = there.sources(0), ["ann", "bob", "cat"]
    drawn = conversion.draw(there, sources, pool, 2, 0, "seen")
    assert all(len(set(names)) == 2 and set(names) <= set(pool) for names in drawn.values())
    assert len(set(map(tuple, drawn.values()))) > 1
    # Neither the order of speakers nor which others are scored changes an utterance's.
    assert conversion.draw(there, sources[2:], pool[::-1], 2, 0, "seen") == {
        row.utterance: drawn[row.utterance] for row in sources[2:]
    }
    assert conversion.draw(there, sources, pool, 2, 1, "seen") != drawn
    own = conversion.draw(there, sources, ["dan", "eve", "fay"], 5, 0, "unseen")
    assert all(len(names) == 2 and name.split("_")[0] not in names for name, names in own.items())


def test_one_speaker_alone_has_no_unseen_target() -> None:
    there = material()
    alone = material(table=there.table[~there.table["speaker"].isin(["eve", "fay"])])
    found = conversion.run(Toy(), alone, seed=0, limit=1, targets=2).numbers["conversion"]
    assert {"unseen", "unchanged_unseen", "original", "reconstruction", "own"}.isdisjoint(found)
    assert found["seen"]["nearest_target"] == 1


def test_no_speaker_with_two_sentences_is_refused() -> None:
    few = material(table=material().table.groupby("speaker").head(1))
    with pytest.raises(InputError, match="no utterance to convert"):
        conversion.run(Toy(), few, seed=0)


def test_a_table_of_speakers_knows_the_voices_it_was_trained_on(converted) -> None:
    named, there = Toy(), material()
    named.speaker = Table()
    assert conversion.needs(named) is None
    # The stage writes a vector for everyone, trained on all.
    found = conversion.run(named, there, seed=0, limit=3, targets=2)
    assert found.numbers["conversion"]["seen"] == converted.numbers["conversion"]["seen"]
    assert {"unseen", "unchanged_unseen", "reconstruction", "own"}.isdisjoint(found.numbers["conversion"])
    assert not {"conversion_reconstruction", "conversion_unseen"} & set(found.sounds)
    assert found.numbers["conversion"]["original"] == converted.numbers["conversion"]["original"]
