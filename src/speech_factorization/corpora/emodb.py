"""EmoDB: acted emotions in German, labelled by hand.

Burkhardt, Paeschke, Rolfes, Sendlmeier, Weiss, "A database of German emotional speech", Interspeech 2005.

Layout: wav/SSTNNEV.wav and lablaut/SSTNNEVxx.lablaut; SS speaker, TNN text, E emotion, V version.

`split`, within each speaker: by text, since everyone speaks the same ten sentences. Six train, two are for
validation, two for test; of all such choices one that misses the fewest phones: test has every phone but Y,
validation every one but aI and k, both have the five vowels.
`speaker_split`: disjoint speakers, two for validation and two for test, half women.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from speech_factorization.corpora.base import Refusal, Split, Utterance
from speech_factorization.corpora.faults import Fault
from speech_factorization.corpora.sounds import Memory, Request, read_sounds
from speech_factorization.corpora.speakers import choose_speakers, hold_out
from speech_factorization.corpora.xlabel import read_xlabel
from speech_factorization.errors import InputError

if TYPE_CHECKING:
    from speech_factorization.parameters import CorpusParameters

__all__ = ["EMOTIONS", "FACTORS", "SEXES", "TEXTS", "read"]

FACTORS = ("emotion",)
"""Factors beside phone, speaker and sex."""

SEXES = dict.fromkeys(("03", "10", "11", "12", "15"), "M") | dict.fromkeys(
    ("08", "09", "13", "14", "16"), "F"
)
"""Speaker code -> sex."""

EMOTIONS = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "T": "sadness",
    "N": "neutral",
}

TEXTS: dict[str, tuple[Split, str]] = {
    "a01": ("test", "Der Lappen liegt auf dem Eisschrank."),
    "a02": ("train", "Das will sie am Mittwoch abgeben."),
    "a04": ("train", "Heute abend könnte ich es ihm sagen."),
    "a05": ("valid", "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück."),
    "a07": ("train", "In sieben Stunden wird es soweit sein."),
    "b01": ("train", "Was sind denn das für Tüten, die da unter dem Tisch stehen?"),
    "b02": ("test", "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter."),
    "b03": ("valid", "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht."),
    "b09": ("train", "Ich will das eben wegbringen und dann mit Karl was trinken gehen."),
    "b10": ("train", "Die wird auf dem Platz sein, wo wir sie immer hinlegen."),
}
"""Text code -> its split and what is said (where the audio is cut, only the beginning of it is heard)."""


def read(
    source: Path, corpus: "CorpusParameters", seed: int, jobs: int, memory: Memory | None = None
) -> Iterator[Utterance | Refusal]:
    """Utterances in the order of their names; a speaker is named by sex and code, such as f08.

    `women` and `men`: at most so many speakers, chosen by the seed. `jobs`, `memory`: see `read_sounds`.
    Error: no such folder, or nobody to read.
    """
    if not (source / "wav").is_dir():
        raise InputError("no folder wav here", source, f"link your copy: ln -s /path/to/EMODB {source}")
    waves = _files(source / "wav", ".wav")
    labels = {path.name[:7]: path for path in _files(source / "lablaut", ".lablaut").values()}
    codes = sorted({name[:2] for name in waves} & SEXES.keys())
    sexes = {_speaker(code): SEXES[code] for code in codes}
    chosen = choose_speakers(sexes, corpus.women, corpus.men, seed)
    splits = hold_out(chosen, seed)
    planned: list[Refusal | tuple[Request, tuple[str, str, str]]] = []
    for name in sorted(waves.keys() | labels.keys()):
        path = waves.get(name, source / "wav" / f"{name}.wav")
        try:
            speaker, text, emotion = _parts(path)
        except Fault as fault:
            planned.append(fault.refusal(name, "utterance", source))
            continue
        if speaker in chosen:
            planned.append((Request(name, path), (speaker, text, emotion)))
    for item in read_sounds(planned, source, jobs, memory):
        if isinstance(item, Refusal):
            yield item
            continue
        request, (speaker, text, emotion), (wave, rate) = item
        name = request.utterance
        phones, lost = read_xlabel(labels.get(name, source / "lablaut" / f"{name}xx.lablaut"), len(wave))
        if lost is not None:
            yield lost.refusal(name, "labels", source)
        split, sentence = TEXTS[text]
        yield Utterance(
            utterance=name,
            speaker=speaker,
            sex=chosen[speaker],
            split=split,
            speaker_split=splits[speaker],
            wave=wave,
            text=sentence,
            labels=phones,
            factors={"emotion": EMOTIONS[emotion]},
            rate=rate,
        )


def _files(folder: Path, suffix: str) -> dict[str, Path]:
    """Name without suffix -> file; nothing where there is no such folder."""
    if not folder.is_dir():
        return {}
    return {
        path.stem: path
        for path in folder.iterdir()
        if path.suffix.lower() == suffix and not path.name.startswith(".")
    }


def _parts(path: Path) -> tuple[str, str, str]:
    """Speaker, text and emotion of a file's name."""
    name = path.stem
    code, text, emotion, version = name[:2], name[2:5], name[5:6], name[6:]
    if code in SEXES and text in TEXTS and emotion in EMOTIONS and len(version) == 1:
        return _speaker(code), text, emotion
    remedy = "name it by speaker, text, emotion and version, such as 03a01Fa"
    raise Fault("the file's name is not one of EmoDB's", path, "", remedy)


def _speaker(code: str) -> str:
    """A name no table takes for a number: 08 is f08."""
    return f"{SEXES[code].lower()}{code}"
