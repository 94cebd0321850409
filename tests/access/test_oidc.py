"""Signing in elsewhere, against an issuer that runs in this process."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from pleinair.access import programmes
from pleinair.access.actor import AT_THE_MACHINE
from pleinair.settings import ServiceSettings
from tests.access.conftest import House, Open
from tests.api.conftest import serve


@dataclass
class Provider:
    """An issuer: what it says of whoever comes, and what its tokens claim."""

    url: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048))
    sign_with: RSAKey | None = None
    claims: dict[str, Any] = field(default_factory=dict)
    challenges: dict[str, tuple[str, str]] = field(default_factory=dict)

    def grant(self, location: str) -> str:
        """The code for a browser that was sent here, as a person who agrees would get it."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        code = f"code-{len(self.challenges)}"
        self.challenges[code] = (asked["code_challenge"], asked["nonce"])
        return code

    def token(self, code: str, verifier: str) -> dict[str, Any] | None:
        """The answer of the token endpoint, None for a verifier that does not fit."""
        challenge, nonce = self.challenges.pop(code)
        digest = hashlib.sha256(verifier.encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != challenge:
            return None
        claims = {
            "iss": self.url,
            "aud": "pleinair",
            "sub": "u1",
            "nonce": nonce,
            "exp": int(time.time()) + 60,
            "email": "ann@example.org",
            "email_verified": True,
            "name": "Ann",
        } | self.claims
        signed = jwt.encode({"alg": "RS256"}, claims, self.sign_with or self.key)
        return {"access_token": "x", "token_type": "Bearer", "id_token": signed}


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/jwks":
                return self._answer({"keys": [made.key.as_dict(private=False)]})
            return self._answer(
                {
                    "issuer": made.url,
                    "authorization_endpoint": f"{made.url}/authorize",
                    "token_endpoint": f"{made.url}/token",
                    "jwks_uri": f"{made.url}/jwks",
                }
            )

        def do_POST(self) -> None:
            size = int(self.headers["content-length"])
            form = parse_qs(self.rfile.read(size).decode())
            told = made.token(form["code"][0], form["code_verifier"][0])
            self._answer(told or {"error": "invalid_grant"}, 200 if told else 400)

        def _answer(self, told: dict[str, Any], status: int = 200) -> None:
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def house_with_issuer(house_settings: ServiceSettings, provider: Provider) -> Iterator[Open]:
    settings = replace(house_settings, oidc=provider.url, oidc_client="pleinair", oidc_secret="s")
    with serve(settings) as live:
        with live.services.database.write() as session:
            programme = programmes.add(session, name="Early access", terms="Be kind.")
        made = Open(live, House(live.services, programme))
        made.house.member()
        yield made
        for client in made.clients:
            client.close()


def _journey(
    house: Open, provider: Provider, client: httpx.Client, query: str = ""
) -> httpx.Response:
    """Go to the issuer, agree, and come back."""
    away = client.get(f"/access/v1/oidc/start{query}")
    assert away.status_code == 302
    location = away.headers["location"]
    assert location.startswith(provider.url)
    state = parse_qs(urlsplit(location).query)["state"][0]
    code = provider.grant(location)
    return client.get("/access/v1/oidc/callback", params={"code": code, "state": state})


def test_a_guest_comes_by_invitation_and_then_without(
    house_with_issuer: Open, provider: Provider
) -> None:
    house, client = house_with_issuer, house_with_issuer.client()
    stranger = _journey(house, provider, client)
    assert stranger.status_code == 401
    assert "invitation" in stranger.json()["error"]["message"]
    _, token = house.house.use.invitations.create(
        AT_THE_MACHINE, "tester", house.house.programme.id
    )
    assert _journey(house, provider, client, f"?invitation={token}").status_code == 302
    me = client.get("/access/v1/me").json()
    assert (me["name"], me["email"], me["terms_accepted"]) == ("Ann", "ann@example.org", None)
    another = house.client()
    assert _journey(house, provider, another).status_code == 302
    assert another.get("/access/v1/me").json()["id"] == me["id"]


def test_a_member_is_known_by_an_address_that_was_checked_alone(
    house_with_issuer: Open, provider: Provider
) -> None:
    house = house_with_issuer
    house.house.use.members.create(
        AT_THE_MACHINE, "Ann", "tester", house.house.programme.id, "ann@example.org"
    )
    provider.claims = {"email_verified": False}
    assert _journey(house, provider, house.client()).status_code == 401
    provider.claims = {}
    assert _journey(house, provider, house.client()).status_code == 302


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://another.example"},
        {"aud": "another"},
        {"nonce": "another"},
        {"exp": 1},
    ],
)
def test_a_token_that_is_not_for_this_is_refused(
    house_with_issuer: Open, provider: Provider, claims: dict[str, Any]
) -> None:
    house = house_with_issuer
    house.house.use.members.create(
        AT_THE_MACHINE, "Ann", "tester", house.house.programme.id, "ann@example.org"
    )
    provider.claims = claims
    refused = _journey(house, provider, house.client())
    assert refused.status_code == 401
    assert "did not confirm" in refused.json()["error"]["message"]


def test_a_token_of_another_key_is_refused(house_with_issuer: Open, provider: Provider) -> None:
    house = house_with_issuer
    house.house.use.members.create(
        AT_THE_MACHINE, "Ann", "tester", house.house.programme.id, "ann@example.org"
    )
    provider.sign_with = RSAKey.generate_key(2048)
    assert _journey(house, provider, house.client()).status_code == 401


def test_who_did_not_begin_here_does_not_arrive(
    house_with_issuer: Open, provider: Provider
) -> None:
    house = house_with_issuer
    first, second = house.client(), house.client()
    away = first.get("/access/v1/oidc/start").headers["location"]
    state = parse_qs(urlsplit(away).query)["state"][0]
    told = {"code": provider.grant(away), "state": state}
    assert second.get("/access/v1/oidc/callback", params=told).status_code == 401
    assert first.get("/access/v1/oidc/callback", params=told | {"state": "x"}).status_code == 401
    assert first.get("/access/v1/oidc/callback?error=access_denied").status_code == 401


def test_without_an_issuer_there_is_nothing(open_house: Open) -> None:
    open_house.as_role()
    assert open_house.client().get("/access/v1/oidc/start").status_code == 404
