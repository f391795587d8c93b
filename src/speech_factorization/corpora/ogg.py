"""Whether an OGG file is whole: libsndfile leaves damaged pages out, and all that follows would come too early.

Pages as in RFC 3533: 27 bytes of header, the lengths of their parts, the parts.
"""

import zlib
from pathlib import Path
from typing import BinaryIO

from speech_factorization.corpora.faults import Fault

__all__ = ["check_ogg"]

_MARK = b"OggS"
_HEADER = 27
_LAST = 4
"""The bit of a header's flags that marks the last page of a stream."""

_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def check_ogg(path: Path) -> None:
    """Fault: a page is damaged or missing, or the last one is not marked as the last of its stream."""
    expected: dict[bytes, int] = {}
    ended = False
    with path.open("rb") as file:
        while True:
            place = file.tell()
            page, length = _page(file)
            if not page or (ended and page[:4] != _MARK and _MARK not in page + file.read()):
                break  # The end, or something hung on behind it, such as a tag.
            if _MARK.startswith(page[:4]) and len(page) < length:
                raise _cut_off(path)
            if page[:4] != _MARK or _checksum(page) != page[22:26]:
                raise _damaged(path, f"the page at byte {place}")
            stream, number = page[14:18], int.from_bytes(page[18:22], "little")
            if number != expected.setdefault(stream, number):
                raise _damaged(path, f"page {number} at byte {place}, where {expected[stream]} has to be")
            expected[stream] = number + 1
            ended = bool(page[5] & _LAST)
    if not ended:
        raise _cut_off(path)


def _page(file: BinaryIO) -> tuple[bytes, int]:
    """What is there of the next page, and how many bytes it should have."""
    page = file.read(_HEADER)
    if len(page) < _HEADER:
        return page, _HEADER
    page += file.read(page[26])
    length = _HEADER + page[26] + sum(page[_HEADER:])
    return page + file.read(max(length - len(page), 0)), length


def _checksum(page: bytes) -> bytes:
    """The four bytes a page has to have at 22.

    CRC-32 of zlib's polynomial, but highest bit first, begun with 0, not inverted, these four bytes taken for 0.
    """
    bare = (page[:22] + bytes(4) + page[26:]).translate(_MIRRORED)
    mirrored = zlib.crc32(bare, 0xFFFFFFFF) ^ 0xFFFFFFFF
    return mirrored.to_bytes(4, "big").translate(_MIRRORED)


def _cut_off(path: Path) -> Fault:
    return Fault("the audio file is cut off", path, "the last page is missing", "copy it again")


def _damaged(path: Path, place: str) -> Fault:
    return Fault("the audio file is damaged", path, place, "copy it again")
