"""The embedded corpus as utterances."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from speech_factorization.corpora.base import Label, Refusal, Split, Utterance, Word
from speech_factorization.corpora.embedded.engine import Order, Voice, start, voices
from speech_factorization.corpora.embedded.labels import Event, spans, words
from speech_factorization.corpora.embedded.sentences import Sentence, all_sentences, sentences_of
from speech_factorization.corpora.embedded.sound import Manner, record
from speech_factorization.corpora.speakers import hold_out
from speech_factorization.errors import InputError
from speech_factorization.parameters import CorpusParameters

__all__ = ["read"]


@dataclass(frozen=True)
class _Plan:
    """One speaker, what he or she says, and how."""

    speaker: str
    sex: str
    split: Split
    sentences: tuple[Sentence, ...]
    manners: tuple[Manner, ...]

    def orders(self) -> list[Order]:
        return [
            Order(sentence.text, manner.rate, manner.pitch, manner.range, manner.seed)
            for sentence, manner in zip(self.sentences, self.manners, strict=True)
        ]


def read(
    source: Path, corpus: CorpusParameters, seed: int, jobs: int, memory: object = None
) -> Iterator[Utterance | Refusal]:
    """Make the corpus, speaker by speaker in the order of voices.json.

    source and memory are not used: nothing is read from outside. corpus.women, corpus.men: the first so many voices of
    each sex. corpus.sentences: see `sentences_of`. jobs: processes that speak at once, of no influence on the
    results. An utterance is the same whatever other speakers are chosen. Nothing is ever refused.
    Errors: more voices than there are, an unknown kind of sentence, espeak-ng not installed.
    """
    chosen = _choose(corpus.women, corpus.men)
    plans = _plan(chosen, corpus.sentences, seed)
    with start(chosen) as engine, ThreadPoolExecutor(max(1, jobs)) as pool:
        sounds = pool.map(lambda plan: engine.speak(plan.speaker, plan.orders()), plans)
        for plan, spoken in zip(plans, sounds, strict=True):
            for sentence, manner, (sound, events) in zip(plan.sentences, plan.manners, spoken, strict=True):
                yield _utterance(plan, sentence, manner, sound, events)


def _choose(women: int, men: int) -> list[Voice]:
    """The first voices of each sex."""
    chosen: list[Voice] = []
    for sex, wanted in (("F", women), ("M", men)):
        own = [voice for voice in voices() if voice["sex"] == sex]
        if wanted > len(own):
            raise InputError(
                f"{wanted} voices of sex {sex} asked for", "corpus.women, corpus.men", f"there are {len(own)}"
            )
        chosen += own[:wanted]
    return chosen


def _plan(chosen: Sequence[Voice], kinds: Sequence[str], seed: int) -> list[_Plan]:
    """What everybody says and how, drawn from (seed, number of the voice, number of the sentence)."""
    numbers = {voice["id"]: number for number, voice in enumerate(voices())}
    places = {sentence.name: place for place, sentence in enumerate(all_sentences())}
    splits = hold_out({voice["id"]: voice["sex"] for voice in chosen}, seed)
    plans = []
    for voice in chosen:
        sentences = tuple(sentences_of(voice["id"], kinds))
        manners = tuple(
            Manner.draw(
                voice["rate"],
                voice["alpha"],
                np.random.default_rng([seed, numbers[voice["id"]], places[sentence.name]]),
            )
            for sentence in sentences
        )
        plans.append(_Plan(voice["id"], voice["sex"], splits[voice["id"]], sentences, manners))
    return plans


def _utterance(
    plan: _Plan, sentence: Sentence, manner: Manner, sound: NDArray[np.int16], events: Sequence[Event]
) -> Utterance:
    """One recording with its labels and words, all times at 16 kHz."""
    found = spans(sound, events)
    wave = record(sound, manner)
    # From the lead to the trail: the edges are h#, and neighbours share one rounded time.
    times = [0, *(manner.place(span.begin) for span in found), manner.place(found[-1].end), len(wave)]
    symbols = ["h#", *(span.symbol for span in found), "h#"]
    return Utterance(
        utterance=f"{plan.speaker}_{sentence.name}",
        speaker=plan.speaker,
        sex=plan.sex,
        split=sentence.split,
        speaker_split=plan.split,
        wave=wave,
        text=sentence.text,
        labels=tuple(map(Label, symbols, times[:-1], times[1:])),
        words=tuple(
            Word(word, manner.place(begin), manner.place(end))
            for word, begin, end in words(found, sentence.text)
        ),
    )
