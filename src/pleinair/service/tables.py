"""The tables. Times are seconds since 1970, keys are paths in the storage."""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Double,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    String,
    Text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

QUEUED, RUNNING = "queued", "in_progress"
COMPLETED, FAILED, CANCELLED = "completed", "failed", "cancelled"
ACTIVE = (QUEUED, RUNNING)
NORMAL, BATCH = 0, 1
"""Lanes: whatever waits in a lower one goes first."""


class Base(DeclarativeBase):
    """Common ground of all tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012  # read by SQLAlchemy
        str: String(255),
        float: Double(),
        int: BigInteger(),
        dict[str, Any]: JSON(),
        list[str]: JSON(),
    }


class Video(Base):
    """A video asked for, from the queue to the shelf; see `pleinair.service.queue`.

    ``attempt`` counts claims and only grows: every write of a worker carries it, so one that lost
    its lease writes nothing. ``tries`` counts the attempts that were not given back.
    ``turn`` and ``finish`` are the tags of fair queueing, ``seen`` the retries of the same create.
    """

    __tablename__ = "videos"
    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    kind: Mapped[str]  # create, remix, edit, extend, connect or retake
    state: Mapped[str]
    model: Mapped[str]  # as it was asked for
    backend: Mapped[str]  # the model behind that name
    prompt: Mapped[str] = mapped_column(Text)
    size: Mapped[str]
    seconds: Mapped[str]
    request: Mapped[dict[str, Any]]
    digest: Mapped[str]
    cost: Mapped[float]  # video-seconds that it takes to make
    lane: Mapped[int] = mapped_column(default=NORMAL)
    turn: Mapped[float] = mapped_column(default=0.0)
    finish: Mapped[float] = mapped_column(default=0.0)
    attempt: Mapped[int] = mapped_column(default=0)
    tries: Mapped[int] = mapped_column(default=0)
    not_before: Mapped[float] = mapped_column(default=0.0)
    lease_until: Mapped[float | None]
    worker: Mapped[str | None]
    progress: Mapped[int] = mapped_column(default=0)
    stage: Mapped[str] = mapped_column(default="")
    memory: Mapped[int] = mapped_column(default=0)  # bytes that it should need
    peak: Mapped[int | None]  # bytes that it did need
    created_at: Mapped[float]
    started_at: Mapped[float | None]
    completed_at: Mapped[float | None]
    expires_at: Mapped[float | None]
    purged_at: Mapped[float | None]  # its files are gone
    deleted_at: Mapped[float | None]
    error_code: Mapped[str | None]
    error_message: Mapped[str | None] = mapped_column(Text)
    remixed_from: Mapped[str | None]
    batch_id: Mapped[str | None]
    fingerprint: Mapped[str] = mapped_column(default="")
    seen: Mapped[int] = mapped_column(default=1)
    made: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # what ran
    # Where there is an access programme, under what the video was asked for:
    programme_id: Mapped[str | None]
    role: Mapped[str | None]
    key_id: Mapped[str | None] = mapped_column(index=True)
    quarantined_at: Mapped[float | None]  # its bytes are nobody's until a person has looked
    # What its owner noted on it:
    favourite: Mapped[bool] = mapped_column(default=False)
    folder: Mapped[str | None]
    board_id: Mapped[str | None] = mapped_column(index=True)  # that it is only a part of

    __table_args__ = (
        Index(None, "state", "lane", "turn", "created_at", "id"),
        Index(None, "owner", "state", "finish"),
        Index(None, "owner", "created_at", "id"),
        Index(None, "fingerprint", "owner"),
        Index(None, "batch_id"),
        Index(None, "backend", "state", "completed_at"),
        Index(None, "expires_at"),
        Index(None, "state", "lease_until"),
    )


class Artifact(Base):
    """A file of a finished video, visible since the transaction that finished it."""

    __tablename__ = "artifacts"
    video_id: Mapped[str] = mapped_column(ForeignKey("videos.id"), primary_key=True)
    variant: Mapped[str] = mapped_column(primary_key=True)  # video, thumbnail or spritesheet
    number: Mapped[int] = mapped_column(primary_key=True)  # of the variation, from 0
    key: Mapped[str] = mapped_column(Text)
    content_type: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str]


class Preview(Base):
    """The newest picture of a video in the making, JPEG."""

    __tablename__ = "previews"
    video_id: Mapped[str] = mapped_column(ForeignKey("videos.id"), primary_key=True)
    attempt: Mapped[int]
    number: Mapped[int]
    picture: Mapped[bytes] = mapped_column(LargeBinary)


class Usage(Base):
    """What a video cost its owner: one row for each kind of cost, never two."""

    __tablename__ = "usage"
    video_id: Mapped[str] = mapped_column(ForeignKey("videos.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    amount: Mapped[float]
    created_at: Mapped[float]


class IdempotencyKey(Base):
    """A key that came with a create, and the video that it made."""

    __tablename__ = "idempotency_keys"
    owner: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    video_id: Mapped[str]
    created_at: Mapped[float]


class Worker(Base):
    """A worker that has been seen."""

    __tablename__ = "workers"
    id: Mapped[str] = mapped_column(primary_key=True)
    host: Mapped[str]
    pid: Mapped[int]
    models: Mapped[list[str]]
    memory: Mapped[int]  # bytes that it may use
    started_at: Mapped[float]
    seen_at: Mapped[float] = mapped_column(index=True)
    video_id: Mapped[str | None]
    stopping: Mapped[bool] = mapped_column(default=False)


class Material(Base):
    """A picture or clip that videos begin from: decoded and encoded again by us, by content."""

    __tablename__ = "materials"
    sha256: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(Text)
    kind: Mapped[str]  # image or video
    width: Mapped[int]
    height: Mapped[int]
    frames: Mapped[int]
    fps: Mapped[float]
    size: Mapped[int]
    used_at: Mapped[float]


class Character(Base):
    """Somebody who may appear in videos: a name and a clip."""

    __tablename__ = "characters"
    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(index=True)
    name: Mapped[str]
    sha256: Mapped[str]
    created_at: Mapped[float]


class File(Base):
    """An uploaded file."""

    __tablename__ = "files"
    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    purpose: Mapped[str]
    filename: Mapped[str] = mapped_column(Text)
    size: Mapped[int]
    sha256: Mapped[str]
    key: Mapped[str] = mapped_column(Text)
    created_at: Mapped[float]
    expires_at: Mapped[float | None] = mapped_column(index=True)

    __table_args__ = (Index(None, "owner", "created_at", "id"),)


class Batch(Base):
    """Many creates in one file."""

    __tablename__ = "batches"
    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    endpoint: Mapped[str]
    completion_window: Mapped[str]
    input_file_id: Mapped[str]
    output_file_id: Mapped[str | None]
    error_file_id: Mapped[str | None]
    state: Mapped[str]
    notes: Mapped[dict[str, Any]] = mapped_column(default=dict)  # the caller's metadata
    errors: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    total: Mapped[int] = mapped_column(default=0)
    keep_output: Mapped[int | None]  # seconds
    created_at: Mapped[float]
    in_progress_at: Mapped[float | None]
    finalizing_at: Mapped[float | None]
    completed_at: Mapped[float | None]
    failed_at: Mapped[float | None]
    expired_at: Mapped[float | None]
    cancelling_at: Mapped[float | None]
    cancelled_at: Mapped[float | None]
    expires_at: Mapped[float]

    __table_args__ = (Index(None, "owner", "created_at", "id"), Index(None, "state"))


class BatchLine(Base):
    """One create of a batch; ``video_id`` once it was queued, ``error`` if it was refused.

    Its body is kept until then.
    """

    __tablename__ = "batch_lines"
    batch_id: Mapped[str] = mapped_column(ForeignKey("batches.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    custom_id: Mapped[str]
    body: Mapped[dict[str, Any]]
    video_id: Mapped[str | None]
    error: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class Endpoint(Base):
    """An address that is told of events; its secret is derived and not kept here."""

    __tablename__ = "webhook_endpoints"
    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(index=True)
    name: Mapped[str]
    url: Mapped[str] = mapped_column(Text)
    event_types: Mapped[list[str]]
    version: Mapped[int] = mapped_column(default=1)  # of its secret
    old_until: Mapped[float | None]  # until then the secret before is in use too
    created_at: Mapped[float]
    updated_at: Mapped[float]


class Event(Base):
    """Something that happened to a video, written in the transaction in which it happened."""

    __tablename__ = "events"
    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    type: Mapped[str]
    video_id: Mapped[str]
    created_at: Mapped[float]


class Delivery(Base):
    """An event on its way to an endpoint."""

    __tablename__ = "deliveries"
    event_id: Mapped[str] = mapped_column(ForeignKey("events.id"), primary_key=True)
    endpoint_id: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str] = mapped_column(default="pending")  # pending, delivered or given_up
    tries: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[float]
    last: Mapped[str] = mapped_column(Text, default="")  # how the last try ended

    __table_args__ = (Index(None, "state", "next_at"),)
