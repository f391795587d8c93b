"""Voice conversion: an utterance's units and pitch, spoken in another's voice.

As published (Polyak et al., Interspeech 2021), every utterance of the speakers scored is given to five speakers drawn
at random: `seen`, of those the generator was trained on, and `unseen`, of those scored, whom it has never heard. A
target is a mean speaker vector and F0 statistics, both of utterances that say something else than the source does.
Its contour is the source's, as high and as lively as the target's.

Who speaks is told by the judges' verification network, which no generator is trained with. Each converted utterance
c is compared with real utterances r, up to five a speaker: trials (c, r of the target) count as the same speaker,
(c, r of anyone else) as different; anyone else is every other speaker of the target's split, and the source. No r
has the text of c, and none went into the target's vector. `eer` is the equal error rate of all these trials; `cosine`
the mean cosine to the target, `cosine_source` to the source (what leaked); `nearest_target` and `nearest_source`, how
often the nearest mean of a speaker's r is the target's or the source's. `speakers`: among how many, so that chance is
one in so many.

phone_error: of the phone judge at the source's segments, since time is preserved. vde, gpe, ffe: of F0 tracked in c
against the source's tracked F0 moved to the target's statistics, all frames together. Beside them stand the same of
`original`, and of `original_seen`: real speech of as many utterances of the training speakers, against the pool of
`seen`, so that each pool has its own of what is real (the judges' network was trained on those speakers); of
`reconstruction`, in the voice heard in the utterance itself; of `own`, in the speaker's voice as other
utterances have it, what conversion to oneself is; and `unchanged_seen` and `unchanged_unseen`: the original itself
offered as the target. `original`, `reconstruction` and `own` are compared with the other speakers scored. A model whose
speakers are a learned table hears no voice, and has been given a vector of every speaker: it has `seen` alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from speech_factorization.errors import InputError
from speech_factorization.evaluation.experiments.conversion_figures import (
    Example,
    cosine_figure,
    example_figure,
)
from speech_factorization.evaluation.experiments.conversion_scores import Heard, numbers, trials
from speech_factorization.evaluation.material import Material, Row, decoded, hears_voices
from speech_factorization.evaluation.material import speaks as needs
from speech_factorization.evaluation.outcome import Outcome
from speech_factorization.evaluation.sounds import audible
from speech_factorization.resynthesis.codes import Codes
from speech_factorization.resynthesis.prosody import moved

__all__ = ["draw", "needs", "run"]

SEEDS = {"seen": 30, "unseen": 31}
AGAINST_SEEN = ("seen", "unchanged_seen", "original_seen")
VECTOR = 256


def run(model: Any, material: Material, seed: int, limit: int = 16, targets: int = 5) -> Outcome:
    """conversion -> original | original_seen | reconstruction | own | [unchanged_]seen | [unchanged_]unseen -> numbers.

    At most `limit` utterances (0: all), each given to `targets` speakers, fewer where there are not so many. The
    figures `conversion` (spectrograms and contours) and `conversion_cosines`; sounds of the first utterance.
    Errors: InputError where there is no utterance, or none of the speakers scored can be compared with its own.
    """
    sources = [row for row in material.sources(limit) if material.references(row.speaker, row)]
    if not sources:
        raise InputError("no utterance to convert", remedy="every speaker needs two sentences or more")
    pools = {"seen": material.speakers("train"), "unseen": material.speakers(material.scored)}
    # A table of speakers was trained on all of them: to it none is unseen.
    kinds = tuple(pools) if hears_voices(model) else ("seen",)
    drawn = {kind: draw(material, sources, pools[kind], targets, seed, kind) for kind in kinds}
    heard: dict[str, list[Heard]] = {name: [] for name in ("original", "reconstruction", "own", *kinds)}
    example: Example | None = None
    for row in sources:
        codes = _codes(model, material, row)
        made = dict(_made(model, material, row, codes, drawn))
        for name, offered in made.items():
            heard[name] += [
                _hear(material, row, target, wave, codes, changed) for target, wave, changed in offered
            ]
        example = example or _example(material, row, made)
    told: dict[str, Any] = {"utterances": len(sources)}
    originals = {made.source: made for made in heard["original"]}
    for kind in kinds:
        unchanged = [replace(originals[made.source], target=made.target) for made in heard[kind]]
        heard[f"unchanged_{kind}"] = unchanged
    real = [row for row in material.sources(len(sources), "train") if material.references(row.speaker, row)]
    heard["original_seen"] = [_hear(material, row, row.speaker, material.wave(row.utterance)) for row in real]
    cosines = {}
    for name, found in heard.items():
        against = trials(material, found, pools["seen" if name in AGAINST_SEEN else "unseen"])
        block = numbers(found, against)
        if block:
            told[name], cosines[name] = block, (against.same, against.different)
    figures = {"conversion_cosines": cosine_figure(cosines)}
    sounds: dict[str, NDArray[np.float32]] = {}
    if example:
        figures["conversion"] = example_figure(example)
        sounds = audible({k: torch.from_numpy(v) for k, v in example.sounds().items()}, "conversion_source")
    return Outcome({"conversion": told}, figures, sounds)


def draw(
    material: Material, sources: Sequence[Row], pool: Sequence[str], count: int, seed: int, kind: str
) -> dict[str, list[str]]:
    """Utterance -> up to `count` speakers of the pool (names), drawn without replacement, never the source's.

    A speaker of too few utterances is no target. An utterance's targets do not depend on which others are scored.
    """
    found = {}
    for row in sources:
        others = [name for name in sorted(pool) if name != row.speaker and material.may_be(name, row)]
        digits = list(row.utterance.encode())
        rng = np.random.default_rng([seed, SEEDS[kind], *digits])
        order = rng.permutation(len(others))[:count]
        found[row.utterance] = [others[i] for i in order]
    return found


def _codes(model: Any, material: Material, row: Row) -> Codes:
    """Of a model with a table of speakers, in nobody's voice: those scored are not in it."""
    wave = torch.from_numpy(np.array(material.wave(row.utterance)))
    voice = {} if hears_voices(model) else {"speaker": torch.zeros(VECTOR)}
    with torch.no_grad():
        codes: Codes = model.encode(wave, material.statistics.of(row.speaker), **voice)
    return codes


# Whose a sound is offered as, the sound, and the codes it was made of (None: of none).
Sound = tuple[str, NDArray[np.float32], Codes | None]


def _made(
    model: Any, material: Material, row: Row, codes: Codes, drawn: dict[str, dict[str, list[str]]]
) -> Iterator[tuple[str, list[Sound]]]:
    """Block -> its sounds of one utterance."""
    yield "original", [(row.speaker, material.wave(row.utterance), None)]
    if hears_voices(model):
        yield "reconstruction", [(row.speaker, decoded(model, codes), codes)]
        own = [row.speaker] if material.may_be(row.speaker, row) else []
        yield "own", [_given(model, material, row, codes, name) for name in own]
    for kind, targets in drawn.items():
        yield kind, [_given(model, material, row, codes, name) for name in targets[row.utterance]]


def _given(model: Any, material: Material, row: Row, codes: Codes, name: str) -> Sound:
    """An utterance in the voice that another speaker's, or its own speaker's, other utterances have."""
    speaker, statistics = material.target(name, row)
    changed = replace(codes, speaker=speaker.to(codes.speaker), statistics=statistics)
    return name, decoded(model, changed), changed


def _hear(
    material: Material,
    row: Row,
    target: str,
    wave: NDArray[np.float32],
    codes: Codes | None = None,
    changed: Codes | None = None,
) -> Heard:
    """codes: of the source; changed: those that the wave was made of, None of real speech."""
    listener = material.listener
    errors = listener.phones(wave, row.utterance)
    # The original of the corpus may be heard again as what others are compared with.
    embedding = material.voice(row.utterance) if changed is None else listener.voice(wave)
    if codes is None or changed is None:
        return Heard(row, target, embedding, errors)
    expected = moved(material.contour(row.utterance), codes.statistics, changed.statistics)
    return Heard(row, target, embedding, errors, expected, listener.track(wave))


def _example(material: Material, row: Row, made: dict[str, list[Sound]]) -> Example:
    """The first utterance's: of each kind the first target of the other sex, or else the first."""
    found = []
    for kind in SEEDS:
        own = material.sex(row.speaker)
        ranked = sorted(made.get(kind, []), key=lambda sound: material.sex(sound[0]) == own)
        for name, wave, _ in ranked[:1]:
            real = material.references(name, row)[0]
            found.append((kind, name, material.wave(real), wave))
    waves = {"source": material.wave(row.utterance)}
    for _, wave, _ in made.get("reconstruction", []):
        waves["reconstruction"] = wave
    return Example(row.utterance, waves, tuple(found), material.listener.track)
