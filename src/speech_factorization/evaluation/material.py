"""What experiments on resynthesis are made of: utterances with their F0 and voices, and who listens."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from speech_factorization.evaluation.listening import Listener
from speech_factorization.evaluation.metrics.verification import cosines
from speech_factorization.resynthesis.codes import Codes
from speech_factorization.resynthesis.pitch.statistics import PitchStatistics, Statistics, of_f0

__all__ = ["Material", "Row", "decoded", "hears_voices", "needs", "speaks", "spread"]

Wave = NDArray[np.float32]
F0 = NDArray[np.float32]

REFERENCES = 5
"""Utterances of a speaker that a voice is compared with, at most."""


@dataclass(frozen=True)
class Row:
    """An utterance of the corpus."""

    utterance: str
    speaker: str
    text: str


@dataclass(frozen=True)
class Material:
    """The corpus as resynthesis reads it, and who listens to what is made.

    table: rows of utterances.csv (utterance, speaker, sex, split, speaker_split, text); wave: utterance ->
    [samples], 16 kHz; f0: utterance -> tracked F0 [ceil(samples / 80)] in Hz, 0 where unvoiced; vectors: utterance ->
    speaker vector [256] of the model's own speaker encoder; statistics: of log F0 by speaker; scored: the split of
    speakers that is scored.
    """

    table: pd.DataFrame
    wave: Callable[[str], Wave]
    f0: Mapping[str, F0]
    vectors: Mapping[str, NDArray[np.float32]]
    statistics: PitchStatistics
    listener: Listener
    scored: str = "test"

    def contour(self, utterance: str) -> F0:
        """Tracked F0, [T]."""
        return np.ravel(self.f0[utterance])

    def sources(self, limit: int, split: str | None = None) -> list[Row]:
        """At most `limit` utterances of the speakers scored, or of another split (0: all), evenly spread.

        Of those whose sentence no judge of phones was trained on (`split` test), where there are any.
        """
        rows = self.table[self.table["speaker_split"] == (split or self.scored)]
        unheard = rows[rows["split"] == "test"]
        return spread([_row(row) for row in (unheard if len(unheard) else rows).itertuples()], limit)

    def speakers(self, split: str) -> list[str]:
        """By name, those of one split of speakers."""
        return sorted(set(self.table.loc[self.table["speaker_split"] == split, "speaker"]))

    def sex(self, speaker: str) -> str:
        """As utterances.csv has it; may be empty."""
        return str(self.table.loc[self.table["speaker"] == speaker, "sex"].iloc[0])

    @cached_property
    def _said(self) -> dict[str, list[tuple[str, str]]]:
        """Speaker -> (utterance, text) of each, by the utterance's name."""
        found: dict[str, list[tuple[str, str]]] = {}
        for row in self.table.sort_values("utterance", kind="stable").itertuples():
            found.setdefault(str(row.speaker), []).append((str(row.utterance), str(row.text)))
        return found

    def _dealt(self, speaker: str, source: Row) -> tuple[list[str], list[str]]:
        """A speaker's utterances: (what a voice is made of, what is compared with it), none of the source's text.

        By name they are dealt in turn, so that none serves for both.
        """
        names = [
            name
            for name, text in self._said.get(speaker, [])
            if name != source.utterance and (text != source.text or not text)
        ]
        return names[::2], names[1::2]

    def may_be(self, speaker: str, source: Row) -> bool:
        """Whether `source` can be given this voice: there are utterances for both, and vectors of the first."""
        names, compared = self._dealt(speaker, source)
        return bool(names and compared) and all(name in self.vectors for name in names)

    def target(self, speaker: str, source: Row) -> tuple[torch.Tensor, Statistics]:
        """Another's voice for an utterance: unit vector [256] and F0 statistics.

        The mean over the utterances dealt to it. Where none of these has a voiced frame: the speaker's statistics.
        """
        names, _ = self._dealt(speaker, source)
        mean = torch.from_numpy(np.mean([np.ravel(self.vectors[name]) for name in names], axis=0))
        pitch = of_f0(np.concatenate([self.contour(name) for name in names]))
        vector = torch.nn.functional.normalize(mean.float(), dim=0)
        return vector, pitch or self.statistics.of(speaker)

    def references(self, speaker: str, source: Row) -> list[str]:
        """The speaker's utterances that a sound made of `source` is compared with, five at most."""
        names, compared = self._dealt(speaker, source)
        return (compared or names)[:REFERENCES]

    @cached_property
    def _voices(self) -> dict[str, NDArray[np.float32]]:
        return {}

    def voice(self, utterance: str) -> NDArray[np.float32]:
        """The judge's embedding of an utterance of the corpus, [D]; heard once."""
        if utterance not in self._voices:
            self._voices[utterance] = self.listener.voice(self.wave(utterance))
        return self._voices[utterance]

    def likeness(self, embedding: NDArray[np.float32], speaker: str, source: Row) -> NDArray[np.float64]:
        """Cosine of an embedding [D] with each of the speaker's references."""
        names = self.references(speaker, source)
        there = np.stack([self.voice(name) for name in names]) if names else np.zeros((0, len(embedding)))
        return cosines(np.broadcast_to(embedding, there.shape), there)


def speaks(model: Any) -> str | None:
    """None if the model speaks from discrete codes of content, pitch and speaker, else what it lacks."""
    if "waves" not in model.inputs:
        return "takes no waves"
    missing = [name for name in ("encode", "decode", "encode_pitch") if not hasattr(model, name)]
    return f"has no {' and no '.join(missing)}" if missing else None


def hears_voices(model: Any) -> bool:
    """Whether it takes a voice from a recording; a table of speakers only knows those it was trained on."""
    return not hasattr(getattr(model, "speaker", None), "embed_name")


def needs(model: Any) -> str | None:
    """None if the model speaks again what anyone said, in their own voice, else what it lacks."""
    table = None if hears_voices(model) else "has a table of its training speakers and takes no other voice"
    return speaks(model) or table


def spread(rows: Sequence[Any], limit: int) -> list[Any]:
    """At most `limit` of the rows (0: all), evenly spread, in their order."""
    kept = min(limit or len(rows), len(rows))
    return [rows[i * len(rows) // kept] for i in range(kept)]


def _row(row: Any) -> Row:
    return Row(str(row.utterance), str(row.speaker), str(row.text))


def decoded(model: Any, codes: Codes) -> Wave:
    """The sound of codes, [samples] float32 on the CPU."""
    with torch.no_grad():
        wave = model.decode(codes)
    found: Wave = torch.as_tensor(wave).float().cpu().numpy()
    return found
