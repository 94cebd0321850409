"""Passwords: argon2id, a few at a time, and not too many guesses."""

import threading
import time
from collections import defaultdict, deque

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from pleinair.errors import BusyError, InputError

LEAST, MOST = 12, 200
GUESSES, WITHIN = 10, 900.0
"""Wrong passwords for one name, or from one network, within so many seconds."""

_AT_ONCE = 2  # each takes 64 MiB while it is hashed


class Passwords:
    """Hashes and checks passwords; guesses are counted in this process."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._room = threading.BoundedSemaphore(_AT_ONCE)
        self._wrong: defaultdict[str, deque[float]] = defaultdict(deque)
        self._lock = threading.Lock()
        self._nobody = ""

    def hash(self, password: str) -> str:
        """What is kept of a password; raises InputError for one that is too short or long."""
        if not LEAST <= len(password) <= MOST:
            # The password itself is never shown.
            raise InputError("password", "…", f"{LEAST} to {MOST} characters")
        with self._room:
            return self._hasher.hash(password)

    def check(self, kept: str | None, password: str) -> bool:
        """Whether a password is the one; for nobody's it takes as long and is False."""
        if kept is None:
            self._nobody = self._nobody or self.hash("nobody has this one")
        with self._room:
            try:
                self._hasher.verify(kept or self._nobody, password)
            except (VerifyMismatchError, InvalidHashError):
                return False
        return kept is not None

    def count(self, *names: str) -> None:
        """Note a wrong password for a name and a network."""
        with self._lock:
            for name in names:
                self._wrong[name].append(time.monotonic())

    def limit(self, *names: str) -> None:
        """Raise BusyError when too many wrong ones came for one of these."""
        with self._lock:
            for name in names:
                times = self._wrong.get(name, deque())
                while times and times[0] < time.monotonic() - WITHIN:
                    times.popleft()
                if not times:
                    self._wrong.pop(name, None)
                elif len(times) >= GUESSES:
                    wait = times[0] + WITHIN - time.monotonic()
                    raise BusyError("Too many wrong passwords; wait and try again.", wait)
