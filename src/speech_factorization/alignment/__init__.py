"""Phone boundaries found by an aligner that is trained on the corpus itself and never sees a boundary."""
