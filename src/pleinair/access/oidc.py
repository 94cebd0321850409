"""Signing in elsewhere: OpenID Connect with an issuer of the operator's choice.

The authorization code flow with PKCE (OpenID Connect Core 1.0; RFC 7636). What must survive the
way to the issuer and back is kept in the browser, signed by this server, for ten minutes.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import asdict, dataclass
from typing import Any

import httpx
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from pleinair.errors import AccessError, NotFoundError, UnavailableError
from pleinair.settings import ServiceSettings

LASTS = 600
_ALGORITHMS = ["RS256", "ES256", "PS256", "EdDSA"]
_TIMEOUT = 10.0


@dataclass(frozen=True)
class Journey:
    """What is remembered while somebody is at the issuer."""

    state: str
    nonce: str
    verifier: str
    invitation: str
    until: float


@dataclass(frozen=True)
class Identity:
    """Who the issuer says it is.

    Attributes:
        subject: issuer and subject, which never change.
        email: only if the issuer has checked it.
        name: as they want to be called, or empty.
        invitation: token of the invitation that they came with, or empty.
    """

    subject: str
    email: str | None
    name: str
    invitation: str


class Issuer:
    """The issuer that the settings name.

    Args:
        settings: name it, and this server there.
        secret: the server's; signs the journeys.
    """

    def __init__(self, settings: ServiceSettings, secret: bytes) -> None:
        self.settings = settings
        self._secret = hmac.digest(secret, b"oidc", "sha256")

    def start(self, callback: str, invitation: str = "") -> tuple[str, str]:
        """Where to send a browser, and what it must bring back in a cookie.

        Args:
            callback: address of this server that the issuer sends it back to.
            invitation: token of an invitation to be accepted on return.

        Raises:
            NotFoundError: the settings name no issuer.
            UnavailableError: it cannot be reached.
        """
        journey = Journey(
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
            invitation=invitation,
            until=time.time() + LASTS,
        )
        with self._client(callback) as client:
            url, _ = client.create_authorization_url(
                self._told()["authorization_endpoint"],
                state=journey.state,
                nonce=journey.nonce,
                code_verifier=journey.verifier,
            )
        return url, self._seal(journey)

    def finish(self, callback: str, cookie: str, state: str, code: str) -> Identity:
        """Who came back.

        Raises:
            AccessError: this is not the journey that began here, or the issuer does not confirm it.
            UnavailableError: the issuer cannot be reached.
        """
        journey = self._open(cookie)
        if not hmac.compare_digest(journey.state.encode(), state.encode()):
            raise AccessError("This sign-in was begun in another window; begin again.")
        told = self._told()
        try:
            with self._client(callback) as client:
                token = client.fetch_token(
                    told["token_endpoint"], code=code, code_verifier=journey.verifier
                )
            found = jwt.decode(token["id_token"], self._keys(told), _ALGORITHMS).claims
            jwt.JWTClaimsRegistry(
                leeway=60,
                iss={"essential": True, "value": told["issuer"]},
                aud={"essential": True, "value": self.settings.oidc_client},
                exp={"essential": True},
                nonce={"essential": True, "value": journey.nonce},
                sub={"essential": True},
            ).validate(found)
        except httpx.HTTPError as error:
            raise _unreachable(error) from error
        except (OAuthError, JoseError, KeyError, ValueError) as error:
            raise AccessError(f"The issuer did not confirm this sign-in: {error}.") from error
        checked = found.get("email_verified") is True
        return Identity(
            f"{found['iss']}|{found['sub']}",
            str(found["email"]) if checked and found.get("email") else None,
            str(found.get("name", "")),
            journey.invitation,
        )

    def _client(self, callback: str) -> Any:  # noqa: ANN401  # the library has no types
        return OAuth2Client(
            self.settings.oidc_client,
            self.settings.oidc_secret or None,
            scope="openid email profile",
            redirect_uri=callback,
            code_challenge_method="S256",
            timeout=_TIMEOUT,
        )

    def _told(self) -> dict[str, Any]:
        """What the issuer says of itself."""
        if not self.settings.oidc:
            raise NotFoundError("This server has no issuer to sign in with.")
        issuer = self.settings.oidc.rstrip("/")
        told = self._get(f"{issuer}/.well-known/openid-configuration")
        if str(told.get("issuer", "")).rstrip("/") != issuer:
            raise UnavailableError("the issuer says that it is another one")
        return told

    def _keys(self, told: dict[str, Any]) -> KeySet:
        return KeySet.import_key_set(self._get(told["jwks_uri"]))  # type: ignore[arg-type]

    def _get(self, url: str) -> dict[str, Any]:
        try:
            answer = httpx.get(url, timeout=_TIMEOUT)
            answer.raise_for_status()
            told: dict[str, Any] = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise _unreachable(error) from error
        return told

    def _seal(self, journey: Journey) -> str:
        body = base64.urlsafe_b64encode(json.dumps(asdict(journey)).encode()).decode()
        return f"{body}.{self._signature(body)}"

    def _open(self, cookie: str) -> Journey:
        body, _, signature = cookie.rpartition(".")
        if not hmac.compare_digest(self._signature(body).encode(), signature.encode()):
            raise AccessError("This sign-in was not begun here; begin again.")
        journey = Journey(**json.loads(base64.urlsafe_b64decode(body)))
        if journey.until < time.time():
            raise AccessError("This sign-in took too long; begin again.")
        return journey

    def _signature(self, body: str) -> str:
        return hmac.new(self._secret, body.encode(), hashlib.sha256).hexdigest()


def _unreachable(error: Exception) -> UnavailableError:
    return UnavailableError(f"the issuer cannot be reached: {type(error).__name__}")
