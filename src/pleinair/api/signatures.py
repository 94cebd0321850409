"""Signatures of the open letter, for administrators."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from pleinair.api.body import body_of, documented
from pleinair.api.identity import Acting
from pleinair.api.services import Use
from pleinair.api.shapes import REFUSALS, Strict, seconds
from pleinair.service.letter_tables import Signature

router = APIRouter(prefix="/admin/v1", tags=["signatures"], responses=REFUSALS)


class RemoveSignature(Strict):
    """Why a signature does not stand."""

    reason: Annotated[
        str, Field(description="1 to 500 characters; mailed if the address tries again.")
    ]


class SignatureObject(BaseModel):
    """A signature; its address is kept nowhere."""

    object: Literal["signature"] = "signature"
    id: str
    name: str
    who: str
    shown: Annotated[bool, Field(description="Whether the name is public.")]
    confirmed_at: int
    removed_at: int | None
    reason: str


class SignatureList(BaseModel):
    """Signatures, the newest first."""

    object: Literal["list"] = "list"
    data: list[SignatureObject]


@router.get("/signatures", name="signatures.list")
def list_signatures(
    use: Use,
    removed: Annotated[bool, Query(description="Those that the team removed.")] = False,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> SignatureList:
    """Signatures of the open letter, the newest first."""
    found = use.signatures.list(removed=removed, limit=limit)
    return SignatureList(data=[_told(signature) for signature in found])


@router.post(
    "/signatures/{signature_id}/remove",
    name="signatures.remove",
    openapi_extra=documented(RemoveSignature, files=False),
)
def remove_signature(
    signature_id: str,
    body: Annotated[RemoveSignature, Depends(body_of(RemoveSignature))],
    actor: Acting,
    use: Use,
) -> SignatureObject:
    """Take a signature from the letter for good: its address signs no more."""
    return _told(use.signatures.remove(actor, signature_id, body.reason))


def _told(signature: Signature) -> SignatureObject:
    return SignatureObject(
        id=signature.id,
        name=signature.name,
        who=signature.who,
        shown=signature.shown,
        confirmed_at=int(signature.confirmed_at),
        removed_at=seconds(signature.removed_at),
        reason=signature.reason,
    )
