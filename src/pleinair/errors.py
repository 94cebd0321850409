"""One tree of errors.

PleinairError
├── InputError         what was asked for cannot be: names the field, what came, what is allowed
├── ModelError         a model is unknown, missing, corrupt or does not fit the code
├── MediaError         a file cannot be written, read or encoded
├── TrainingError      a run cannot start or go on (other settings, a broken checkpoint)
├── MemoryFullError    a video needs more memory than there is
├── StorageError       a stored file cannot be written, read or found
├── NotFoundError      nothing of that id, or nothing that the caller may see
├── ConflictError      it cannot be done in this state, such as extending an unfinished video
├── ReusedKeyError     an idempotency key came again with another request
├── AccessError        no key, or one that is not known
│   └── StoppedKeyError  a key that was stopped, revoked, or has expired: says why
├── ForbiddenError     known, but not allowed to do this
│   ├── TermsError     the terms must be accepted first
│   ├── WithheldError  nobody gets these bytes before a person has looked
│   └── SwitchedOffError  access is off for a while: says until when
├── QuotaError         what a programme grants is used up
├── BusyError          too much at once: says after how many seconds to try again
└── UnavailableError   a part that is needed cannot be reached, such as the database

Each carries one readable sentence; the command line prints it and exits with code 2, the server
answers with it in the envelope that ``api/errors.py`` gives to each class.
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

    def __reduce__(self) -> tuple[type["InputError"], tuple[str, object, str]]:
        """What it is made from anew in another process."""
        return type(self), (self.field, self.got, self.allowed)


class ModelError(PleinairError):
    """A model is unknown, missing, corrupt or does not fit the code."""


class MediaError(PleinairError):
    """A media file cannot be written, read or encoded."""


class TrainingError(PleinairError):
    """A training run cannot start or go on."""


class MemoryFullError(PleinairError):
    """A video needs more memory than there is."""


class StorageError(PleinairError):
    """A stored file cannot be written, read or found."""


class NotFoundError(PleinairError):
    """Nothing of that id, or nothing that the caller may see: the two look the same."""


class ConflictError(PleinairError):
    """What was asked cannot be done in the state that things are in."""


class ReusedKeyError(PleinairError):
    """An idempotency key came again with another request."""


class AccessError(PleinairError):
    """No key came, or one that is not known."""


class StoppedKeyError(AccessError):
    """A key that was stopped, revoked, or has expired."""


class ForbiddenError(PleinairError):
    """The caller is known, but may not do this."""


class TermsError(ForbiddenError):
    """The newest terms must be accepted first."""


class WithheldError(ForbiddenError):
    """Nobody gets these bytes before a person has looked."""


class SwitchedOffError(ForbiddenError):
    """Access is off for a while.

    Args:
        message: what the team says.
        retry_after: seconds until it ends by itself, None if that is not known.
        everyone: it is off for all, not for this caller alone.
    """

    def __init__(
        self, message: str, retry_after: float | None = None, *, everyone: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.everyone = everyone


class QuotaError(PleinairError):
    """What a programme grants is used up.

    Args:
        message: what is used up.
        retry_after: seconds until there is some again.
    """

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class BusyError(PleinairError):
    """Too much at once.

    Args:
        message: what is full.
        retry_after: seconds after which it is worth another try.
    """

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class UnavailableError(PleinairError):
    """A part that is needed cannot be reached."""
