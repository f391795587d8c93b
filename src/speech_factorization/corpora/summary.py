"""What a corpus holds and what was refused, counted while it streams by."""

from collections import Counter, defaultdict
from typing import Any

from speech_factorization.corpora.base import SAMPLE_RATE, Refusal, Utterance
from speech_factorization.errors import InputError

__all__ = ["Tally"]


class Tally:
    """Counts of utterances, hours, speakers, splits and refusals; no wave is kept."""

    def __init__(self) -> None:
        self.samples = 0
        self.counts: Counter[str] = Counter()
        self.sex: dict[str, str] = {}
        self.splits: dict[str, defaultdict[str, Counter[str]]] = {
            name: defaultdict(Counter) for name in ("split", "speaker_split")
        }
        self.held: dict[str, set[str]] = defaultdict(set)
        self.labelled: set[str] = set()
        self.refusals: list[Refusal] = []

    def add(self, item: Utterance | Refusal) -> None:
        """Count one item of a reader."""
        if isinstance(item, Refusal):
            self.refusals.append(item)
            return
        samples = len(item.wave)
        self.samples += samples
        self.counts.update(utterances=1, labels=len(item.labels), words=len(item.words))
        self.sex[item.speaker] = item.sex
        self.splits["split"][item.split].update(utterances=1, samples=samples)
        self.splits["speaker_split"][item.speaker_split].update(utterances=1, samples=samples)
        self.held[item.speaker_split].add(item.speaker)
        if item.labels:
            self.labelled.add(item.utterance)

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
        """Nested counts; hours with four digits. What is in refused.csv one by one stands here by reason."""
        speakers = Counter(self.sex.values())
        return {
            "utterances": self.counts["utterances"],
            "hours": _hours(self.samples),
            "labelled": len(self.labelled),
            "labels": self.counts["labels"],
            "words": self.counts["words"],
            "speakers": {"F": speakers["F"], "M": speakers["M"], "unknown": speakers[""]},
            "split": {name: _share(share) for name, share in sorted(self.splits["split"].items())},
            "speaker_split": {
                name: {**_share(share), "speakers": len(self.held[name])}
                for name, share in sorted(self.splits["speaker_split"].items())
            },
            "refused": self._refused(),
        }

    def _refused(self) -> dict[str, dict[str, int]]:
        """What was lost (utterances, all labels of one, some labels of one) -> reason -> how often."""
        refused: dict[str, Counter[str]] = {
            name: Counter() for name in ("utterances", "labels", "some_labels")
        }
        for refusal in self.refusals:
            kept = "some_labels" if refusal.utterance in self.labelled else "labels"
            refused["utterances" if refusal.of == "utterance" else kept][refusal.reason] += 1
        return {lost: dict(sorted(reasons.items())) for lost, reasons in refused.items()}


def _hours(samples: int) -> float:
    return round(samples / SAMPLE_RATE / 3600, 4)


def _share(counts: Counter[str]) -> dict[str, Any]:
    return {"utterances": counts["utterances"], "hours": _hours(counts["samples"])}
