"""What units are learned from: log-mel bands every 10 ms, of an hour in bounded memory.

Frame i is centred in the middle of samples [160 i, 160 (i + 1)); a wave has ceil(samples / 160) of them. It is
scaled to rms 0.05 first (`resynthesis.level`).
"""

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import pad

from speech_factorization.features.framing import gather_frames
from speech_factorization.features.mel import mel_bands
from speech_factorization.resynthesis.level import scaled

__all__ = ["BANDS", "HOP", "LOWEST", "RATE", "in_parts", "listen", "log_mel"]

RATE = 16_000
HOP = 160
WINDOW = 400
FFT = 512
BANDS = 40
LOWEST = 20.0
# Power of a bin under which all is silence.
FLOOR = 1e-5

# Frames at a time: 20 s.
PART = 2000


def listen(wave: Tensor) -> Tensor:
    """The wave [samples] at rms 0.05, on its device.

    Errors: InputError for no sample, two channels, silence, or a sample that is no finite number.
    """
    return torch.from_numpy(scaled(wave.detach().cpu().float().numpy())).to(wave.device)


@cache
def _bands() -> Tensor:
    return mel_bands(BANDS, torch.arange(FFT // 2 + 1) * (RATE / FFT), lowest=LOWEST)


def log_mel(wave: Tensor) -> Tensor:
    """log(power + 1e-5) in 40 bands, [ceil(samples / 160), 40], of wave [samples] as it is."""
    count = -(-len(wave) // HOP)
    window, bands = torch.hann_window(WINDOW, device=wave.device), _bands().to(wave.device)
    found = []
    for begin in range(0, count, PART):
        starts = HOP * torch.arange(begin, min(begin + PART, count), device=wave.device)
        frames = gather_frames(wave, starts + (HOP - WINDOW) // 2, WINDOW)
        spectrum = torch.fft.rfft(frames * window, FFT)
        power = spectrum.real.square() + spectrum.imag.square()
        found.append((power @ bands.T + FLOOR).log())
    return torch.cat(found)


def in_parts(function: Callable[[Tensor], Tensor], x: Tensor, ratio: int, part: int, context: int) -> Tensor:
    """function(x) of x [T, ...], worked out in parts; [ceil(T / ratio), ...].

    function: [n ratio, ...] -> [n, ...], where nothing depends on what is further away than `context` outputs;
    it puts zeros around what it is given, as this does behind the end of x. part: outputs at a time.
    """
    count = -(-len(x) // ratio)
    x = pad(x, (0,) * (2 * x.dim() - 1) + (count * ratio - len(x),))
    found = []
    for begin in range(0, count, part):
        first, last = max(begin - context, 0), min(begin + part + context, count)
        y = function(x[first * ratio : last * ratio])
        found.append(y[begin - first :][: min(part, count - begin)])
    return torch.cat(found)
