"""What tests of batches share: a wire without an API, processes that die, players of parts."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pleinair.errors import InputError, ModelError, PleinairError
from pleinair.service.batches import Batches
from pleinair.service.db import Database
from pleinair.service.feeder import LIVE
from pleinair.service.files import Files
from pleinair.service.queue import Queue
from pleinair.service.tables import Batch, Video
from pleinair.service.videos import Draft
from tests.service.conftest import SMALL, made

Told = dict[str, Any]


class Plain:
    """A wire whose bodies have a prompt and nothing else."""

    def check(self, body: Told) -> None:
        if not isinstance(body.get("prompt"), str):
            raise InputError("prompt", body.get("prompt"), "text")

    def draft(self, owner: str, body: Told) -> Draft:
        self.check(body)
        if "refuse" in body["prompt"]:
            raise ModelError("there is no such model")
        return Draft("create", "test-card", SMALL, 1.0)

    def tell(self, video: Video) -> Told:
        return {"id": video.id, "status": video.state}

    def refuse(self, error: PleinairError | None) -> Told:
        return {"status_code": 400 if error else 500, "body": {"error": str(error)}}


class Killed(BaseException):
    """The process ends here."""


class Mortal(Database):
    """A database whose process is killed at one of its transactions.

    Attributes:
        left: transactions until then, or 0; the last one is kept if ``kept``.
    """

    left = 0
    kept = False

    @contextmanager
    def write(self) -> Iterator[Session]:
        self.left -= 1
        with super().write() as session:
            yield session
            if self.left == 0 and not self.kept:
                raise Killed
        if self.left == 0:
            raise Killed


def line(prompt: str, **changed: object) -> Told:
    fields = {"custom_id": f"id of {prompt}", "method": "POST", "url": "/v1/videos"}
    return {**fields, "body": {"prompt": prompt}, **changed}


def begin(batches: Batches, *prompts: str) -> Batch:
    """Begin a batch of these prompts; the line of prompt "a" is called "id of a"."""
    text = "\n".join(json.dumps(line(prompt)) for prompt in prompts)
    return batches.create("ann", batches.files.create("ann", "in", text.encode(), "batch").id)


def make_all(queue: Queue) -> int:
    """Play the workers until nothing waits."""
    count = 0
    while claim := queue.claim("worker", ["test-card"]):
        queue.complete(claim, made(claim))
        count += 1
    return count


def carry(batches: Batches, batch: Batch, queue: Queue | None = None) -> Batch:
    """Tick until the batch has ended."""
    for _ in range(100):
        batches.tick()
        if queue:
            make_all(queue)
        batch = batches.get("ann", batch.id)
        if batch.state not in LIVE:
            return batch
    raise AssertionError(f"still {batch.state}")


def told(files: Files, file_id: str | None) -> list[Told]:
    return [json.loads(row) for row in files.content("ann", file_id or "").splitlines()]


def videos_of(database: Database, batch: Batch) -> list[Video]:
    with database.read() as session:
        return list(session.scalars(select(Video).where(Video.batch_id == batch.id)))
