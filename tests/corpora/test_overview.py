"""What a person reads before a week of training is what is in the corpus."""

from collections import Counter

import numpy as np
import pytest
from matplotlib.colors import to_hex

from speech_factorization.corpora.base import Label, Refusal, Utterance
from speech_factorization.corpora.overview import describe, figure
from speech_factorization.corpora.summary import Tally, counted
from speech_factorization.errors import InputError
from speech_factorization.phones.folds import load_fold


def utterance(
    name: str, speaker: str, sex: str, seconds: float, symbols: str = "", **other: object
) -> Utterance:
    times = range(0, 100 * len(symbols.split()), 100)
    labels = tuple(
        Label(symbol, begin, begin + 100) for symbol, begin in zip(symbols.split(), times, strict=True)
    )
    fields = {"split": "train", "speaker_split": "train", "labels": labels}
    wave = np.zeros(round(16_000 * seconds), np.int16)
    return Utterance(name, speaker, sex, wave=wave, **(fields | other))  # type: ignore[arg-type]


STEREO = [
    Refusal(f"u{i}", "utterance", f"wav/u{i}.wav", "2 channels", "the audio is not mono", "keep one channel")
    for i in (6, 7)
]
ITEMS = [
    utterance("u1", "ann", "F", 90.0, "h# aa s pau epi aa", split="test"),
    utterance("u2", "ann", "F", 30.0, "aa aa aa aa xx yy xx"),
    STEREO[0],
    utterance("u3", "bob", "M", 2.0, "s yy", rate=8000, text="so, you", speaker_split="valid"),
    utterance("u4", "cyd", "", 1.0, rate=44_100),
    Refusal("u4", "labels", "u4.lab", "line 3: x", "a label line is malformed", "write: begin end name"),
    Refusal("u2", "labels", "u2.lab", "", "labels end after the audio", "cut"),
    STEREO[1],
]


def told(items: list[Utterance | Refusal] = ITEMS, fold: str = "timit") -> Tally:
    tally = Tally(load_fold(fold))
    assert list(counted(items, tally)) == items
    return tally


def test_telling_changes_nothing() -> None:
    tally = told()
    before = tally.summary()
    describe(tally)
    figure(tally)
    assert tally.summary() == before


def test_the_text() -> None:
    assert describe(told()).splitlines() == [
        "4 utterances, 2.0 min",
        "  an utterance: 1.0 to 90.0 s, median 16.0 s",
        "speakers: 3 (women 1, men 1, sex unknown 1)",
        "  a speaker: 1.0 s (cyd) to 2.0 min (ann), median 2.0 s",
        "no text: 3 utterances; split cannot keep a text of theirs on one side",
        "split: train 3 utterances, 33.0 s; valid 0 utterances, 0.0 s; test 1 utterances, 1.5 min",
        "speaker_split: train 3 utterances, 2.0 min, 2 speakers; valid 1 utterances, 2.0 s, 1 speakers; "
        "test 0 utterances, 0.0 s, 0 speakers",
        "recorded at 8000 Hz: 2.0 s  narrow-band: nothing above 4000 Hz",
        "recorded at 16000 Hz: 2.0 min",
        "recorded at 44100 Hz: 1.0 s",
        "labels: 15, of 3 of 4 utterances; words with times or without: 0",
        "symbols fold timit does not know (correct the label, map it (corpus.mapping: {symbol: phone}), or add "
        "the symbol to phones/data/timit.csv):",
        "  'xx' x 2, first in u2 at position 4",
        "  'yy' x 2, first in u2 at position 5",
        "phones: 3 classes; none of "
        + ", ".join(sorted(set(load_fold("timit").classes) - {"aa", "s", "sil"})),
        "  class   tokens  by a speaker: least, median, most; speakers under 5",
        "  aa           6  0 (bob), 3, 6; 1",
        "  sil          3  0 (bob), 1, 3; 2",
        "  s            2  1 (ann), 1, 1; 2",
        "refused utterances x 2: the audio is not mono (first wav/u6.wav, 2 channels; keep one channel)",
        "refused all labels x 1: a label line is malformed (first u4.lab, line 3: x; write: begin end name)",
        "refused some labels x 1: labels end after the audio (first u2.lab; cut)",
    ]


def test_phones_are_counted_as_the_stage_counts_them() -> None:
    # A stop's parts are one phone, so are silences in a row.
    tally = told([utterance("u", "ann", "F", 1.0, "sil sil t !t tasp a t")], "emodb")
    assert tally.phones == {"ann": Counter({"t": 2, "sil": 1, "a": 1})}
    assert "refused: nothing" in describe(tally)


def test_where_phones_without_times_come_from_is_said() -> None:
    spoken = utterance(
        "u", "ann", "F", 1.0, text="so", labels=(Label("s", None, None), Label("ow", None, None))
    )
    said = describe(told([spoken, utterance("v", "ann", "F", 1.0, "s aa", text="sa")]))
    assert (
        "  no times: 1 utterances; their phones are the lexicon's, else American English (espeak-ng)" in said
    )
    assert "no text:" not in said


def test_hours_by_rate_are_in_the_summary() -> None:
    assert told().summary()["hours_by_rate"] == {"8000": 0.0006, "16000": 0.0333, "44100": 0.0003}


def test_without_labels_and_without_anything() -> None:
    text = describe(told([utterance("u", "ann", "F", 7200.0)]))
    assert text.startswith("1 utterances, 2.00 h\n")
    assert "phones:" not in text
    nothing = told([STEREO[0]])
    assert describe(nothing).startswith("0 utterances, 0.0 s\n")
    assert "refused utterances x 1: the audio is not mono" in describe(nothing)
    with pytest.raises(InputError, match="no utterance of the corpus is usable"):
        nothing.check()
    for tally in (told([utterance("u", "ann", "F", 1.0)]), nothing):
        assert figure(tally).axes[2].get_title() == "phones: no labels"


def test_the_figure() -> None:
    speakers, lengths, phones = figure(told()).axes
    assert [label.get_text() for label in speakers.get_xticklabels()] == ["ann", "bob", "cyd"]
    hours = [bar.get_height() for bar in speakers.patches]
    np.testing.assert_allclose(np.multiply(hours, 3600), [120.0, 2.0, 1.0])
    colours = [to_hex(bar.get_facecolor()) for bar in speakers.patches]
    assert len(set(colours)) == 3
    legend = speakers.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["women", "men", "sex unknown"]
    assert [to_hex(patch.get_facecolor()) for patch in legend.get_patches()] == colours
    assert sum(bar.get_height() for bar in lengths.patches) == 4
    assert [label.get_text() for label in phones.get_xticklabels()] == ["aa", "sil", "s"]
    assert [bar.get_height() for bar in phones.patches] == [6, 3, 2]


def test_many_speakers_are_not_named() -> None:
    speakers = figure(told([utterance(f"u{i}", f"s{i}", "F", 1.0) for i in range(60)])).axes[0]
    assert len(speakers.patches) == 60
    assert not speakers.get_xticklabels()
