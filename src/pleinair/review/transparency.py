"""Transparency: numbers about the programme that anybody may read. They name nobody."""

import statistics
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pleinair.review.gallery import is_public
from pleinair.review.states import APPEALED, APPROVED, CHANGES, REFUSED, WAITING
from pleinair.service import audit
from pleinair.service.audit import Head
from pleinair.service.db import Database, now
from pleinair.service.programme_tables import Entry, Incident, Posting, Record, Share, Switch
from pleinair.service.tables import Video

LASTS = 30.0
"""Seconds for which the numbers are kept: they are counted anew no more often."""

_ENDS = {"approve": APPROVED, "refuse": REFUSED, "changes": CHANGES}


@dataclass(frozen=True)
class Figures:
    """The programme in numbers.

    Attributes:
        at: when they were counted.
        asked: videos that somebody asked to share.
        waiting: those that wait for the team now.
        decided: decisions by persons: approved, refused, changes_asked.
        by_policy: approvals without a person, as the policy of a programme says.
        refused: by reason.
        hours: median from asking to the decision of a person; None before the first.
        public: videos that are public now.
        withdrawn: by owners, and by the team.
        appeals: made, won, lost and waiting.
        suspensions: of members, by the cause that they were told.
        earned: what members have earned, millionths by currency.
        incidents: keys in other hands, by what was found in the end, or ``open``.
        switches: how often something was switched off, by kind.
        head: the newest record of the audit.
    """

    at: float
    asked: int
    waiting: int
    decided: dict[str, int]
    by_policy: int
    refused: dict[str, int]
    hours: float | None
    public: int
    withdrawn: dict[str, int]
    appeals: dict[str, int]
    suspensions: dict[str, int]
    earned: dict[str, int]
    incidents: dict[str, int]
    switches: dict[str, int]
    head: Head | None


class Transparency:
    """Counts, and keeps what it counted for a while.

    Args:
        database: in which it counts.
        lasts: seconds.
    """

    def __init__(self, database: Database, lasts: float = LASTS) -> None:
        self.database = database
        self.lasts = lasts
        self._lock = threading.Lock()
        self._kept: tuple[float, Figures] | None = None

    def figures(self) -> Figures:
        """The numbers, at most `lasts` seconds old."""
        with self._lock:
            if self._kept is None or time.monotonic() >= self._kept[0] + self.lasts:
                with self.database.read() as session:
                    self._kept = time.monotonic(), _count(session)
            return self._kept[1]


@dataclass
class _Tally:
    """What the audit tells of decisions."""

    decided: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    hours: list[float] = field(default_factory=list)
    by_policy: int = 0
    appeals: Counter[str] = field(default_factory=Counter)
    suspensions: Counter[str] = field(default_factory=Counter)

    def add(self, act: str, details: dict[str, Any]) -> None:
        """Count one record."""
        end = _ENDS.get(details.get("decision", ""), "")
        if act == "members.suspend":
            self.suspensions[str(details.get("reason", ""))] += 1
        elif act == "reviews.appeal":
            self.appeals["won" if end == APPROVED else "lost"] += 1
        elif details.get("policy"):
            self.by_policy += 1
        else:
            self.decided[end] += 1
            self.hours.append(float(details.get("hours", 0.0)))
            if end == REFUSED:
                self.refused[str(details.get("reason"))] += 1


def _count(session: Session) -> Figures:
    tally = _Tally()
    acts = ("reviews.decide", "reviews.appeal", "members.suspend")
    done = select(Record.act, Record.details).where(Record.act.in_(acts), Record.outcome == "done")
    for act, details in session.execute(done.execution_options(yield_per=1000)):
        tally.add(act, details)
    shares = dict(_grouped(session, select(Share.state, func.count()).group_by(Share.state)))
    appealed = select(func.count()).select_from(Share).where(Share.appealed_at.is_not(None))
    public = select(func.count()).select_from(Share).join(Video, Video.id == Share.video_id)
    back = select(func.count()).select_from(Share).where(Share.withdrawn_at.is_not(None))
    own = Share.withdrawn_by == Share.owner
    earned = (
        select(Entry.currency, func.sum(Entry.amount))
        .join(Posting, Posting.id == Entry.posting_id)
        .where(Posting.kind.like("earn.%"), Entry.account.like("member:%:owed"))
        .group_by(Entry.currency)
    )
    verdict = func.coalesce(Incident.verdict, "open")
    return Figures(
        at=session.scalars(select(now())).one(),
        asked=sum(shares.values()),
        waiting=sum(shares.get(state, 0) for state in WAITING),
        decided={state: tally.decided[state] for state in (APPROVED, REFUSED, CHANGES)},
        by_policy=tally.by_policy,
        refused=dict(tally.refused.most_common()),
        hours=round(statistics.median(tally.hours), 2) if tally.hours else None,
        public=session.scalars(public.where(is_public())).one(),
        withdrawn={
            "owner": session.scalars(back.where(own)).one(),
            "team": session.scalars(back.where(~own)).one(),
        },
        appeals={
            "made": session.scalars(appealed).one(),
            "won": tally.appeals["won"],
            "lost": tally.appeals["lost"],
            "waiting": shares.get(APPEALED, 0),
        },
        suspensions=dict(tally.suspensions.most_common()),
        earned=dict(_grouped(session, earned)),
        incidents=dict(_grouped(session, select(verdict, func.count()).group_by(verdict))),
        switches=dict(_grouped(session, select(Switch.kind, func.count()).group_by(Switch.kind))),
        head=audit.head(session),
    )


def _grouped(session: Session, query: Any) -> list[tuple[str, int]]:  # noqa: ANN401
    return [(str(name), int(number)) for name, number in session.execute(query)]
