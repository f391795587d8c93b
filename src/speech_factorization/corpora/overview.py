"""What a person reads before a week of training: a corpus's counts as a text and as a figure."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from speech_factorization.corpora.base import SAMPLE_RATE, Refusal
from speech_factorization.corpora.summary import Tally

__all__ = ["describe", "figure"]

SEXES = {"F": ("women", "tab:red"), "M": ("men", "tab:blue"), "": ("sex unknown", "tab:grey")}

_NAMED = 50
"""Bars that are named one by one; more are not to be read."""

_SCARCE = 5
"""Of a class with fewer tokens than this by one speaker little can be learnt or said of that speaker."""


def describe(tally: Tally) -> str:
    """Hours, speakers by sex, utterances, splits, rates, phones per class and speaker, and what was refused."""
    parts = [_amounts(tally), _splits(tally), _rates(tally), _labels(tally), _phones(tally), _refused(tally)]
    return "\n".join(line for part in parts for line in part)


def figure(tally: Tally) -> Figure:
    """Hours by speaker coloured by sex, utterance lengths, tokens per phone class."""
    drawn = Figure(figsize=(9, 9), layout="constrained")
    speakers, lengths, phones = drawn.subplots(3, 1)
    _draw_speakers(speakers, tally)
    lengths.hist(tally.seconds, bins=40, color="tab:grey")
    lengths.set(xlabel="length (s)", ylabel="utterances", title="utterance lengths")
    _draw_phones(phones, tally)
    return drawn


def _amounts(tally: Tally) -> Iterator[str]:
    sexes = Counter(tally.sex.values())
    said = ", ".join(f"{name} {sexes[sex]}" for sex, (name, _) in SEXES.items() if sexes[sex])
    yield f"{tally.counts['utterances']} utterances, {_time(sum(tally.spoken.values()))}"
    if not tally.spoken:
        return
    seconds = tally.seconds
    yield f"  an utterance: {seconds.min():.1f} to {seconds.max():.1f} s, median {np.median(seconds):.1f} s"
    yield f"speakers: {len(tally.sex)} ({said})"
    speakers = _speakers(tally)
    most, least = speakers[0], speakers[-1]
    yield (
        f"  a speaker: {_time(tally.spoken[least])} ({least}) to {_time(tally.spoken[most])} ({most}), "
        f"median {_time(int(np.median(list(tally.spoken.values()))))}"
    )


def _splits(tally: Tally) -> Iterator[str]:
    if count := tally.counts["no_text"]:
        yield f"no text: {count} utterances; split cannot keep a text of theirs on one side"
    for name, parts in tally.splits.items():
        shares = []
        for part in ("train", "valid", "test"):
            counts = parts.get(part, Counter())
            share = f"{counts['utterances']} utterances, {_time(counts['samples'])}"
            if name == "speaker_split":
                share += f", {len(tally.held.get(part, ()))} speakers"
            shares.append(f"{part} {share}")
        yield f"{name}: {'; '.join(shares)}"


def _rates(tally: Tally) -> Iterator[str]:
    for rate, samples in sorted(tally.rates.items()):
        narrow = f"  narrow-band: nothing above {rate // 2} Hz" if rate < SAMPLE_RATE else ""
        yield f"recorded at {rate} Hz: {_time(samples)}{narrow}"


def _labels(tally: Tally) -> Iterator[str]:
    of = f"{len(tally.labelled)} of {tally.counts['utterances']} utterances"
    yield f"labels: {tally.counts['labels']}, of {of}; words with times or without: {tally.counts['words']}"
    if count := tally.counts["no_times"]:
        yield f"  no times: {count} utterances; their phones are the lexicon's, else American English (espeak-ng)"
    if tally.unknown and tally.fold:
        yield f"symbols fold {tally.fold.name} does not know ({tally.fold.remedy}):"
        for symbol, (count, utterance, position) in tally.unknown.items():
            yield f"  {symbol!r} x {count}, first in {utterance} at position {position}"


def _phones(tally: Tally) -> Iterator[str]:
    totals = sum(tally.phones.values(), Counter())
    if not totals or tally.fold is None:
        return
    absent = sorted(set(tally.fold.classes) - totals.keys())
    yield f"phones: {len(totals)} classes" + (f"; none of {', '.join(absent)}" if absent else "")
    yield f"  {'class':<6}{'tokens':>8}  by a speaker: least, median, most; speakers under {_SCARCE}"
    for phone, total in totals.most_common():
        own = sorted((counts[phone], speaker) for speaker, counts in tally.phones.items())
        numbers = [count for count, _ in own]
        scarce = sum(count < _SCARCE for count in numbers)
        yield (
            f"  {phone:<6}{total:>8}  {numbers[0]} ({own[0][1]}), {int(np.median(numbers))}, {numbers[-1]}"
            + (f"; {scarce}" if scarce else "")
        )


def _refused(tally: Tally) -> Iterator[str]:
    lost = {"utterances": "utterances", "labels": "all labels", "some_labels": "some labels"}
    for name, refusals in tally.refused().items():
        by_reason: dict[str, list[Refusal]] = {}
        for refusal in refusals:
            by_reason.setdefault(refusal.reason, []).append(refusal)
        for reason, alike in sorted(by_reason.items(), key=lambda pair: -len(pair[1])):
            first = alike[0]
            place = ", ".join(part for part in (first.file, first.place) if part)
            yield f"refused {lost[name]} x {len(alike)}: {reason} (first {place}; {first.remedy})"
    if not tally.refusals:
        yield "refused: nothing"


def _draw_speakers(axes: Axes, tally: Tally) -> None:
    names = _speakers(tally)
    hours = [tally.spoken[name] / SAMPLE_RATE / 3600 for name in names]
    width = 0.9 if len(names) <= _NAMED else 1.0
    axes.bar(range(len(names)), hours, color=[SEXES[tally.sex[name]][1] for name in names], width=width)
    present = [SEXES[sex] for sex in SEXES if sex in tally.sex.values()]
    if present:
        axes.legend(handles=[Patch(color=colour, label=name) for name, colour in present])
    _name_bars(axes, names)
    axes.set(ylabel="hours", title=f"{len(names)} speakers")


def _draw_phones(axes: Axes, tally: Tally) -> None:
    totals = sum(tally.phones.values(), Counter()).most_common()
    axes.bar(range(len(totals)), [count for _, count in totals], color="tab:grey")
    _name_bars(axes, [phone for phone, _ in totals])
    axes.set(ylabel="tokens", title="phones" if totals else "phones: no labels")


def _name_bars(axes: Axes, names: list[str]) -> None:
    """Names under the bars while they can be read."""
    axes.set_xticks(range(len(names)) if len(names) <= _NAMED else [])
    if len(names) <= _NAMED:
        axes.set_xticklabels(names, rotation=90, fontsize="small")


def _speakers(tally: Tally) -> list[str]:
    """From who speaks most to who speaks least."""
    return sorted(tally.spoken, key=lambda name: (-tally.spoken[name], name))


def _time(samples: int) -> str:
    """Hours from one hour on, else minutes, else seconds."""
    seconds = samples / SAMPLE_RATE
    if seconds >= 3600:
        return f"{seconds / 3600:.2f} h"
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.1f} s"
