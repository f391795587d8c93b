"""Segments: the table, and the spectrogram against its definition written out."""

import numpy as np
import pandas as pd
import pytest
import torch

from speech_factorization.errors import InputError
from speech_factorization.features.segments import cut_segments, segment_spectrogram


def utterances():
    return pd.DataFrame(
        {
            "utterance": ["u1", "u2"],
            "speaker": ["s1", "s2"],
            "sex": ["F", "M"],
            "split": ["train", "test"],
            "speaker_split": ["train", "valid"],
            "samples": [16_000, 8000],
            "rate": [16_000, 8000],
            "text": ["a", "b"],
            "emotion": ["anger", "neutral"],
        }
    )


def alignment(rows):
    return pd.DataFrame(rows, columns=["utterance", "position", "unit", "phone", "begin", "end"])


def test_one_row_per_phone_that_is_not_silence():
    rows = [
        ("u2", 0, "sil", "sil", 0, 800),
        ("u2", 1, "ih", "ih", 800, 1501),
        ("u1", 0, "ax", "ah", 0, 9000),
        ("u1", 1, "vcl", "sil", 9000, 9900),
        ("u1", 2, "b", "b", 9900, 16_000),
    ]
    table = cut_segments(alignment(rows), utterances(), "sil")
    assert list(table.columns) == [
        "segment", "utterance", "position", "phone", "speaker", "sex", "split", "speaker_split", "emotion",
        "begin", "end", "centre",
    ]  # fmt: skip
    assert list(table.segment) == ["u2-1", "u1-0", "u1-2"]
    assert list(table.phone) == ["ih", "ah", "b"]
    assert list(table.speaker) == ["s2", "s1", "s1"]
    assert list(table.emotion) == ["neutral", "anger", "anger"]
    assert list(table.centre) == [1150, 4500, 12_950]
    assert list(table.begin) == [800, 0, 9900]
    assert all(pd.api.types.is_integer_dtype(table[name]) for name in ("begin", "end", "centre"))


def test_nothing_aligned_gives_an_empty_table_with_all_columns():
    table = cut_segments(alignment([]), utterances(), "sil")
    assert table.empty
    assert {"segment", "phone", "speaker", "emotion", "centre"} <= set(table.columns)


@pytest.mark.parametrize("times", [(-1, 10), (20, 20), (30, 20), (0, 16_001)])
def test_impossible_times_are_named(times):
    with pytest.raises(InputError, match="u1, position 4: phone 'b'"):
        cut_segments(alignment([("u1", 4, "b", "b", *times)]), utterances(), "sil")


def test_an_unknown_utterance_is_named():
    with pytest.raises(InputError, match="u9"):
        cut_segments(alignment([("u9", 0, "b", "b", 0, 10)]), utterances(), "sil")


def written_out(wave, centre):
    """The definition, one frame after the other, with NumPy alone."""
    wave = wave * (0.05 / np.sqrt(np.mean(wave**2)))
    padded = np.pad(wave, 4000, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    frames = []
    for i in range(20):
        middle = 4000 + int(centre + (i - 9.5) * 160)
        frames.append(np.fft.rfft(padded[middle - 200 : middle + 200] * window)[1:])
    return np.log(np.abs(np.array(frames)) + 0.01)


@pytest.mark.parametrize("centre", [0, 100, 5000, 8000, 9999])
def test_spectrogram_is_the_definition(centre):
    wave = np.random.default_rng(0).normal(size=10_000)
    (x,) = segment_spectrogram(torch.from_numpy(wave), torch.tensor([centre]))
    assert x.shape == (20, 200)
    np.testing.assert_allclose(x.numpy(), written_out(wave, centre), atol=1e-9)


def test_spectrogram_does_not_depend_on_the_level_nor_on_what_is_cut_with_it():
    wave = torch.randn(9000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    centres = torch.tensor([2000, 4000, 8990])
    x = segment_spectrogram(wave, centres)
    torch.testing.assert_close(segment_spectrogram(0.01 * wave, centres), x)
    torch.testing.assert_close(segment_spectrogram(wave, centres[1:2])[0], x[1])


def test_a_tone_lies_in_its_bin_with_dc_dropped():
    wave = torch.sin(2 * torch.pi * 1000 / 16_000 * torch.arange(8000))
    (x,) = segment_spectrogram(wave, torch.tensor([4000]))
    assert set(x.argmax(1).tolist()) == {1000 // 40 - 1}


def test_waves_shorter_than_a_window_and_silent_ones_have_a_spectrogram():
    for wave in (torch.ones(1), torch.randn(50, generator=torch.Generator().manual_seed(0))):
        assert torch.isfinite(segment_spectrogram(wave, torch.tensor([0]))).all()
    torch.testing.assert_close(
        segment_spectrogram(torch.zeros(5000), torch.tensor([99])), torch.full((1, 20, 200), 0.01).log()
    )
    with pytest.raises(InputError, match="shape"):
        segment_spectrogram(torch.zeros(2, 500), torch.tensor([9]))
