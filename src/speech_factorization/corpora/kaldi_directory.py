"""The tables of a Kaldi data directory, put together: utterances, their speakers, where their sound lies."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import cast, get_args

from speech_factorization.corpora.audio import RATES
from speech_factorization.corpora.base import Split
from speech_factorization.corpora.choices import plain, split_texts
from speech_factorization.corpora.faults import Fault
from speech_factorization.corpora.kaldi_files import Table, load_table, seconds
from speech_factorization.corpora.speakers import hold_out
from speech_factorization.errors import InputError

__all__ = ["Directory", "Splits"]

_SEXES = {"f": "F", "m": "M"}


class Directory:
    """wav.scp, segments, utt2spk, spk2gender, text, utt2split, spk2split, utt2rate and utt2NAME of every factor.

    Error: no folder `root`, no wav.scp, no utt2spk, no file of a factor, no utterance.
    """

    def __init__(self, source: Path, root: str, factors: Sequence[str]) -> None:
        if root and not Path(root).is_dir():
            raise InputError("no such folder", root, "correct readers.kaldi.root")
        self.wav = load_table(source / "wav.scp")
        if not self.wav.there:
            inside = sorted(path.parent.name for path in source.glob("*/wav.scp"))
            remedy = f"name a data directory, such as {source / (inside[0] if inside else 'data/train')}"
            raise InputError("no wav.scp here", source, remedy)
        self.segments = load_table(source / "segments")
        self._speakers = load_table(source / "utt2spk")
        if not self._speakers.there:
            raise InputError("no utt2spk here", source, "write one, lines of: utterance speaker")
        self._sexes = load_table(source / "spk2gender")
        self.text = load_table(source / "text", empty=True)
        self.splits = load_table(source / "utt2split")
        self.speaker_splits = load_table(source / "spk2split")
        self._rates = load_table(source / "utt2rate")
        self.factors = {name: load_table(source / f"utt2{name}", empty=True) for name in factors}
        for name, table in self.factors.items():
            if not table.there:
                raise InputError(f"no file utt2{name}", source, "write it, or correct readers.kaldi.factors")
        parts = self.segments if self.segments.there else self.wav
        self.utterances = sorted({*parts.names(), *self._speakers.names()})
        if not self.utterances:
            raise InputError("the corpus has no utterance", parts.path, "write lines of: name file")

    def speaker(self, utterance: str) -> str:
        """Who speaks. Fault: no line, or no one name in it."""
        speaker = self._speakers.value(utterance)
        if len(speaker.split()) > 1 or not speaker.isprintable():
            raise self._speakers.fault(
                utterance, "a speaker's name has white space", "write: utterance speaker"
            )
        return speaker

    def by_speaker(self) -> dict[str, list[str]]:
        """Speaker -> utterances, of those whose speaker is known."""
        found: dict[str, list[str]] = defaultdict(list)
        for utterance in self.utterances:
            try:
                found[self.speaker(utterance)].append(utterance)
            except Fault:
                continue  # Said when the utterance is read.
        return found

    def sexes(self, speakers: Collection[str]) -> tuple[dict[str, str], list[tuple[str, Fault]]]:
        """Speaker -> "F", "M", or "" where it is not told; and the lines that tell nothing."""
        sexes = dict.fromkeys(speakers, "")
        faults = []
        for speaker in sorted(sexes.keys() & set(self._sexes.names())):
            try:
                sex = self._sexes.value(speaker)
                if sex not in _SEXES:
                    raise self._sexes.fault(
                        speaker, "a sex is neither f nor m", "write: speaker f, or speaker m"
                    )
                sexes[speaker] = _SEXES[sex]
            except Fault as fault:
                faults.append((speaker, fault))
        return sexes, faults

    def sound(self, utterance: str) -> tuple[int, str, float, float | None]:
        """Line and entry in wav.scp, begin and end in seconds (None: the recording's). Fault: bad lines."""
        if not self.segments.there:
            return (*self.wav.entry(utterance), 0.0, None)
        fields = self.segments.value(utterance).split()
        begin, end = map(seconds, fields[1:3]) if len(fields) == 3 else (None, None)
        whole = fields[2:] in (["-1"], ["-1.0"])
        if begin is None or (end is None and not whole):
            remedy = "write: utterance recording begin end, in seconds"
            raise self.segments.fault(utterance, "a segment is malformed", remedy)
        if end is not None and end <= begin:
            raise self.segments.fault(utterance, "a segment runs backwards", "set begin before end")
        if fields[0] not in self.wav:
            raise self.segments.fault(utterance, "a segment of no recording", "add the recording to wav.scp")
        return (*self.wav.entry(fields[0]), begin, end)

    def rate(self, utterance: str) -> int | None:
        """The rate it was recorded at in Hz, None where there is no such file. Fault: no line, no rate in it."""
        if not self._rates.there:
            return None
        text = self._rates.value(utterance)
        lowest, highest = RATES
        if not (text.isascii() and text.isdecimal() and len(text) < 6 and lowest <= int(text) <= highest):
            remedy = f"write a whole number from {lowest} to {highest}"
            raise self._rates.fault(utterance, "no rate of a recording", remedy)
        return int(text)

    def words(self, utterance: str) -> str:
        """The text, empty where there is no such file. Fault: no line, or a bad one."""
        return self.text.value(utterance) if self.text.there else ""


class Splits:
    """Both splits: what utt2split and spk2split say; where a file is not there, the reader's rule."""

    def __init__(
        self, data: Directory, utterances: Mapping[str, Sequence[str]], sex_of: Mapping[str, str], seed: int
    ) -> None:
        self._data = data
        self._over = {} if data.speaker_splits.there else hold_out(sex_of, seed)
        self._text_of: dict[str, str] = {}
        self._of_text: dict[str, Split] = {}
        if not data.splits.there:
            # No text: a key of its own, which no text can be.
            self._text_of = {
                name: self._plain(name) or f"\n{name}" for own in utterances.values() for name in own
            }
            said = {speaker: [self._text_of[name] for name in own] for speaker, own in utterances.items()}
            self._of_text = split_texts(said, seed)

    def _plain(self, utterance: str) -> str:
        try:
            return plain(self._data.words(utterance))
        except Fault:
            return ""

    def split(self, utterance: str) -> Split:
        """Within the speaker. Fault: utt2split does not tell."""
        if not self._data.splits.there:
            return self._of_text[self._text_of[utterance]]
        return _told(self._data.splits, utterance)

    def speaker_split(self, speaker: str) -> Split:
        """Between speakers. Fault: spk2split does not tell."""
        return self._over[speaker] if self._over else _told(self._data.speaker_splits, speaker)


def _told(table: Table, name: str) -> Split:
    value = table.value(name)
    if value not in get_args(Split):
        raise table.fault(name, "no part of a split", "write train, valid or test")
    return cast(Split, value)
