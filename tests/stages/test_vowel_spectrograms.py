"""The stage's vowels: at one level however loud they were recorded, and an error that names what is there."""

from types import SimpleNamespace

import kaldiio
import numpy as np
import pytest

from speech_factorization.errors import InputError
from stages import spectrograms

HEADER = "segment,utterance,position,phone,begin,end\n"


def test_how_loud_an_utterance_is_tells_nothing(tmp_path):
    wave = np.random.default_rng(0).normal(size=8000).astype(np.float32) * 0.01
    part = spectrograms.Part("u", [{"begin": "1600", "end": "3200"}], ["u-1"])
    found = []
    for gain in (1.0, 8.0):
        corpus = SimpleNamespace(wave=lambda name, gain=gain: gain * wave)
        ((key, entry),) = spectrograms.vowels_of(corpus, part)
        assert key == "u-1"
        (tmp_path / "a.ark").write_bytes(entry)
        found.append(dict(kaldiio.load_ark(str(tmp_path / "a.ark")))["u-1"])
    assert found[0].shape == (100, 257)
    np.testing.assert_allclose(found[0], found[1], atol=1e-4)
    silent = SimpleNamespace(wave=lambda name: 0 * wave)
    with pytest.raises(InputError, match="u: the wave is silent"):
        spectrograms.vowels_of(silent, part)


def test_a_vowel_that_the_corpus_lacks(tmp_path, monkeypatch):
    table = tmp_path / "segments.csv"
    table.write_text(HEADER + "u-1,u,1,aa,0,1600\nu-2,u,2,t,1600,3200\nu-3,u,3,aa,3200,9600\n")
    monkeypatch.setattr(spectrograms, "SEGMENTS", table)
    assert spectrograms.keep_vowels(tmp_path / "vowels.csv", ["aa"]) == (1, 1)
    with pytest.raises(
        InputError, match=r"corpus\.vowels: no segment of iy, ow in this corpus; there are: aa 2, t 1"
    ):
        spectrograms.keep_vowels(tmp_path / "vowels.csv", ["aa", "iy", "ow"])
    # Without any segment the result is empty, and that is said elsewhere.
    table.write_text(HEADER)
    assert spectrograms.keep_vowels(tmp_path / "vowels.csv", ["aa"]) == (0, 0)
