"""One voice speaks: a program of its own, since espeak-ng keeps state between utterances.

Run as a script, never imported by the package: `python speak.py` in a folder that holds `espeak-ng-data`.
It needs the standard library alone, so forty fresh processes cost little.

Standard input, JSON: {"library": path, "voice": name of a variant file,
    "utterances": [{"text", "rate", "pitch", "range", "seed"}, ...]} in the order in which they are spoken.
Standard output, per utterance: a line of JSON {"samples": n, "events": [[type, sample, text position, phone],
    ...]}, then n int16 samples in the machine's byte order at 22 050 Hz.
Errors: one line on standard error and exit status 1.
"""

import ctypes
import json
import sys
from pathlib import Path
from typing import Any

__all__ = ["main"]

RATE = 22_050
SYNCHRONOUS, PHONEME_EVENTS, DO_NOT_EXIT = 2, 1, 0x8000
SET_RATE, SET_VOLUME, SET_PITCH, SET_RANGE = 1, 2, 3, 4
CHARACTER, UTF8 = 1, 1
VOLUME = 40  # of 200: at the default, 100, most voices clip


class Event(ctypes.Structure):
    """espeak_EVENT of speak_lib.h; `name` is a union that holds a phone's mnemonic, not always ended by 0."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("name", ctypes.c_ubyte * 8),
    )


CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(Event))


class Voice:
    """espeak-ng with one voice, its data in the working folder; at most one in the life of a process."""

    def __init__(self, library: str, name: str) -> None:
        variant = Path("espeak-ng-data", "voices", "!v", name)
        # espeak_SetVoiceByName reports success for a variant that does not exist, and speaks the base voice.
        if not variant.is_file():
            raise RuntimeError(f"no voice variant {variant}")
        self._library = ctypes.CDLL(library)
        rate = self._library.espeak_Initialize(SYNCHRONOUS, 0, b".", PHONEME_EVENTS | DO_NOT_EXIT)
        if rate != RATE:
            raise RuntimeError(f"espeak-ng gave {rate} instead of its sample rate, {RATE}: bad data folder?")
        self._check(self._library.espeak_SetVoiceByName(f"en-us+{name}".encode()), f"voice {name}")
        self._set(SET_VOLUME, VOLUME)
        self._sound = bytearray()
        self._events: list[list[Any]] = []
        self._callback = CALLBACK(self._receive)  # kept: the library holds only its address
        self._library.espeak_SetSynthCallback(self._callback)

    def _check(self, status: int, what: str) -> None:
        if status != 0:
            raise RuntimeError(f"espeak-ng refused {what}: error {status}")

    def _set(self, parameter: int, value: int) -> None:
        status = self._library.espeak_SetParameter(parameter, value, 0)
        self._check(status, f"parameter {parameter} = {value}")

    def _receive(self, wave: Any, samples: int, events: Any) -> int:
        if wave and samples > 0:
            self._sound += ctypes.string_at(wave, 2 * samples)
        place = 0
        while events[place].type != 0:
            event = events[place]
            name = bytes(event.name).split(b"\0")[0].decode("ascii", "replace")
            self._events.append([event.type, event.sample, event.text_position, name])
            place += 1
        return 0

    def say(self, text: str, rate: int, pitch: int, range: int, seed: int) -> tuple[bytes, list[list[Any]]]:
        """Sound and events of one utterance; rate in words per minute, pitch and range of 0 to 100."""
        self._sound.clear()
        self._events.clear()
        for parameter, value in ((SET_RATE, rate), (SET_PITCH, pitch), (SET_RANGE, range)):
            self._set(parameter, value)
        # Without a seed of ours it takes one from the clock.
        self._check(self._library.espeak_ng_SetRandSeed(ctypes.c_long(seed)), "the random seed")
        spoken = text.encode("utf-8")
        status = self._library.espeak_Synth(
            spoken, ctypes.c_size_t(len(spoken) + 1), 0, CHARACTER, 0, UTF8, None, None
        )
        self._check(status, f"the text {text!r}")
        return bytes(self._sound), list(self._events)


def main() -> int:
    """Speak what standard input asks for; the exit status."""
    request = json.load(sys.stdin)
    try:
        voice = Voice(request["library"], request["voice"])
        for utterance in request["utterances"]:
            sound, events = voice.say(**utterance)
            header = json.dumps({"samples": len(sound) // 2, "events": events})
            sys.stdout.buffer.write(header.encode("ascii") + b"\n" + sound)
    except (RuntimeError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
