"""Promise 13: no address that a user names leads inside, and none that is public is refused.

Nothing leaves this machine: names are answered by the test, and what would connect only notes
where to. Each case goes both ways out, as an address of a picture and as a webhook.
"""

import socket
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import httpcore
import httpx
import pytest

from pleinair.errors import InputError
from pleinair.service.endpoints import Letter
from pleinair.service.fetch import Guard, client, fetch
from tests.promises.figure import publish

# Labelled by hand: the product's own table must not decide what this test expects.
INSIDE = (
    *("0.0.0.0", "0.1.2.3", "10.0.0.0", "10.255.255.255", "100.64.0.1", "100.127.255.255"),
    *("100.100.100.200", "127.0.0.1", "127.255.255.254", "168.63.129.16", "169.254.0.1"),
    *("169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.1"),
    *("192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1", "192.168.255.255"),
    *("198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1"),
    *("239.255.255.250", "240.0.0.1", "255.255.255.254", "255.255.255.255"),
    *("::", "::1", "::7f00:1", "::a00:1", "::808:808", "::ffff:0:0", "::ffff:127.0.0.1"),
    *("::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:192.168.1.1", "::ffff:100.64.0.1"),
    *("::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe"),
    *("64:ff9b::808:808", "64:ff9b:1::1", "64:ff9b:1:ffff::a00:1", "100::1", "2001::1"),
    *("2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:2::1", "2001:10::1", "2001:20::1"),
    *("2001:db8::1", "2002:7f00:1::", "2002:a00:1::1", "2002:a9fe:a9fe::", "3fff::1"),
    *("4000::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fdff:ffff::1", "fe80::1"),
    *("febf::1", "fec0::1", "ff02::1", "ff0e::1", "200::1", "8000::1"),
)
PUBLIC = (
    *("1.1.1.1", "8.8.8.8", "9.9.9.9", "11.0.0.1", "93.184.216.34", "100.63.255.255"),
    *("100.128.0.1", "126.255.255.254", "128.0.0.1", "168.63.129.17", "169.253.255.255"),
    *("172.15.255.255", "172.32.0.1", "192.0.1.1", "192.167.255.255", "192.169.0.1"),
    *("198.17.255.255", "198.20.0.1", "203.0.112.1", "223.255.255.254"),
    *("2001:4860:4860::8888", "2001:200::1", "2003::1", "2400:cb00::1", "2606:4700::1111"),
    *("2620:fe::fe", "2a00:1450::1", "2c0f:fb50::1", "3ffe::1", "::ffff:8.8.8.8"),
)
ONCE_PUBLIC = ("93.184.216.34", "2606:4700::1111")
SPELLINGS = (  # all of them are, or would be read by somebody as, an address inside
    *("2130706433", "0x7f000001", "0x7F.0x0.0x0.0x1", "017700000001", "0177.0.0.1", "127.1"),
    *("127.0.1", "0", "0x0a.1", "127.0.0.1.", "localhost", "LOCALHOST.", "127。0。0。1"),
    *("１２７.０.０.１", "①②⑦.⓪.⓪.①", "%31%32%37.0.0.1", "localhost%00.public.example"),
    *("[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]", "[::1%25lo]", "[fe80::1%25eth0]"),
    *("public.example@127.0.0.1", "127.0.0.1\\@public.example", "127.0.0.1#@public.example"),
    *("2852039166", "0xA9FEA9FE", "lоcalhost", "ınside.example", "[::127.0.0.1]"),
)
NAMES = {"localhost": "127.0.0.1", "lоcalhost": "127.0.0.1", "inside.example": "10.0.0.1"}


@dataclass
class Outside(httpcore.NetworkBackend):
    """Notes where to it would connect; answers with what is given, or not at all."""

    reply: bytes = b""
    connected: list[str] = field(default_factory=list)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        self.connected.append(host)
        if not self.reply:
            raise httpcore.ConnectError("nobody is there")
        return httpcore.MockStream([self.reply])


@dataclass
class Names:
    """Answers look-ups in turn, the last answer for ever; counts how often it was asked."""

    answers: Sequence[Sequence[str]]
    asked: int = 0

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        return self.answers[min(self.asked, len(self.answers)) - 1]


def by_number_or_name(host: str, port: int) -> Sequence[str]:
    """What a resolver would say that takes every spelling and knows the names of this test."""
    bare = host.rstrip(".").lower()
    if bare in NAMES:
        return [NAMES[bare]]
    try:
        found = socket.getaddrinfo(bare, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, ValueError):
        return ["127.0.0.1"]  # the worst that somebody could read in it
    return [str(address[0]) for *_, address in found]


def both_ways(authority: str, guard: Guard) -> None:
    """Ask for a picture there and send a webhook there; refusals and failures end quietly."""
    for scheme in ("http", "https"):
        with suppress(InputError):
            fetch(f"{scheme}://{authority}/", guard, 100, "image_url")
    letter = Letter("evt_1", f"https://{authority}/", "{}", ("whsec_c2VjcmV0",))
    with (
        client(guard, plain=False) as http,
        suppress(InputError, httpx.HTTPError, httpx.InvalidURL),
    ):
        letter.send(http)


@dataclass(frozen=True)
class Outcome:
    """What was tried and where it led."""

    addresses: int
    rebinding: int
    redirects: int
    spellings: int
    public: int
    inside_connects: int
    public_refused: int

    @property
    def row(self) -> dict[str, int]:
        """The published figure."""
        return {
            "addresses inside": self.addresses,
            "names that change": self.rebinding,
            "redirects inside": self.redirects,
            "odd spellings": self.spellings,
            "connections inside": self.inside_connects,
            "public addresses": self.public,
            "public refused": self.public_refused,
        }


def literal(ip: str) -> str:
    """An address as it stands in a URL."""
    return f"[{ip}]" if ":" in ip else ip


def measure() -> Outcome:
    """Try every case and count the connections that must not be, and those that must."""
    allowed = {*ONCE_PUBLIC}
    inside: Counter[str] = Counter()

    def note(outside: Outside, may: set[str]) -> None:
        inside.update(ip for ip in outside.connected if ip not in may)

    for ip in INSIDE:  # by themselves, and behind a name
        for authority in (literal(ip), f"{literal(ip)}:8080", "name.example"):
            outside = Outside()
            both_ways(authority, Guard(look_up=Names([[ip]]), backend=outside))
            note(outside, set())
    turns = list(rebinding())
    for answers in turns:
        outside = Outside()
        names = Names(answers)
        with suppress(InputError):
            fetch("http://turning.example/", Guard(look_up=names, backend=outside), 100, "url")
        both_ways("turning.example", Guard(look_up=Names(answers), backend=outside))
        note(outside, allowed)
        inside["second look-up"] += names.asked - 1
    targets = list(redirects())
    for target in targets:
        reply = f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n"
        outside = Outside(reply.encode())
        guard = Guard(look_up=beside_public, backend=outside)
        both_ways("public.example", guard)
        assert ONCE_PUBLIC[0] in outside.connected, "the redirect was never seen"
        note(outside, allowed)
    for spelling in SPELLINGS:
        outside = Outside()
        both_ways(spelling, Guard(look_up=by_number_or_name, backend=outside))
        note(outside, set())
    refused = 0
    for ip in PUBLIC:
        for authority in (literal(ip), "name.example"):
            outside = Outside()
            both_ways(authority, Guard(look_up=Names([[ip]]), backend=outside))
            refused += len(outside.connected) != 3  # http, https and the webhook
    return Outcome(
        addresses=len(INSIDE),
        rebinding=len(turns),
        redirects=len(targets),
        spellings=len(SPELLINGS),
        public=len(PUBLIC),
        inside_connects=inside.total(),
        public_refused=refused,
    )


def rebinding() -> Iterator[list[list[str]]]:
    """Answers of names that are public first and inside later, or both at once."""
    for ip in ("127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1", "64:ff9b::7f00:1"):
        for public in ONCE_PUBLIC:
            yield [[public], [ip]]
            yield [[public, ip], [ip]]
            yield [[ip, public], [public]]
            yield [[public, public, public, public, public, ip], [ip]]


def redirects() -> Iterator[str]:
    """Where a public server sends its visitors."""
    for authority in ("127.0.0.1", "10.0.0.1:6379", "[::1]", "[fd00::1]", "169.254.169.254"):
        for scheme in ("http", "https"):
            yield f"{scheme}://{authority}/latest/meta-data"
    for spelling in ("2130706433", "0x7f.1", "localhost", "127.1", "[::ffff:10.0.0.1]", "10.1"):
        yield f"http://{spelling}/"
        yield f"//{spelling}/"
    yield from ("file:///etc/passwd", "gopher://127.0.0.1:6379/", "http://u:p@127.0.0.1/")


def beside_public(host: str, port: int) -> Sequence[str]:
    """The resolver that takes every spelling, and knows one public name."""
    return [ONCE_PUBLIC[0]] if host == "public.example" else by_number_or_name(host, port)


def test_nothing_inside_is_reached_and_nothing_public_is_refused() -> None:
    outcome = measure()
    publish(
        "promise-13",
        "Addresses that users name lead to the public internet alone",
        outcome.row,
        n=outcome.addresses + outcome.rebinding + outcome.redirects + outcome.spellings,
        notes="Each as an address of a picture, by http and https, and as a webhook.",
    )
    assert outcome.addresses >= 60
    assert outcome.rebinding >= 20
    assert outcome.redirects >= 20
    assert outcome.spellings >= 10
    assert outcome.public >= 20
    assert outcome.inside_connects == 0
    assert outcome.public_refused == 0


def test_without_a_table_this_test_would_see_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pleinair.service.fetch.why_not_public", lambda address: None)
    assert measure().inside_connects > 3 * len(INSIDE)
