"""What stops a training that cannot go on."""

from speech_factorization.errors import InputError

__all__ = ["TrainingError"]


class TrainingError(InputError):
    """A loss that is not a number, or no data to train on: one line with the place and the remedy."""
