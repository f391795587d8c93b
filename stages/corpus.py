"""corpus: read or make the corpus; utterances, labels, words and audio in one form. Killed, it goes on.

`python -m stages.corpus --check` reads it, says what is in it and stops there; nothing is written but the figure.
"""

import importlib
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
        "split": "keep more kinds of sentence (corpus.sentences)",
        "speaker_split": "raise corpus.women and corpus.men: three speakers are the least",
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


def show(tally: Tally) -> None:
    """Print what a person reads before training, and draw it."""
    with new_file(FIGURE) as path:
        figure(tally).savefig(path, dpi=100)
    print(describe(tally))
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
        show(tally)
        return
    items = counted(read(settings), tally)
    try:
        for _ in check(items):
            pass
    finally:
        # What was found is said before what is wrong with it.
        show(tally)
    tally.check()


if __name__ == "__main__":
    run(main, "corpus")
