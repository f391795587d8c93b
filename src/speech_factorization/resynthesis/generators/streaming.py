"""A generator on a recording of any length, in parts, as if it were done at once."""

import torch
from torch import Tensor
from torch.nn.utils import parametrize

from speech_factorization.resynthesis.generators.base import BLOCK, BaseGenerator
from speech_factorization.resynthesis.source import FRAME, Source, phases, steady_noise

__all__ = ["PIECE", "generate"]

PIECE = 160
"""Blocks of 1280 samples at a time, 12.8 s: memory does not grow with the recording."""


@torch.no_grad()
def generate(
    generator: BaseGenerator, content: Tensor, pitch: Tensor, f0: Tensor, speaker: Tensor, piece: int = PIECE
) -> Tensor:
    """Wave [1280 Tp] on the CPU of whole streams: content [1280 Tp / hop], pitch [Tp], f0 [16 Tp], speaker [256].

    Every part sees as much before and behind it as the generator can; the phase of F0 runs on through all of
    them, and so does the noise.
    """
    units, frames, blocks = BLOCK // generator.streams.hop, BLOCK // FRAME, len(pitch)
    context = -(-generator.context // BLOCK)
    phase = phases(f0)
    wave = torch.zeros(blocks * BLOCK)
    with parametrize.cached():
        for begin in range(0, blocks, piece):
            end = min(begin + piece, blocks)
            first, last = max(begin - context, 0), min(end + context, blocks)

            def cut(stream: Tensor, rate: int, first: int = first, last: int = last) -> Tensor:
                return stream[None, first * rate : last * rate]

            noise = steady_noise(first * BLOCK, (last - first) * BLOCK).to(f0.device)
            source = Source(cut(phase, frames), noise[None])
            made = generator(cut(content, units), cut(pitch, 1), cut(f0, frames), speaker[None], source)[0]
            skip = (begin - first) * BLOCK
            wave[begin * BLOCK : end * BLOCK] = made[skip:][: (end - begin) * BLOCK]
    return wave
