"""Pauses are offered between words and nowhere else."""

import pandas as pd

from speech_factorization.alignment.pauses import between_words


def test_a_pause_between_every_two_words_and_no_other():
    spans = [
        ("sil", 0, 10),
        ("a", 10, 20),
        ("b", 20, 30),
        ("sil", 30, 40),
        ("c", 40, 50),
        ("d", 50, 60),
        ("sil", 60, 70),
    ]
    labels = pd.DataFrame(
        [("u", i, *span) for i, span in enumerate(spans)],
        columns=["utterance", "position", "unit", "begin", "end"],
    )
    words = pd.DataFrame(
        [("u", 0, "ab", 10, 30), ("u", 1, "c", 40, 50), ("u", 2, "d", 50, 60)],
        columns=["utterance", "position", "word", "begin", "end"],
    )
    found = between_words(labels, words, {"sil"}, "sil")
    assert found == {"u": ("sil", "a", "b", "sil", "c", "sil", "d", "sil")}
    none = between_words(labels, words[:0], {"sil"}, "sil")
    assert none == {"u": ("sil", "a", "b", "c", "d", "sil")}
