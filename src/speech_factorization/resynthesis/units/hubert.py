"""Units of HuBERT: k-means on one of its layers (Hsu et al., IEEE/ACM TASLP 2021; layer 6 and 100 units in Polyak et
al., 2021). The network is torchaudio's, its weights downloaded or from a file; only the k-means is learned here.
"""

import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import torch
import torchaudio
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import pad

from speech_factorization.errors import InputError
from speech_factorization.resynthesis.units import clusters
from speech_factorization.resynthesis.units.hearing import listen
from speech_factorization.resynthesis.units.settings import HubertSettings

__all__ = ["HubertUnits"]

# Its convolutions: a frame of 400 samples every 320.
FRAME = 400
# Its transformer sees all at once: pieces of 20 s, with 2 s around them, keep memory bounded.
PART, AROUND = 1000, 100
FILE = "hubert_fairseq_base_ls960.pth"


class HubertUnits(nn.Module):
    """Wave -> units (parts.UnitEncoder); `pretrained` gives it its weights, `cluster` its units.

    architecture: arguments of torchaudio.models.wav2vec2_model, or None for HuBERT base. Layers above the one that is
    used are left out.
    """

    centres: Tensor
    hop = 320

    def __init__(self, settings: HubertSettings, architecture: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.settings, self.codes = settings, settings.codes
        self.architecture = None if architecture is None else dict(architecture)
        self.network = _network(self.architecture)
        layers = self.network.encoder.transformer.layers
        if settings.layer > len(layers):
            raise InputError(
                f"HuBERT has {len(layers)} layers, not {settings.layer}",
                "units.hubert.layer",
                "name one of them",
            )
        self._keep(self.network)
        with torch.no_grad():
            size = self._layer(torch.zeros(1, FRAME)).shape[-1]
        self.register_buffer("centres", torch.zeros(settings.codes, size))

    @classmethod
    def pretrained(cls, settings: HubertSettings, architecture: Mapping[str, Any] | None = None) -> Self:
        """With the weights of `settings.weights`, downloaded where that is empty.

        Errors: InputError for a download that fails, a file that is missing, damaged, or of another network.
        """
        part = cls(settings, architecture)
        if settings.weights:
            network = _network(part.architecture)
            state = _read(Path(settings.weights))
            try:
                network.load_state_dict(state)
            except RuntimeError as error:
                said = " ".join(str(error).split())[:200]
                where, remedy = settings.weights, f"give the weights of torchaudio's HUBERT_BASE ({FILE})"
                raise InputError(f"not weights of this network ({said})", where, remedy) from None
        else:
            network = _download()
        part._keep(network)
        return part

    def describe(self) -> dict[str, Any]:
        # Where the weights came from says nothing once they are in the part.
        settings = self.settings.model_dump(mode="json") | {"weights": ""}
        return {"kind": "hubert", "settings": settings, "architecture": self.architecture}

    @classmethod
    def from_description(cls, description: Mapping[str, Any]) -> Self:
        return cls(HubertSettings.model_validate(description["settings"]), description["architecture"])

    @torch.no_grad()
    def features(self, wave: Tensor) -> Tensor:
        """The layer's output [ceil(samples / 320), D] for wave [samples]. Errors: see `listen`."""
        wave = listen(wave.to(self.centres.device))
        count = -(-len(wave) // self.hop)
        around = (FRAME - self.hop) // 2
        padded = pad(wave, (around, around + count * self.hop - len(wave)))
        found = []
        for begin in range(0, count, PART):
            first, last = max(begin - AROUND, 0), min(begin + PART + AROUND, count)
            y = self._layer(padded[None, first * self.hop : (last - 1) * self.hop + FRAME])[0]
            found.append(y[begin - first :][: min(PART, count - begin)])
        return torch.cat(found)

    @torch.no_grad()
    def cluster(self, waves: Iterable[Tensor], seed: int) -> None:
        """Find the units from training waves [samples]."""
        points = clusters.drawn((self.features(wave) for wave in waves), clusters.POINTS, seed)
        self.centres.copy_(clusters.centres(points, self.codes, seed))

    @torch.no_grad()
    def encode(self, wave: Tensor) -> Tensor:
        """Units [ceil(samples / 320)] of wave [samples]. Errors: a wave that cannot be heard (`listen`)."""
        return clusters.nearest(self.features(wave), self.centres)

    def _layer(self, waves: Tensor) -> Tensor:
        """[B, T, D] of waves [B, 80 + 320 T]."""
        found, _ = self.network.extract_features(waves, num_layers=self.settings.layer)
        last: Tensor = found[-1]
        return last

    def _keep(self, network: Any) -> None:
        """Take a network, frozen, without the layers above the one in use."""
        transformer = network.encoder.transformer
        transformer.layers = transformer.layers[: self.settings.layer]
        self.network = network.eval().requires_grad_(False)

    def train(self, mode: bool = True) -> Self:
        """Never in training mode: its dropout would make other units."""
        super().train(mode)
        self.network.eval()
        return self


def _network(architecture: Mapping[str, Any] | None) -> Any:
    if architecture is None:
        return torchaudio.models.hubert_base()
    return torchaudio.models.wav2vec2_model(**architecture)


def _download() -> Any:
    try:
        return torchaudio.pipelines.HUBERT_BASE.get_model(dl_kwargs={"progress": False})
    except (OSError, RuntimeError) as error:
        said = " ".join(str(error).split())
        remedy = f"download torchaudio's {FILE} on a machine that can, and name the file there"
        raise InputError(
            f"HuBERT's weights cannot be downloaded ({said})", "units.hubert.weights", remedy
        ) from None


def _read(path: Path) -> Mapping[str, Tensor]:
    if not path.is_file():
        raise InputError("no such file", f"units.hubert.weights: {path}", f"give torchaudio's {FILE}")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, RuntimeError, pickle.UnpicklingError, EOFError, ValueError) as error:
        said = " ".join(str(error).split())[:200]
        raise InputError(
            f"not a file of weights ({said})", path, "give a safetensors file or a torch one"
        ) from None
    if not isinstance(found, Mapping) or not all(isinstance(value, Tensor) for value in found.values()):
        raise InputError("not a state dict", path, "give the weights alone, as torchaudio publishes them")
    return found
