"""The papers' figures, as data (sources in README.md beside this file)."""

from pathlib import Path

import pandas as pd

__all__ = ["printed", "read"]


def read(name: str) -> pd.DataFrame:
    """Read published/NAME.csv with its first column as the index."""
    return pd.read_csv(Path(__file__).with_name(f"{name}.csv"), index_col=0)


def printed(name: str) -> dict[str, int]:
    """Digits after the point in each column of published/NAME.csv, as printed in the paper."""
    table = pd.read_csv(Path(__file__).with_name(f"{name}.csv"), index_col=0, dtype=str)
    return {str(column): max(len(text.partition(".")[2]) for text in table[column]) for column in table}
