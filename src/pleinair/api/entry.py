"""The way in: invitations, signing in with a password or elsewhere, signing out."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, Field

from pleinair.access.accounts import LASTS
from pleinair.api.body import body_of, documented
from pleinair.api.identity import COOKIE, Acting, client_of
from pleinair.api.services import Services, Use, base_of
from pleinair.api.shapes import REFUSALS, Done, Strict
from pleinair.errors import AccessError

router = APIRouter(prefix="/access/v1", tags=["entry"], responses=REFUSALS)
JOURNEY = "pleinair_oidc"


class SignInBody(Strict):
    """Who wants to sign in."""

    email: Annotated[str, Field(description="Address of the member.")]
    password: Annotated[str, Field(description="Their password.")]


class AcceptInvitation(Strict):
    """Who the guest is, and what they agree to."""

    name: Annotated[str, Field(description="What they want to be called.")]
    email: Annotated[str, Field(description="Their address; the invited one if it names one.")]
    password: Annotated[str, Field(description="12 to 200 characters.")]
    terms_version: Annotated[
        int | None, Field(description="Version of the terms that they have read and accept.")
    ] = None


class InvitationOffer(BaseModel):
    """What an invitation offers."""

    object: Literal["invitation.offer"] = "invitation.offer"
    role: str
    programme: str | None
    email: str | None
    terms: str
    terms_version: int | None
    expires_at: int


class SignedIn(BaseModel):
    """Who is signed in now; the browser has a cookie."""

    object: Literal["sign_in"] = "sign_in"
    member_id: str
    expires_in: int


@router.get("/invitations/{token}")
def offer(token: str, use: Use) -> InvitationOffer:
    """What an invitation offers, for whoever has its link."""
    found = use.invitations.look(token)
    programme = found.programme
    return InvitationOffer(
        role=found.invitation.role,
        programme=programme.name if programme else None,
        email=found.invitation.email,
        terms=programme.terms if programme else "",
        terms_version=programme.terms_version if programme else None,
        expires_at=int(found.invitation.expires_at),
    )


@router.post("/invitations/{token}/accept", openapi_extra=documented(AcceptInvitation, files=False))
def accept(
    token: str,
    body: Annotated[AcceptInvitation, Depends(body_of(AcceptInvitation))],
    use: Use,
    request: Request,
    response: Response,
) -> SignedIn:
    """Become a member; the browser is signed in at once."""
    member = use.invitations.accept(
        token,
        body.name,
        email=body.email,
        password=body.password,
        terms_version=body.terms_version,
    )
    return _signed_in(use, member.id, request, response)


@router.post("/sign-in", openapi_extra=documented(SignInBody, files=False))
def sign_in(
    body: Annotated[SignInBody, Depends(body_of(SignInBody))],
    use: Use,
    request: Request,
    response: Response,
) -> SignedIn:
    """Sign a browser in with address and password."""
    client = client_of(request, use.settings.proxies)
    token = use.accounts.sign_in(body.email, body.password, client.network, client.agent)
    _keep(use, token, request, response)
    actor = use.admission.actor(None, token)
    return SignedIn(member_id=actor.id, expires_in=int(LASTS))


@router.post("/sign-out")
def sign_out(actor: Acting, use: Use, response: Response, everywhere: bool = False) -> Done:
    """Sign this browser out, or all of the member's."""
    use.accounts.sign_out(actor.id, None if everywhere else actor.session_id)
    response.delete_cookie(COOKIE, path="/")
    return Done()


@router.get("/oidc/start", response_class=RedirectResponse, status_code=302)
def oidc_start(
    use: Use,
    request: Request,
    invitation: Annotated[str, Query(max_length=200, description="Token of an invitation.")] = "",
) -> RedirectResponse:
    """Go to the issuer that the operator has chosen, to sign in there."""
    url, journey = use.issuer.start(_callback(use, request), invitation)
    answer = RedirectResponse(url, 302)
    answer.set_cookie(
        JOURNEY,
        journey,
        max_age=600,
        path="/access/v1/oidc",
        httponly=True,
        secure=_secure(use, request),
        samesite="lax",
    )
    return answer


@router.get("/oidc/callback", response_class=RedirectResponse, status_code=302)
def oidc_callback(
    use: Use, request: Request, code: str = "", state: str = "", error: str = ""
) -> RedirectResponse:
    """Come back from the issuer, signed in."""
    if error or not code:
        raise AccessError(f"The issuer refused: {error[:80] or 'it sent no code'}.")
    journey = request.cookies.get(JOURNEY, "")
    found = use.issuer.finish(_callback(use, request), journey, state, code)
    member = use.accounts.by_oidc(found.subject, found.email)
    if member is None and found.invitation:
        member = use.invitations.accept(
            found.invitation,
            found.name or "guest",
            email=found.email,
            oidc=found.subject,
        )
    if member is None:
        raise AccessError("Nobody here is known by that account; ask for an invitation.")
    answer = RedirectResponse("/", 302)
    _signed_in(use, member.id, request, answer)
    answer.delete_cookie(JOURNEY, path="/access/v1/oidc")
    return answer


def _signed_in(use: Services, member_id: str, request: Request, response: Response) -> SignedIn:
    agent = client_of(request, use.settings.proxies).agent
    _keep(use, use.accounts.begin(member_id, agent), request, response)
    return SignedIn(member_id=member_id, expires_in=int(LASTS))


def _keep(use: Services, token: str, request: Request, response: Response) -> None:
    """Give the browser its cookie, which no script can read and no other site can use."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(LASTS),
        path="/",
        httponly=True,
        secure=_secure(use, request),
        samesite="lax",
    )


def _secure(use: Services, request: Request) -> bool:
    return (use.settings.url or str(request.base_url)).startswith("https://")


def _callback(use: Services, request: Request) -> str:
    base = base_of(use, request)
    return f"{base}/access/v1/oidc/callback"
