"""HuBERT's loading: from a file or a download, each fault in one line; tested on a small network of its class."""

from pathlib import Path
from urllib.error import URLError

import pytest
import torch
import torchaudio
from safetensors.torch import save_file

from speech_factorization.errors import InputError
from speech_factorization.resynthesis.units.hubert import HubertUnits
from tests.resynthesis.units.speech import HUBERT, SMALL_HUBERT, buzz


@pytest.fixture
def network() -> torchaudio.models.Wav2Vec2Model:
    torch.manual_seed(7)
    return torchaudio.models.wav2vec2_model(**SMALL_HUBERT).eval()


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_weights_from_a_file_are_those_used(
    suffix: str, network: torchaudio.models.Wav2Vec2Model, tmp_path: Path
) -> None:
    path = tmp_path / f"weights{suffix}"
    (save_file if suffix == ".safetensors" else torch.save)(network.state_dict(), path)
    part = HubertUnits.pretrained(HUBERT.model_copy(update={"weights": str(path)}), SMALL_HUBERT)
    wave = buzz(3200)
    found = part.features(wave)
    scaled = wave * (0.05 / wave.square().mean().sqrt())
    with torch.no_grad():
        layers, _ = network.extract_features(torch.nn.functional.pad(scaled, (40, 40))[None])
    assert torch.allclose(found, layers[HUBERT.layer - 1][0], atol=1e-5)
    assert part.describe()["settings"]["weights"] == ""


def test_layers_that_are_not_needed_are_not_kept() -> None:
    part = HubertUnits(HUBERT, SMALL_HUBERT)
    assert len(part.network.encoder.transformer.layers) == HUBERT.layer < SMALL_HUBERT["encoder_num_layers"]


def test_dropout_makes_no_other_units() -> None:
    part = HubertUnits(HUBERT, SMALL_HUBERT)
    wave = buzz(6400)
    before = part.features(wave)
    assert torch.equal(part.train().features(wave), before)
    assert not any(p.requires_grad for p in part.parameters())


def test_a_missing_download_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: object, dl_kwargs: object = None) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr(type(torchaudio.pipelines.HUBERT_BASE), "get_model", refused)
    with pytest.raises(InputError) as error:
        HubertUnits.pretrained(HUBERT, SMALL_HUBERT)
    said = str(error.value)
    assert said.startswith(
        "units.hubert.weights: HuBERT's weights cannot be downloaded (<urlopen error no route"
    )
    assert "hubert_fairseq_base_ls960.pth" in said
    assert "\n" not in said


def test_files_that_hold_no_such_weights(network: torchaudio.models.Wav2Vec2Model, tmp_path: Path) -> None:
    def said(path: Path) -> str:
        with pytest.raises(InputError) as error:
            HubertUnits.pretrained(HUBERT.model_copy(update={"weights": str(path)}), SMALL_HUBERT)
        assert "\n" not in str(error.value)
        return str(error.value)

    assert "no such file" in said(tmp_path / "absent.pth")
    for suffix in (".pth", ".safetensors"):
        path = tmp_path / f"torn{suffix}"
        path.write_bytes(b"\x80\x02 not weights at all")
        assert "not a file of weights" in said(path)
    torch.save([1, 2], tmp_path / "list.pth")
    assert "not a state dict" in said(tmp_path / "list.pth")
    lacking = dict(network.state_dict())
    lacking.pop("encoder.feature_projection.projection.bias")
    torch.save(lacking, tmp_path / "lacking.pth")
    assert "not weights of this network" in said(tmp_path / "lacking.pth")


def test_a_layer_that_is_not_there() -> None:
    with pytest.raises(InputError, match="HuBERT has 3 layers, not 4"):
        HubertUnits(HUBERT.model_copy(update={"layer": 4}), SMALL_HUBERT)


def test_the_published_network_is_built_for_the_published_weights() -> None:
    """Of the bundle torchaudio only says which file it downloads; its network is that of `hubert_base`."""
    bundle = torchaudio.pipelines.HUBERT_BASE
    with torch.device("meta"):
        own = torchaudio.models.hubert_base().state_dict()
        theirs = torchaudio.models.wav2vec2_model(**bundle._params).state_dict()
    assert {name: value.shape for name, value in own.items()} == {n: v.shape for n, v in theirs.items()}
    assert bundle.sample_rate == 16_000
