"""espeak-ng says how a word is pronounced: a program of its own, since a fault in its library ends a process.

Run as a script, imported only to know where it lies: `python spell.py LIBRARY` in the folder that holds
`espeak-ng-data`. It needs the standard library alone.

Standard output: a line "ready"; then, for each line of standard input (a word as a JSON string), a line with a
JSON list: its phones as espeak-ng names them, stress marks before them, in American English.
Errors: one line on standard output in place of "ready", and exit status 1.
"""

import ctypes
import json
import sys

__all__ = ["main"]

RATE = 22_050
SYNCHRONOUS, DO_NOT_EXIT = 2, 0x8000
UTF8 = 1
SEPARATOR = "\x1f"  # no mnemonic has it


class Speller:
    """espeak-ng's translation of words, its data in the working folder."""

    def __init__(self, library: str) -> None:
        self._library = ctypes.CDLL(library)
        rate = self._library.espeak_Initialize(SYNCHRONOUS, 0, b".", DO_NOT_EXIT)
        if rate != RATE:
            raise RuntimeError(f"espeak-ng gave {rate} instead of its sample rate, {RATE}: bad data folder?")
        if self._library.espeak_SetVoiceByName(b"en-us") != 0:
            raise RuntimeError("espeak-ng has no voice en-us")
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p

    def phones(self, word: str) -> list[str]:
        """Mnemonics with their stress marks; a number is read out."""
        text = ctypes.create_string_buffer(word.encode("utf-8"))
        place = ctypes.c_void_p(ctypes.addressof(text))
        found: list[str] = []
        while place.value:  # None when all of the text has been read
            mode = ord(SEPARATOR) << 8  # mnemonics, not IPA
            clause = self._library.espeak_TextToPhonemes(ctypes.byref(place), UTF8, mode)
            found += clause.decode("utf-8", "replace").replace(" ", SEPARATOR).split(SEPARATOR)
        return [phone for phone in found if phone]


def main() -> int:
    """Answer word by word until standard input ends; the exit status."""
    try:
        speller = Speller(sys.argv[1])
    except (RuntimeError, OSError) as error:
        print(error)
        return 1
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(speller.phones(json.loads(line))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
