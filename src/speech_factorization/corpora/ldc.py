"""What LDC puts beside the sound of WSJ: transcripts (.dot, .ptx) and who is a woman or a man (spkrinfo.txt)."""

import re
from collections.abc import Iterable
from pathlib import Path

from speech_factorization.corpora.base import Refusal
from speech_factorization.corpora.faults import Fault, read_lines

__all__ = ["read_sexes", "read_transcripts"]

_LINE = re.compile(r"(?:(.*\S)\s*)?\(([0-9A-Za-z]{8})(?:\s[^()]*)?\)")
_SPEAKER = re.compile(r"([0-9A-Za-z]{3})\s+([FMfm])\b.*")


def read_transcripts(
    files: Iterable[Path], source: Path, wanted: set[str]
) -> tuple[dict[str, str], list[Refusal]]:
    """Utterance -> text as written, of those wanted: what was said (.dot) before what was to be read (.ptx).

    A file holds a session and is named by it: 011c0200.dot has the text of 011c0201 and its neighbours. Refused:
    files that cannot be read, lines that are no transcript, utterances their session's file forgets.
    """
    sessions = {utterance[:6] for utterance in wanted}
    ours = [file for file in files if file.stem.lower()[:6] in sessions]
    texts: dict[str, str] = {}
    refusals: list[Refusal] = []
    file_of: dict[str, Path] = {}
    for file in [file for suffix in (".dot", ".ptx") for file in ours if file.suffix.lower() == suffix]:
        session = file.stem.lower()[:6]
        found, faults = _read_session(file)
        refusals += [fault.refusal(session, "labels", source) for fault in faults]
        # A disc may carry the same file twice, and a .ptx beside every .dot: the first stays.
        texts = {utterance: text for utterance, text in found.items() if utterance in wanted} | texts
        file_of.setdefault(session, file)
    for utterance in sorted(wanted - texts.keys()):
        if utterance[:6] in file_of:
            reason, remedy = "the transcript has no line for the utterance", "add the line: TEXT (UTTERANCE)"
            fault = Fault(reason, file_of[utterance[:6]], utterance, remedy)
            refusals.append(fault.refusal(utterance, "labels", source))
    return texts, refusals


def _read_session(file: Path) -> tuple[dict[str, str], list[Fault]]:
    """Utterance in lower case -> text of one file, and what is wrong in it."""
    texts: dict[str, str] = {}
    faults: list[Fault] = []
    try:
        lines = read_lines(file)
    except Fault as fault:
        return {}, [fault]
    for number, line in lines:
        if match := _LINE.fullmatch(line):
            texts.setdefault(match[2].lower(), " ".join((match[1] or "").split()))
        else:
            place = f"line {number}: {line[:60]!r}"
            faults.append(Fault("a transcript line is malformed", file, place, "write: TEXT (UTTERANCE)"))
    return texts, faults


def read_sexes(files: Iterable[Path], source: Path) -> tuple[dict[str, str], list[Refusal]]:
    """Speaker in lower case -> "F" or "M", from every file whose name ends in spkrinfo.txt.

    Lines "011 F ..."; other lines are remarks. Refused: files that cannot be read, a speaker given both sexes
    (who then has none).
    """
    sexes: dict[str, str] = {}
    refusals: list[Refusal] = []
    for file in files:
        if not file.name.lower().endswith("spkrinfo.txt"):
            continue
        try:
            lines = read_lines(file)
        except Fault as unread:
            refusals.append(unread.refusal("", "labels", source))
            continue
        for number, line in lines:
            if not (match := _SPEAKER.fullmatch(line)):
                continue
            speaker, sex = match[1].lower(), match[2].upper()
            if sexes.setdefault(speaker, sex) not in (sex, ""):
                sexes[speaker] = ""
                place = f"line {number}: {speaker}"
                fault = Fault("the speaker is given both sexes", file, place, "correct one of the lines")
                refusals.append(fault.refusal(speaker, "labels", source))
    return sexes, refusals
