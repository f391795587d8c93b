"""phones: the corpus's symbols folded to alignment units and phones, and their counts."""

from speech_factorization import parameters
from speech_factorization.corpora.tables import Corpus
from speech_factorization.files import new_folder
from speech_factorization.phones.folds import check_vowels, load_fold
from speech_factorization.phones.labels import count_phones, fold_labels
from stages import PARAMS, PREPARED, run, say_empty


def main() -> None:
    """Write prepared/phones/{labels,counts}.csv; a symbol without a fold is an error that names it."""
    settings = parameters.load(PARAMS)
    corpus = Corpus(PREPARED / "corpus")
    fold = load_fold(settings.corpus.fold, settings.corpus.mapping)
    check_vowels(settings.corpus.vowels, fold)
    labels = fold_labels(corpus.labels, fold)
    with new_folder(PREPARED / "phones") as folder:
        if labels.empty:
            say_empty("phones", folder, "the corpus has no labelled utterances")
        labels.to_csv(folder / "labels.csv", index=False, lineterminator="\n")
        counts = count_phones(labels, corpus.utterances)
        counts.to_csv(folder / "counts.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    run(main, "phones")
