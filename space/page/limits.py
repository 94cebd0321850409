"""How much one visitor may ask for, kept in memory and nowhere else."""

import hashlib
import ipaddress
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable

from page.settings import Settings
from page.troubles import Trouble

HOUR = 3600.0
_SALT = secrets.token_bytes(16)


class Place:
    """A visitor's one video that waits or is being made.

    Attributes:
        stopped: set when nobody waits for it any more.
    """

    def __init__(self, visitor: str, session: str, begun: float) -> None:
        self.visitor = visitor
        self.session = session
        self.begun = begun
        self.stopped = threading.Event()


class Limits:
    """So many videos an hour and one at a time for a visitor, so many at once for all.

    Args:
        settings: say how many.
        clock: seconds that only go forward.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._places: dict[str, Place] = {}
        self._made: dict[str, deque[float]] = {}

    def enter(self, visitor: str, session: str) -> Place:
        """Take the visitor's place; raises Trouble when there is none for them."""
        with self._lock:
            now = self._clock()
            self._forget(now)
            if visitor in self._places:
                raise Trouble("one")
            made = self._made.get(visitor, ())
            if len(made) >= self._settings.hourly:
                raise Trouble("hour", wait=made[0] + HOUR - now if made else None)
            if len(self._places) >= self._settings.places:
                raise Trouble("full")
            place = self._places[visitor] = Place(visitor, session, now)
            return place

    def count(self, place: Place) -> None:
        """One more was made for the visitor; what the server refused does not count."""
        with self._lock:
            self._made.setdefault(place.visitor, deque()).append(self._clock())

    def leave(self, place: Place) -> None:
        """Give the place back."""
        with self._lock:
            if self._places.get(place.visitor) is place:
                del self._places[place.visitor]

    def stop(self, session: str) -> None:
        """Tell whoever makes the video of this browser session that nobody waits for it."""
        with self._lock:
            for place in self._places.values():
                if place.session == session:
                    place.stopped.set()

    def _forget(self, now: float) -> None:
        """Drop what is over, also places whose holder died with them."""
        oldest = now - self._settings.patience - 60
        self._places = {v: p for v, p in self._places.items() if p.begun > oldest}
        for visitor, made in list(self._made.items()):
            while made and made[0] <= now - HOUR:
                made.popleft()
            if not made:
                del self._made[visitor]


def visitor_of(peer: str, forwarded: str, proxies: int) -> str:
    """Who a request is from, as a digest that cannot be turned back once the page has stopped.

    Args:
        peer: address that the connection comes from.
        forwarded: the header ``X-Forwarded-For``: each proxy adds at its end whom it speaks for.
        proxies: how many public addresses from its end are believed; with 0 the header is not read.
    """
    hops = [hop for hop in map(_address, forwarded.split(",")) if hop and hop.is_global]
    found = hops[-min(proxies, len(hops))] if proxies and hops else _address(peer)
    if isinstance(found, ipaddress.IPv6Address):  # one household has a whole /64
        found = ipaddress.IPv6Address(int(found) >> 64 << 64)
    return hashlib.blake2b(str(found).encode(), key=_SALT, digest_size=12).hexdigest()


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    return (isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped) or found
