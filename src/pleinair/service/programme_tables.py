"""The tables of an access programme. Amounts of money are whole millionths of the currency."""

from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from pleinair.service.tables import Base


class Programme(Base):
    """Terms, limits and pay under which members work. A limit of None is none; 0 is nothing."""

    __tablename__ = "programmes"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    state: Mapped[str] = mapped_column(default="open")  # open, paused or closed
    terms: Mapped[str] = mapped_column(Text, default="")
    terms_version: Mapped[int] = mapped_column(default=1)
    rate: Mapped[int | None]  # creates a minute, of one member
    concurrent: Mapped[int | None]  # videos that wait or are made, of one member
    seconds_each: Mapped[int | None]  # video-seconds in a period, of one member
    seconds_all: Mapped[int | None]  # of all members together
    spend_each: Mapped[int | None]  # cost in a period, of one member
    spend_all: Mapped[int | None]
    period_hours: Mapped[float] = mapped_column(default=720.0)
    price: Mapped[int] = mapped_column(default=0)  # cost of a video-second
    currency: Mapped[str] = mapped_column(default="EUR")
    review: Mapped[str] = mapped_column(default="all")  # all, new, flagged or none
    new_videos: Mapped[int] = mapped_column(default=3)  # approved ones until a member is not new
    review_hours: Mapped[float] = mapped_column(default=72.0)
    appeal_days: Mapped[float] = mapped_column(default=20.0)
    own_download: Mapped[bool] = mapped_column(default=True)  # by the owner, before approval
    pay_share: Mapped[int] = mapped_column(default=0)  # for an approved shared video
    pay_report: Mapped[int] = mapped_column(default=0)  # for an accepted red-team report
    pay_hour: Mapped[int] = mapped_column(default=0)  # for an hour of feedback
    created_at: Mapped[float]
    updated_at: Mapped[float]


class Member(Base):
    """A person, or a program, that has access."""

    __tablename__ = "members"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    email: Mapped[str | None] = mapped_column(unique=True)
    password: Mapped[str | None]  # argon2
    oidc: Mapped[str | None] = mapped_column(unique=True)  # issuer and subject
    role: Mapped[str]
    programme_id: Mapped[str | None] = mapped_column(ForeignKey("programmes.id"), index=True)
    state: Mapped[str] = mapped_column(default="active")  # active, suspended or left
    reason: Mapped[str] = mapped_column(Text, default="")  # of a suspension
    terms_version: Mapped[int | None]  # the newest that was accepted
    terms_at: Mapped[float | None]
    created_at: Mapped[float]
    left_at: Mapped[float | None]


class Invitation(Base):
    """A link that makes one member."""

    __tablename__ = "invitations"
    id: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)
    programme_id: Mapped[str | None] = mapped_column(ForeignKey("programmes.id"))
    role: Mapped[str]
    email: Mapped[str | None]  # the only one that may use it
    note: Mapped[str] = mapped_column(Text, default="")
    made_by: Mapped[str]
    created_at: Mapped[float]
    expires_at: Mapped[float]
    used_at: Mapped[float | None]
    used_by: Mapped[str | None]
    revoked_at: Mapped[float | None]


class SignIn(Base):
    """A browser that is signed in."""

    __tablename__ = "sign_ins"
    id: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)
    member_id: Mapped[str] = mapped_column(ForeignKey("members.id"), index=True)
    client: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[float]
    seen_at: Mapped[float]
    expires_at: Mapped[float] = mapped_column(index=True)


class Key(Base):
    """An API key; only its digest is kept."""

    __tablename__ = "api_keys"
    id: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)
    member_id: Mapped[str | None] = mapped_column(ForeignKey("members.id"), index=True)
    name: Mapped[str]
    hint: Mapped[str]  # its last characters
    scopes: Mapped[list[str]]
    state: Mapped[str] = mapped_column(default="active")  # active, limited, stopped or revoked
    reason: Mapped[str] = mapped_column(Text, default="")
    decoy: Mapped[bool] = mapped_column(default=False)  # given to nobody: any use is a leak
    share: Mapped[float] = mapped_column(default=1.0)  # of its member's limits; less when limited
    replaced_by: Mapped[str | None]
    created_at: Mapped[float]
    expires_at: Mapped[float | None]
    ended_at: Mapped[float | None]
    used_at: Mapped[float | None]


class Habit(Base):
    """How a key is used: what `pleinair.access.leaks` remembers of it."""

    __tablename__ = "key_habits"
    key_id: Mapped[str] = mapped_column(ForeignKey("api_keys.id"), primary_key=True)
    habit: Mapped[dict[str, Any]]
    updated_at: Mapped[float]


class Incident(Base):
    """A key that seems to be in other hands, with the evidence."""

    __tablename__ = "incidents"
    id: Mapped[str] = mapped_column(primary_key=True)
    key_id: Mapped[str] = mapped_column(ForeignKey("api_keys.id"), index=True)
    member_id: Mapped[str | None] = mapped_column(index=True)
    kind: Mapped[str]  # use, decoy or published
    state: Mapped[str]  # limited, stopped, or closed
    score: Mapped[float]
    evidence: Mapped[dict[str, Any]]
    began_at: Mapped[float]  # when the leak seems to have begun
    created_at: Mapped[float]
    updated_at: Mapped[float]
    closed_at: Mapped[float | None]
    closed_by: Mapped[str | None]
    verdict: Mapped[str | None]  # leak or honest
    words: Mapped[str] = mapped_column(Text, default="")


class Scan(Base):
    """A letter of a secret scanner that was taken, so that it is not taken twice."""

    __tablename__ = "scans"
    digest: Mapped[str] = mapped_column(primary_key=True)
    scanner: Mapped[str]
    created_at: Mapped[float]


class Notice(Base):
    """A message to a member, or to the team if ``member_id`` is None."""

    __tablename__ = "notices"
    id: Mapped[str] = mapped_column(primary_key=True)
    member_id: Mapped[str | None] = mapped_column(index=True)
    kind: Mapped[str]
    text: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(default="")  # id of what it is about
    created_at: Mapped[float]
    read_at: Mapped[float | None]


class Switch(Base):
    """Something that is off: on again when ``on_at`` is set or ``until`` has passed."""

    __tablename__ = "switches"
    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]  # everyone, programme, role, member, key or model
    target: Mapped[str] = mapped_column(default="")
    message: Mapped[str] = mapped_column(Text)
    running: Mapped[str]  # what becomes of videos being made: pause or cancel
    until: Mapped[float | None]
    off_at: Mapped[float]
    off_by: Mapped[str]
    on_at: Mapped[float | None]
    on_by: Mapped[str | None]

    __table_args__ = (Index(None, "on_at", "kind", "target"),)


class Reservation(Base):
    """What a video may cost, held from its create until it ends; see `pleinair.service.books`."""

    __tablename__ = "reservations"
    video_id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    programme_id: Mapped[str]
    key_id: Mapped[str | None]
    seconds: Mapped[float]
    cost: Mapped[int]
    currency: Mapped[str]
    state: Mapped[str]  # held, settled or released
    created_at: Mapped[float]
    ended_at: Mapped[float | None]

    __table_args__ = (
        Index(None, "owner", "created_at"),
        Index(None, "programme_id", "created_at"),
    )


class Posting(Base):
    """A transaction of the ledger; one kind happens once to one subject."""

    __tablename__ = "ledger_postings"
    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    subject: Mapped[str]
    memo: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[float]

    __table_args__ = (UniqueConstraint("kind", "subject"), Index(None, "created_at", "id"))


class Entry(Base):
    """One side of a posting: what an account gets, or gives when below zero."""

    __tablename__ = "ledger_entries"
    posting_id: Mapped[str] = mapped_column(ForeignKey("ledger_postings.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(index=True)
    amount: Mapped[int]
    currency: Mapped[str]


class Contribution(Base):
    """Work that a member asks to be paid for: a red-team report, or time given as feedback."""

    __tablename__ = "contributions"
    id: Mapped[str] = mapped_column(primary_key=True)
    member_id: Mapped[str] = mapped_column(ForeignKey("members.id"), index=True)
    programme_id: Mapped[str]
    kind: Mapped[str]  # report or feedback
    title: Mapped[str]
    words: Mapped[str] = mapped_column(Text)
    video_id: Mapped[str | None]
    minutes: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(default="open")  # open, accepted or refused
    created_at: Mapped[float]
    decided_at: Mapped[float | None]
    decided_by: Mapped[str | None]
    answer: Mapped[str] = mapped_column(Text, default="")

    __table_args__ = (Index(None, "state", "created_at"),)


class Flag(Base):
    """What a check found in a prompt or a video, for a person to look at."""

    __tablename__ = "flags"
    id: Mapped[str] = mapped_column(primary_key=True)
    video_id: Mapped[str] = mapped_column(ForeignKey("videos.id"), index=True)
    source: Mapped[str]  # the check
    label: Mapped[str]
    detail: Mapped[str] = mapped_column(Text, default="")
    hold: Mapped[bool] = mapped_column(default=False)  # nobody gets it before a person saw it
    created_at: Mapped[float]
    cleared_at: Mapped[float | None]
    cleared_by: Mapped[str | None]


class Share(Base):
    """An owner's wish that a video be public, and what came of it; see `pleinair.review`."""

    __tablename__ = "shares"
    id: Mapped[str] = mapped_column(primary_key=True)
    video_id: Mapped[str] = mapped_column(ForeignKey("videos.id"), index=True)
    owner: Mapped[str]
    programme_id: Mapped[str]
    state: Mapped[str]
    title: Mapped[str] = mapped_column(default="")
    asked_at: Mapped[float]
    due_at: Mapped[float]
    reminded_at: Mapped[float | None]
    decided_at: Mapped[float | None]
    decided_by: Mapped[str | None]  # a member, or policy
    reason: Mapped[str | None]
    words: Mapped[str] = mapped_column(Text, default="")
    appealed_at: Mapped[float | None]
    appeal_words: Mapped[str] = mapped_column(Text, default="")
    appeal_decided_at: Mapped[float | None]
    appeal_decided_by: Mapped[str | None]
    appeal_answer: Mapped[str] = mapped_column(Text, default="")
    published_at: Mapped[float | None]
    withdrawn_at: Mapped[float | None]
    withdrawn_by: Mapped[str | None]

    __table_args__ = (
        Index(None, "state", "due_at"),
        Index(None, "owner", "asked_at", "id"),
        Index(None, "programme_id", "asked_at", "id"),
    )


class Publication(Base):
    """A public copy of a file, there only while its share is approved."""

    __tablename__ = "publications"
    share_id: Mapped[str] = mapped_column(ForeignKey("shares.id"), primary_key=True)
    variant: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(Text)
    content_type: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str]


class Record(Base):
    """One act of power in the audit; see `pleinair.service.audit`."""

    __tablename__ = "audit"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[float]
    actor: Mapped[str] = mapped_column(index=True)
    role: Mapped[str]
    via: Mapped[str]
    act: Mapped[str]
    subject: Mapped[str] = mapped_column(index=True)
    outcome: Mapped[str]  # done, or why not
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    previous: Mapped[str]
    digest: Mapped[str]
