"""White noise taken out of vowels by a shift of their code (arXiv 1910.13288): z_c = z_n - b xi.

xi is the mean displacement of training vowels' codes when white noise is added to their waves, at signal-to-noise
ratios drawn at random (`_matched`: at that of the noise to be taken out). What a shift changes in the image is changed
in the noisy spectrogram, whose detail the image may lack. Beside it stands spectral subtraction that knows the noise's
true power.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from speech_factorization.evaluation.experiments.vowels.common import (
    Material,
    Vowels,
    decode,
    encode,
    images,
    needs,
    pictures,
)
from speech_factorization.evaluation.experiments.vowels.figures import TITLES, grid, played_as
from speech_factorization.evaluation.metrics.noise import log_spectral_distance, snr
from speech_factorization.evaluation.outcome import Outcome
from speech_factorization.features.vowel_code import VowelCode
from speech_factorization.features.vowel_sound import wave_of
from speech_factorization.features.vowels import BINS, SCALE, WINDOW, vowel_image, vowel_spectrum

__all__ = [
    "ANY_LEVEL",
    "LEVELS",
    "STRENGTHS",
    "Noisy",
    "add_noise",
    "displacement",
    "key",
    "needs",
    "run",
    "shifted",
    "subtracted",
]

LEVELS = (0, 10, 20)  # dB
ANY_LEVEL = (0.0, 20.0)
STRENGTHS = tuple(i / 10 for i in range(9))
TRAINING = 256
SCORED = 40
HEARD = 3

SUBTRACTION = "spectral_subtraction"
MATCHED = "_matched"
# Of the noise's power: what spectral subtraction leaves at least, and how much of it is subtracted at 0 dB, how much
# less for every dB more, and the limits of that (Berouti, Schwartz and Makhoul, Enhancement of speech corrupted by
# acoustic noise, 1979).
LEFT = 0.01
AT_ZERO, PER_DB, RANGE = 4.0, 3 / 20, (1.0, 5.0)


Sound = Callable[[str], Tensor]


class Noisy(NamedTuple):
    """Vowels before and after white noise was added.

    clean, noisy: complex spectra [frames, 257] of each; power: E |N|^2 of its noise in every bin, [N].
    """

    clean: list[Tensor]
    noisy: list[Tensor]
    power: Tensor

    @property
    def lengths(self) -> Tensor:
        """Frames, [N]."""
        return torch.tensor([len(s) for s in self.clean])


def key(strength: float) -> str:
    """0.8 is b080."""
    return f"b{round(100 * strength):03d}"


def add_noise(vowels: Vowels, sound: Sound, levels: Tensor, generator: torch.Generator) -> Noisy:
    """White noise on every vowel's wave.

    sound: utterance -> [samples], the wave they were taken of; levels: [N] dB of the vowel's energy over the noise's.
    """
    clean, noisy, power = [], [], []
    for utterance, begin, end, of in zip(*vowels.places(), levels.tolist(), strict=True):
        wave = sound(utterance)
        scale = float(wave[begin:end].square().mean().sqrt()) * 10 ** (-of / 20)
        noise = scale * torch.randn(len(wave), generator=generator)
        clean.append(vowel_spectrum(wave, begin, end))
        noisy.append(vowel_spectrum(wave + noise, begin, end))
        power.append((scale * SCALE) ** 2 * float(torch.hann_window(WINDOW).square().sum()))
    return Noisy(clean, noisy, torch.tensor(power))


def seen(spectra: list[Tensor]) -> Tensor:
    """Pictures [N, 288, 288] of complex spectra."""
    return torch.stack([vowel_image(_log_magnitude(s)) for s in spectra])


def displacement(
    codes: Mapping[str, VowelCode],
    train: Vowels,
    sound: Sound,
    seed: int,
    between: tuple[float, float] = ANY_LEVEL,
) -> dict[str, Tensor]:
    """Name -> xi [D], the mean of z(noisy) - z(clean) over training vowels.

    between: signal-to-noise ratios in dB that each vowel's is drawn from.
    """
    rng = np.random.default_rng([seed, 19])
    vowels = train.at(np.sort(rng.choice(len(train), min(TRAINING, len(train)), replace=False)))
    levels = torch.from_numpy(rng.uniform(*between, len(vowels)))
    found = add_noise(vowels, sound, levels, torch.Generator().manual_seed(seed))
    x = seen(found.noisy).to(vowels.image.device)
    xi = {}
    for name, code in codes.items():
        noisy = encode(code, *images(code, x, vowels.lengths))
        xi[name] = (noisy - encode(code, vowels.image, vowels.mask)).mean(0)
    return xi


def shifted(code: VowelCode, x: Tensor, lengths: Tensor, shifts: Sequence[Tensor]) -> Iterator[Tensor]:
    """Pictures x [N, 288, 288] as they become where their codes are moved by each shift [D], one after another.

    What the shift changes in the image is changed in x: detail that the image lacks stays.
    """
    image, mask = images(code, x, lengths)
    before, z = pictures(code, image, lengths), encode(code, image, mask)
    frames = torch.arange(x.shape[1], device=x.device)
    bins = torch.arange(x.shape[2], device=x.device) < BINS
    real = (frames < lengths[:, None])[:, :, None] & bins
    for shift in shifts:
        after = pictures(code, decode(code, z + shift, mask), lengths)
        yield torch.where(real, (x + after - before).clamp(min=0), 0)


def subtracted(spectrum: Tensor, power: float) -> Tensor:
    """log magnitudes [frames, 257] of |S|^2 - a E |N|^2, a hundredth of the noise's power at least; a by frame."""
    squared = spectrum.abs().square()
    snr_of_frame = 10 * (squared.mean(1, keepdim=True) / power).clamp(min=1e-3).log10()
    a = (AT_ZERO - PER_DB * snr_of_frame).clamp(*RANGE)
    return _log_root((squared - a * power).clamp(min=LEFT * power))


def run(material: Material) -> Outcome:
    """denoising -> snr_0 | snr_10 | snr_20 -> noisy, spectral_subtraction, SPACE.b000 ... SPACE.b080 (and
    SPACE_matched) -> numbers.

    distance: log-spectral, in dB, of images (so that all are compared at the resolution of the model's front);
    snr: of sound with the noisy phase, dB; *_gain: by how much they are better than the noisy ones'; p_phone: the
    judge's posterior of the vowel. `training`: vowels that xi is of.
    """
    rng = np.random.default_rng([material.seed, 23])
    test = material.test
    scored = test.at(np.sort(rng.choice(len(test), min(SCORED, len(test)), replace=False)))
    train, sound, seed = material.train, material.sound, material.seed
    everywhere = displacement(material.spaces, train, sound, seed)
    matching = {
        name: material.spaces[name] for name in (material.own, "spectrogram") if name in material.spaces
    }
    generator = torch.Generator().manual_seed(material.seed + 1)
    numbers: dict[str, Any] = {"training": min(TRAINING, len(material.train)), "vowels": len(scored)}
    figures, sounds = {}, {}
    for level in LEVELS:
        noise = add_noise(scored, material.sound, torch.full((len(scored),), float(level)), generator)
        matched = displacement(matching, train, sound, seed, (level, level))
        xi = everywhere | {f"{name}{MATCHED}": shift for name, shift in matched.items()}
        kept: dict[str, Tensor] = {}
        scores = _scores(material, scored, noise, _made(material, scored, noise, xi), kept)
        numbers[f"snr_{level}"] = _nested(scores)
        if level == min(LEVELS):
            figures["denoising_examples"] = _examples(material, scored, kept)
            sounds = _sounds(noise, kept, material.own)
    figures["denoising"] = _curves(numbers, [*material.spaces, *(f"{name}{MATCHED}" for name in matching)])
    return Outcome({"denoising": numbers}, figures, sounds)


def _made(
    material: Material, scored: Vowels, noise: Noisy, xi: Mapping[str, Tensor]
) -> Iterator[tuple[str, Tensor]]:
    """Name, or SPACE.b080, and pictures [N, 288, 288], one after another: all at once are gigabytes."""
    device = scored.image.device
    x = seen(noise.noisy).to(device)
    spectra = zip(noise.noisy, noise.power.tolist(), strict=True)
    yield "noisy", x
    yield SUBTRACTION, torch.stack([vowel_image(subtracted(*each)) for each in spectra]).to(device)
    for name, shift in xi.items():
        code = material.spaces[name.removesuffix(MATCHED)]
        made = shifted(code, x, scored.lengths, [-b * shift for b in STRENGTHS])
        for b, of in zip(STRENGTHS, made, strict=True):
            yield f"{name}.{key(b)}", of


def _scores(
    material: Material,
    scored: Vowels,
    noise: Noisy,
    made: Iterator[tuple[str, Tensor]],
    kept: dict[str, Tensor],
) -> dict[str, dict[str, float]]:
    """Name -> what `run` says. kept: takes the first pictures of each name, which are shown and heard."""
    clean = [wave_of(_log_magnitude(s), s).numpy() for s in noise.clean]
    truth = scored.factors["phone"]
    found: dict[str, dict[str, float]] = {}
    for name, x in made:
        kept[name] = x[:HEARD].clone()
        image, mask = images(material.model, x, scored.lengths)
        distance = log_spectral_distance(
            material.shown(scored.image), material.shown(image), mask.cpu().numpy()
        )
        waves = [_wave(one, s) for one, s in zip(x, noise.noisy, strict=True)]
        p = material.judge.posterior(x, scored.lengths)["phone"]
        found[name] = {
            "distance": float(distance.mean()),
            "snr": float(np.mean([snr(a, b.numpy()) for a, b in zip(clean, waves, strict=True)])),
            "p_phone": float(p[truth >= 0].gather(1, truth[truth >= 0, None]).mean()),
        }
    noisy = found["noisy"]
    for name, of in found.items():
        if name != "noisy":
            of["distance_gain"] = noisy["distance"] - of["distance"]
            of["snr_gain"] = of["snr"] - noisy["snr"]
    return found


def _log_magnitude(spectrum: Tensor) -> Tensor:
    """log(max(|S|, 1)), the floor 0."""
    return _log_root(spectrum.abs().square())


def _log_root(power: Tensor) -> Tensor:
    return power.clamp(min=1).log() / 2


def _wave(picture: Tensor, spectrum: Tensor) -> Tensor:
    """Sound of one picture [288, 288] with the phase of a spectrum [frames, 257]."""
    return wave_of(picture[: len(spectrum), :BINS].cpu(), spectrum)


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """SPACE.b080 as SPACE -> b080."""
    found: dict[str, Any] = {}
    for name, value in flat.items():
        space, _, strength = name.partition(".")
        if strength:
            found.setdefault(space, {})[strength] = value
        else:
            found[space] = value
    return found


def _examples(material: Material, scored: Vowels, made: Mapping[str, Tensor]) -> Figure:
    """One vowel: clean, noisy, and less and less so; a line per space."""
    one = slice(0, 1)
    strengths = STRENGTHS[2::2]

    def image(name: str) -> Tensor:
        return images(material.model, made[name][one], scored.lengths[one])[0]

    lines, ends = {}, (scored.image[one], image("noisy"))
    for space in material.spaces:
        lines[space] = torch.cat([*ends, *(image(f"{space}.{key(b)}") for b in strengths)])
    lines["spectral subtraction"] = torch.cat([*ends, image(SUBTRACTION)])
    titles = {"spectral subtraction": ["", "", "subtracted"]}
    return grid(lines, titles, ["clean", "noisy, 0 dB", *(f"b = {b:g}" for b in strengths)])


def _curves(numbers: Mapping[str, Any], spaces: list[str]) -> Figure:
    """Gains over b, a column per level of noise; dotted: spectral subtraction."""
    figure = Figure(figsize=(3.3 * len(LEVELS), 5.2), layout="constrained")
    axes = figure.subplots(2, len(LEVELS), sharex=True, sharey="row", squeeze=False)
    for column, level in zip(axes.T, LEVELS, strict=True):
        of = numbers[f"snr_{level}"]
        for ax, gain in zip(column, ("distance_gain", "snr_gain"), strict=True):
            for space in spaces:
                gains = [of[space][key(b)][gain] for b in STRENGTHS]
                style = "--" if space.startswith("spectrogram") else "-"
                ax.plot(STRENGTHS, gains, style, marker="o", markersize=3, label=TITLES.get(space, space))
            ax.axhline(of[SUBTRACTION][gain], color="k", linestyle="dotted", label="spectral subtraction")
            ax.axhline(0, color="0.8", linewidth=1, zorder=0)
        column[0].set_title(f"noise at {level} dB")
        column[1].set_xlabel("b")
    axes[0, 0].set_ylabel("log-spectral distance less (dB)")
    axes[1, 0].set_ylabel("SNR more (dB)")
    axes[0, -1].legend(fontsize=7)
    return figure


def _sounds(noise: Noisy, made: Mapping[str, Tensor], own: str) -> dict[str, NDArray[np.float32]]:
    """The first vowels: clean, noisy, denoised."""
    some = range(min(HEARD, len(noise.clean)))
    waves = {"denoising_clean": [wave_of(_log_magnitude(noise.clean[i]), noise.clean[i]) for i in some]}
    for title, name in (
        ("noisy", "noisy"),
        (own, f"{own}.{key(max(STRENGTHS))}"),
        (SUBTRACTION, SUBTRACTION),
    ):
        waves[f"denoising_{title}"] = [_wave(made[name][i], noise.noisy[i]) for i in some]
    return played_as(waves, "denoising_clean")
