"""Switches, for administrators: off at once, and on again with nothing lost."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from pleinair.access.switchboard import Reach
from pleinair.api.body import body_of, documented
from pleinair.api.identity import Acting
from pleinair.api.services import Use
from pleinair.api.shapes import REFUSALS, Strict, seconds
from pleinair.service.programme_tables import Switch
from pleinair.service.switches import KINDS

router = APIRouter(prefix="/admin/v1", tags=["switches"], responses=REFUSALS)


class SwitchOff(Strict):
    """What is put off, and what people hear."""

    kind: Annotated[str, Field(description=f"One of {', '.join(KINDS)}.")]
    target: Annotated[
        str, Field(description="Id of it, or name of the role; nothing for everyone.")
    ] = ""
    message: Annotated[str, Field(description="Told to all who are shut out, 1 to 500 characters.")]
    hours: Annotated[
        float | None, Field(description="Until it is on again by itself; never if null.")
    ] = None
    running: Annotated[
        str, Field(description="What becomes of videos that are being made: pause or cancel.")
    ] = "pause"
    dry_run: Annotated[bool, Field(description="Only say what it would stop.")] = False


class SwitchObject(BaseModel):
    """A switch. Its counts are null once it is on again; its id is null in a dry run."""

    object: Literal["switch"] = "switch"
    id: str | None
    kind: str
    target: str
    state: Literal["off", "on"]
    message: str
    running: str
    until: int | None = None
    off_at: int | None = None
    off_by: str | None = None
    on_at: int | None = None
    on_by: str | None = None
    members: Annotated[int | None, Field(description="Active members concerned.")] = None
    videos_waiting: Annotated[int | None, Field(description="Videos that go on waiting.")] = None
    videos_running: Annotated[
        int | None, Field(description="Videos that were being made when it was put off, or are.")
    ] = None


class ReachObject(BaseModel):
    """What a switch would stop now."""

    object: Literal["switch.reach"] = "switch.reach"
    kind: str
    target: str
    members: Annotated[int, Field(description="Active members concerned.")]
    keys: Annotated[int, Field(description="Live keys that would be refused.")]
    videos_waiting: Annotated[int, Field(description="Videos that would go on waiting.")]
    videos_running: Annotated[int, Field(description="Videos that would pause or be cancelled.")]


class SwitchList(BaseModel):
    """Switches: those that are off, then those that were, the newest first."""

    object: Literal["list"] = "list"
    data: list[SwitchObject]


@router.get("/switches", name="switches.list")
def list_switches(
    use: Use, limit: Annotated[int, Query(ge=1, le=1000, description="At most.")] = 100
) -> SwitchList:
    """What is off, what was, and what it stops."""
    return SwitchList(data=[_told(switch, reach) for switch, reach in use.switchboard.list(limit)])


@router.get("/switches/reach", name="switches.reach")
def reach(
    use: Use,
    kind: Annotated[str, Query(description=f"One of {', '.join(KINDS)}.")],
    target: Annotated[
        str, Query(description="Id of it, or name of the role; nothing for everyone.")
    ] = "",
) -> ReachObject:
    """What a switch of this kind and target would stop now; nothing is changed."""
    found = use.switchboard.count(kind, target)
    return ReachObject(
        kind=kind,
        target=target,
        members=found.members,
        keys=found.keys,
        videos_waiting=found.waiting,
        videos_running=found.running,
    )


@router.post("/switches", name="switches.off", openapi_extra=documented(SwitchOff, files=False))
def switch_off(
    body: Annotated[SwitchOff, Depends(body_of(SwitchOff))], actor: Acting, use: Use
) -> SwitchObject:
    """Put everyone, a programme, a role, a member, a key or a model off at once."""
    if body.dry_run:
        meant = body.model_dump(include={"kind", "target", "message", "running"})
        return _told(Switch(**meant), use.switchboard.count(body.kind, body.target))
    switch, reach = use.switchboard.off(
        actor, body.kind, body.target, body.message, hours=body.hours, running=body.running
    )
    return _told(switch, reach)


@router.post("/switches/{switch_id}/on", name="switches.on")
def switch_on(switch_id: str, actor: Acting, use: Use) -> SwitchObject:
    """Put on again what is off; what waited goes on."""
    return _told(use.switchboard.on(actor, switch_id), None)


def _told(switch: Switch, reach: Reach | None) -> SwitchObject:
    return SwitchObject(
        id=switch.id,
        kind=switch.kind,
        target=switch.target,
        state="off" if reach and switch.id else "on",
        message=switch.message,
        running=switch.running,
        until=seconds(switch.until),
        off_at=seconds(switch.off_at),
        off_by=switch.off_by,
        on_at=seconds(switch.on_at),
        on_by=switch.on_by,
        members=reach.members if reach else None,
        videos_waiting=reach.waiting if reach else None,
        videos_running=reach.running if reach else None,
    )
