"""pitch: F0 of every utterance, its statistics by speaker, and F0 codes. Killed, it goes on.

F0 is tracked once, utterance by utterance in `jobs` processes. The F0 VQ-VAE learns from the training speakers
of `speaker_split`, is stopped on the validation speakers and scored on the test speakers.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from speech_factorization import parameters
from speech_factorization.corpora.tables import AUDIO, Corpus
from speech_factorization.errors import InputError
from speech_factorization.evaluation.metrics import pitch as metrics
from speech_factorization.evaluation.metrics import units
from speech_factorization.features.archives import Archive, Writer, matrix_entry, write_matrices
from speech_factorization.files import new_folder, write_json
from speech_factorization.parallel import in_order
from speech_factorization.progress import shown
from speech_factorization.resynthesis.pitch.batches import ContourBatches
from speech_factorization.resynthesis.pitch.coder import PitchCoder
from speech_factorization.resynthesis.pitch.settings import PitchSettings, Tracker
from speech_factorization.resynthesis.pitch.statistics import PitchStatistics
from speech_factorization.resynthesis.pitch.track import track
from stages import METRICS, PARAMS, PREPARED, run, say_empty
from stages.drafts import digest_of, state_of
from stages.parts import trained_part

VALID_BATCH = 256
RATE = 16_000


def tracked(corpus: Corpus, tracker: Tracker, utterance: str) -> tuple[str, bytes]:
    """F0 [T] of an utterance, as it will stand in the archive."""
    try:
        return utterance, matrix_entry(utterance, track(corpus.wave(utterance), tracker))
    except InputError as error:
        raise InputError(str(error), utterance) from None


def write_f0(corpus: Corpus, folder: Path, tracker: Tracker, jobs: int) -> Archive:
    """f0.{ark,scp}: what a killed stage left of them is not tracked again."""
    names: list[str] = corpus.utterances["utterance"].tolist()
    with Writer(folder / "f0", go_on=True) as writer:
        done = next((i for i, name in enumerate(names) if not writer.take([name])), len(names))
        work = in_order(partial(tracked, corpus, tracker), names[done:], jobs)
        for name, entry in shown(work, len(names) - done, "pitch"):
            writer.add(name, entry)
    return Archive(folder / "f0")


class Coding:
    """The utterances of a corpus with their F0 and statistics, and the coder that learns from them."""

    def __init__(self, table: pd.DataFrame, f0: Archive, chosen: PitchSettings) -> None:
        self.table, self.f0, self.chosen = table, f0, chosen
        split = table["speaker_split"]
        if empty := [part for part in ("train", "valid", "test") if part not in set(split)]:
            raise InputError(f"the corpus has no speakers for {' and '.join(empty)} (speaker_split)")
        speakers = list(zip(table["utterance"], table["speaker"], strict=True))
        recordings = ((speaker, f0[name]) for name, speaker in speakers)
        everyone = sorted(set(table.loc[split == "train", "speaker"]))
        self.statistics = PitchStatistics.fit(recordings, everyone)
        self.speaker = dict(speakers)

    def batches(self, split: str, batch: int, segments: int | None = None) -> ContourBatches:
        """Segments of the contours of one split of speakers: all, or so many drawn for each epoch."""
        rows = self.table[self.table["speaker_split"] == split]
        names, speakers = rows["utterance"].tolist(), rows["speaker"].tolist()
        frames, seed = self.chosen.training.frames, self.chosen.seed
        return ContourBatches(
            self.f0, names, speakers, self.statistics, frames, batch, seed=seed, segments=segments
        )

    def train(self, settings: parameters.Parameters, folder: Path, draft: str) -> PitchCoder:
        """The coder, in evaluation mode on the CPU; it is saved in `folder`."""
        chosen = self.chosen
        coder: PitchCoder = trained_part(
            "pitch",
            lambda: PitchCoder(chosen.coder, chosen.tracker),
            self.batches("train", chosen.training.batch, chosen.training.segments),
            self.batches("valid", VALID_BATCH),
            chosen.training,
            settings,
            chosen.seed,
            folder,
            draft,
        )
        return coder

    def codes(self, coder: PitchCoder) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Codes of every utterance."""
        for name, speaker in self.speaker.items():
            f0 = torch.from_numpy(np.array(self.f0[name]))
            yield name, coder.encode(f0, self.statistics.of(speaker)).numpy().astype(np.float32)

    def decoded(self, coder: PitchCoder, codes: Archive) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """F0 of every utterance from its codes."""
        for name, speaker in self.speaker.items():
            stream = torch.from_numpy(codes[name].astype(np.int64))
            yield name, coder.decode(stream, self.statistics.of(speaker), len(self.f0[name])).numpy()

    def scores(self, coder: PitchCoder, codes: Archive, decoded: Archive) -> dict[str, Any]:
        """Errors of F0 from codes on the test speakers, and what the codes cost there."""
        names = self.table.loc[self.table["speaker_split"] == "test", "utterance"].tolist()
        reference, estimate = (np.concatenate([of[name] for name in names]) for of in (self.f0, decoded))
        streams = [codes[name].astype(np.int64) for name in names]
        return {
            "voiced": float(np.mean(reference > 0)),
            **metrics.evaluate(reference, estimate),
            "usage": units.usage(streams, coder.codes),
            "perplexity": units.perplexity(streams, coder.codes),
            **units.bits_per_second(streams, coder.codes, RATE / coder.hop),
        }


def main() -> None:
    """Write prepared/pitch and metrics/pitch.json."""
    settings = parameters.load(PARAMS)
    chosen: PitchSettings = settings.pitch
    corpus = Corpus(PREPARED / "corpus")
    # One thread in every process: theirs would not survive a fork.
    torch.set_num_threads(1)
    draft = digest_of(
        "stages.pitch",
        pitch=chosen.model_dump(),
        device=settings.device,
        threads=settings.threads,
        made_of=state_of(*(corpus.folder / name for name in ("utterances.csv", f"{AUDIO}.ark"))),
    )
    said: dict[str, Any] = {
        "corpus": settings.corpus.name,
        "scale": settings.scale,
        "seed": chosen.seed,
        "tracker": chosen.tracker,
    }
    with new_folder(PREPARED / "pitch", draft) as folder:
        f0 = write_f0(corpus, folder, chosen.tracker, settings.jobs)
        try:
            coding = Coding(corpus.utterances, f0, chosen)
        except InputError as why:
            say_empty("pitch", folder, str(why))
            said["not_answered"] = {"pitch": str(why)}
        else:
            coding.statistics.write_csv(folder / "statistics.csv")
            coder = coding.train(settings, folder, draft)
            write_matrices(folder / "codes", coding.codes(coder))
            write_matrices(folder / "decoded", coding.decoded(coder, Archive(folder / "codes")))
            said |= coding.scores(coder, Archive(folder / "codes"), Archive(folder / "decoded"))
            said["not_answered"] = {}
    write_json(METRICS / "pitch.json", said)


if __name__ == "__main__":
    run(main, "pitch")
