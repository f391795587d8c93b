"""judges: classifiers and a verification network, frozen before any model is trained.

Trained on train, stopped and calibrated on valid, their accuracies are of test; the verification network
learns from the training speakers and is scored on pairs of the test speakers.
"""

import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from lightning_fabric import Fabric

from speech_factorization import parameters
from speech_factorization.evaluation import verification
from speech_factorization.evaluation.judge_networks import JudgeNetwork
from speech_factorization.evaluation.judge_settings import (
    CnnSettings,
    JudgeSettings,
    MlpSettings,
    VerificationSettings,
)
from speech_factorization.evaluation.judges import SEGMENT_FAMILIES, VOWEL_FAMILIES, train_judges
from speech_factorization.features.speaker_batches import CropBatches
from speech_factorization.files import new_folder, write_json
from speech_factorization.interfaces import Batches
from speech_factorization.training.fabric import make_fabric
from speech_factorization.training.loop import fit
from speech_factorization.training.seeds import seed_everything
from speech_factorization.training.settings import TrainSettings
from stages import METRICS, PARAMS, PREPARED, run
from stages.data import Missing, Segments, Utterances, Vowels

BATCH = 256


class Trainer:
    """The training loop with what every judge has in common."""

    def __init__(self, settings: parameters.Parameters) -> None:
        self.settings = JudgeSettings.model_validate(settings.judges.model_dump(exclude={"seed"}))
        self.seed = settings.judges.seed
        self.fabric: Fabric = make_fabric(settings.device, settings.threads)

    def fit(
        self,
        network: torch.nn.Module,
        train: Batches,
        valid: Batches,
        chosen: MlpSettings | CnnSettings | VerificationSettings,
    ) -> None:
        """Train in place. Judges take seconds, so a killed stage begins them anew."""
        settings = TrainSettings(**chosen.training())
        with tempfile.TemporaryDirectory() as scratch:
            fit(network, train, valid, settings, self.fabric, Path(scratch), seed=self.seed)

    def classifiers(self, of: Segments | Vowels, folder: Path, families: tuple[str, ...]) -> dict[str, Any]:
        """Train and save classifiers of segments or vowels; their accuracies on test."""

        train, valid = of.batches("train", BATCH), of.batches("valid", BATCH)
        # Batches keep their data in memory: judges with batches of one size share them.
        shuffled = cache(lambda batch: of.batches("train", batch, self.seed, shuffle=True))

        def fit_one(family: str, factor: str, network: JudgeNetwork) -> None:
            chosen = getattr(self.settings, family)
            self.fit(network, shuffled(chosen.batch), valid, chosen)

        judges = train_judges(of.data, train, valid, self.settings, self.seed, fit_one, families)
        judges.save(folder)
        return judges.accuracies(of.batches("test", BATCH))

    def verification(self, utterances: Utterances, folder: Path) -> dict[str, float]:
        """Train and save the verification network; eer and cosines on the test speakers."""
        table, chosen = utterances.table, self.settings.verification
        known = table[table["speaker_split"] == "train"]
        classes = sorted(known["speaker"].unique())

        def crops(rows: pd.DataFrame, shuffle: bool) -> CropBatches:
            names, speakers = rows["utterance"].tolist(), rows["speaker"].tolist()
            return CropBatches(
                utterances.archive,
                names,
                speakers,
                classes,
                chosen.crop,
                chosen.batch,
                chosen.speeds,
                seed=self.seed,
                shuffle=shuffle,
            )

        # Its test is of other speakers, so of its own speakers only the sentences that stop it are kept back.
        train, valid = known[known["split"] != "valid"], known[known["split"] == "valid"]
        network = verification.Verification(classes, chosen, self.seed)
        self.fit(network, crops(train, shuffle=True), crops(valid, shuffle=False), chosen)
        network.to("cpu").save(folder)
        test = table[table["speaker_split"] == "test"]
        waves = [
            torch.from_numpy(utterances.archive[name].astype(np.float32) / 32768)
            for name in test["utterance"]
        ]
        texts = test["text"].tolist() if test["text"].ne("").all() else None
        return verification.score(network, waves, test["speaker"].tolist(), texts)


def speakers() -> Utterances:
    """Utterances of whose training speakers some are kept back. Errors: Missing where that cannot be."""
    found = Utterances()
    known = found.table[found.table["speaker_split"] == "train"]
    if set(known["split"]) <= {"valid"} or "valid" not in set(known["split"]):
        raise Missing("of the training speakers no sentences can be kept back")
    return found


def read_data(
    settings: parameters.Parameters,
) -> tuple[dict[str, Segments | Vowels | Utterances], dict[str, str]]:
    """What there is to learn from, and what is lacking with the reason; all is read before any training."""
    kinds: dict[str, Callable[[], Segments | Vowels | Utterances]] = {
        "segments": lambda: Segments(settings.corpus.factors),
        "vowels": Vowels,
        "verification": speakers,
    }
    there, lacking = {}, {}
    for name, read in kinds.items():
        try:
            there[name] = read()
        except Missing as why:
            lacking[name] = str(why)
    return there, lacking


def main() -> None:
    """Write prepared/judges/{segments,vowels,verification} and metrics/judges.json."""
    settings = parameters.load(PARAMS)
    seed_everything(settings.judges.seed)
    trainer = Trainer(settings)
    metrics: dict[str, Any] = {
        "corpus": settings.corpus.name,
        "scale": settings.scale,
        "seed": settings.judges.seed,
        "phone_times": settings.alignment.source,
    }
    there, not_answered = read_data(settings)
    for name, why in not_answered.items():
        print(f"judges: {name} is skipped: {why}", file=sys.stderr)
    with new_folder(PREPARED / "judges") as folder:
        for name, data in there.items():
            if isinstance(data, Utterances):
                metrics["verification"] = trainer.verification(data, folder / name)
            else:
                families = VOWEL_FAMILIES if isinstance(data, Vowels) else SEGMENT_FAMILIES
                metrics |= trainer.classifiers(data, folder / name, families)
    write_json(METRICS / "judges.json", metrics | {"not_answered": not_answered})


if __name__ == "__main__":
    run(main, "judges")
