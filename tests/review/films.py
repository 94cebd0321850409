"""Finished videos without a worker: rows, and files of a few bytes that say whose they are."""

import hashlib
import secrets

from pleinair.access.actor import Actor
from pleinair.api.services import Services
from pleinair.request import VideoRequest
from pleinair.service.artifacts import FILES
from pleinair.service.db import Database
from pleinair.service.programme_tables import Flag
from pleinair.service.tables import COMPLETED, Artifact, Video

HOUR = 3600.0


def bytes_of(owner: str, variant: str) -> bytes:
    """What the file of a variant holds; it names the owner, so that a leak shows."""
    return f"only for the eyes of {owner}: {variant}".encode()


def film(
    use: Services,
    owner: Actor,
    *,
    prompt: str = "a lake",
    variations: int = 1,
    shelf: str | None = None,
) -> str:
    """A finished video of a member; its id.

    Args:
        use: of the server.
        owner: whose it is.
        prompt: that it was made from; no check has looked at it.
        variations: how many files of each kind there are.
        shelf: folder that has its files already, so that none are written.
    """
    video_id = f"video_{secrets.token_hex(16)}"
    folder = shelf or f"videos/{video_id}/1"
    request = VideoRequest(prompt, model="test-card", width=64, height=48, variations=variations)
    files = []
    for number in range(variations):
        for variant, (name, kind) in FILES.items():
            key, data = f"{folder}/{number}/{name}", bytes_of(owner.id, variant)
            if shelf is None:
                use.storage.put(key, data)
            digest = hashlib.sha256(data).hexdigest()
            files.append(
                Artifact(
                    video_id=video_id,
                    variant=variant,
                    number=number,
                    key=key,
                    content_type=kind,
                    size=len(data),
                    sha256=digest,
                )
            )
    time = use.database.time()
    video = Video(
        id=video_id,
        owner=owner.id,
        kind="create",
        state=COMPLETED,
        model="test-card",
        backend="test-card",
        prompt=prompt,
        size="64x48",
        seconds="1",
        request=request.as_dict(),
        digest=request.digest,
        cost=1.0,
        progress=100,
        created_at=time,
        completed_at=time,
        expires_at=time + HOUR,
        programme_id=owner.programme_id,
        role=owner.role,
    )
    with use.database.write() as session:
        session.add(video)
        session.flush()
        session.add_all(files)
    return video_id


def flag(database: Database, video_id: str, *, hold: bool = False, label: str = "violence") -> None:
    """Have a check find something in a video."""
    with database.write() as session:
        session.add(
            Flag(
                id=f"flag_{secrets.token_hex(12)}",
                video_id=video_id,
                source="words",
                label=label,
                detail="a word",
                hold=hold,
                created_at=1.0,
            )
        )
