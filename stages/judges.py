"""judges: classifiers and a verification network, frozen before any model is trained.

Trained on train, stopped and calibrated on valid, their accuracies are of test; the verification network
learns from the training speakers and is scored on pairs of the test speakers.
"""

import sys
import tempfile
from collections.abc import Callable
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
from speech_factorization.evaluation.judges import VOWEL_FAMILIES, train_judges
from speech_factorization.files import new_folder, write_json
from speech_factorization.interfaces import Batches
from speech_factorization.training.devices import make_fabric
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

    def classifiers(
        self, of: Segments | Vowels, folder: Path, families: tuple[str, ...] | None
    ) -> dict[str, Any]:
        """Train and save classifiers of segments or vowels; their accuracies on test."""

        def batches(family: str) -> tuple[Batches, Batches]:
            batch = getattr(self.settings, family).batch
            return of.batches("train", batch, self.seed, shuffle=True), of.batches("valid", BATCH)

        def fit_one(family: str, factor: str, network: JudgeNetwork) -> None:
            self.fit(network, *batches(family), getattr(self.settings, family))

        train, valid = of.batches("train", BATCH), of.batches("valid", BATCH)
        kinds = {} if families is None else {"families": families}
        judges = train_judges(of.data, train, valid, self.settings, self.seed, fit_one, **kinds)
        judges.save(folder)
        return judges.accuracies(of.batches("test", BATCH))

    def verification(self, utterances: Utterances, folder: Path) -> dict[str, float]:
        """Train and save the verification network; eer and cosines on the test speakers."""
        table, chosen = utterances.table, self.settings.verification
        known = table[table["speaker_split"] == "train"]
        classes = sorted(known["speaker"].unique())

        def crops(rows: pd.DataFrame, shuffle: bool) -> verification.CropBatches:
            names, speakers = rows["utterance"].tolist(), rows["speaker"].tolist()
            return verification.CropBatches(
                utterances.archive, names, speakers, classes, chosen, seed=self.seed, shuffle=shuffle
            )

        # Its test is of other speakers, so of its own speakers only the sentences that stop it are kept back.
        train, valid = known[known["split"] != "valid"], known[known["split"] == "valid"]
        if train.empty or valid.empty:
            raise Missing("the training speakers have no sentences to learn from and to be stopped by")
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


def main() -> None:
    """Write prepared/judges/{segments,vowels,verification} and metrics/judges.json."""
    settings = parameters.load(PARAMS)
    seed_everything(settings.judges.seed)
    trainer = Trainer(settings)
    metrics: dict[str, Any] = {
        "corpus": settings.corpus.name,
        "scale": settings.scale,
        "seed": settings.judges.seed,
    }
    not_answered: dict[str, str] = {}
    with new_folder(PREPARED / "judges") as folder:
        parts: dict[str, Callable[[], dict[str, Any]]] = {
            "segments": lambda: trainer.classifiers(
                Segments(settings.corpus.factors), folder / "segments", None
            ),
            "vowels": lambda: trainer.classifiers(Vowels(), folder / "vowels", VOWEL_FAMILIES),
            "verification": lambda: {
                "verification": trainer.verification(Utterances(), folder / "verification")
            },
        }
        for name, part in parts.items():
            try:
                metrics |= part()
            except Missing as why:
                print(f"judges: {name} is skipped: {why}", file=sys.stderr)
                not_answered[name] = str(why)
    write_json(METRICS / "judges.json", metrics | {"not_answered": not_answered})


if __name__ == "__main__":
    run(main, "judges")
