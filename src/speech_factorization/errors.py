"""The one exception a user is meant to read."""

__all__ = ["InputError"]


class InputError(Exception):
    """Bad input, in one clear line: what is wrong, where, and the remedy.

    Stages and the command line print it without a traceback and exit with status 2.
    """

    def __init__(self, what: str, where: object = "", remedy: str = "") -> None:
        parts = [f"{where}: {what}" if str(where) else what]
        if remedy:
            parts.append(remedy)
        super().__init__("; ".join(parts))
