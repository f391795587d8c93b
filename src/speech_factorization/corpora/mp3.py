"""Whether an MP3 is whole: libsndfile guesses its length, and leaves out what is damaged.

Frame headers as in ISO/IEC 11172-3 and 13818-3 (layer III), and the unofficial MPEG 2.5. The first frame may hold
no sound but the number of the others (Xing, Info, VBRI).
"""

from dataclasses import dataclass
from pathlib import Path

from speech_factorization.corpora.faults import Fault

__all__ = ["Frames", "check_mp3", "find_frames"]

_PADDING = 4
"""Frames by which the sound may differ from them all: the encoder's delay and what fills the last one."""

_LONGEST = 1441
"""Bytes of a frame at most."""

_BITRATES = {  # kbit/s, by the four bits of the header; 0 (free) and 15 (bad) cannot be followed
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


@dataclass(frozen=True)
class Frames:
    """The frames of a file, one after the other from its first one.

    count: frames that hold sound. size: samples per channel of each, 1152 or 576. said: how many frames the file
    itself says it has, None if it does not. end, left: the byte behind the last one, and how many follow there.
    """

    count: int
    size: int
    said: int | None
    end: int
    left: int

    @property
    def samples(self) -> int:
        """Samples per channel."""
        return self.count * self.size

    @property
    def padding(self) -> int:
        """Samples by which the sound may differ from `samples`."""
        return _PADDING * self.size


def check_mp3(path: Path, claimed: int) -> int:
    """How many samples of those that libsndfile claims may be missing in the end.

    Fault: the file is cut off or damaged, or it is longer than libsndfile takes it to be.
    """
    frames = find_frames(path)
    if frames is None:
        return _PADDING * 1152
    # Some writers count the frame that counts.
    if frames.said is not None and frames.count < frames.said - 1:
        raise _incomplete(path, frames, f"{frames.count} of {frames.said} frames")
    if frames.samples < claimed - frames.padding:
        raise _incomplete(path, frames, f"{frames.samples} of {claimed} samples")
    if frames.samples > claimed + frames.padding:
        raise Fault(
            "the MP3 does not say how long it is",
            path,
            f"{claimed} samples by its first frames, {frames.samples} in all",
            "convert it to WAV, e.g. ffmpeg -i IN.mp3 OUT.wav",
        )
    return frames.padding


def _incomplete(path: Path, frames: Frames, place: str) -> Fault:
    if frames.left > _LONGEST:
        place = f"no frame at byte {frames.end}, {place} before it"
        return Fault("the audio file is damaged", path, place, "copy it again")
    return Fault("the audio file is cut off", path, place, "copy it again")


def find_frames(path: Path) -> Frames | None:
    """Follow a file from frame to frame; None where there is no layer III to follow.

    They end where none of the first one's version and rate begins.
    """
    count, size, said, kind = 0, 0, None, b""
    with path.open("rb") as file:
        place = _after_tag(file.read(10))
        while True:
            file.seek(place)
            header = file.read(4)
            length, samples = _frame(header)
            whole = header + file.read(max(length - 4, 0))
            if not length or len(whole) < length or (kind and _kind(header) != kind):
                break
            if kind or not any(mark in whole[:64] for mark in (b"Xing", b"Info", b"VBRI")):
                count += 1
            else:
                said = _said(whole)
            kind, size = _kind(header), samples
            place += length
    return Frames(count, size, said, place, path.stat().st_size - place) if kind else None


def _kind(header: bytes) -> bytes:
    """What is the same in all frames of a file: version, layer and rate."""
    return bytes((header[1] & 0xFE, header[2] & 0x0C))


def _said(frame: bytes) -> int | None:
    """How many frames the first one says there are."""
    place = frame.find(b"VBRI")
    if place >= 0:
        number = frame[place + 14 : place + 18]
    else:
        place = max(frame.find(b"Xing"), frame.find(b"Info"))
        number = frame[place + 8 : place + 12] if frame[place + 7] & 1 else b""
    return int.from_bytes(number, "big") if len(number) == 4 else None


def _after_tag(start: bytes) -> int:
    """Where the sound begins: behind an ID3 tag, whose size has seven bits a byte."""
    if start[:3] != b"ID3" or len(start) < 10:
        return 0
    size = sum((byte & 0x7F) << shift for byte, shift in zip(start[6:10], (21, 14, 7, 0), strict=True))
    return 10 + size + (10 if start[5] & 0x10 else 0)


def _frame(header: bytes) -> tuple[int, int]:
    """Bytes and samples of the frame that begins so; 0 where no layer III frame of known length does."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return 0, 0
    version, bitrate, rate = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or bitrate in (0, 15) or rate == 3:
        return 0, 0
    samples = 1152 if version == 3 else 576
    bits = 1000 * _BITRATES[1 if version == 3 else 2][bitrate]
    return samples * bits // 8 // _RATES[version][rate] + (header[2] >> 1 & 1), samples
