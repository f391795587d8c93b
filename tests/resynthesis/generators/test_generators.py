"""All generators: lengths at both hops, what a sample depends on, and long recordings in parts."""

import pytest
import torch

from speech_factorization.errors import InputError
from speech_factorization.resynthesis.generators import build, hifigan, istft
from speech_factorization.resynthesis.generators.base import Streams
from speech_factorization.resynthesis.generators.streaming import generate
from speech_factorization.resynthesis.source import phases, pulses
from tests.resynthesis.small import SETTINGS, generator, streams

every = pytest.mark.parametrize("name", SETTINGS)
PUBLISHED = Streams(codes=100, hop=320, pitch_codes=20)


def parameters(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_hifi_gan_has_the_published_size() -> None:
    assert parameters(build(hifigan.Settings(), PUBLISHED)) / 1e6 == pytest.approx(14.2, abs=0.05)
    assert parameters(build(istft.Settings(), PUBLISHED)) / 1e6 == pytest.approx(14.0, abs=0.05)


@every
@pytest.mark.parametrize("hop", [160, 320])
def test_a_wave_as_long_as_its_codes(name: str, hop: int) -> None:
    made = generator(name, hop)(**streams(3, hop))
    assert made.shape == (2, 3 * 1280)
    assert made.isfinite().all()
    assert made.std() > 1e-4


@every
def test_streams_of_unequal_lengths_are_refused(name: str) -> None:
    given = streams(3)
    with pytest.raises(InputError, match="11 units, 3 pitch codes and 48 values of F0 are not of one wave"):
        generator(name)(**{**given, "content": given["content"][:, :11]})
    with pytest.raises(InputError, match="not of one wave"):
        generator(name)(**{**given, "f0": given["f0"][:, 1:]})


@every
def test_every_weight_learns(name: str) -> None:
    made = generator(name)
    for parameter in made.parameters():
        # Gains begin as one value everywhere: what lies behind them has no gradient yet.
        torch.nn.init.normal_(parameter, std=0.1)
    made(**streams(3)).square().mean().backward()
    for which, parameter in made.named_parameters():
        assert parameter.grad is not None, which
        assert parameter.grad.abs().sum() > 0, which


@every
@pytest.mark.parametrize("hop", [160, 320])
def test_nothing_beyond_the_context_changes_a_sample(name: str, hop: int) -> None:
    made, given = generator(name, hop), streams(24, hop, items=1)
    other = {key: stream.clone() for key, stream in given.items()}
    begin = 12 * 1280
    other["content"][:, begin // hop :] = (other["content"][:, begin // hop :] + 1) % 7
    other["pitch"][:, 12:] = (other["pitch"][:, 12:] + 1) % 5
    other["f0"][:, begin // 80 :] *= 1.1
    with torch.no_grad():
        changed = (made(**given) - made(**other))[0].abs().nonzero()[:, 0]
    first = int(changed.min())
    assert begin - made.context <= first < begin
    # Nor is it many times too large: parts would overlap for nothing.
    assert made.context < 4 * (begin - first) + 2 * 1280


@every
@pytest.mark.parametrize("hop", [160, 320])
def test_in_parts_as_at_once(name: str, hop: int) -> None:
    made, given = generator(name, hop), streams(40, hop, items=1)
    with torch.no_grad():
        whole = made(**given)[0]
    found = generate(made, *(given[key][0] for key in ("content", "pitch", "f0", "speaker")), piece=7)
    torch.testing.assert_close(found, whole, atol=1e-4, rtol=0)


def test_the_source_filter_speaks_at_the_f0_it_is_given() -> None:
    made, given = generator("source_filter"), streams(20, items=1)
    assert made.absolute_pitch
    given["f0"] = torch.full_like(given["f0"], 200.0)
    with torch.no_grad():
        # Of the two sources the noise is silenced.
        made.gains.bias[20:] = -20
        made.gains.weight[20:] = 0
        wave = made(**given)[0]
    power = torch.fft.rfft(wave * torch.hann_window(len(wave))).abs().square()
    hertz = torch.fft.rfftfreq(len(wave), 1 / 16_000)
    # Gains move with the units, which widens the lines a little.
    near = (hertz.remainder(200) - 100).abs() > 60
    assert power[near & (hertz > 100)].sum() / power[hertz > 100].sum() > 0.98
    other = {**given, "f0": 2 * given["f0"]}
    with torch.no_grad():
        assert (made(**other) - wave).abs().max() > 1e-3


@pytest.mark.parametrize("name", ["istft", "hifigan"])
def test_the_published_inputs_are_codes_alone(name: str) -> None:
    made, given = generator(name), streams(3)
    assert not made.absolute_pitch
    with torch.no_grad():
        same = made(**{**given, "f0": 2 * given["f0"]})
        torch.testing.assert_close(same, made(**given), rtol=0, atol=0)
        assert (made(**{**given, "pitch": 4 - given["pitch"]}) - same).abs().max() > 0


def test_pulses_are_those_of_the_whole_recording() -> None:
    """What `generate` gives each part is cut from one phase."""
    f0 = streams(40, items=1)["f0"][0]
    phase = phases(f0)
    assert (phase[35 * 16 :] - phases(f0[35 * 16 :])).abs().max() > 0.01
    assert pulses(f0, phase).isfinite().all()
