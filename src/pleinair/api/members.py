"""Members, invitations and everybody's keys, for administrators."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from pleinair.access.actor import DEFAULT_SCOPES, Role
from pleinair.api.account import (
    KeyList,
    KeyObject,
    KeyWithSecret,
    key_object,
    key_with_secret,
)
from pleinair.api.body import body_of, documented
from pleinair.api.identity import Acting
from pleinair.api.services import Use, base_of
from pleinair.api.shapes import REFUSALS, Strict, seconds
from pleinair.service.programme_tables import Invitation, Member

router = APIRouter(prefix="/admin/v1", tags=["members"], responses=REFUSALS)
ROLES = ", ".join(Role)


class CreateMember(Strict):
    """A member without a password, such as a program; people come by invitation."""

    name: Annotated[str, Field(description="1 to 80 characters.")]
    role: Annotated[str, Field(description=ROLES)]
    programme_id: Annotated[str | None, Field(description="In which they work.")] = None
    email: Annotated[str | None, Field(description="Their address.")] = None


class UpdateMember(Strict):
    """What of a member is changed; what is left out stays."""

    name: Annotated[str | None, Field(description="1 to 80 characters.")] = None
    role: Annotated[str | None, Field(description=ROLES)] = None
    programme_id: Annotated[str | None, Field(description="In which they work.")] = None


class SuspendMember(Strict):
    """Why somebody is shut out."""

    reason: Annotated[str, Field(description="Told to them; the public sees how often.")]


class CreateInvitation(Strict):
    """Whom to invite, as what."""

    role: Annotated[str, Field(description=ROLES)]
    programme_id: Annotated[
        str | None, Field(description="Into which; only the team can be without one.")
    ] = None
    email: Annotated[str | None, Field(description="The only address that may use it.")] = None
    days: Annotated[float, Field(description="Until it expires, up to 365.")] = 14.0
    note: Annotated[str, Field(description="For whoever reads the list.")] = ""


class IssueKey(Strict):
    """A key for a member, or a decoy."""

    name: Annotated[str, Field(description="To know it by, 1 to 80 characters.")]
    member_id: Annotated[
        str | None, Field(description="Whose; without one it is a decoy: any use is a leak.")
    ] = None
    scopes: list[str] = Field(
        default_factory=lambda: list(DEFAULT_SCOPES), description="What it is good for."
    )
    days: Annotated[float | None, Field(description="Until it expires; never if null.")] = None


class RevokeKey(Strict):
    """Why a key is stopped."""

    reason: Annotated[str, Field(description="Told to whoever goes on using it.")]


class MemberObject(BaseModel):
    """A member."""

    object: Literal["member"] = "member"
    id: str
    name: str
    email: str | None
    role: str
    programme_id: str | None
    state: str
    reason: str
    terms_version: int | None
    created_at: int
    left_at: int | None


class MemberList(BaseModel):
    """Members, the oldest first."""

    object: Literal["list"] = "list"
    data: list[MemberObject]


class InvitationObject(BaseModel):
    """An invitation, without its token."""

    object: Literal["invitation"] = "invitation"
    id: str
    role: str
    programme_id: str | None
    email: str | None
    note: str
    made_by: str
    created_at: int
    expires_at: int
    used_at: int | None
    used_by: str | None
    revoked_at: int | None


class InvitationWithLink(InvitationObject):
    """A new invitation; its link is told here and never again."""

    token: str
    url: str


class InvitationList(BaseModel):
    """Invitations, the newest first."""

    object: Literal["list"] = "list"
    data: list[InvitationObject]


@router.get("/members", name="members.list")
def list_members(
    use: Use,
    programme_id: str | None = None,
    role: str | None = None,
    state: str | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
) -> MemberList:
    """Members, the oldest first."""
    found = use.members.list(programme_id=programme_id, role=role, state=state, limit=limit)
    return MemberList(data=[member_object(member) for member in found])


@router.get("/members/{member_id}", name="members.get")
def get_member(member_id: str, use: Use) -> MemberObject:
    """One member."""
    return member_object(use.members.get(member_id))


@router.post("/members", name="members.create", openapi_extra=documented(CreateMember, files=False))
def create_member(
    body: Annotated[CreateMember, Depends(body_of(CreateMember))], actor: Acting, use: Use
) -> MemberObject:
    """Make a member without a password, such as a program."""
    made = use.members.create(actor, body.name, body.role, body.programme_id, body.email)
    return member_object(made)


@router.post(
    "/members/{member_id}",
    name="members.update",
    openapi_extra=documented(UpdateMember, files=False),
)
def update_member(
    member_id: str,
    body: Annotated[UpdateMember, Depends(body_of(UpdateMember))],
    actor: Acting,
    use: Use,
) -> MemberObject:
    """Change a member's name, role or programme."""
    return member_object(use.members.update(actor, member_id, **body.model_dump()))


@router.post(
    "/members/{member_id}/suspend",
    name="members.suspend",
    openapi_extra=documented(SuspendMember, files=False),
)
def suspend_member(
    member_id: str,
    body: Annotated[SuspendMember, Depends(body_of(SuspendMember))],
    actor: Acting,
    use: Use,
) -> MemberObject:
    """Shut a member out, with the cause."""
    return member_object(use.members.suspend(actor, member_id, body.reason))


@router.post("/members/{member_id}/reinstate", name="members.reinstate")
def reinstate_member(member_id: str, actor: Acting, use: Use) -> MemberObject:
    """Let a suspended member in again."""
    return member_object(use.members.reinstate(actor, member_id))


@router.get("/invitations", name="invitations.list")
def list_invitations(use: Use) -> InvitationList:
    """Invitations, the newest first."""
    return InvitationList(data=[_invitation(found) for found in use.invitations.list()])


@router.post(
    "/invitations",
    name="invitations.create",
    openapi_extra=documented(CreateInvitation, files=False),
)
def create_invitation(
    body: Annotated[CreateInvitation, Depends(body_of(CreateInvitation))],
    actor: Acting,
    use: Use,
    request: Request,
) -> InvitationWithLink:
    """Invite somebody; whoever has the link may become that member."""
    made, token = use.invitations.create(
        actor,
        body.role,
        body.programme_id,
        email=body.email,
        days=body.days,
        note=body.note,
    )
    base = base_of(use, request)
    told = _invitation(made).model_dump()
    return InvitationWithLink(**told, token=token, url=f"{base}/invitations/{token}")


@router.post("/invitations/{invitation_id}/revoke", name="invitations.revoke")
def revoke_invitation(invitation_id: str, actor: Acting, use: Use) -> InvitationObject:
    """End an invitation that nobody has used."""
    return _invitation(use.invitations.revoke(actor, invitation_id))


@router.get("/keys", name="keys.list")
def list_keys(
    use: Use, state: str | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> KeyList:
    """Everybody's keys, the newest first."""
    return KeyList(data=[key_object(key) for key in use.keys.all(state, limit)])


@router.post("/keys", name="keys.issue", openapi_extra=documented(IssueKey, files=False))
def issue_key(
    body: Annotated[IssueKey, Depends(body_of(IssueKey))], actor: Acting, use: Use
) -> KeyWithSecret:
    """A key for a member, or a decoy to be left where only a thief looks."""
    made, secret = use.keys.issue(actor, body.member_id, body.name, body.scopes, body.days)
    return key_with_secret(made, secret)


@router.post(
    "/keys/{key_id}/revoke", name="keys.revoke", openapi_extra=documented(RevokeKey, files=False)
)
def revoke_key(
    key_id: str, body: Annotated[RevokeKey, Depends(body_of(RevokeKey))], actor: Acting, use: Use
) -> KeyObject:
    """Stop anybody's key at once."""
    return key_object(use.keys.stop(actor, key_id, body.reason))


def member_object(member: Member) -> MemberObject:
    """A member on the wire."""
    return MemberObject(
        id=member.id,
        name=member.name,
        email=member.email,
        role=member.role,
        programme_id=member.programme_id,
        state=member.state,
        reason=member.reason,
        terms_version=member.terms_version,
        created_at=int(member.created_at),
        left_at=seconds(member.left_at),
    )


def _invitation(found: Invitation) -> InvitationObject:
    return InvitationObject(
        id=found.id,
        role=found.role,
        programme_id=found.programme_id,
        email=found.email,
        note=found.note,
        made_by=found.made_by,
        created_at=int(found.created_at),
        expires_at=int(found.expires_at),
        used_at=seconds(found.used_at),
        used_by=found.used_by,
        revoked_at=seconds(found.revoked_at),
    )
