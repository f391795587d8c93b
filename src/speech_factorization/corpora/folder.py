"""Any tree of sound files: .wav, .flac, .sph, .aiff, .aif, .au, .ogg, .oga, .opus, .mp3, in either case.

Layout: whatever it is. The speaker is the parent folder, or what `speaker` finds in the file's place in the tree.
An utterance is named by that place (anna/a1.wav: anna_a1). Transcripts, where there are any: a .lab or else a .txt
of the same name beside the sound, in UTF-8, or one CSV for all. A transcript's words become phones by the lexicon,
with `sil` at the ends and between words and no times: boundaries come by forced alignment with alignment.pauses
optional. Words that the lexicon lacks, without one all of them, are spoken by espeak-ng as American English, whatever
language they are of: speech in another needs a lexicon of its own, in symbols that are not ARPABET (to which
espeak-ng adds nothing) or with every word. An utterance with a word that has no pronunciation keeps its words and
has no phones. Without transcripts there are no labels: models of whole utterances run, what needs phones says so.

`split`, within each speaker, by text, or by utterance without transcripts: a tenth for validation, a fifth for
test. `speaker_split`: disjoint speakers, a tenth for validation and a fifth for test, half women where sexes are
known.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from speech_factorization.corpora.base import Label, Refusal, Utterance, Word
from speech_factorization.corpora.faults import Fault
from speech_factorization.corpora.pronounce import find_lexicon, pronounce
from speech_factorization.corpora.roles import Role, Said, find_sexes, give_roles
from speech_factorization.corpora.sounds import Heard, Memory, Request, read_sounds
from speech_factorization.corpora.transcripts import Transcript, beside, from_table, lacking
from speech_factorization.corpora.trees import Sound, SpeakerPattern, find_sounds, walk
from speech_factorization.phones.lexicon import Lexicon
from speech_factorization.strict import Strict

if TYPE_CHECKING:
    from speech_factorization.parameters import CorpusParameters

__all__ = ["Settings", "read"]

_EDGE = re.compile(r"^[^\w'<\[]+|[^\w'>\]]+$")


class Settings(Strict):
    """How the files are laid out; paths start from the corpus's folder.

    speaker: a regular expression with a group `speaker` for the path of a sound in the tree; empty: the parent
    folder. sexes: a CSV (speaker, sex), empty where sexes are unknown. transcripts: a CSV (file or utterance,
    text), where `file` is the path in the tree with or without suffix and `utterance` the name of the utterance
    or of the file; empty: .lab or .txt beside the sounds. lexicon: words and their phones, as CMUdict, Kaldi or
    the Montreal Forced Aligner write them; empty: espeak-ng speaks all words, as American English. channel: which
    one is read where a file has several, from 1.
    """

    speaker: SpeakerPattern = ""
    sexes: str = ""
    transcripts: str = ""
    lexicon: str = ""
    channel: Annotated[int, Field(ge=1)] | None = None


def read(
    source: Path,
    corpus: "CorpusParameters",
    seed: int,
    jobs: int,
    settings: Settings,
    memory: Memory | None = None,
) -> Iterator[Utterance | Refusal]:
    """Utterances by their place in the tree; first what cannot be read at all.

    `women`, `men`: at most so many speakers, chosen by the seed; those of unknown sex take what places are left.
    `jobs`, `memory`: see `read_sounds`. Error: no such folder, no sound in it, nobody to read, a faulty table of
    sexes or transcripts, a faulty lexicon.
    """
    tree = walk(source)
    sounds, refusals = find_sounds(tree, settings.speaker, "readers.folder.speaker")
    yield from tree.refusals
    yield from refusals
    if settings.transcripts:
        transcripts, refusals = from_table(source / settings.transcripts, sounds, source)
        yield from refusals
    else:
        transcripts = beside(tree, sounds)
    lexicon = find_lexicon(settings.lexicon, source) if transcripts else None
    said = [
        Said(sound.place, sound.speaker, transcripts[sound.place].text if sound.place in transcripts else "")
        for sound in sounds
    ]
    sexes = find_sexes(settings.sexes, source, (one.speaker for one in said))
    roles = give_roles(said, sexes, corpus, seed)
    planned: list[Refusal | tuple[Request, tuple[Sound, Role]]] = [
        (Request(role.utterance, sound.path, settings.channel), (sound, role))
        for sound, role in zip(sounds, roles, strict=True)
        if role is not None
    ]
    for item in read_sounds(planned, source, jobs, memory):
        if isinstance(item, Refusal):
            yield item
            continue
        _, (sound, role), heard = item
        transcript = None
        if lexicon is not None:
            transcript = transcripts.get(sound.place, lacking(sound))
        yield from _utterance(heard, role, transcript, lexicon, source)


def _utterance(
    heard: Heard, role: Role, transcript: Transcript | None, lexicon: Lexicon | None, source: Path
) -> Iterator[Utterance | Refusal]:
    """One utterance, with what is refused of it before it; transcript: none where the corpus has none."""
    words: list[str] = []
    labels: tuple[Label, ...] = ()
    if transcript is not None and lexicon is not None:
        try:
            words = _words(transcript)
            labels = pronounce(words, lexicon, transcript.file, transcript.line, "readers.folder.lexicon")
        except Fault as fault:
            yield fault.refusal(role.utterance, "labels", source)
    yield Utterance(
        utterance=role.utterance,
        speaker=role.speaker,
        sex=role.sex,
        split=role.split,
        speaker_split=role.speaker_split,
        wave=heard.wave,
        text=transcript.text if transcript else "",
        labels=labels,
        words=tuple(Word(word, None, None) for word in words),
        rate=heard.rate,
    )


def _words(transcript: Transcript) -> list[str]:
    """The words of a transcript in lower case, without the punctuation around them; Fault: there are none."""
    if transcript.fault:
        raise transcript.fault
    words = [_EDGE.sub("", word).lower() for word in transcript.text.replace("\u2019", "'").split()]
    words = [word for word in words if any(letter.isalnum() for letter in word)]
    if not words:
        place = f"line {transcript.line}"
        raise Fault("the transcript is empty", transcript.file, place, "write what is said, or remove it")
    return words
