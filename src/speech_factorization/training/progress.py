"""How far a training is, on standard error: a bar on a terminal, else one line an epoch."""

import sys
from types import TracebackType
from typing import Self

from tqdm import tqdm

from speech_factorization.training.history import History

__all__ = ["Progress"]


class Progress:
    """Loss and time left of a training of `epochs` times `steps` steps, of which `done` are done."""

    def __init__(self, epochs: int, steps: int, done: int, show: bool) -> None:
        self._epochs = epochs
        terminal = sys.stderr.isatty()
        self._lines = show and not terminal
        # "Time left" is an upper bound: patience may end the training before the last epoch.
        self._bar = (
            tqdm(total=epochs * steps, initial=done, unit="step", dynamic_ncols=True, leave=False)
            if show and terminal
            else None
        )

    def step(self, epoch: int, loss: float) -> None:
        """A step of `epoch` (from 1) is done."""
        if self._bar is None:
            return
        self._bar.set_description(f"epoch {epoch}/{self._epochs}", refresh=False)
        self._bar.set_postfix(loss=f"{loss:.4g}", refresh=False)
        self._bar.update()

    def epoch(self, history: History) -> None:
        """An epoch is done: its row is the last one of `history`."""
        if self._lines:
            row = history.rows[-1]
            valid = f", valid {row['valid_loss']:.5g}" if "valid_loss" in row else ""
            print(
                f"epoch {row['epoch']}/{self._epochs}: train {row['train_loss']:.5g}{valid},"
                f" best epoch {history.best_epoch}",
                file=sys.stderr,
                flush=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
