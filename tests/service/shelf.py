"""Finished videos with files that are really there, and what is wrong with a shelf of them."""

import hashlib
from typing import Any

from sqlalchemy import select

from pleinair.service.backup import KEEPERS
from pleinair.service.db import Database
from pleinair.service.queue import Made, Queue
from pleinair.service.storage import Storage
from pleinair.service.tables import Artifact, Base


def finish(queue: Queue, storage: Storage) -> str:
    """Make the next video, of two small files."""
    claim = queue.claim("w1", ["test-card"])
    assert claim is not None
    files = [("video", "video.mp4", "video/mp4"), ("thumbnail", "thumbnail.webp", "image/webp")]
    artifacts = []
    for variant, name, kind in files:
        key, data = f"{claim.prefix}/0/{name}", f"{variant} of {claim.id}".encode()
        storage.put(key, data, kind)
        artifacts.append(
            Artifact(
                video_id=claim.id,
                variant=variant,
                number=0,
                key=key,
                content_type=kind,
                size=len(data),
                sha256=hashlib.sha256(data).hexdigest(),
            )
        )
    queue.complete(claim, Made(artifacts, {"unknown": {}}, peak=7))
    return claim.id


def rows(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Everything in a database."""
    with database.read() as session:
        return {
            table.name: [
                dict(row._mapping)
                for row in session.execute(select(table).order_by(*table.primary_key))
            ]
            for table in Base.metadata.sorted_tables
        }


def loose(database: Database, storage: Storage) -> tuple[set[str], set[str]]:
    """Rows without their file, or not with that file, and files without a row."""
    named: dict[str, str] = {}
    with database.read() as session:
        for keeper in KEEPERS:
            named |= dict(session.execute(select(keeper.key, keeper.sha256)).all())
    there = set(storage.list())
    wrong = {key for key in named.keys() & there if _digest(storage.get(key)) != named[key]}
    return (named.keys() - there) | wrong, there - named.keys()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
