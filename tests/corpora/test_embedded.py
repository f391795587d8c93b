"""The embedded corpus: its sentences, its labels, and that it is the same every time."""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from speech_factorization.corpora.base import Utterance
from speech_factorization.corpora.embedded import read
from speech_factorization.corpora.embedded.engine import Order, start, voices
from speech_factorization.corpora.embedded.labels import PHONEME_EVENT, spans, words
from speech_factorization.corpora.embedded.sentences import all_sentences, sentences_of
from speech_factorization.corpora.embedded.sound import Manner, record
from speech_factorization.errors import InputError
from speech_factorization.parameters import CorpusParameters
from speech_factorization.phones.folds import load_fold

SYMBOLS = """b d g p t k dx q jh ch s sh z zh f th v dh m n ng em en eng nx l r w y hh hv el
    iy ih eh ey ae aa aw ay ah ao oy ow uh uw ux er ax ix axr ax-h bcl dcl gcl pcl tcl kcl pau epi h#"""
TIMIT = set(re.split(r"\s+", SYMBOLS))


def make(women: int, men: int, sentences: Sequence[str], seed: int = 0, jobs: int = 2) -> list[Utterance]:
    parameters = CorpusParameters(
        name="embedded",
        source="",
        fold="timit",
        women=women,
        men=men,
        vowels=[],
        factors=[],
        sentences=list(sentences),
    )
    utterances = list(read(Path(), parameters, seed, jobs))
    assert all(isinstance(utterance, Utterance) for utterance in utterances)
    return [utterance for utterance in utterances if isinstance(utterance, Utterance)]


@pytest.fixture(scope="module")
def small() -> list[Utterance]:
    return make(2, 2, ["shared", "own:3"])


def test_selection_and_split_within_speakers(small: list[Utterance]) -> None:
    assert [u.speaker for u in small[::5]] == ["F01", "F02", "M01", "M02"]
    for speaker in ("F01", "M02"):
        own = [u for u in small if u.speaker == speaker]
        assert sorted(u.split for u in own) == ["test", "train", "train", "train", "valid"]
        assert len({u.text for u in own}) == 5
    assert len({u.utterance for u in small}) == len(small) == 20
    assert {u.sex for u in small if u.speaker.startswith("F")} == {"F"}


def test_labels_are_contiguous_and_timit(small: list[Utterance]) -> None:
    assert len(TIMIT) == 61
    for u in small:
        assert u.wave.dtype == np.int16
        assert u.labels[0].begin == 0
        assert u.labels[-1].end == len(u.wave)
        assert u.labels[0].symbol == u.labels[-1].symbol == "h#"
        for label, follower in zip(u.labels, u.labels[1:], strict=False):
            assert label.end == follower.begin
        assert all(label.begin < label.end for label in u.labels)  # type: ignore[operator]
        assert {label.symbol for label in u.labels} <= TIMIT


def test_words_are_those_of_the_text_in_order_and_on_label_boundaries(small: list[Utterance]) -> None:
    for u in small:
        assert [word.word for word in u.words] == re.findall(r"[a-z']+", u.text.lower())
        begins = {label.begin for label in u.labels}
        for word, follower in zip(u.words, u.words[1:], strict=False):
            assert word.end <= follower.begin  # type: ignore[operator]
        assert all(word.begin < word.end for word in u.words)  # type: ignore[operator]
        assert all(word.begin in begins and word.end in begins for word in u.words)


def test_stops_have_closures_and_silence_is_quiet(small: list[Utterance]) -> None:
    quiet, loud, closed = [], [], Counter[bool]()
    for u in small:
        for before, label in zip(u.labels, u.labels[1:], strict=False):
            energy = float(np.mean(u.wave[label.begin : label.end].astype(float) ** 2))
            if label.symbol in ("pcl", "tcl", "kcl", "h#", "pau"):
                quiet.append(energy)
            if label.symbol in ("iy", "ae", "aa", "ey", "ow"):
                loud.append(energy)
            if label.symbol in ("p", "t", "k") and before.symbol not in ("h#", "pau"):
                closed[before.symbol == label.symbol + "cl"] += 1
    # The noise floor lies some 30 dB under the speech; a boundary that is off lets speech into a closure.
    assert max(quiet) < 0.02 * np.median(loud)
    assert closed[True] > 0.95 * closed.total()


def test_same_seed_same_bytes_whatever_the_jobs_and_the_company(small: list[Utterance]) -> None:
    again = make(1, 2, ["shared", "own:3"], jobs=1)
    first = {u.utterance: u for u in small}
    for u in again:
        assert u.wave.tobytes() == first[u.utterance].wave.tobytes()
        assert (u.labels, u.words) == (first[u.utterance].labels, first[u.utterance].words)


def test_another_seed_is_another_recording(small: list[Utterance]) -> None:
    other = make(1, 2, ["shared"], seed=1)
    assert other[0].utterance == small[0].utterance
    assert other[0].wave.tobytes() != small[0].wave.tobytes()
    assert [label.symbol for label in other[0].labels if label.symbol in ("zh", "oy")] == ["oy", "zh"]


def test_bad_parameters_are_clear() -> None:
    with pytest.raises(InputError, match="21 voices of sex F.*there are 20"):
        make(21, 1, ["shared"])
    with pytest.raises(InputError, match="no sentences of kind 'SX'"):
        make(2, 2, ["SX"])
    with pytest.raises(InputError, match="no kind of sentence"):
        make(2, 2, [])


def test_missing_engine_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        InputError, match=r"espeak-ng is not installed; run make, or pip install '\.\[embedded\]'"
    ):
        make(2, 2, ["shared"])


def test_a_voice_without_a_variant_file_is_an_error() -> None:
    # espeak-ng itself would report success and speak its base voice.
    order = Order("Hello.", 170, 50, 50, 1)
    with start(voices()[:1]) as engine:
        assert len(engine.speak("F01", [order])) == 1
        with pytest.raises(RuntimeError, match="no voice variant.*F02"):
            engine.speak("F02", [order])


def test_importing_the_reader_does_not_load_the_engine() -> None:
    check = (
        "import sys; import speech_factorization.corpora.embedded; print('espeakng_loader' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_words_that_the_dictionary_joins_stay_apart() -> None:
    text = "One of the boys went out of the house with the dog."
    with start(voices()[:1]) as engine:
        [(sound, events)] = engine.speak("F01", [Order(text, 170, 50, 50, 1)])
    assert len(words(spans(sound, events), text)) == 12


def test_an_unknown_phone_is_named() -> None:
    with pytest.raises(InputError, match="'X9' has no TIMIT symbol"):
        spans(np.ones(1000, np.int16), [(PHONEME_EVENT, 0, 1, "'X9")])


def test_mended_labels() -> None:
    """A hand-made sound: vowel + hidden l, closure in zeros, p; then b whose burst lies inside its event."""
    rng = np.random.default_rng(0)
    sound = (1000 * rng.normal(size=22_050)).astype(np.int16)
    sound[sound == 0] = 1
    sound[4000:5000] = 0
    sound[7000:8000] = np.round(200 * np.sin(np.arange(1000) / 40)) + 300
    events = [(PHONEME_EVENT, 0, 1, "'E"), (PHONEME_EVENT, 4000, 1, "l"), (PHONEME_EVENT, 5000, 1, "p")]
    events += [(PHONEME_EVENT, 6000, 4, "_:"), (PHONEME_EVENT, 7000, 6, "b"), (PHONEME_EVENT, 8500, 6, "A@")]
    found = [(span.symbol, span.begin, span.end) for span in spans(sound, events)]
    assert found[:5] == [
        ("eh", 0, 2400),
        ("l", 2400, 4000),
        ("pcl", 4000, 5000),
        ("p", 5000, 6000),
        ("pau", 6000, 7000),
    ]
    assert [symbol for symbol, _, _ in found[5:]] == ["bcl", "b", "aa", "r"]
    assert abs(found[6][1] - 8000) < 20


def test_record_keeps_times_and_does_not_clip() -> None:
    manner = Manner.draw(170, 1.1, np.random.default_rng(5))
    sound = np.zeros(22_050, np.int16)
    sound[10_000:] = 3000 * np.random.default_rng(0).normal(size=12_050)
    wave = record(sound, manner)
    assert len(wave) == manner.lead + round(22_050 * manner.stretch) + manner.trail
    onset = manner.place(10_000)
    before, after = (
        np.std(wave[part].astype(float)) for part in (slice(onset - 20, onset - 3), slice(onset, onset + 20))
    )
    assert after > 10 * before
    loud = np.tile(np.array([0] * 999 + [30_000], np.int16), 10)
    with pytest.raises(RuntimeError, match="clips"):
        record(loud, manner)


def test_sentences() -> None:
    sentences = all_sentences()
    assert len(sentences) == len({s.text for s in sentences}) == len({s.name for s in sentences}) == 322
    assert [s.name for s in sentences if not s.speaker] == ["shared1", "shared2"]
    for voice in voices():
        own = sentences_of(voice["id"], ["own"])
        assert Counter(s.split for s in own) == {"train": 5, "valid": 1, "test": 2}
        assert {s.split for s in own[:3]} == {"train", "valid", "test"}
    for s in sentences:
        assert re.fullmatch(r"[A-Z][A-Za-z',; ]*[a-z][.?]", s.text), s.text
        assert 8 <= len(s.text.split()) <= 20, s.text


def test_words_of_the_test_sentences_are_held_out() -> None:
    types = {split: set[str]() for split in ("train", "valid", "test")}
    for s in all_sentences():
        types[s.split] |= set(re.findall(r"[a-z']+", s.text.lower()))
    unseen = types["test"] - types["train"]
    assert len(unseen) / len(types["test"]) > 0.88
    long_words = {word for word in types["test"] if len(word) > 7}
    assert len(long_words - unseen) <= 1


def test_voices() -> None:
    known = voices()
    assert Counter(voice["sex"] for voice in known) == {"F": 20, "M": 20}
    assert len({voice["id"] for voice in known}) == 40


@pytest.mark.slow
def test_the_whole_corpus_covers_every_phone_for_every_speaker() -> None:
    corpus = make(20, 20, ["shared", "own"])
    assert len(corpus) == 400
    fold = load_fold("timit")
    counts: dict[str, Counter[str]] = {u.speaker: Counter() for u in corpus}
    for u in corpus:
        assert np.abs(u.wave.astype(int)).max() < 32_000
        folded = [fold.fold(label.symbol) for label in u.labels]
        counts[u.speaker].update(pair[1] for pair in folded if pair)
    assert len(fold.phones) == 38
    for speaker, count in counts.items():
        assert {phone for phone in fold.phones if count[phone] < 2} == set(), speaker
    for split in ("train", "valid", "test"):
        symbols = {label.symbol for u in corpus if u.split == split for label in u.labels}
        assert {"zh", "oy", "uh", "th", "dh", "ch", "jh", "ng"} <= symbols
    speakers = {u.speaker: (u.speaker_split, u.sex) for u in corpus}
    expected = {"train": 14, "valid": 2, "test": 4}
    assert Counter(speakers.values()) == {(s, sex): n for s, n in expected.items() for sex in "FM"}
