"""What can go wrong, in the few kinds that a visitor can do something about."""

import threading
import time
from collections.abc import Callable

from openai import APIConnectionError, APIError, APIStatusError

CLOSED = frozenset({"off", "key", "forbidden", "quota", "unreachable"})
"""Kinds that concern all visitors alike, whatever they ask for."""
_REMEMBER = 20.0  # seconds for which all visitors are told what one was told
_SHORT = 5.0  # for what may be over at any moment


class Trouble(Exception):  # noqa: N818  # not a fault of the page
    """Why there is no video.

    Args:
        kind: a key of `page.words`, such as ``off`` or ``busy``.
        message: what the server says; empty where its words are not for visitors.
        wait: seconds after which it is worth another try, if that is known.
        field: that the server refuses, if it is about one.
    """

    def __init__(
        self, kind: str, message: str = "", wait: float | None = None, field: str = ""
    ) -> None:
        super().__init__(kind)
        self.kind = kind
        self.message = message
        self.wait = wait
        self.field = field

    @property
    def closed(self) -> bool:
        """Whether it concerns all visitors alike."""
        return self.kind in CLOSED


def trouble_of(error: APIError, key: str) -> Trouble:
    """What an error of the SDK means to a visitor.

    The server's words are passed on only where they are about what the visitor asked for, or were
    written for everybody; those about the key and its owner are not. The key is never among them.
    """
    if isinstance(error, APIConnectionError):
        return Trouble("unreachable")
    if not isinstance(error, APIStatusError):
        return Trouble("server")
    body = error.body if isinstance(error.body, dict) else {}
    message = str(body.get("message") or "").replace(key, "…")[:600]
    wait = _wait(error)
    status, code = error.status_code, error.code
    if code == "switched_off":
        return Trouble("off", message, wait)
    if status == 401:
        return Trouble("key")
    if code == "withheld":
        return Trouble("withheld")
    if status == 403:
        return Trouble("forbidden")
    if code == "insufficient_quota":
        return Trouble("quota", wait=wait)
    if status == 429:
        return Trouble("busy", wait=wait)
    if status == 404:
        return Trouble("gone")
    if 400 <= status < 500:
        return Trouble("value", message, field=error.param or "")
    return Trouble("server", wait=wait)


def _wait(error: APIStatusError) -> float | None:
    try:
        seconds = float(error.response.headers.get("retry-after", ""))
    except ValueError:  # none, or a date
        return None
    return seconds if 0 < seconds < 1e8 else None


class Gate:
    """What is known of whether the server lets the page in, for all visitors together.

    Args:
        probe: asks the server, and raises Trouble if it is closed.
        clock: seconds that only go forward.
    """

    def __init__(
        self, probe: Callable[[], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._probe = probe
        self._clock = clock
        self._lock = threading.Lock()
        self._told: Trouble | None = None
        self._until = float("-inf")

    def closed(self) -> Trouble | None:
        """Why no video can be made now; asks the server if it has not said so lately."""
        with self._lock:
            if self._clock() >= self._until:
                try:
                    self._probe()
                    self._note(None)
                except Trouble as trouble:
                    self._note(trouble if trouble.closed else None)
            return self._told

    def note(self, trouble: Trouble | None) -> None:
        """Remember what the server answered to one visitor, if it concerns all."""
        with self._lock:
            if trouble is None or trouble.closed:
                self._note(trouble)

    def _note(self, trouble: Trouble | None) -> None:
        longest = _SHORT if trouble and trouble.kind == "unreachable" else _REMEMBER
        self._told = trouble
        self._until = self._clock() + min(longest, (trouble and trouble.wait) or longest)
