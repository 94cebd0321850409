"""The guarded way out: HTTP to addresses that users name, which must not lead inside.

A name is looked up once, everything that it resolves to is judged, and the connection goes to an
address that was judged: a name that answers otherwise the second time wins nothing. How an address
is spelled does not matter, only what it resolves to. TLS still verifies the name.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpcore
import httpx

from pleinair.errors import InputError
from pleinair.service.addresses import Network, is_within, read_address, why_not_public

MOST_REDIRECTS = 3
_MOST_TRIED = 4  # addresses of one name
_PUBLIC = "addresses on the public internet, or in networks that the operator allows"
_INSIDE = "https, or http to networks that the operator allows"


def look_up(host: str, port: int) -> Sequence[str]:
    """Addresses of a name by the system's resolver; none when it is not known."""
    return _addresses(host, port)


def _addresses(host: str, port: int, flags: int = 0) -> Sequence[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    except (OSError, ValueError):  # ValueError: no name at all, such as "a..b"
        return []
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@dataclass(frozen=True)
class Timeouts:
    """Seconds for connecting, for each read or write, and for all of one connection."""

    connect: float = 5.0
    read: float = 10.0
    total: float = 30.0


@dataclass(frozen=True)
class Guard:
    """Decides which addresses may be connected to.

    Attributes:
        allow: networks that may be reached though they are not public.
        look_up: addresses of a name.
        backend: opens connections to addresses.
    """

    allow: tuple[str, ...] = ()
    look_up: Callable[[str, int], Sequence[str]] = look_up
    backend: httpcore.NetworkBackend = field(default_factory=httpcore.SyncBackend)

    @cached_property
    def _allowed(self) -> Sequence[Network]:
        return [ipaddress.ip_network(network) for network in self.allow]

    def check_address(self, ip: str, *, inside: bool = False) -> None:
        """Refuse an address that is neither public nor allowed, or ``inside`` one not allowed.

        Raises:
            InputError: it may not be connected to.
        """
        allowed = _INSIDE if inside else _PUBLIC
        try:
            address = read_address(ip)
        except ValueError as error:
            raise InputError("url", ip, allowed) from error
        if is_within(address, self._allowed):
            return
        if inside or why_not_public(address):
            raise InputError("url", ip, allowed)

    def check_url(self, url: str, field: str, *, plain: bool = True) -> httpx.URL:
        """An address that may be asked for, as far as can be told without looking a name up.

        Args:
            url: what the user sent.
            field: its name.
            plain: whether http may go to the public internet too.

        Raises:
            InputError: it is not allowed.
        """
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise InputError(field, url, f"http(s) addresses ({error})") from error
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise InputError(field, url, "addresses that begin with https:// or http://")
        if parsed.userinfo:
            raise InputError(field, parsed.host, "addresses without user and password")
        if parsed.port is not None and not 1 <= parsed.port <= 65_535:
            raise InputError(field, url, "ports from 1 to 65535")
        inside = parsed.scheme == "http" and not plain
        if inside and not self.allow:
            raise InputError(field, url, "addresses that begin with https://")
        # Numbers, however they are spelled, need no look-up.
        for ip in _addresses(parsed.host, 80, socket.AI_NUMERICHOST):
            try:
                self.check_address(ip, inside=inside)
            except InputError as error:
                raise InputError(field, url, error.allowed) from error
        return parsed

    def resolve(self, host: str, port: int, *, inside: bool = False) -> Sequence[str]:
        """The addresses behind a name, each of which may be connected to.

        Raises:
            InputError: one of them may not, or there is none. Both are told in the same words, so
                that nobody can ask which names are known inside.
        """
        found = self.look_up(host, port)
        try:
            for ip in found:
                self.check_address(ip, inside=inside)
        except InputError as error:
            raise InputError("url", host, error.allowed) from None
        if not found:
            raise InputError("url", host, _INSIDE if inside else _PUBLIC)
        return [str(read_address(ip)) for ip in found]


class _Backend(httpcore.NetworkBackend):
    """Connects to addresses that the guard has judged; httpcore hands over the name."""

    def __init__(self, guard: Guard, timeouts: Timeouts, inside: bool) -> None:
        self.guard = guard
        self.timeouts = timeouts
        self.inside = inside

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = self.guard.resolve(host, port, inside=self.inside)[:_MOST_TRIED]
        until = time.monotonic() + self.timeouts.total
        failed: Exception = httpcore.ConnectTimeout(f"{host} took too long")
        for address in addresses:
            try:
                left = _left(until, timeout, httpcore.ConnectTimeout)
                return _Stream(self.guard.backend.connect_tcp(address, port, left), until)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed


class _Stream(httpcore.NetworkStream):
    """A connection that ends in time, however slowly the other side drips."""

    def __init__(self, inner: httpcore.NetworkStream, until: float) -> None:
        self.inner = inner
        self.until = until

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.inner.read(max_bytes, _left(self.until, timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.inner.write(buffer, _left(self.until, timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self.inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(self.until, timeout, httpcore.ConnectTimeout)
        return _Stream(self.inner.start_tls(ssl_context, server_hostname, left), self.until)

    def get_extra_info(self, info: str) -> object:
        return self.inner.get_extra_info(info)


def _left(until: float, timeout: float | None, error: type[Exception]) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise error("the connection took too long in all")
    return left if timeout is None else min(left, timeout)


class _Transport(httpx.HTTPTransport):
    """httpx's transport over our backend, which its own constructor does not take."""

    def __init__(self, guard: Guard, timeouts: Timeouts, inside: bool, tls: ssl.SSLContext) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls,
            max_connections=None,
            max_keepalive_connections=0,  # a connection's time is that of one request
            network_backend=_Backend(guard, timeouts, inside),
        )


@cache
def _trusting() -> ssl.SSLContext:
    """How certificates are verified; made once, for reading those that are trusted takes time."""
    return httpx.create_ssl_context()


def client(
    guard: Guard,
    timeouts: Timeouts | None = None,
    *,
    plain: bool = True,
    tls: ssl.SSLContext | None = None,
) -> httpx.Client:
    """A client that connects only where the guard lets it, and follows no redirects.

    Proxies of the environment are ignored: behind one, names are looked up where nobody judges.
    A refusal is raised as InputError, everything else as httpx.HTTPError.

    Args:
        guard: decides.
        timeouts: how long it waits.
        plain: whether http may go to the public internet too.
        tls: how certificates are verified; by those that httpx trusts if None.
    """
    timeouts = timeouts or Timeouts()
    tls = tls or _trusting()
    return httpx.Client(
        transport=_Transport(guard, timeouts, False, tls),
        mounts={"http://": _Transport(guard, timeouts, not plain, tls)},
        timeout=httpx.Timeout(timeouts.read, connect=timeouts.connect),
        follow_redirects=False,
        trust_env=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # keeps none
        headers={"user-agent": "pleinair", "accept-encoding": "identity"},
    )


def fetch(
    url: str, guard: Guard, limit_bytes: int, field: str, timeouts: Timeouts | None = None
) -> bytes:
    """What is at an http(s) address that a user named, following at most three redirects.

    Args:
        url: the address.
        guard: decides where connections may go.
        limit_bytes: more than that is not read.
        field: name of the field that the address came in.
        timeouts: for each of the requests.

    Raises:
        InputError: the address is not allowed, does not answer with success, or holds too much.
    """
    asked = guard.check_url(url, field)
    with client(guard, timeouts) as http:
        request = http.build_request("GET", asked)
        for _ in range(1 + MOST_REDIRECTS):
            try:
                response = http.send(request, stream=True)
            except InputError as error:
                raise InputError(field, url, error.allowed) from None
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise InputError(field, url, f"addresses that answer ({told(error)})") from error
            try:
                if response.next_request is None:
                    return _body(response, url, limit_bytes, field)
                request = response.next_request
            finally:
                response.close()
            guard.check_url(str(request.url), field)
    raise InputError(field, url, f"at most {MOST_REDIRECTS} redirects")


def _body(response: httpx.Response, url: str, limit: int, field: str) -> bytes:
    if not response.is_success:
        raise InputError(field, url, f"addresses that answer with 200, not {response.status_code}")
    body = bytearray()
    try:
        for part in response.iter_raw():
            body += part
            if len(body) > limit:
                raise InputError(field, f"{len(body):,} bytes and more", f"at most {limit:,} bytes")
    except httpx.HTTPError as error:
        raise InputError(field, url, f"addresses that answer ({told(error)})") from error
    return bytes(body)


def told(error: Exception) -> str:
    """An error of httpx in words; some carry none."""
    return str(error) or type(error).__name__
