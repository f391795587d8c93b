"""corpus: read or make the corpus; utterances, labels, words and audio in one form."""

import importlib
import json
from pathlib import Path

from speech_factorization import parameters
from speech_factorization.corpora.tables import write_corpus
from stages import PARAMS, PREPARED, run


def main() -> None:
    """Write prepared/corpus and print its summary."""
    settings = parameters.load(PARAMS)
    reader = importlib.import_module(f"speech_factorization.corpora.{settings.corpus.name}")
    source = Path(settings.corpus.source)
    items = reader.read(source, settings.corpus, settings.corpus.seed, settings.jobs)
    summary = write_corpus(items, PREPARED / "corpus")
    print(json.dumps(summary, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    run(main, "corpus")
