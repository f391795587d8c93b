"""evaluate: every experiment a trained model can answer; the others are listed with the reason.

python -m stages.evaluate MODEL
"""

import shutil
import sys
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray

from speech_factorization import parameters
from speech_factorization.corpora.base import SAMPLE_RATE
from speech_factorization.corpora.tables import Corpus
from speech_factorization.errors import InputError
from speech_factorization.evaluation.experiments import (
    coding,
    conversion,
    distance,
    likelihood,
    manipulation,
    picture,
    pitch_conversion,
    representation,
    resynthesis,
    sequence_code,
    strength,
    trajectories,
    utterances,
)
from speech_factorization.evaluation.experiments.shift import class_means
from speech_factorization.evaluation.experiments.vowels import (
    common,
    denoising,
    directions,
    distribution,
    interpolation,
    lda,
    reconstruction,
    sampling,
)
from speech_factorization.evaluation.judges import Judges
from speech_factorization.evaluation.material import Material
from speech_factorization.evaluation.outcome import Outcome
from speech_factorization.features.batches import UtteranceBatches
from speech_factorization.files import new_folder, write_json
from speech_factorization.interfaces import Batch
from speech_factorization.trained import describe, load_model
from speech_factorization.training.devices import find_device
from speech_factorization.training.seeds import seed_everything
from stages import CHECKPOINTS, METRICS, PARAMS, PLOTS, PREPARED, SOUNDS, argument, run
from stages.data import Missing, Segments, Utterances, Vowels
from stages.materials import judges_of, vowel_material, wave_material

BATCH = 256


class Bench:
    """A trained model with the test data and the judges, each read when an experiment asks for it."""

    def __init__(self, name: str, model: Any, settings: parameters.Parameters) -> None:
        self.name = name
        self.device = find_device(settings.device, settings.threads)
        self.model, self.settings = model.to(self.device), settings

    @cached_property
    def segments(self) -> Segments:
        """Errors: Missing where the corpus has none."""
        return Segments(self.settings.corpus.factors)

    @cached_property
    def utterances(self) -> Utterances:
        """Whole utterances."""
        return Utterances()

    @cached_property
    def judges(self) -> Judges:
        """The frozen judges of segments."""
        return judges_of("segments", self.segments.factors, self.device)

    @cached_property
    def means(self) -> dict[str, torch.Tensor]:
        """Class means of the training segments' codes."""
        return class_means(self.model, self.batches("train"), self.segments.data)

    def batches(self, split: str) -> Iterator[Batch]:
        """Segments of one split, on the device."""
        return (batch.to(self.device) for batch in self.segments.batches(split, BATCH)(0))

    def whole(self, names: list[str]) -> Iterator[Batch]:
        """Whole utterances, on the device."""
        return (batch.to(self.device) for batch in UtteranceBatches(self.utterances.archive, names, 8)(0))

    @property
    def scored(self) -> Iterator[Batch]:
        """The segments that are scored."""
        return self.batches(self.settings.evaluate.split)

    def scored_utterances(self) -> list[str]:
        """Utterances of the speakers that are scored, evenly spread where only some are asked for."""
        names = self.utterances.names(self.settings.evaluate.split)
        wanted = self.settings.evaluate.utterances or len(names)
        kept = min(wanted, len(names))
        return [names[i * len(names) // kept] for i in range(kept)]

    def likelihood(self) -> Outcome:
        """Of the segments, vowels or whole utterances that are scored."""
        chosen, kind = self.settings.evaluate, self.model.inputs[0]
        if kind == "vowels":
            test = (batch.to(self.device) for batch in Vowels().batches(chosen.split, BATCH)(0))
        else:
            test = self.scored if kind == "segments" else self.whole(self.scored_utterances())
        return likelihood.run(self.model, test, chosen.seed)

    def resynthesis(self) -> Outcome:
        """Of whole utterances."""
        waves = (
            (name, self.utterances.archive[name].astype(np.float32)) for name in self.scored_utterances()
        )
        return resynthesis.run(self.model, waves, jobs=self.settings.jobs)

    def trajectories(self) -> Outcome:
        """Of whole utterances."""
        return trajectories.run(self.model, self.whole(self.scored_utterances()))

    def sequence_code(self) -> Outcome:
        """Of all utterances of the speakers scored: every one needs some in both halves."""
        test = self.whole(self.utterances.names(self.settings.evaluate.split))
        return sequence_code.run(self.model, test, self.utterances.table, self.settings.evaluate.seed)

    @cached_property
    def choice(self) -> picture.Choice:
        """The segments shown and heard. Errors: evaluate.picture names a speaker or phone that is not there."""
        segments = self.segments
        return picture.choose(segments.table, segments.data, self.settings.evaluate.picture.model_dump())

    @cached_property
    def wave(self) -> Callable[[str], NDArray[np.float32]]:
        """Utterance -> the wave its segments were cut from."""
        return Corpus(PREPARED / "corpus").wave

    def manipulation(self) -> Outcome:
        """Of the segments that are scored."""
        chosen, data, judges = self.settings.evaluate, self.segments.data, self.judges
        return manipulation.run(
            self.model, self.means, self.scored, judges, data, chosen.seed, chosen.segments
        )

    def strength(self) -> Outcome:
        """Of fewer of them."""
        chosen, data, judges = self.settings.evaluate, self.segments.data, self.judges
        b, limit = chosen.strengths, chosen.strength_segments
        return strength.run(self.model, self.means, self.scored, judges, data, chosen.seed, b, limit)

    def picture(self) -> Outcome:
        """Of the segments that are asked for."""
        chosen, data = self.choice, self.segments.data
        return picture.run(self.model, self.means, chosen, self.wave, data, self.settings.evaluate.seed)

    def utterances_manipulated(self) -> Outcome:
        """Of utterances split within speakers: their speakers were trained on."""
        settings, data = self.settings.evaluate, self.segments.data
        return utterances.run(
            self.model,
            self.means,
            self.segments.rows(settings.split),
            self.wave,
            self.judges,
            data,
            settings.seed,
            self.choice,
            settings.conversions,
        )

    def distance(self) -> Outcome:
        """Of the same segments, moved the same way."""
        chosen, data = self.settings.evaluate, self.segments.data
        return distance.run(self.model, self.means, self.scored, data, chosen.seed, chosen.segments)

    @cached_property
    def vowels(self) -> common.Material:
        """Vowels, in the model's code space and in the spaces beside it. Errors: Missing where there are none."""
        return vowel_material(self.model, self.settings, self.device)

    @cached_property
    def waves(self) -> Material:
        """Utterances with their codes, and who listens. Errors: Missing where there are none."""
        units = self.settings.hp[self.name].units
        return wave_material(units, self.settings, self.device)

    def coding(self) -> Outcome:
        """Of utterances of the speakers scored."""
        chosen = self.settings.evaluate
        return coding.run(self.model, self.waves, chosen.coded, jobs=self.settings.jobs)

    def conversion(self) -> Outcome:
        """Of utterances of the speakers scored, to voices heard in training and not."""
        chosen = self.settings.evaluate
        return conversion.run(self.model, self.waves, chosen.seed, chosen.coded, chosen.targets)

    def pitch_conversion(self) -> Outcome:
        """Of utterances of the speakers scored."""
        chosen = self.settings.evaluate
        return pitch_conversion.run(self.model, self.waves, chosen.seed, chosen.coded, chosen.semitones)

    def representation(self) -> Outcome:
        """Of the codes of segments; probes are trained on the training split and scored on the one scored."""
        chosen, data = self.settings.evaluate, self.segments.data
        splits = [self.batches("train"), self.batches("valid"), self.scored]
        return representation.run(self.model, *splits, data, chosen.seed, chosen.segments, chosen.probes)


EXPERIMENTS = {
    "likelihood": (likelihood.needs, Bench.likelihood),
    "resynthesis": (resynthesis.needs, Bench.resynthesis),
    "trajectories": (trajectories.needs, Bench.trajectories),
    "sequence_code": (sequence_code.needs, Bench.sequence_code),
    # Before the longer ones: a speaker or phone that is not there is said at once.
    "picture": (picture.needs, Bench.picture),
    "manipulation": (manipulation.needs, Bench.manipulation),
    "strength": (strength.needs, Bench.strength),
    "distance": (distance.needs, Bench.distance),
    "utterances": (utterances.needs, Bench.utterances_manipulated),
    "representation": (representation.needs, Bench.representation),
    "vowel_reconstruction": (common.needs, lambda bench: reconstruction.run(bench.vowels)),
    "distribution": (common.needs, lambda bench: distribution.run(bench.vowels)),
    "sampling": (common.needs, lambda bench: sampling.run(bench.vowels)),
    "interpolation": (common.needs, lambda bench: interpolation.run(bench.vowels)),
    "denoising": (common.needs, lambda bench: denoising.run(bench.vowels)),
    "lda": (common.needs, lambda bench: lda.run(bench.vowels)),
    "directions": (common.needs, lambda bench: directions.run(bench.vowels)),
    "coding": (coding.needs, Bench.coding),
    "conversion": (conversion.needs, Bench.conversion),
    "pitch_conversion": (pitch_conversion.needs, Bench.pitch_conversion),
}


def answer(name: str, model: Any, settings: parameters.Parameters) -> tuple[Outcome, dict[str, str]]:
    """Everything the experiments found, and of those that could not run the reason."""
    bench = Bench(name, model, settings)
    whole, not_answered = Outcome({}), {}
    for title, (needs, experiment) in EXPERIMENTS.items():
        reason = needs(model)
        if reason is None:
            try:
                found = experiment(bench)
            except Missing as why:
                reason = str(why)
            else:
                whole.numbers.update(found.numbers)
                whole.figures.update(found.figures)
                whole.sounds.update(found.sounds)
        if reason is not None:
            not_answered[title] = reason
    return whole, not_answered


def checked(folder: Path, settings: parameters.Parameters) -> dict[str, Any]:
    """What the checkpoint says of itself. Errors: it is of another corpus or scale, or not whole.

    Imported weights claim no corpus, so they may be evaluated on any.
    """
    about = describe(folder)
    if about["model"] != folder.name:
        raise InputError(f"holds {about['model']}", folder, f"run the stage train for {folder.name}")
    if "imported" in about:
        return about
    for key, wanted in (("corpus", settings.corpus.name), ("scale", settings.scale)):
        if about.get(key) != wanted:
            what = f"trained on {key} {about.get(key)}, params.yaml says {wanted}"
            raise InputError(what, folder, f"run the stage train for {folder.name}")
    if "skipped" not in about and not (folder / "curves.csv").is_file():
        raise InputError("curves.csv is missing", folder, f"run the stage train for {folder.name}")
    return about


def main() -> None:
    """Write metrics/MODEL.json, plots/MODEL and sounds/MODEL."""
    settings = parameters.load(PARAMS)
    name = argument("model", parameters.models())
    about = checked(CHECKPOINTS / name, settings)
    found = {key: about[key] for key in ("model", "seed", "epochs", "best_epoch") if key in about}
    found |= {"corpus": settings.corpus.name, "scale": settings.scale}
    found |= {"phone_times": settings.alignment.source, "scored": settings.evaluate.split}
    outcome = Outcome({})
    if "skipped" in about:
        found["not_answered"] = {"training": about["skipped"]}
    else:
        seed_everything(settings.evaluate.seed)
        model, about = load_model(CHECKPOINTS / name)
        outcome, not_answered = answer(name, model, settings)
        found |= {"parameters": about["parameters"], **outcome.numbers, "not_answered": not_answered}
        if hasattr(model, "discriminative") and model.parts:
            found |= {name: getattr(model, name) for name in ("discriminative", "consistency", "matching")}
        if "waves" in model.inputs:
            found |= {"content_units": model.hp.units, "generator": model.hp.generator}
        if hasattr(model, "scheduled_sampling") and "imported" not in about:
            found["training_feeding"] = "truth" if model.scheduled_sampling is None else "scheduled sampling"
    if "imported" in about:
        found["weights"] = f"imported from {about['imported']['file']}"
        # Which beta they were trained with is in no file of weights.
        for weight in ("beta", "beta_v"):
            found.get("likelihood", {}).pop(weight, None)
    with new_folder(PLOTS / name) as folder:
        if "epochs" in about:
            shutil.copyfile(CHECKPOINTS / name / "curves.csv", folder / "curves.csv")
        for title, figure in outcome.figures.items():
            # Without the version of matplotlib in it, equal pictures are equal files.
            figure.suptitle(name)
            figure.savefig(folder / f"{title}.png", dpi=100, metadata={"Software": None})
    with new_folder(SOUNDS / name) as folder:
        for title, wave in outcome.sounds.items():
            soundfile.write(folder / f"{title}.wav", wave, SAMPLE_RATE)
    write_json(METRICS / f"{name}.json", found)


if __name__ == "__main__":
    run(main, f"evaluate-{Path(sys.argv[-1]).name}")
