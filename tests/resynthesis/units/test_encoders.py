"""What every type of units promises: one unit per hop of any wave, the same at any level, in bounded memory."""

from typing import Any

import pytest
import torch

from speech_factorization.errors import InputError
from speech_factorization.interfaces import Batch
from speech_factorization.resynthesis.units import clusters, cpc, hubert, vqvae
from speech_factorization.resynthesis.units.cpc import CPCUnits
from speech_factorization.resynthesis.units.hearing import listen, log_mel
from speech_factorization.resynthesis.units.hubert import HubertUnits
from speech_factorization.resynthesis.units.kmeans import KMeansUnits
from speech_factorization.resynthesis.units.vqvae import VQVAEUnits
from tests.resynthesis.units.speech import CPC, HUBERT, KMEANS, SMALL_HUBERT, VQVAE, buzz


def tones(samples: int = 16_000) -> torch.Tensor:
    """A low tone, and from the middle on a high one."""
    n = torch.arange(samples // 2) / 16_000
    wave = torch.cat([torch.sin(2 * torch.pi * 300 * n), torch.sin(2 * torch.pi * 2500 * n)])
    return wave + 1e-3 * torch.randn(samples, generator=torch.Generator().manual_seed(0))


def encoder(kind: str, **changed: Any) -> Any:
    """One with random weights, whose centres are means of what it sees of two sounds."""
    sounds = [buzz(16_000), tones()]
    if kind == "kmeans":
        kmeans = KMeansUnits(KMEANS)
        bands = [log_mel(listen(sound)) for sound in sounds]
        kmeans.tract.fit(bands, 0)
        kmeans.cluster(bands, 0)
        return kmeans.eval()
    if kind == "hubert":
        torch.manual_seed(0)
        network = HubertUnits(HUBERT, SMALL_HUBERT)
        network.cluster(sounds, 0)
        return network.eval()
    part: Any = (
        VQVAEUnits(VQVAE.model_copy(update=changed))
        if kind == "vqvae"
        else CPCUnits(CPC.model_copy(update=changed))
    )
    heard = [part.front(sound) for sound in sounds]
    part.front.standardise.fit(Batch(x[None], torch.tensor([len(x)])) for x in heard)
    if part.front.kind == "wave":
        # Else the biases of untrained layers drown the sound.
        part.front.standardise.scale.div_(30)
    if kind == "cpc":
        part.cluster(heard, 0)
    else:
        ratio = part.hop // part.front.hop
        points = torch.cat([part.z_e(x[None, : len(x) // ratio * ratio])[0] for x in heard]).detach()
        part.quantiser.vq.codebook = clusters.centres(points, part.codes, 0)
    return part.eval()


EVERY: list[tuple[str, dict[str, Any]]] = [
    ("kmeans", {}),
    ("vqvae", {"input": "normalised"}),
    ("vqvae", {"input": "mel", "hop": 160}),
    ("vqvae", {"input": "wave"}),
    ("vqvae", {"input": "wave", "hop": 160}),
    ("cpc", {"input": "normalised"}),
    ("cpc", {"input": "wave"}),
    ("hubert", {}),
]
every = pytest.mark.parametrize(
    ("kind", "changed"), EVERY, ids=["-".join([k, *map(str, c.values())]) for k, c in EVERY]
)


@every
@pytest.mark.parametrize("samples", [1, 2, 159, 160, 161, 320, 321, 5001, 16_000])
def test_one_unit_for_each_begun_hop(kind: str, changed: dict[str, Any], samples: int) -> None:
    part = encoder(kind, **changed)
    found = part.encode(buzz(16_000)[-samples:])
    assert found.dtype == torch.int64
    assert found.shape == (-(-samples // part.hop),)
    assert 0 <= found.min() <= found.max() < part.codes


@every
def test_the_level_says_nothing(kind: str, changed: dict[str, Any]) -> None:
    part, wave = encoder(kind, **changed), buzz(8000)
    found = part.encode(wave)
    assert len(found.unique()) > 1
    assert (part.encode(wave * 7.3) == found).float().mean() > 0.95


@every
def test_a_unit_is_of_its_own_samples(kind: str, changed: dict[str, Any]) -> None:
    """One sound in the first half and another in the second: units change in the middle and nowhere else."""
    part, wave = encoder(kind, **changed), tones(32_000)
    found = part.encode(wave)
    middle, reach = 16_000 // part.hop, 20
    ends = [found[reach : middle - reach].mode().values, found[middle + reach : -reach].mode().values]
    assert ends[0] != ends[1]
    changes = [(found[middle - reach : middle + reach] == end).nonzero() - reach for end in ends]
    # The last moment of the first sound, and the first of the second one.
    assert abs(int(changes[0].max()) - int(changes[1].min())) <= 8
    assert abs(int(changes[0].max())) <= 8


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("vqvae", {"input": "wave"}),
        ("vqvae", {"input": "mel"}),
        ("cpc", {"input": "wave"}),
        ("cpc", {"input": "mel"}),
    ],
)
def test_parts_of_a_long_wave_are_as_the_whole(
    kind: str, changed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    part, wave = encoder(kind, **changed), buzz(40_000)
    if kind == "cpc":
        heard = part.front(wave)
        whole = part.context(heard)
        monkeypatch.setattr(cpc, "PART", 37)
        assert torch.allclose(part.context(heard), whole, atol=1e-5)
        return
    whole = part.encode(wave)
    monkeypatch.setattr(vqvae, "PART", 17)
    assert torch.equal(part.encode(wave), whole)


def test_hubert_in_parts_is_nearly_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    part, wave = encoder("hubert"), buzz(64_000)
    whole = part.features(wave)
    monkeypatch.setattr(hubert, "PART", 70)
    monkeypatch.setattr(hubert, "AROUND", 60)
    found = part.features(wave)
    assert found.shape == whole.shape
    cosine = torch.cosine_similarity(found - whole.mean(0), whole - whole.mean(0))
    assert cosine.mean() > 0.95


@pytest.mark.parametrize("kind", ["kmeans", "vqvae", "cpc", "hubert"])
@pytest.mark.parametrize(
    ("wave", "said"),
    [
        (torch.zeros(4000), "silent"),
        (torch.zeros(0), "shape"),
        (torch.ones(2, 4000), "shape"),
        (torch.tensor([0.1, float("nan"), 0.2]), "finite"),
    ],
)
def test_what_cannot_be_heard_is_said(kind: str, wave: torch.Tensor, said: str) -> None:
    with pytest.raises(InputError, match=said):
        encoder(kind).encode(wave)
