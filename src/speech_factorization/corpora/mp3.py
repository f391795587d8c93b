"""How long an MP3 really is: libsndfile guesses from the first frame where no header counts the frames.

Frame headers as in ISO/IEC 11172-3 and 13818-3 (layer III), and the unofficial MPEG 2.5.
"""

from pathlib import Path

__all__ = ["PADDING", "count_samples"]

PADDING = 4 * 1152
"""Samples by which the sound may differ from its frames: the encoder's delay and what fills the last one."""

_BITRATES = {  # kbit/s, by the four bits of the header; 0 (free) and 15 (bad) cannot be followed
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


def count_samples(path: Path) -> int | None:
    """Samples per channel of all frames one after the other; None where there is no layer III to follow."""
    content = path.read_bytes()
    place = _after_tag(content)
    total = 0
    first = True
    while (frame := _frame(content[place : place + 4])) is not None:
        length, samples = frame
        whole = content[place : place + length]
        if len(whole) < length:
            break
        # A frame that counts the others holds no sound.
        if not (first and any(mark in whole[:64] for mark in (b"Xing", b"Info", b"VBRI"))):
            total += samples
        first = False
        place += length
    return None if first else total


def _after_tag(content: bytes) -> int:
    """Where the sound begins: behind an ID3 tag, whose size has seven bits a byte."""
    if content[:3] != b"ID3" or len(content) < 10:
        return 0
    size = sum((byte & 0x7F) << shift for byte, shift in zip(content[6:10], (21, 14, 7, 0), strict=True))
    return 10 + size + (10 if content[5] & 0x10 else 0)


def _frame(header: bytes) -> tuple[int, int] | None:
    """Bytes and samples of the frame that begins so; None where no layer III frame of known length does."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    version, bitrate, rate = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or bitrate in (0, 15) or rate == 3:
        return None
    samples = 1152 if version == 3 else 576
    bits = 1000 * _BITRATES[1 if version == 3 else 2][bitrate]
    return samples * bits // 8 // _RATES[version][rate] + (header[2] >> 1 & 1), samples
