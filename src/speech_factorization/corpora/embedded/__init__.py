"""The corpus this project makes by itself: 40 voices of espeak-ng, exact phone times, TIMIT's 61 symbols.

Twenty women and twenty men speak ten sentences each: two that all speak, eight that only they do (with all
shared, a phone would be no more than its context learnt by heart). Everything follows from the seed, offline.

split (within each speaker, by sentence): the two shared and five of the own sentences train, one is valid,
two are test. No sentence is in two splits. The content words of the test sentences are kept out of all
training sentences: nine in ten word types of the test sentences occur in no training sentence, and nearly all
of the others are function words.
speaker_split (disjoint speakers, half women): of 40 speakers 28 train, 4 are valid, 8 test; of fewer about
70, 10 and 20 %, with a woman and a man at least in valid and in test where there are three of each.

Its phones are much easier to tell apart than those of people: it proves that a pipeline works, and its scores
are not comparable with published ones.
"""

from speech_factorization.corpora.embedded.reader import read

__all__ = ["read"]
