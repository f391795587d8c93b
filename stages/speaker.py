"""speaker: whose voice an utterance is, as a vector. Killed, it goes on.

A verification network learns from the training speakers of `speaker_split`, is stopped on held-out utterances of
theirs and scored on pairs of utterances of the test speakers; or a table learns all speakers' vectors.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from speech_factorization import parameters
from speech_factorization.corpora.tables import AUDIO, Corpus
from speech_factorization.errors import InputError
from speech_factorization.evaluation.metrics import verification as metrics
from speech_factorization.features.archives import Archive, Writer
from speech_factorization.features.speaker_batches import CropBatches
from speech_factorization.files import new_folder, write_json
from speech_factorization.progress import shown
from speech_factorization.resynthesis.level import scaled
from speech_factorization.resynthesis.speaker import SpeakerEncoder, SpeakerTable
from speech_factorization.resynthesis.speaker_settings import SpeakerSettings
from stages import METRICS, PARAMS, PREPARED, run, say_empty
from stages.data import Missing
from stages.drafts import digest_of, state_of
from stages.parts import trained_part


class Waves(Mapping[str, NDArray[np.float32]]):
    """Utterance -> wave [samples] at the package's level, read when it is asked for."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus, self._names = corpus, corpus.utterances["utterance"].tolist()

    def __getitem__(self, utterance: str) -> NDArray[np.float32]:
        try:
            return scaled(self._corpus.wave(utterance))
        except InputError as error:
            raise InputError(str(error), utterance) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Voices:
    """The utterances of a corpus, whose speakers a network learns to tell apart."""

    def __init__(self, corpus: Corpus, chosen: SpeakerSettings) -> None:
        self.table, self.waves, self.chosen = corpus.utterances, Waves(corpus), chosen
        known = self.table
        if chosen.type == "network":
            known = known[known["speaker_split"] == "train"]
        self.train, self.valid = known[known["split"] != "valid"], known[known["split"] == "valid"]
        if self.train.empty or self.valid.empty:
            raise Missing("of the training speakers no sentences can be kept back")
        self.classes = sorted(self.train["speaker"].unique())
        self.valid = self.valid[self.valid["speaker"].isin(self.classes)]

    def crops(self, rows: pd.DataFrame, shuffle: bool) -> CropBatches:
        """Crops of some of the utterances."""
        network, batch = self.chosen.network, self.chosen.training.batch
        names, speakers = rows["utterance"].tolist(), rows["speaker"].tolist()
        return CropBatches(
            self.waves,
            names,
            speakers,
            self.classes,
            network.crop,
            batch,
            network.speeds,
            seed=self.chosen.seed,
            shuffle=shuffle,
        )

    def vectors(self, part: SpeakerEncoder | SpeakerTable, folder: Path) -> Archive:
        """vectors.{ark,scp}: [256] of every utterance; what a killed stage left of them is not made again."""
        with Writer(folder / "vectors", go_on=True) as writer:
            rows = zip(self.table["utterance"], self.table["speaker"], strict=True)
            for name, speaker in shown(rows, len(self.table), "speaker"):
                if isinstance(part, SpeakerTable):
                    writer.add_matrix(name, part.embed_name(speaker).numpy())
                elif not writer.take([name]):
                    writer.add_matrix(name, part.embed(torch.from_numpy(self.waves[name])).numpy())
        return Archive(folder / "vectors")

    def scores(self, vectors: Archive) -> dict[str, float]:
        """eer and cosines over pairs of utterances of the test speakers, of different texts where there are texts."""
        test = self.table[self.table["speaker_split"] == "test"]
        texts = test["text"].tolist() if test["text"].ne("").all() else None
        pairs, same = metrics.trials(test["speaker"].tolist(), texts)
        if same.all() or not same.any():
            raise Missing("the test speakers have no pairs of one speaker and of two")
        found = np.stack([vectors[name] for name in test["utterance"]])
        return metrics.evaluate(metrics.cosines(found[pairs[:, 0]], found[pairs[:, 1]]), same)


def main() -> None:
    """Write prepared/speaker and metrics/speaker.json."""
    settings = parameters.load(PARAMS)
    chosen: SpeakerSettings = settings.speaker
    corpus = Corpus(PREPARED / "corpus")
    draft = digest_of(
        "stages.speaker",
        speaker=chosen.model_dump(),
        device=settings.device,
        threads=settings.threads,
        made_of=state_of(*(corpus.folder / name for name in ("utterances.csv", f"{AUDIO}.ark"))),
    )
    lacking: dict[str, str] = {}
    said: dict[str, Any] = {
        "corpus": settings.corpus.name,
        "scale": settings.scale,
        "seed": chosen.seed,
        "type": chosen.type,
        "not_answered": lacking,
    }
    with new_folder(PREPARED / "speaker", draft) as folder:
        try:
            voices = Voices(corpus, chosen)
        except Missing as why:
            say_empty("speaker", folder, str(why))
            lacking["speaker"] = str(why)
        else:
            part = trained_part(
                "speaker",
                lambda: SpeakerEncoder(voices.classes, chosen.network, chosen.seed),
                voices.crops(voices.train, shuffle=True),
                voices.crops(voices.valid, shuffle=False),
                chosen.training,
                settings,
                chosen.seed,
                folder,
                draft,
                SpeakerTable.of if chosen.type == "table" else None,
            )
            vectors = voices.vectors(part, folder)
            try:
                if chosen.type == "table":
                    raise Missing("a table has one vector for each speaker and knows no unseen one")
                said |= voices.scores(vectors)
            except Missing as why:
                lacking["verification"] = str(why)
    write_json(METRICS / "speaker.json", said)


if __name__ == "__main__":
    run(main, "speaker")
