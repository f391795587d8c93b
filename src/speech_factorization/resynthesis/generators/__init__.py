"""Generators of waves from codes, one file each."""

from typing import Literal

from speech_factorization.resynthesis.generators import hifigan, istft, source_filter
from speech_factorization.resynthesis.generators.base import BaseGenerator, Streams

__all__ = ["Name", "Settings", "build", "hifigan", "istft", "source_filter"]

Name = Literal["source_filter", "istft", "hifigan"]
Settings = source_filter.Settings | istft.Settings | hifigan.Settings


def build(settings: Settings, streams: Streams) -> BaseGenerator:
    """The untrained generator that these settings are of."""
    if isinstance(settings, source_filter.Settings):
        return source_filter.Generator(settings, streams)
    if isinstance(settings, istft.Settings):
        return istft.Generator(settings, streams)
    return hifigan.Generator(settings, streams)
