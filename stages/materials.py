"""What experiments on vowels and on waves are made of, from the prepared data and the judges."""

from functools import partial
from typing import Any

import pandas as pd
import torch

from speech_factorization.corpora.tables import Corpus, read_table
from speech_factorization.errors import InputError
from speech_factorization.evaluation import material
from speech_factorization.evaluation.experiments.vowels import common
from speech_factorization.evaluation.judges import Judges
from speech_factorization.evaluation.listening import Listener
from speech_factorization.evaluation.verification import Verification
from speech_factorization.evaluation.vowel_gaussians import PPCA, Plain
from speech_factorization.features.vowel_code import VowelCode
from speech_factorization.parameters import Parameters
from speech_factorization.resynthesis.pitch.statistics import PitchStatistics
from speech_factorization.resynthesis.pitch.track import track
from stages import PREPARED
from stages.data import Vowels, Waves

__all__ = ["judges_of", "vowel_material", "wave_material"]

BATCH = 128


def judges_of(kind: str, factors: dict[str, tuple[str, ...]], device: torch.device) -> Judges:
    """The frozen judges of segments or vowels. Errors: they were trained on other classes than those are of."""
    folder = PREPARED / "judges" / kind
    judges = Judges.load(folder)
    for name in sorted({*judges.data.factors, *factors}):
        if judges.data.factors.get(name) != factors.get(name):
            raise InputError(f"other classes of {name} than the {kind} have", folder, "run the stage judges")
    return judges.to(device)


def vowel_material(model: VowelCode, settings: Parameters, device: torch.device) -> common.Material:
    """Vowels of training and of what is scored, with the Gaussians fitted to the training ones."""
    vowels, chosen = Vowels(), settings.evaluate
    judges = judges_of("vowels", vowels.factors, device)

    def part(split: str) -> tuple[Any, pd.DataFrame]:
        batches = (batch.to(device) for batch in vowels.batches(split, BATCH)(0))
        return batches, vowels.table[vowels.table["split"] == split].reset_index(drop=True)

    baselines: dict[str, VowelCode] = {}
    try:
        baselines["ppca"] = PPCA(model).to(device).fit(part("train")[0], part("valid")[0])
    except InputError as why:
        # An image of the paper's size has no full covariance; the other rows stand without it.
        print(f"evaluate: no ppca beside the model: {why}")
    baselines["spectrogram"] = Plain(model).to(device).fit(part("train")[0])
    return common.prepare(
        model,
        baselines,
        part("train"),
        part(chosen.split),
        judges["vowel"],
        vowels.factors,
        Corpus(PREPARED / "corpus").wave,
        chosen.seed,
        chosen.vowels,
    )


def wave_material(units: str, settings: Parameters, device: torch.device) -> material.Material:
    """Utterances with their F0 and voices, and the judges who listen. Errors: Missing where the corpus lacks them."""
    waves = Waves(units)
    segments = read_table(PREPARED / "segments" / "segments.csv")
    judges = None if segments.empty else Judges.load(PREPARED / "judges" / "segments").to(device)
    listener = Listener(
        None if judges is None else judges["mlp"],
        () if judges is None else judges.data.factors["phone"],
        segments,
        Verification.load(PREPARED / "judges" / "verification").to(device),
        partial(track, tracker=settings.pitch.tracker),
    )
    statistics = PitchStatistics.read_csv(PREPARED / "pitch" / "statistics.csv")
    return material.Material(
        waves.table,
        waves.corpus.wave,
        waves.tracked,
        waves.vectors,
        statistics,
        listener,
        settings.evaluate.split,
    )
