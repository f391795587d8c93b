"""The speaker's vector: any recording, in pieces as at once; a table of names."""

from pathlib import Path

import numpy as np
import pytest
import torch

from speech_factorization.errors import InputError
from speech_factorization.features.speaker_settings import SpeakerNetworkSettings
from speech_factorization.resynthesis import parts, speaker
from speech_factorization.resynthesis.level import scaled
from speech_factorization.resynthesis.speaker import SpeakerEncoder, SpeakerTable

SETTINGS = SpeakerNetworkSettings(channels=8, dimensions=16, bands=20, crop=8000)
NAMES = ("anna", "ben", "cleo")


def _encoder() -> SpeakerEncoder:
    """A network with running statistics that are not those it starts with."""
    encoder = SpeakerEncoder(NAMES, SETTINGS, seed=1)
    torch.manual_seed(0)
    encoder.standardise.mean.normal_()
    encoder.train()(0.05 * torch.randn(6, 8000))
    return encoder.eval()


def _wave(samples: int, seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    return torch.from_numpy((rng.normal(size=samples) * np.linspace(0.1, 1, samples)).astype(np.float32))


@pytest.mark.parametrize("samples", [4000, 4001, 4159, 16_000, 50_003])
@pytest.mark.parametrize("piece", [4, 26, 100])
def test_pieces_are_as_the_whole_at_the_packages_level(
    samples: int, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder, wave = _encoder(), _wave(samples)
    with torch.no_grad():
        whole = encoder(torch.from_numpy(scaled(wave.numpy()))[None])[0]
    monkeypatch.setattr(speaker, "PIECE", piece)
    found = encoder.embed(wave)
    assert torch.allclose(found, whole, atol=1e-4)
    assert found.shape == (16,)
    assert found.norm().item() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("samples", [1, 2, 160, 399, 3999])
def test_short_recordings_are_repeated(samples: int) -> None:
    encoder, wave = _encoder(), _wave(samples)
    again = wave.repeat(-(-4000 // samples))
    assert torch.allclose(encoder.embed(wave), encoder.embed(again), atol=1e-4)


def test_the_level_does_not_count() -> None:
    encoder, wave = _encoder(), _wave(9000)
    assert torch.allclose(encoder.embed(3e-4 * wave), encoder.embed(wave), atol=1e-4)


def test_memory_does_not_grow_with_the_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, longest = _encoder(), []
    stretch = speaker.gather_frames
    monkeypatch.setattr(
        speaker, "gather_frames", lambda *a: longest.append(stretch(*a).shape[-1]) or stretch(*a)
    )
    encoder.embed(_wave(16_000 * 65))
    assert len(longest) > 4
    assert max(longest) <= (speaker.PIECE + 30) * 160


def test_what_has_no_voice_is_refused_in_one_line() -> None:
    encoder = _encoder()
    for wave, said in (
        (torch.zeros(100), "silent"),
        (torch.tensor([0.1, np.nan]), "finite"),
        (torch.zeros(0), "one"),
    ):
        with pytest.raises(InputError, match=said) as error:
            encoder.embed(wave)
        assert "\n" not in str(error.value)
    with pytest.raises(RuntimeError, match="evaluation mode"):
        _encoder().train().embed(_wave(8000))


def test_the_network_is_a_part(tmp_path: Path) -> None:
    encoder = _encoder()
    parts.save(tmp_path, encoder)
    loaded = parts.load(tmp_path)
    assert isinstance(loaded, SpeakerEncoder)
    assert loaded.speakers == NAMES
    assert torch.equal(loaded.embed(_wave(9000)), encoder.embed(_wave(9000)))


def test_the_table_knows_the_speakers_it_learned(tmp_path: Path) -> None:
    network = _encoder()
    table = SpeakerTable.of(network)
    parts.save(tmp_path, table)
    loaded = parts.load(tmp_path)
    for i, name in enumerate(NAMES):
        centre = network.centres[i].detach()
        assert torch.allclose(loaded.embed_name(name), centre / centre.norm())
    with pytest.raises(InputError, match="'dora'.*anna, ben, cleo"):
        loaded.embed_name("dora")
    with pytest.raises(InputError, match="by its sound"):
        loaded.embed(_wave(9000))
