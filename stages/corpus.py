"""corpus: read or make the corpus; utterances, labels, words and audio in one form."""

import importlib
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from speech_factorization import parameters
from speech_factorization.corpora.base import Refusal, Utterance
from speech_factorization.corpora.tables import write_corpus
from speech_factorization.errors import InputError
from stages import PARAMS, PREPARED, run

REMOTE = "remote://"


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


def main() -> None:
    """Write prepared/corpus and print its summary."""
    settings = parameters.load(PARAMS)
    reader = importlib.import_module(f"speech_factorization.corpora.{settings.corpus.name}")
    source = locate(settings.corpus.source)
    items = reader.read(source, settings.corpus, settings.corpus.seed, settings.jobs)
    summary = write_corpus(check(items), PREPARED / "corpus")
    print(json.dumps(summary, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    run(main, "corpus")
