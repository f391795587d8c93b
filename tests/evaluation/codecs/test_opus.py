"""Opus: the sound comes back in time, and its packets are counted without their container."""

import io

import numpy as np
import pytest
import soundfile

from speech_factorization.evaluation.codecs.opus import encode, packets

T = np.arange(32_000) / 16_000
WAVE = (0.2 * np.sin(2 * np.pi * (200 + 100 * T) * T) * np.sin(2 * np.pi * 3 * T)).astype(np.float32)


def test_more_bits_are_better_and_are_counted() -> None:
    coded = [encode(WAVE, rate) for rate in (6_000, 24_000, 96_000)]
    assert [len(one.wave) for one in coded] == [len(WAVE)] * 3
    likeness = [np.corrcoef(one.wave, WAVE)[0, 1] for one in coded]
    assert likeness[0] < likeness[1] < likeness[2]
    assert likeness[2] > 0.99
    bits = [one.bits for one in coded]
    assert bits == sorted(bits)
    # Two seconds; the lowest is a little over what is asked for.
    assert 8_000 < bits[0] < 20_000
    # The container has the header and the tags, pages of 27 bytes, and a byte for each packet.
    assert all(800 < one.file_bits - one.bits < 16_000 for one in coded)


@pytest.mark.parametrize("samples", [1, 160, 16_001])
def test_any_length_comes_back(samples: int) -> None:
    assert encode(WAVE[:samples], 6_000).wave.shape == (samples,)


def test_packets_make_up_the_file() -> None:
    file = io.BytesIO()
    soundfile.write(file, np.tile(WAVE, 8), 16_000, format="OGG", subtype="OPUS", compression_level=0.2)
    data = file.getvalue()
    sizes = packets(data)
    # 16 s of packets of 20 ms, the last one for what the coder looks ahead, after header and tags.
    assert 800 <= len(sizes) - 2 <= 803
    assert data[28 : 28 + 8] == b"OpusHead"
    assert sizes[0] == 19
    # At this rate packets are longer than the 255 bytes of one part.
    assert max(sizes) > 255
    lengths = sum(size // 255 + 1 for size in sizes)
    assert sum(sizes) + lengths + 27 * data.count(b"OggS") == len(data)
