"""The guard before every route: who is calling, from where, and whether the table lets them."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from pleinair.access.actor import Actor, acting
from pleinair.access.admission import cut
from pleinair.access.authority import Rule, permit, rule_of
from pleinair.api.services import Services
from pleinair.errors import AccessError, ForbiddenError, PleinairError
from pleinair.service.db import leave

COOKIE = "pleinair_session"
SAFE = ("GET", "HEAD", "OPTIONS")
ALREADY = "pleinair.actor"
"""Where a call that the command line makes inside this process says who acts; no client can."""


@dataclass(frozen=True)
class Client:
    """Where a request came from.

    Attributes:
        address: of the client, past the proxies that are believed.
        network: /24 of an IPv4 address, /48 of an IPv6 one.
        agent: what it calls itself, up to 200 characters.
    """

    address: str
    network: str
    agent: str


async def guard(request: Request) -> None:
    """Let a request in, or raise what stands against it.

    Raises:
        AccessError: nobody is known, or by a wrong key.
        ForbiddenError: it is not for this caller, or not now.
    """
    use: Services = request.app.state.services
    rule = rule_of(request.method, request.scope["route"].path)
    actor: Actor | None = request.scope.get(ALREADY)
    if actor is None:
        actor = await run_in_threadpool(_admit, use, request, rule)
    permit(actor, rule)
    request.state.actor = actor
    request.state.user = actor.id
    acting.set(actor)
    assert rule is not None  # nobody may do what stands in no row
    leave.set(None if rule.public else partial(use.admission.check, actor=actor, rule=rule))


def _admit(use: Services, request: Request, rule: Rule | None) -> Actor:
    if rule is not None and rule.public:
        return Actor()
    client = client_of(request, use.settings.proxies)
    authorization = request.headers.get("authorization")
    actor = use.admission.actor(authorization, request.cookies.get(COOKIE))
    use.watch.see(actor, client.network, request.headers)
    if actor.via == "decoy":
        raise AccessError(f"Incorrect API key provided: {cut((authorization or '').split()[-1])}.")
    request.state.client = client
    try:
        permit(actor, rule)
        assert rule is not None
        unsafe = request.method not in SAFE
        if unsafe and actor.via == "session":
            check_origin(request)
        if unsafe:  # before a body is read; the transaction that writes asks again
            with use.database.read() as session:
                use.admission.check(session, actor, rule)
    except PleinairError as error:
        if rule is not None and rule.power:
            use.powers.refused(actor, rule.act, request.url.path, error)
        raise
    return actor


def actor_of(request: Request) -> Actor:
    """Who sent this request."""
    found: Actor = request.state.actor
    return found


def caller(request: Request) -> str:
    """The id of who sent this request: the owner of what they make."""
    return actor_of(request).id


Acting = Annotated[Actor, Depends(actor_of)]
Caller = Annotated[str, Depends(caller)]


def client_of(request: Request, proxies: Sequence[str]) -> Client:
    """Where a request came from; ``X-Forwarded-For`` counts as far as proxies are believed.

    Args:
        request: as it came in.
        proxies: networks of reverse proxies.
    """
    peer = request.client.host if request.client else "0.0.0.0"
    hops = [hop.strip() for hop in request.headers.get("x-forwarded-for", "").split(",")]
    while proxies and _within(peer, proxies) and hops and hops[-1]:
        peer = hops.pop()
    agent = request.headers.get("user-agent", "")[:200]
    return Client(peer, network_of(peer), agent)


def network_of(address: str) -> str:
    """The network that an address stands for: whoever moves within it moves little."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    bits = 24 if found.version == 4 else 48
    return str(ipaddress.ip_network(f"{found}/{bits}", strict=False))


def _within(address: str, networks: Sequence[str]) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in ipaddress.ip_network(network) for network in networks)


def check_origin(request: Request) -> None:
    """Raise ForbiddenError for a page of another site that sends in its visitor's name."""
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site", "same-origin")
    host = request.headers.get("host", "")
    if site not in ("same-origin", "none") or (origin and urlsplit(origin).netloc != host):
        raise ForbiddenError("This came from a page of another site.")
