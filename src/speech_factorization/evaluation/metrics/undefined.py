"""What a metric raises that has no value for what it is given."""

__all__ = ["Undefined"]


class Undefined(ValueError):
    """The metric has no value for this pair of signals; the message says why."""
