"""What tests share: their order, and where the reference material lies."""

import os
from pathlib import Path

import pytest
import torch


def pytest_configure() -> None:
    """One thread: the networks here are small, and results stay the same from machine to machine."""
    torch.set_num_threads(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest file first: two workers then end together."""
    items.sort(key=lambda item: item.path.name != "test_pipeline.py")


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of reference material (real speech, authors' weights and outputs)."""
    folder = os.environ.get("REFERENCE_DATA", "")
    if not folder:
        pytest.skip("REFERENCE_DATA is not set: it names the folder with emodb, parity and dvae-checkpoints")
    if not Path(folder).is_dir():
        pytest.fail(f"REFERENCE_DATA names {folder}, which is not a folder")
    return Path(folder)
