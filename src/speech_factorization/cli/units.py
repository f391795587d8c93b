"""What the verbs share that speak from discrete units: the model, the sound that goes in, the one that comes out."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from speech_factorization.cli.resynthesize import write_sound
from speech_factorization.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["load_speaking", "read_wave", "say_whispered", "track_pitch", "write_wave"]

LOUD = 30.0
"""dB below its loudest 5 ms that sound still counts."""

VOICED = 0.25
"""Share of loud frames with F0 that a voice has at least: of speech it is over a half."""


STRETCH = 20 * 16_000
"""Samples in which a voice is looked for at once."""


def load_speaking(checkpoints: Path, name: str, verb: str) -> Any:
    """The trained model `name`, one that speaks from units. Error: it is another kind of model."""
    from speech_factorization.evaluation.material import needs, speaks
    from speech_factorization.trained import load_model

    model, _ = load_model(checkpoints / name)
    reason = needs(model)
    if reason:
        other = "name a model of discrete units, e.g. speech_resynthesis"
        remedy = other if speaks(model) else "set speaker.type: network and train it again"
        raise InputError(f"{name} cannot {verb}: it {reason}", checkpoints / name, remedy)
    return model


def read_wave(path: Path) -> "NDArray[np.float32]":
    """[samples] in [-1, 1) at 16 kHz. Error: see `corpora.audio.read_audio`."""
    import numpy as np

    from speech_factorization.corpora.audio import read_audio

    wave = read_audio(path).astype(np.float32)
    # In place: an hour has 230 MB.
    wave /= 32768
    return wave


def track_pitch(model: Any, wave: "NDArray[np.float32]") -> "NDArray[np.float32] | None":
    """F0 of a wave [samples] by the tracker the model was trained with; None of one that is whispered, or no voice.

    [ceil(samples / 80)] Hz, 0 where unvoiced. A tracker finds some F0 in any noise: in up to a fifth of its frames.
    """
    import numpy as np

    from speech_factorization.resynthesis.pitch.track import HOP, track

    f0 = track(wave, model.tracker)
    # Of views: an hour needs no copy of its own.
    whole, rest = wave[: len(wave) // HOP * HOP].reshape(-1, HOP), wave[len(wave) // HOP * HOP :]
    level = np.maximum(whole.max(axis=1), -whole.min(axis=1))
    if len(rest):
        level = np.append(level, np.abs(rest).max())
    loud = level > level.max(initial=0) * 10 ** (-LOUD / 20)
    return f0 if loud.any() and np.mean(f0[loud] > 0) >= VOICED else None


def say_whispered(model: Any, wave: "NDArray[np.float32]") -> None:
    """Say on standard error where hardly any voice is heard in IN: what F0 a tracker finds there is a guess.

    One stretch of `STRETCH` with a voice is enough, so speech is tracked no further than its first.
    """
    parts = (wave[begin : begin + STRETCH] for begin in range(0, len(wave), STRETCH))
    if all(track_pitch(model, part) is None for part in parts):
        print("hardly any voice is heard in IN: its F0 is a guess", file=sys.stderr)


def write_wave(target: Path, wave: Any) -> None:
    """Write the sound; what would clip is made quieter, and said on standard error."""
    import numpy as np

    found = np.asarray(wave, np.float32)
    # No copy: an hour has 230 MB.
    peak = float(np.maximum(found.max(initial=0), -found.min(initial=0)))
    if not np.isfinite(peak):
        raise InputError("what the model says holds NaN or infinity", target, "train the model again")
    if peak > 1:
        quieter = 20 * np.log10(peak)
        print(f"OUT is {quieter:.1f} dB quieter than IN: it would clip", file=sys.stderr)
        found = found / np.float32(peak)
    write_sound(target, found)
