"""One's own account: who one is, the terms, keys, notices."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from pleinair.access.actor import DEFAULT_SCOPES
from pleinair.api.body import body_of, documented
from pleinair.api.identity import Acting, Caller
from pleinair.api.services import Use
from pleinair.api.shapes import REFUSALS, Done, Strict, seconds
from pleinair.service.programme_tables import Key, Notice

router = APIRouter(prefix="/access/v1", tags=["account"], responses=REFUSALS)


class Terms(Strict):
    """Which terms are accepted."""

    version: Annotated[int, Field(description="The newest version, which `me` tells.")]


class NewPassword(Strict):
    """A password in the place of another."""

    old: Annotated[str | None, Field(description="The one until now, if there is one.")] = None
    new: Annotated[str, Field(description="12 to 200 characters.")]


class CreateKey(Strict):
    """A key to be made."""

    name: Annotated[str, Field(description="To know it by, 1 to 80 characters.")]
    scopes: list[str] = Field(
        default_factory=lambda: list(DEFAULT_SCOPES), description="What it is good for."
    )
    days: Annotated[float | None, Field(description="Until it expires; never if null.")] = None


class RotateKey(Strict):
    """How a key is replaced."""

    overlap_hours: Annotated[
        float, Field(description="For how long the old one goes on, 0 to 168.")
    ] = 24.0


class Me(BaseModel):
    """Who one is here."""

    object: Literal["member"] = "member"
    id: str
    name: str
    email: str | None
    role: str
    state: str
    programme_id: str | None
    programme: str | None
    programme_state: str | None
    terms: str
    terms_version: int | None
    terms_accepted: int | None
    unread_notices: int
    created_at: int


class KeyObject(BaseModel):
    """A key, without its secret."""

    object: Literal["api_key"] = "api_key"
    id: str
    name: str
    hint: str
    member_id: str | None
    scopes: list[str]
    state: str
    reason: str
    decoy: bool
    replaced_by: str | None
    created_at: int
    expires_at: int | None
    ended_at: int | None
    used_at: int | None


class KeyWithSecret(KeyObject):
    """A new key; its secret is told here and never again."""

    secret: str


class KeyList(BaseModel):
    """Keys."""

    object: Literal["list"] = "list"
    data: list[KeyObject]


class NoticeObject(BaseModel):
    """Something that the programme tells."""

    object: Literal["notice"] = "notice"
    id: str
    kind: str
    text: str
    subject: str
    created_at: int
    read_at: int | None


class NoticeList(BaseModel):
    """Notices, the newest first."""

    object: Literal["list"] = "list"
    data: list[NoticeObject]


@router.get("/me")
def me(owner: Caller, use: Use) -> Me:
    """Who one is here, and the terms as they are now."""
    member = use.members.get(owner)
    programme = use.programmes.get(member.programme_id) if member.programme_id else None
    return Me(
        id=member.id,
        name=member.name,
        email=member.email,
        role=member.role,
        state=member.state,
        programme_id=member.programme_id,
        programme=programme.name if programme else None,
        programme_state=programme.state if programme else None,
        terms=programme.terms if programme else "",
        terms_version=programme.terms_version if programme else None,
        terms_accepted=member.terms_version,
        unread_notices=len(use.notices.list(owner, unread=True)),
        created_at=int(member.created_at),
    )


@router.post("/terms", openapi_extra=documented(Terms, files=False))
def accept_terms(body: Annotated[Terms, Depends(body_of(Terms))], owner: Caller, use: Use) -> Me:
    """Accept the newest terms of one's programme."""
    use.accounts.accept_terms(owner, body.version)
    return me(owner, use)


@router.post("/password", openapi_extra=documented(NewPassword, files=False))
def change_password(
    body: Annotated[NewPassword, Depends(body_of(NewPassword))], owner: Caller, use: Use
) -> Done:
    """Change one's password; all browsers are signed out."""
    use.accounts.change_password(owner, body.old, body.new)
    return Done()


@router.get("/keys")
def list_keys(owner: Caller, use: Use) -> KeyList:
    """One's keys, the newest first."""
    return KeyList(data=[key_object(key) for key in use.keys.list(owner)])


@router.post("/keys", openapi_extra=documented(CreateKey, files=False))
def create_key(
    body: Annotated[CreateKey, Depends(body_of(CreateKey))], actor: Acting, use: Use
) -> KeyWithSecret:
    """A new key; one that is made by a key is good for no more than that key is."""
    key, secret = use.keys.create(actor, body.name, body.scopes, body.days)
    return key_with_secret(key, secret)


@router.post("/keys/{key_id}/rotate", openapi_extra=documented(RotateKey, files=False))
def rotate_key(
    key_id: str, body: Annotated[RotateKey, Depends(body_of(RotateKey))], actor: Acting, use: Use
) -> KeyWithSecret:
    """A new key in the place of an old one, which goes on for a while."""
    key, secret = use.keys.rotate(actor, key_id, body.overlap_hours)
    return key_with_secret(key, secret)


@router.delete("/keys/{key_id}")
def revoke_key(key_id: str, owner: Caller, use: Use) -> KeyObject:
    """End one of one's keys at once."""
    return key_object(use.keys.revoke(owner, key_id))


@router.get("/notices")
def list_notices(owner: Caller, use: Use, unread: bool = False) -> NoticeList:
    """What the programme has told one, the newest first."""
    found = use.notices.list(owner, unread=unread)
    return NoticeList(data=[notice_object(notice) for notice in found])


@router.post("/notices/{notice_id}/read")
def read_notice(notice_id: str, owner: Caller, use: Use) -> NoticeObject:
    """Mark a notice as read."""
    return notice_object(use.notices.read(owner, notice_id))


def key_object(key: Key) -> KeyObject:
    """A key on the wire."""
    return KeyObject(
        id=key.id,
        name=key.name,
        hint=f"…{key.hint}",
        member_id=key.member_id,
        scopes=key.scopes,
        state=key.state,
        reason=key.reason,
        decoy=key.decoy,
        replaced_by=key.replaced_by,
        created_at=int(key.created_at),
        expires_at=seconds(key.expires_at),
        ended_at=seconds(key.ended_at),
        used_at=seconds(key.used_at),
    )


def key_with_secret(key: Key, secret: str) -> KeyWithSecret:
    """A new key on the wire, this once with its secret."""
    return KeyWithSecret(**key_object(key).model_dump(), secret=secret)


def notice_object(notice: Notice) -> NoticeObject:
    """A notice on the wire."""
    return NoticeObject(
        id=notice.id,
        kind=notice.kind,
        text=notice.text,
        subject=notice.subject,
        created_at=int(notice.created_at),
        read_at=seconds(notice.read_at),
    )
