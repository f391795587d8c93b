"""What a corpus holds and what was refused, counted while it streams by: numbers, a text, a figure."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speech_factorization.corpora.base import SAMPLE_RATE, Label, Refusal, Utterance
from speech_factorization.errors import InputError
from speech_factorization.phones.folds import Fold
from speech_factorization.phones.labels import fold_rows

__all__ = ["Tally", "counted"]


class Tally:
    """Counts of utterances, hours, speakers, splits, phones and refusals; no wave is kept.

    fold: counts phones too, as the stage `phones` will. phones: speaker -> phone -> how many; unknown: symbol
    the fold does not know -> [how many, utterance and position of the first].
    """

    def __init__(self, fold: Fold | None = None) -> None:
        self.fold = fold
        self.counts: Counter[str] = Counter()
        self.sex: dict[str, str] = {}
        self.spoken: Counter[str] = Counter()
        self.rates: Counter[int] = Counter()
        self.lengths = array("q")
        self.splits: dict[str, defaultdict[str, Counter[str]]] = {
            name: defaultdict(Counter) for name in ("split", "speaker_split")
        }
        self.held: dict[str, set[str]] = defaultdict(set)
        self.labelled: set[str] = set()
        self.phones: dict[str, Counter[str]] = {}
        self.unknown: dict[str, list[Any]] = {}
        self.refusals: list[Refusal] = []

    def add(self, item: Utterance | Refusal) -> None:
        """Count one item of a reader."""
        if isinstance(item, Refusal):
            self.refusals.append(item)
            return
        samples = len(item.wave)
        self.counts.update(utterances=1, labels=len(item.labels), words=len(item.words))
        self.counts.update(no_text=not item.text, no_times=any(label.begin is None for label in item.labels))
        self.sex[item.speaker] = item.sex
        self.spoken[item.speaker] += samples
        self.rates[item.rate] += samples
        self.lengths.append(samples)
        self.splits["split"][item.split].update(utterances=1, samples=samples)
        self.splits["speaker_split"][item.speaker_split].update(utterances=1, samples=samples)
        self.held[item.speaker_split].add(item.speaker)
        if item.labels:
            self.labelled.add(item.utterance)
            self._count_phones(item.utterance, item.speaker, item.labels)

    def _count_phones(self, utterance: str, speaker: str, labels: tuple[Label, ...]) -> None:
        if self.fold is None:
            return
        for position, label in enumerate(labels):
            if label.symbol not in self.fold.table:
                self.unknown.setdefault(label.symbol, [0, utterance, position])[0] += 1
        known = (label for label in labels if label.symbol in self.fold.table)
        rows = ((utterance, label.symbol, label.begin, label.end) for label in known)
        self.phones.setdefault(speaker, Counter()).update(row.phone for row in fold_rows(rows, self.fold))

    @property
    def seconds(self) -> NDArray[np.float64]:
        """[utterances] their lengths."""
        return np.array(self.lengths, dtype=np.float64) / SAMPLE_RATE

    def check(self) -> None:
        """Error: not one utterance is usable."""
        if self.counts["utterances"]:
            return
        if not self.refusals:
            raise InputError(
                "the corpus has no utterance", "corpus.source", "check that it names the corpus's folder"
            )
        first = self.refusals[0]
        raise InputError(
            f"no utterance of the corpus is usable ({len(self.refusals)} refused): {first.reason}",
            ", ".join(part for part in (first.file, first.place) if part),
            first.remedy,
        )

    def summary(self) -> dict[str, Any]:
        """Nested counts; hours with four digits. What is in refused.csv one by one stands here by reason.

        hours_by_rate: of the recordings, before they were brought to 16 kHz; under 16000 is narrow-band.
        """
        speakers = Counter(self.sex.values())
        return {
            "utterances": self.counts["utterances"],
            "hours": _hours(sum(self.spoken.values())),
            "hours_by_rate": {str(rate): _hours(self.rates[rate]) for rate in sorted(self.rates)},
            "labelled": len(self.labelled),
            "labels": self.counts["labels"],
            "words": self.counts["words"],
            "speakers": {"F": speakers["F"], "M": speakers["M"], "unknown": speakers[""]},
            "split": {name: _share(share) for name, share in sorted(self.splits["split"].items())},
            "speaker_split": {
                name: {**_share(share), "speakers": len(self.held[name])}
                for name, share in sorted(self.splits["speaker_split"].items())
            },
            "refused": {lost: _by_reason(refusals) for lost, refusals in self.refused().items()},
        }

    def refused(self) -> dict[str, list[Refusal]]:
        """Refusals by what was lost: utterances, all labels of one, some labels of one."""
        refused: dict[str, list[Refusal]] = {name: [] for name in ("utterances", "labels", "some_labels")}
        for refusal in self.refusals:
            kept = "some_labels" if refusal.utterance in self.labelled else "labels"
            refused["utterances" if refusal.of == "utterance" else kept].append(refusal)
        return refused


def counted(items: Iterable[Utterance | Refusal], tally: Tally) -> Iterator[Utterance | Refusal]:
    """The same items, counted."""
    for item in items:
        tally.add(item)
        yield item


def _by_reason(refusals: list[Refusal]) -> dict[str, int]:
    return dict(sorted(Counter(refusal.reason for refusal in refusals).items()))


def _hours(samples: int) -> float:
    return round(samples / SAMPLE_RATE / 3600, 4)


def _share(counts: Counter[str]) -> dict[str, Any]:
    return {"utterances": counts["utterances"], "hours": _hours(counts["samples"])}
