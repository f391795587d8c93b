"""What an experiment gives back."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

__all__ = ["Outcome"]


@dataclass(frozen=True)
class Outcome:
    """Numbers (nested, every leaf a number or a short string), figures and sounds by name.

    sounds: [samples] float32 at 16 kHz in [-1, 1].
    """

    numbers: dict[str, Any]
    figures: dict[str, Figure] = field(default_factory=dict)
    sounds: dict[str, NDArray[np.float32]] = field(default_factory=dict)
