"""A tree of sound files with Praat TextGrids, as the Montreal Forced Aligner writes them.

Layout: any tree of sound files (suffixes: `trees.SOUNDS`); the TextGrid of a sound has its name and lies beside it,
or in the same place of a tree of its own (`grids`). Tiers `words` and `phones`, or where several speak
"SPEAKER - words" and "SPEAKER - phones"; where no tier is called `words` the text is empty, and the split knows
of no text that is said twice. Symbols stay as they are (ARPABET with
stress digits, IPA, ...; the fold says what they mean) but for silence: "", sil, sp are `sil`. `spn`, what the
aligner did not make out, stays. The speaker is the parent folder, or what `speaker` finds in the file's place in
the tree, or, where tiers name one, that.

A recording of one speaker is one utterance, named by its place in the tree (anna/a1.wav: anna_a1). Longer ones
(`longest`) and those of several speakers are cut in pauses: rec1_anna_00001500_00003250, in milliseconds. Where two
speak at once the cut is refused. A sound without a usable grid is an utterance without labels; but not where grids
name speakers, since nobody knows then who speaks in it.

`split`, within each speaker, by text: a tenth for validation, a fifth for test. `speaker_split`: disjoint
speakers, a tenth for validation and a fifth for test, half women where sexes are known.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import soundfile
from pydantic import Field

from speech_factorization.corpora.base import SAMPLE_RATE, Label, Refusal, Utterance, Word
from speech_factorization.corpora.faults import Fault
from speech_factorization.corpora.praat import read_grid
from speech_factorization.corpora.roles import Role, Said, find_sexes, give_roles
from speech_factorization.corpora.sounds import Heard, Memory, Request, read_sounds
from speech_factorization.corpora.trees import (
    SOUNDS,
    UNREAD,
    Sound,
    SpeakerPattern,
    Tree,
    find_sounds,
    safe_names,
    walk,
)
from speech_factorization.corpora.turns import WORDS, Track, Turn, find_tracks, find_turns
from speech_factorization.strict import Strict

if TYPE_CHECKING:
    from speech_factorization.parameters import CorpusParameters

__all__ = ["Settings", "read"]


class Settings(Strict):
    """How the files are laid out; paths start from the corpus's folder.

    grids: the tree of TextGrids, empty where they lie beside the sounds. words, phones: names of the tiers, in
    either case. speaker: a regular expression with a group `speaker` for the path of a sound in the tree; empty:
    the parent folder. sexes: a CSV (speaker, sex), empty where sexes are unknown. channel: which one is read
    where a file has several, from 1. longest: seconds of a recording of one speaker that is not cut. pause:
    seconds of silence at which it is. tolerance: seconds by which sound and grid may differ in length.
    """

    grids: str = ""
    words: Annotated[str, Field(min_length=1)] = WORDS
    phones: Annotated[str, Field(min_length=1)] = "phones"
    speaker: SpeakerPattern = ""
    sexes: str = ""
    channel: Annotated[int, Field(ge=1)] | None = None
    longest: Annotated[float, Field(gt=0)] = 60.0
    pause: Annotated[float, Field(gt=0)] = 0.5
    tolerance: Annotated[float, Field(ge=0)] = 0.1


@dataclass(frozen=True)
class _Recording:
    """A sound and what its grid says; fault: where that is of no use, and the one turn is all of the sound.

    end: of the grid, in seconds. speakers: as the tiers name them, by track.
    """

    sound: Sound
    grid: Path
    end: float = math.nan
    speakers: tuple[str, ...] = ()
    turns: tuple[Turn, ...] = ()
    fault: Fault | None = None

    def said(self) -> list[Said]:
        """Its utterances before they are read."""
        said = []
        for turn in self.turns:
            named = self.speakers[turn.track] if self.speakers else ""
            key = self.sound.place
            if not turn.whole:
                times = f"{turn.begin * 1000:08.0f}_{turn.end * 1000:08.0f}"
                key = "_".join(part for part in (key, named, times) if part)
            said.append(Said(key, named or self.sound.speaker, turn.text))
        return said


def read(
    source: Path,
    corpus: "CorpusParameters",
    seed: int,
    jobs: int,
    settings: Settings,
    memory: Memory | None = None,
) -> Iterator[Utterance | Refusal]:
    """Utterances by their recording's place in the tree, then by time; first what cannot be read at all.

    `women`, `men`: at most so many speakers, chosen by the seed; those of unknown sex take what places are left.
    `jobs`, `memory`: see `read_sounds`. Every grid is read twice: for the splits, then with its sound.
    Error: no such folder, no sound in it, nobody to read, a faulty table of sexes.
    """
    tree = walk(source)
    sounds, refusals = find_sounds(tree, settings.speaker, "readers.textgrid.speaker")
    grids = walk(source / settings.grids) if settings.grids else tree
    yield from tree.refusals
    yield from refusals
    if grids is not tree:
        yield from grids.refusals
    yield from _without_sound(grids, tree)
    recordings = [_plan(sound, grids, settings) for sound in sounds]
    if any(any(recording.speakers) for recording in recordings):
        usable = []
        for recording in recordings:
            if recording.fault:
                yield recording.fault.refusal(safe_names([recording.sound.place])[0], "utterance", source)
            else:
                usable.append(recording)
        recordings = usable
    said = [one for recording in recordings for one in recording.said()]
    sexes = find_sexes(settings.sexes, source, (one.speaker for one in said))
    roles = iter(give_roles(said, sexes, corpus, seed))
    planned: list[Refusal | tuple[Request, _Part]] = []
    for recording in recordings:
        planned += _requests(recording, [next(roles) for _ in recording.said()], source, settings)
    tracks: list[Track] = []
    last: _Recording | None = None
    for item in read_sounds(planned, source, jobs, memory):
        if isinstance(item, Refusal):
            yield item
            continue
        _, part, heard = item
        if part.recording is not last:
            last = part.recording
            tracks = [] if last.fault else _tracks(last.grid, settings)[1]
        yield from _utterance(part, tracks, heard, source, settings)


def _without_sound(grids: Tree, tree: Tree) -> Iterator[Refusal]:
    """A refusal for each TextGrid that no sound belongs to."""
    for place in grids.with_suffix(".textgrid"):
        if not tree.files.get(place, {}).keys() & {*SOUNDS, *UNREAD}:
            path = tree.root / f"{place}.wav"
            fault = Fault("the audio file is missing", path, "", "copy it, or leave out its TextGrid")
            yield fault.refusal(safe_names([place])[0], "utterance", tree.root)


def _plan(sound: Sound, grids: Tree, settings: Settings) -> _Recording:
    """What is said in a recording, as far as its grid can be used."""
    path = grids.files.get(sound.place, {}).get(".textgrid", grids.root / f"{sound.place}.TextGrid")
    try:
        end, tracks = _tracks(path, settings)
        turns = find_turns(tracks, end, settings.longest, settings.pause)
    except Fault as fault:
        return _Recording(sound, path, turns=(Turn(0, 0.0, math.inf, 0, ""),), fault=fault)
    return _Recording(sound, path, end, tuple(track.speaker for track in tracks), tuple(turns))


def _tracks(path: Path, settings: Settings) -> tuple[float, list[Track]]:
    """The end of a grid in seconds, and its speakers; Fault: see `read_grid` and `find_tracks`."""
    grid = read_grid(path)
    return grid.end, find_tracks(path, grid, settings.words, settings.phones)


@dataclass(frozen=True)
class _Part:
    """A turn of a recording, and who speaks."""

    recording: _Recording
    turn: Turn
    role: Role


def _requests(
    recording: _Recording, roles: Sequence[Role | None], source: Path, settings: Settings
) -> Iterator[Refusal | tuple[Request, _Part]]:
    """The turns of one recording whose speakers were chosen; refused where a cut would not be right."""
    path, seconds = recording.sound.path, math.inf
    if any(roles) and not recording.turns[0].whole:
        seconds = _seconds(path)
    for turn, role in zip(recording.turns, roles, strict=True):
        if role is None:
            continue
        try:
            if not turn.whole:
                _check_length(recording.grid, recording.end, seconds, settings)
            if turn.overlaps:
                place = f"line {turn.line}: {turn.begin:.3f} s to {turn.end:.3f} s"
                remedy = "leave it out, or give each speaker a recording of his or her own"
                raise Fault("two speak at once", recording.grid, place, remedy)
        except Fault as fault:
            yield fault.refusal(role.utterance, "utterance", source)
            continue
        end = None if turn.whole else min(turn.end, seconds)
        yield Request(role.utterance, path, settings.channel, turn.begin, end), _Part(recording, turn, role)


def _utterance(
    part: _Part, tracks: Sequence[Track], heard: Heard, source: Path, settings: Settings
) -> Iterator[Utterance | Refusal]:
    """One utterance, after what is refused of it."""
    recording, turn, role = part.recording, part.turn, part.role
    slack = round(settings.tolerance * SAMPLE_RATE)
    samples = len(heard.wave)
    text = ""
    labels: tuple[Label, ...] = ()
    words: tuple[Word, ...] = ()
    try:
        if recording.fault:
            raise recording.fault
        if turn.whole:
            _check_length(recording.grid, recording.end, samples / SAMPLE_RATE, settings)
        text = turn.text
        labels = tracks[turn.track].labels(turn, samples, slack)
        words = tracks[turn.track].spoken(turn, samples, slack)
    except Fault as fault:
        yield fault.refusal(role.utterance, "labels", source)
    yield Utterance(
        utterance=role.utterance,
        speaker=role.speaker,
        sex=role.sex,
        split=role.split,
        speaker_split=role.speaker_split,
        wave=heard.wave,
        text=text,
        labels=labels,
        words=words,
        rate=heard.rate,
    )


def _seconds(path: Path) -> float:
    """How long a sound file says it is; infinite where only reading it would tell."""
    try:
        about = soundfile.info(path)
    except (soundfile.SoundFileError, OSError, ValueError, TypeError, RuntimeError):
        return math.inf
    # Of an MP3 without a header libsndfile guesses the length.
    known = about.format != "MP3" and about.samplerate > 0
    return float(about.frames / about.samplerate) if known else math.inf


def _check_length(grid: Path, end: float, seconds: float, settings: Settings) -> None:
    """Fault: a grid and its sound differ in length by more than may be."""
    if math.isfinite(seconds) and abs(end - seconds) > settings.tolerance:
        place = f"{end:.3f} s, the sound {seconds:.3f} s"
        remedy = "copy both again, they do not belong together; or raise readers.textgrid.tolerance"
        raise Fault("sound and TextGrid differ in length", grid, place, remedy)
