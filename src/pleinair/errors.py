"""One tree of errors.

PleinairError
├── InputError      what was asked for cannot be: names the field, what came, what is allowed
├── ModelError      a model is unknown, missing, corrupt or does not fit the code
├── MediaError      a file cannot be written, read or encoded
└── TrainingError   a run cannot start or go on (other settings, a broken checkpoint)

Each carries one readable sentence; the command line prints it and exits with code 2.
"""


class PleinairError(Exception):
    """Base of every error that a user can cause or mend."""


class InputError(PleinairError, ValueError):
    """A value from the user is not allowed.

    Args:
        field: name of the field as the user typed it, such as ``seconds``.
        got: what came, shortened for display.
        allowed: what is allowed, as words that complete "allowed: …".
    """

    def __init__(self, field: str, got: object, allowed: str) -> None:
        shown = repr(got)
        if len(shown) > 80:
            shown = f"{shown[:60]}… ({len(shown) - 2:,} characters)"
        super().__init__(f"{field}: got {shown}; allowed: {allowed}")
        self.field = field
        self.got = got
        self.allowed = allowed


class ModelError(PleinairError):
    """A model is unknown, missing, corrupt or does not fit the code."""


class MediaError(PleinairError):
    """A media file cannot be written, read or encoded."""


class TrainingError(PleinairError):
    """A training run cannot start or go on."""
