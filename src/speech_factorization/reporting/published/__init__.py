"""The papers' figures, as data (sources in README.md beside this file)."""

from pathlib import Path

import pandas as pd

__all__ = ["read"]


def read(name: str) -> pd.DataFrame:
    """Read published/NAME.csv with its first column as the index."""
    return pd.read_csv(Path(__file__).with_name(f"{name}.csv"), index_col=0)
