"""Any tree of sound files: what is in it, how utterances are called, who speaks."""

import os
import re
import unicodedata
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from speech_factorization.corpora.base import Refusal
from speech_factorization.corpora.faults import Fault
from speech_factorization.errors import InputError

__all__ = [
    "SOUNDS",
    "UNREAD",
    "Sound",
    "SpeakerPattern",
    "Tree",
    "find_sounds",
    "safe_names",
    "speaker_finder",
    "walk",
]

SOUNDS = (".wav", ".flac", ".sph", ".aiff", ".aif", ".au", ".ogg", ".oga", ".opus", ".mp3")
"""Suffixes of sound files, in either case; of two files of one name the first in this order is read."""

_FFMPEG = "convert it: ffmpeg -i IN OUT.wav"
_SPH2PIPE = "convert it: sph2pipe -f wav IN OUT.wav"

UNREAD = {
    **dict.fromkeys((".m4a", ".aac", ".mp4", ".3gp", ".amr", ".wma", ".ape", ".wv", ".ac3"), _FFMPEG),
    **dict.fromkeys((".mka", ".mkv", ".mov", ".avi", ".webm"), _FFMPEG),
    **dict.fromkeys((".wv1", ".wv2", ".shn"), _SPH2PIPE),
}
"""Suffixes of files with sound, in either case, that are not read, and what to do about one."""


_REMOVE = "remove it: dvc, which looks at all of the folder, stops at it"


def _check_pattern(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None
    if pattern and "speaker" not in groups:
        raise ValueError("has no group (?P<speaker>...)")
    return pattern


SpeakerPattern = Annotated[str, AfterValidator(_check_pattern)]
"""A regular expression with a group `speaker`, searched for in a file's place in the tree; or nothing."""


@dataclass
class Tree:
    """The files under a folder by their place in it without suffix ("anna/a1"), sorted, then by suffix.

    Places are in NFC, suffixes in lower case. refusals: files and folders that cannot be named or opened, links to
    nothing, pipes.
    """

    root: Path
    files: dict[str, dict[str, Path]] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)

    def with_suffix(self, suffix: str) -> dict[str, Path]:
        """Place -> file, of one suffix."""
        return {place: own[suffix] for place, own in self.files.items() if suffix in own}


@dataclass(frozen=True)
class Sound:
    """One sound file. place: in the tree, without suffix; speaker: as the tree has it."""

    path: Path
    place: str
    speaker: str


def walk(root: Path) -> Tree:
    """All files under a folder, through links, but no folder twice; hidden files and folders are left out.

    Error: no such folder.
    """
    if not root.is_dir():
        raise InputError("no such folder", root, "correct the path, or link your copy: ln -s /path/to/it")
    tree = Tree(root)
    found: list[Path] = []
    # Links last: what they lead to may be in the tree by its own name.
    folders, links, seen = deque([root]), deque[Path](), set()
    while folders or links:
        folder = (folders or links).popleft()
        try:
            about = folder.stat()
            if (about.st_dev, about.st_ino) in seen:
                continue
            seen.add((about.st_dev, about.st_ino))
            entries = sorted(folder.iterdir())
        except OSError as error:
            cause = error.strerror or str(error)
            fault = Fault("the folder is unreadable", folder, cause, "check its permissions")
            tree.refusals.append(fault.refusal(_place(folder, root), "utterance", root))
            continue
        for path in entries:
            if path.name.startswith("."):
                continue
            if not _is_unicode(path.name):
                tree.refusals.append(_unnameable(path, root))
            elif os.path.isdir(path):
                (links if path.is_symlink() else folders).append(path)
            elif os.path.isfile(path):
                found.append(path)
            else:
                reason = "a pipe or a device is no file" if os.path.exists(path) else "the link leads nowhere"
                fault = Fault(reason, path, "", f"correct it, or {_REMOVE}")
                tree.refusals.append(fault.refusal(_name(path, root), "utterance", root))
    for path in sorted(found):
        own = tree.files.setdefault(_place(path.with_suffix(""), root), {})
        kept = own.setdefault(path.suffix.lower(), path)
        if kept is not path:
            tree.refusals.append(_double(path, kept).refusal(_name(path, root), "utterance", root))
    tree.files = dict(sorted(tree.files.items()))
    return tree


def _double(path: Path, kept: Path) -> Fault:
    return Fault("two files have one name", path, f"beside {kept.name}", "keep one, or rename it")


def _name(path: Path, root: Path) -> str:
    """What a refused file is called; with its suffix where an utterance may have the name without."""
    return safe_names([_place(path, root)])[0]


def _place(path: Path, root: Path) -> str:
    """NFC: macOS writes names in NFD, of which tables and other trees know nothing."""
    return unicodedata.normalize("NFC", path.relative_to(root).as_posix())


def _is_unicode(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _unnameable(path: Path, root: Path) -> Refusal:
    shown = os.fsencode(path.relative_to(root)).decode("utf-8", "backslashreplace")
    reason = "the file's name is not UTF-8"
    remedy = f"rename it, e.g. with convmv -f latin1 -t utf8, or {_REMOVE}"
    return Refusal(safe_names([shown])[0], "utterance", shown, "", reason, remedy)


def find_sounds(tree: Tree, pattern: str, parameter: str) -> tuple[list[Sound], list[Refusal]]:
    """The sound files of a tree with their speakers, and what of them cannot be used.

    pattern: see `SpeakerPattern`; without one the parent folder is the speaker. parameter: where it was given.
    A sound of `UNREAD` is refused where there is none of its name that is read.
    Error: there is no sound file that is read, or of none it is known who speaks.
    """
    speaker_of = speaker_finder(pattern, tree.root)
    remedy = f"correct {parameter} ({pattern}), or the name"
    sounds: list[Sound] = []
    doubles: list[Fault] = []
    faults: list[Fault] = []
    for place, own in tree.files.items():
        paths = [own[suffix] for suffix in SOUNDS if suffix in own]
        doubles += [_double(other, paths[0]) for other in paths[1:]]
        for path in paths[:1]:
            speaker = speaker_of(_place(path, tree.root))
            if speaker:
                sounds.append(Sound(path, place, speaker))
            else:
                faults.append(Fault("the file's name does not tell who speaks", path, "", remedy))
    unread = _unread(tree)
    if not sounds and not faults:
        what, remedy = f"no sound file here ({', '.join(SOUNDS)})", "check what corpus.source names"
        if unread:
            what += f", but {len(unread)} of formats that are not read, such as {unread[0].file.name}"
            remedy = unread[0].remedy
        raise InputError(what, tree.root, remedy)
    if not sounds:
        raise InputError("no file's name tells who speaks", faults[0].file, remedy)
    root = tree.root
    refusals = [fault.refusal(_name(fault.file, root), "utterance", root) for fault in doubles]
    for fault in (*faults, *unread):
        refusals.append(fault.refusal(_name(fault.file.with_suffix(""), root), "utterance", root))
    return sounds, refusals


def _unread(tree: Tree) -> list[Fault]:
    """A fault for each sound of which there is no file that is read."""
    faults = []
    for own in tree.files.values():
        suffix = next((suffix for suffix in UNREAD if suffix in own), "")
        if suffix and not own.keys() & set(SOUNDS):
            faults.append(Fault("the format is not read", own[suffix], suffix, UNREAD[suffix]))
    return faults


def speaker_finder(pattern: str, root: Path) -> Callable[[str], str | None]:
    """A file's place with suffix -> its speaker: the group `speaker` of the pattern, or the parent folder."""
    if pattern:
        expression = re.compile(pattern)

        def search(place: str) -> str | None:
            match = expression.search(place)
            return match["speaker"] if match else None

        return search
    top = root.name or root.resolve().name or "speaker"
    return lambda place: Path(place).parent.name or top


def safe_names(texts: Iterable[str]) -> list[str]:
    """A name for each text, all different, fit for Kaldi tables.

    What is no letter, digit, dot, hyphen or plus becomes "_" (so does "/"); where two would be the same, the
    later ones end in _2, _3 and so on.
    """
    names: dict[str, None] = {}
    for text in texts:
        base = re.sub(r"[^\w.+-]", "_", unicodedata.normalize("NFC", text)) or "_"
        name, number = base, 1
        while name in names:
            number += 1
            name = f"{base}_{number}"
        names[name] = None
    return list(names)
