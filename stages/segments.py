"""segments: the 200 ms around each phone, with its factors."""

from speech_factorization import parameters
from speech_factorization.corpora.tables import Corpus, read_table
from speech_factorization.features.segments import cut_segments
from speech_factorization.files import new_folder
from speech_factorization.phones.folds import load_fold
from stages import PARAMS, PREPARED, run, say_empty


def main() -> None:
    """Write prepared/segments/segments.csv."""
    settings = parameters.load(PARAMS)
    corpus = Corpus(PREPARED / "corpus")
    fold = load_fold(settings.corpus.fold, settings.corpus.mapping)
    alignment = read_table(PREPARED / "alignment" / "alignment.csv")
    segments = cut_segments(alignment, corpus.utterances, fold.silence)
    with new_folder(PREPARED / "segments") as folder:
        if segments.empty:
            say_empty("segments", folder, "no phone of the corpus has times")
        segments.to_csv(folder / "segments.csv", index=False, lineterminator="\n")
    print(
        f"{len(segments)} segments of {segments['phone'].nunique()} phones, {segments['speaker'].nunique()} speakers"
    )


if __name__ == "__main__":
    run(main, "segments")
