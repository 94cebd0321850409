"""The server's secret, from which links and webhooks get their keys."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from pleinair.errors import InputError, StorageError
from pleinair.media.mark import PUBLIC
from pleinair.settings import ServiceSettings

LEAST = 16


def server_secret(settings: ServiceSettings) -> bytes:
    """The secret of the settings, or that of the file ``home/secret``, made at the first start.

    Servers that start at the same moment agree on one; only the owner can read the file.

    Raises:
        InputError: the secret of the settings is shorter than 16 characters.
        StorageError: the file cannot be made or read.
    """
    if settings.secret:
        if len(settings.secret) < LEAST:
            raise InputError("secret", "…", f"at least {LEAST} characters")
        return settings.secret.encode()
    path = settings.home / "secret"
    try:
        if not path.exists():
            _make(path)
        secret = path.read_bytes().strip()
    except OSError as error:
        raise StorageError(f"{path} cannot be made or read: {error.strerror}") from error
    if len(secret) < LEAST:
        raise StorageError(f"{path} is too short to be a secret: delete it to have one made")
    return secret


def marking_key(settings: ServiceSettings) -> bytes:
    """The key of marks in videos made by hand: the secret, if there is one, else one for all.

    Raises:
        InputError: the secret of the settings is too short.
        StorageError: its file cannot be read.
    """
    there = settings.secret or (settings.home / "secret").exists()
    return server_secret(settings) if there else PUBLIC


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".secret.{os.getpid()}.{secrets.token_hex(8)}")
    handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another made it first: that one is the secret
            os.link(scratch, path)
    finally:
        scratch.unlink()
