"""Settings that cannot be are refused by name; those committed are the defaults."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from speech_factorization.resynthesis.units.settings import UnitsSettings

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({"types": ["kmeans", "kmeans"]}, "name each type once"),
        ({"types": []}, "types"),
        ({"types": ["opus"]}, "types"),
        ({"cpc": {"crop": 320, "steps": 2}}, "a crop of 320 samples has no 2 frames ahead"),
        ({"vqvae": {"crop": 500}}, "vqvae.crop"),
        ({"vqvae": {"hop": 100}}, "vqvae.hop"),
        ({"hubert": {"layer": 0}}, "hubert.layer"),
        ({"duplicates": "some"}, "duplicates"),
    ],
)
def test_settings_that_cannot_be(block: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        UnitsSettings.model_validate(block)


def test_the_defaults_are_those_of_the_demo() -> None:
    committed = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))["units"]
    assert UnitsSettings.model_validate(committed) == UnitsSettings()
