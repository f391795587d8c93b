"""corpus: read or make the corpus; utterances, labels, words and audio in one form. Killed, it goes on.

`python -m stages.corpus --check` reads it, says what is in it and stops there; it writes nothing but
logs/corpus.png and logs/corpus-check.json (its time).
"""

import importlib
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from speech_factorization import parameters
from speech_factorization.corpora.base import Refusal, Utterance
from speech_factorization.corpora.overview import describe, figure
from speech_factorization.corpora.sounds import Memory
from speech_factorization.corpora.summary import Tally, counted
from speech_factorization.corpora.tables import write_corpus
from speech_factorization.errors import InputError
from speech_factorization.files import draft_folder, new_file
from speech_factorization.parameters import Parameters
from speech_factorization.phones.folds import load_fold
from stages import PARAMS, PREPARED, run
from stages.drafts import digest_of

REMOTE = "remote://"
CHECK = "--check"

FIGURE = Path("logs") / "corpus.png"


def locate(source: str) -> Path:
    """The folder `corpus.source` names: a path, or remote://NAME/REST, REST in the folder of a DVC remote.

    DVC resolves a remote's relative folder from the file that names it. Errors: an unknown remote, one that
    is no folder of this machine.
    """
    if not source.startswith(REMOTE):
        return Path(source)
    name, _, rest = source.removeprefix(REMOTE).partition("/")
    command = [sys.executable, "-m", "dvc", "config", f"remote.{name}.url"]
    url = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    remedy = f"dvc remote add --local {name or 'NAME'} /path/to/the/folder"
    if not url:
        raise InputError(f"no DVC remote named {name!r}", f"corpus.source {source}", remedy)
    if "://" in url:
        raise InputError(f"the remote is {url}, no folder of this machine", f"corpus.source {source}", remedy)
    return Path(url) / rest


def check(items: Iterable[Utterance | Refusal]) -> Iterator[Utterance | Refusal]:
    """The same items; error: nothing is left for a part of a split."""
    parts: dict[str, set[str]] = {"split": set(), "speaker_split": set()}
    for item in items:
        if isinstance(item, Utterance):
            parts["split"].add(item.split)
            parts["speaker_split"].add(item.speaker_split)
        yield item
    remedies = {
        "split": "give more texts: three are the least (corpus.sentences may leave some out)",
        "speaker_split": "check that all parts of the corpus are there, or give more speakers: three are the "
        "least (raise corpus.women and corpus.men)",
    }
    for split, remedy in remedies.items():
        empty = [part for part in ("train", "valid", "test") if part not in parts[split]]
        if empty and parts[split]:
            raise InputError(f"no utterance is left for {' and '.join(empty)}", split, remedy)


def read(settings: Parameters, memory: Memory | None = None) -> Iterator[Utterance | Refusal]:
    """What the corpus's reader finds; memory: of a killed run."""
    corpus = settings.corpus
    reader = importlib.import_module(f"speech_factorization.corpora.{corpus.name}")
    own = [settings.readers[corpus.name]] if hasattr(reader, "Settings") else []
    items: Iterator[Utterance | Refusal] = reader.read(
        locate(corpus.source), corpus, corpus.seed, settings.jobs, *own, memory=memory
    )
    return items


def draft_of(settings: Parameters) -> str:
    """A digest of what the corpus is made of but for the sound files, which a Memory looks at one by one."""
    corpus = settings.corpus
    own = settings.readers.get(corpus.name)
    return digest_of(
        "stages.corpus",
        f"speech_factorization.corpora.{corpus.name}",
        corpus=corpus.model_dump(mode="json"),
        reader=own and own.model_dump(mode="json"),
        source=str(locate(corpus.source).resolve()),
    )


def unwatched(settings: Parameters) -> list[str]:
    """What of the corpus DVC does not watch, since it lies outside corpus.source: one line for each.

    DVC follows links to files and that of the source itself, but none to a folder in it.
    """
    corpus, source = settings.corpus, locate(settings.corpus.source)
    reader = importlib.import_module(f"speech_factorization.corpora.{corpus.name}")
    own = settings.readers[corpus.name].model_dump()
    found = [
        f"readers.{corpus.name}.{name}: {value}"
        for name, value in own.items()
        if isinstance(value, str)
        and value
        and os.path.exists(source / value)
        and not inside(source / value, source)
    ]
    links = sorted(
        os.path.join(folder, name)
        for folder, names, _ in os.walk(source)
        for name in names
        if os.path.islink(os.path.join(folder, name)) and not inside(Path(folder, name).resolve(), source)
    )
    if links:
        found.append(f"linked folders: {len(links)}, {links[0]} first")
    if hasattr(reader, "recordings"):
        paths = reader.recordings(source, settings.readers[corpus.name])
        away = [path for path in paths if path is None or not inside(path, source)]
        if away:
            found.append(f"{len(away)} of {len(paths)} recordings, elsewhere or of commands")
    return found


def inside(path: Path, folder: Path) -> bool:
    """Whether a path is in a folder, as it is written or where its links lead."""
    return Path(os.path.abspath(path)).is_relative_to(folder.absolute()) or path.resolve().is_relative_to(
        folder.resolve()
    )


def show(tally: Tally, settings: Parameters) -> None:
    """Print what a person reads before training, and draw it."""
    with new_file(FIGURE) as path:
        figure(tally).savefig(path, dpi=100)
    print(describe(tally))
    for what in unwatched(settings):
        print(f"outside corpus.source, where dvc sees no change (dvc repro -f corpus): {what}")
    print(f"drawn: {FIGURE}")


def main() -> None:
    """Write prepared/corpus, unless told only to check, and print its summary."""
    if sys.argv[1:] not in ([], [CHECK]):
        raise InputError(f"no such argument: {' '.join(sys.argv[1:])}", "command line", f"there is {CHECK}")
    settings = parameters.load(PARAMS)
    tally = Tally(load_fold(settings.corpus.fold, settings.corpus.mapping))
    if CHECK not in sys.argv:
        folder, draft = PREPARED / "corpus", draft_of(settings)
        items = counted(read(settings, Memory(draft_folder(folder, draft))), tally)
        write_corpus(check(items), folder, draft)
        show(tally, settings)
        return
    try:
        for _ in check(counted(read(settings), tally)):
            pass
    except InputError:
        # What was found is said before what is wrong with it.
        if tally.counts["utterances"] or tally.refusals:
            show(tally, settings)
        raise
    show(tally, settings)
    tally.check()


if __name__ == "__main__":
    run(main, "corpus-check" if CHECK in sys.argv else "corpus")
