"""What the server tells the team."""

from fastapi import APIRouter

from pleinair.api.account import NoticeList, NoticeObject, notice_object
from pleinair.api.services import Use
from pleinair.api.shapes import REFUSALS

router = APIRouter(prefix="/admin/v1", tags=["notices"], responses=REFUSALS)


@router.get("/notices", name="notices.list")
def list_notices(use: Use, unread: bool = False) -> NoticeList:
    """The team's notices, the newest first."""
    found = use.notices.list(None, unread=unread)
    return NoticeList(data=[notice_object(notice) for notice in found])


@router.post("/notices/{notice_id}/read", name="notices.read")
def read_notice(notice_id: str, use: Use) -> NoticeObject:
    """Mark a notice to the team as read, for all of it."""
    return notice_object(use.notices.read(None, notice_id))
