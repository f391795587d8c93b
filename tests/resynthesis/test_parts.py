"""Frozen parts: described, built again, saved with their weights, and refused in one line where they are damaged."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from speech_factorization.errors import InputError
from speech_factorization.resynthesis import parts
from speech_factorization.resynthesis.units.cpc import CPCUnits
from speech_factorization.resynthesis.units.hubert import HubertUnits
from speech_factorization.resynthesis.units.kmeans import KMeansUnits
from speech_factorization.resynthesis.units.vqvae import VQVAEUnits
from tests.resynthesis.units.speech import CPC, HUBERT, KMEANS, SMALL_HUBERT, VQVAE, buzz

MAKERS: dict[str, Callable[[], Any]] = {
    "kmeans": lambda: KMeansUnits(KMEANS),
    "vqvae": lambda: VQVAEUnits(VQVAE),
    "cpc": lambda: CPCUnits(CPC),
    "hubert": lambda: HubertUnits(HUBERT, SMALL_HUBERT),
}


def shaken(part: nn.Module) -> nn.Module:
    """With other numbers in every tensor of the state dict."""
    random = torch.Generator().manual_seed(5)
    for value in part.state_dict().values():
        if value.is_floating_point():
            value.add_(torch.randn(value.shape, generator=random) / 10)
    return part.eval()


@pytest.mark.parametrize("kind", MAKERS)
def test_a_part_comes_back_with_its_weights(kind: str, tmp_path: Path) -> None:
    part = shaken(MAKERS[kind]())
    parts.save(tmp_path, part)
    again = parts.load(tmp_path)
    assert part.describe()["kind"] == kind
    assert json.loads((tmp_path / "part.json").read_text()) == again.describe() == part.describe()
    assert (again.codes, again.hop) == (part.codes, part.hop)
    wave = buzz(9000)
    assert torch.equal(again.encode(wave), part.encode(wave))
    assert not again.training
    assert not any(p.requires_grad for p in again.parameters())


@pytest.mark.parametrize("kind", MAKERS)
def test_what_is_built_takes_the_weights(kind: str) -> None:
    part = shaken(MAKERS[kind]())
    built = parts.build(json.loads(json.dumps(part.describe())))
    assert isinstance(built, parts.Part)
    built.load_state_dict(part.state_dict())


@pytest.mark.parametrize(
    ("description", "said"),
    [
        ({}, "no kind of part 'None'; there are: kmeans"),
        ({"kind": "opus"}, "no kind of part 'opus'"),
        ({"kind": "kmeans"}, "does not describe a kmeans of today's code ('settings')"),
        ({"kind": "kmeans", "settings": {"codes": 1}}, "codes: Input should be greater than or equal to 2"),
        ({"kind": "vqvae", "settings": {"depth": 2, "colour": 3}}, "colour: Extra inputs"),
    ],
)
def test_a_description_that_is_none(description: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as error:
        parts.build(description)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_damaged_folder_is_one_line(tmp_path: Path) -> None:
    def said() -> str:
        with pytest.raises(InputError) as error:
            parts.load(tmp_path)
        assert "\n" not in str(error.value)
        return str(error.value)

    assert "part.json is missing" in said()
    parts.save(tmp_path, KMeansUnits(KMEANS))
    whole = (tmp_path / "part.safetensors").read_bytes()
    (tmp_path / "part.safetensors").write_bytes(whole[:100])
    assert "damaged" in said()
    (tmp_path / "part.safetensors").write_bytes(whole)
    about = json.loads((tmp_path / "part.json").read_text())
    about["settings"]["codes"] += 1
    (tmp_path / "part.json").write_text(json.dumps(about))
    assert "the weights do not fit the part" in said()
    (tmp_path / "part.json").write_text("[1]")
    assert "no kind of part" in said()
    (tmp_path / "part.json").write_text("{")
    assert "damaged" in said()
    (tmp_path / "empty.txt").write_text("the corpus has no utterances\n")
    assert "not trained: the corpus has no utterances" in said()


def test_a_module_that_is_no_part(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="Linear has no describe"):
        parts.save(tmp_path, nn.Linear(1, 1))
