"""What is left of an utterance: content units, pitch codes, a speaker, and nothing else."""

from dataclasses import dataclass

from torch import Tensor

from speech_factorization.resynthesis.pitch.statistics import Statistics

__all__ = ["Codes"]


@dataclass(frozen=True)
class Codes:
    """All that the decoder needs of one recording at 16 kHz.

    content: [Tu] int64, one unit per hop of the unit encoder; pitch: [Tp] int64, one code per 1280 samples;
    speaker: [256], of unit length; statistics: of log F0, what normalised pitch is scaled back with; samples: how
    many there are; level: root mean square of the recording, which decoding gives back.
    Another voice is `dataclasses.replace(codes, speaker=..., statistics=...)`.
    """

    content: Tensor
    pitch: Tensor
    speaker: Tensor
    statistics: Statistics
    samples: int
    level: float
