"""Labels folded: parts of one stop and neighbouring silences joined, dropped symbols gone."""

import pandas as pd
import pytest

from speech_factorization.errors import InputError
from speech_factorization.phones.folds import load_fold
from speech_factorization.phones.labels import count_phones, fold_labels, fold_rows

Row = tuple[str, str, int | None, int | None]


def table(*rows: Row) -> pd.DataFrame:
    labels = pd.DataFrame(rows, columns=["utterance", "symbol", "begin", "end"])
    labels["position"] = labels.groupby("utterance").cumcount()
    return labels.astype({"begin": "Int64", "end": "Int64"})


def chain(text: str, utterance: str = "u", step: int = 10) -> list[Row]:
    return [(utterance, symbol, i * step, (i + 1) * step) for i, symbol in enumerate(text.split())]


def folded(name: str, *rows: Row) -> list[tuple[object, ...]]:
    result = fold_labels(table(*rows), load_fold(name))
    assert list(result.columns) == ["utterance", "position", "symbol", "unit", "phone", "begin", "end"]
    return [tuple(row)[3:] for row in result.itertuples(index=False)]


def test_closure_release_and_aspiration_are_one_stop() -> None:
    rows = chain("_t !t a p !p pasp i g gas")
    assert folded("emodb", *rows) == [
        ("t", "t", 0, 20),
        ("a", "a", 20, 30),
        ("p", "p", 30, 60),
        ("i", "i", 60, 70),
        ("g", "g", 70, 90),
    ]
    assert fold_labels(table(*rows), load_fold("emodb"))["symbol"].tolist() == [
        "_t !t",
        "a",
        "p !p pasp",
        "i",
        "g gas",
    ]


def test_two_stops_stay_two() -> None:
    assert [row[0] for row in folded("emodb", *chain("d d !d t !d !t dasp"))] == [
        "d",
        "d",
        "t",
        "d",
        "t",
        "d",
    ]


def test_a_release_does_not_reach_across_time_or_utterances() -> None:
    rows = [("u", "t", 0, 10), ("u", "!t", 20, 30), *chain("t", "v"), *chain("!t", "w")]
    assert [row[2:] for row in folded("emodb", *rows)] == [(0, 10), (20, 30), (0, 10), (0, 10)]


def test_neighbouring_silences_are_one_and_closures_are_not_silence_yet() -> None:
    assert folded("timit", *chain("h# pau epi tcl t h#")) == [
        ("sil", "sil", 0, 20),
        ("epi", "sil", 20, 30),
        ("cl", "sil", 30, 40),
        ("t", "t", 40, 50),
        ("sil", "sil", 50, 60),
    ]


def test_a_dropped_symbol_leaves_a_gap() -> None:
    assert folded("timit", *chain("pau q pau ae")) == [
        ("sil", "sil", 0, 10),
        ("sil", "sil", 20, 30),
        ("ae", "ae", 30, 40),
    ]


def test_equal_phones_in_a_row_stay_apart() -> None:
    assert [row[0] for row in folded("timit", *chain("s s pcl tcl ix ih"))] == [
        "s",
        "s",
        "cl",
        "cl",
        "ix",
        "ih",
    ]


def test_labels_without_times_are_joined_by_their_order() -> None:
    rows = [("u", symbol, None, None) for symbol in ("t", "!t", "a")]
    assert [row[0] for row in folded("emodb", *rows)] == ["t", "a"]


def test_positions_are_counted_anew_in_every_utterance() -> None:
    result = fold_labels(table(*chain("t !t a", "u"), *chain("sil sil a i", "v")), load_fold("emodb"))
    assert result["position"].tolist() == [0, 1, 0, 1, 2]


def test_no_labels_at_all() -> None:
    result = fold_labels(table(), load_fold("timit"))
    assert list(result.columns) == ["utterance", "position", "symbol", "unit", "phone", "begin", "end"]
    assert result.empty
    utterances = pd.DataFrame({"utterance": ["u"], "speaker": ["a"]})
    assert list(count_phones(result, utterances).columns) == ["speaker", "phone", "count"]


def test_unknown_symbols_are_all_named_with_count_and_first_place() -> None:
    with pytest.raises(InputError) as error:
        fold_labels(table(*chain("aa xx aa", "u"), *chain("yy xx", "v")), load_fold("timit"))
    assert str(error.value).startswith(
        "labels, fold timit: no fold for 'xx' (2 times, first in u at position 1), "
        "'yy' (1 time, first in v at position 0); "
    )


def test_counts_hold_every_speaker_and_phone() -> None:
    labels = fold_labels(
        table(*chain("aa s aa", "u"), *chain("s", "v"), *chain("s", "w")), load_fold("timit")
    )
    utterances = pd.DataFrame({"utterance": ["u", "v", "w", "x"], "speaker": ["b", "a", "b", "c"]})
    assert [tuple(row) for row in count_phones(labels, utterances).itertuples(index=False)] == [
        ("a", "aa", 0),
        ("a", "s", 1),
        ("b", "aa", 2),
        ("b", "s", 2),
    ]


def test_a_mapped_symbol_is_folded_as_its_phone() -> None:
    fold = load_fold("timit", {"xx": "ao", "q": "t", "hv": ""})
    rows = fold_labels(table(*chain("aa xx q hv s")), fold)
    assert list(zip(rows["unit"], rows["phone"], strict=True)) == [
        ("aa", "aa"),
        ("ao", "aa"),
        ("t", "t"),
        ("s", "s"),
    ]


def test_a_part_of_a_stop_that_is_mapped_is_a_part_no_more() -> None:
    fold = load_fold("emodb", {"!t": "d"})
    assert [row.unit for row in fold_rows([("u", s, None, None) for s in ("t", "!t", "tasp")], fold)] == [
        "t",
        "d",
        "t",
    ]
