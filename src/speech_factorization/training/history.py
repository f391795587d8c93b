"""The curves of a training: means of every term over the items of an epoch."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from speech_factorization.files import new_file
from speech_factorization.training.errors import TrainingError

__all__ = ["History", "Means"]

Row = dict[str, int | float]


@dataclass
class History:
    """One row an epoch: "epoch" (from 1), "train_TERM", and "valid_TERM" where it was validated.

    best_epoch: the epoch whose weights were kept (from 1; 0 if nothing was trained).
    """

    rows: list[Row] = field(default_factory=list)
    best_epoch: int = 0

    @property
    def epochs(self) -> int:
        """How many epochs were trained."""
        return len(self.rows)

    @property
    def best(self) -> Row:
        """The row of the best epoch; empty if nothing was trained."""
        return self.rows[self.best_epoch - 1] if self.best_epoch else {}

    def write_csv(self, path: Path) -> None:
        """Write the curves: epoch, train_loss, valid_loss, then train_TERM, valid_TERM of each further term.

        Equal curves give equal bytes: floats have nine digits, what was not computed is empty.
        """
        names = dict.fromkeys(key.split("_", 1)[1] for row in self.rows for key in row if key != "epoch")
        terms = ["loss", *(name for name in names if name != "loss")]
        columns = ["epoch", *(f"{split}_{term}" for term in terms for split in ("train", "valid"))]
        with new_file(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            for row in self.rows:
                writer.writerow(format(row[c], ".9g") if c in row else "" for c in columns)


class Means:
    """Running means of terms, weighted by items.

    Terms stay on their device until `hold` batches have come (a read stops a GPU), are then read at
    once, and one that is not a finite number is a TrainingError that names it. `last` is the loss read last.
    """

    def __init__(self, where: str, hold: int = 1) -> None:
        self.totals: dict[str, tuple[float, int]] = {}
        self.last = math.nan
        self._where = where
        self.hold = hold
        self._pending: list[tuple[int, tuple[str, ...], Tensor, int]] = []

    def add(self, step: int, names: Sequence[str], values: Tensor, weight: int) -> bool:
        """Add the terms [n] of a batch of `weight` items; whether all terms so far are now read."""
        self._pending.append((step, tuple(names), values, weight))
        if len(self._pending) >= self.hold:
            self.flush()
        return not self._pending

    def flush(self) -> None:
        """Read what is pending."""
        pending, self._pending = self._pending, []
        for step, names, values, weight in pending:
            for name, value in zip(names, values.tolist(), strict=True):
                if not math.isfinite(value):
                    where = f"{self._where}, step {step + 1}"
                    remedy = "lower learning_rate, set clip, or look at this batch"
                    raise TrainingError(f'the term "{name}" is {value}', where, remedy)
                total, items = self.totals.get(name, (0.0, 0))
                self.totals[name] = (total + value * weight, items + weight)
                if name == "loss":
                    self.last = value

    def means(self) -> dict[str, float]:
        """Name -> mean over all items so far."""
        self.flush()
        return {name: total / items for name, (total, items) in self.totals.items()}
