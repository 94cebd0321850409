"""Incidents: a key that seems to be in other hands is limited, then stopped, and nobody else is.

There is one open incident for a key. Its steps only go on: from limited, which lowers the key's
share of its member's limits, to stopped, which ends the key, cancels what it still had in the
queue and puts what it made since the leak began out of reach. Nothing is deleted, and no new key
is issued by itself. A person closes the incident and says what it was: honest gives back what can
be given back; a stopped key stays stopped, because it may well be in other hands by now.
"""

import secrets
from collections.abc import Mapping, Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from pleinair.access import keys
from pleinair.access.actor import Actor
from pleinair.access.habits import Habit
from pleinair.access.leaks import Score
from pleinair.access.notices import tell
from pleinair.access.powers import THE_SERVER, Powers
from pleinair.errors import ConflictError, InputError, NotFoundError
from pleinair.service.db import Database, now
from pleinair.service.programme_tables import Habit as HabitRow
from pleinair.service.programme_tables import Incident, Key
from pleinair.service.tables import ACTIVE, COMPLETED, Video
from pleinair.service.videos import end

LIMITED, STOPPED, CLOSED = "limited", "stopped", "closed"
USE, DECOY, PUBLISHED = "use", "decoy", "published"
LEAK, HONEST = "leak", "honest"
VERDICTS = (LEAK, HONEST)
SHARE = 0.2
"""Of its member's limits that a limited key keeps."""

REASON = (
    "it seems to be in other hands; make a new key under Keys in the studio or with "
    "POST /access/v1/keys, and keep it out of pages and repositories"
)
CANCELLED_WORDS = "The key that asked for this video was stopped; it seems to be in other hands."
_NETWORKS = 20  # that a decoy's incident names


class Incidents:
    """The incidents of a server.

    Args:
        database: where they are.
        powers: records what is done.
    """

    def __init__(self, database: Database, powers: Powers) -> None:
        self.database = database
        self.powers = powers

    def list(self, state: str | None = None, limit: int = 100) -> Sequence[Incident]:
        """The newest first.

        Args:
            state: only those that are limited, stopped or closed.
            limit: at most so many.
        """
        wanted = select(Incident).order_by(Incident.created_at.desc(), Incident.id).limit(limit)
        if state is not None:
            if state not in (LIMITED, STOPPED, CLOSED):
                raise InputError("state", state, ", ".join((LIMITED, STOPPED, CLOSED)))
            wanted = wanted.where(Incident.state == state)
        with self.database.read() as session:
            return session.scalars(wanted).all()

    def get(self, incident_id: str) -> Incident:
        """One incident; raises NotFoundError."""
        with self.database.read() as session:
            return _get(session, incident_id)

    def limit(self, key_id: str, score: Score) -> None:
        """The first step: the key goes on with a fifth of its limits, and its owner is asked."""
        with self.powers.act(THE_SERVER, "incidents.limit", key_id, **_told(score)) as act:
            session = act.session
            key = session.get_one(Key, key_id, populate_existing=True)
            if key.state != keys.ACTIVE:
                act.details["already"] = key.state
                return
            incident = _open(session, key, USE, score)
            key.state, key.share = keys.LIMITED, SHARE
            key.reason = "it is used in a way that is new for it"
            text = (
                f"Your key {key.name!r} (…{key.hint}) is used in a way that is new for it: "
                f"{_words(score)}. It goes on with {SHARE:.0%} of its limits. If this is not you, "
                "revoke it now and make a new one; if it is, the team will see that and lift this."
            )
            tell(session, key.member_id, "key.limited", text, incident.id)
            tell(
                session, None, "incident.limited", f"Key …{key.hint}: {_words(score)}.", incident.id
            )

    def stop(self, key_id: str, score: Score) -> None:
        """The second step: the key ends; see `_stop`."""
        with self.powers.act(THE_SERVER, "incidents.stop", key_id, **_told(score)) as act:
            key = act.session.get_one(Key, key_id, populate_existing=True)
            if key.state not in keys.LIVE:
                act.details["already"] = key.state
                return
            incident = _open(act.session, key, USE, score)
            act.details.update(_stop(act.session, key, incident, _words(score)))

    def published(self, digest: str, where: Mapping[str, str]) -> bool:
        """A key was found in public: stop it at once if it is live, note it if it is a decoy.

        Args:
            digest: of the key.
            where: ``url`` and ``source``, as the scanner tells them.

        Returns:
            Whether it is, or was, a key of this server.
        """
        with self.database.read() as session:
            known = session.scalars(select(Key).where(Key.digest == digest)).first()
        if known is None:
            return False
        with self.powers.act(THE_SERVER, "incidents.published", known.id, **where) as act:
            session = act.session
            key = session.get_one(Key, known.id, populate_existing=True)
            if key.state not in keys.LIVE:
                act.details["already"] = key.state
                return True
            # It may have been there for long: what was made before the finding stays as it is.
            time = session.scalars(select(now())).one()
            place = where.get("url") or where.get("source") or "a public place"
            found = Score(
                1.0, {PUBLISHED: {"seen": place, "source": where.get("source", "")}}, time
            )
            incident = _open(session, key, PUBLISHED, found)
            if key.decoy:
                incident.state = STOPPED
                tell(session, None, "incident.decoy", f"A decoy was found at {place}.", incident.id)
            else:
                act.details.update(_stop(session, key, incident, f"it was found at {place}"))
        return True

    def decoy(self, key_id: str, network: str) -> None:
        """A key that was given to nobody was used: note from where; it never opened anything."""
        with self.powers.act(THE_SERVER, "incidents.decoy", key_id, network=network) as act:
            session = act.session
            key = session.get_one(Key, key_id, populate_existing=True)
            time = session.scalars(select(now())).one()
            before = _current(session, key_id)
            seen: list[str] = list((before.evidence if before else {}).get("networks", []))
            known = network in seen
            seen = seen if known else [*seen, network][-_NETWORKS:]
            incident = _open(session, key, DECOY, Score(1.0, {}, time))
            incident.state, incident.evidence = STOPPED, {**incident.evidence, "networks": seen}
            if before is None:
                text = f"The decoy {key.name!r} (…{key.hint}) was used from {network}."
                tell(session, None, "incident.decoy", text, incident.id)

    def close(self, actor: Actor, incident_id: str, verdict: str, words: str = "") -> Incident:
        """A person says what it was.

        Args:
            actor: who says so.
            incident_id: which.
            verdict: leak, which stops a key that was only limited; or honest, which gives a
                limited key its share back, lets go of what was put out of reach, and makes what
                was seen a habit of that key.
            words: for the owner, up to 500 characters.

        Raises:
            NotFoundError: there is no such incident.
            ConflictError: it is closed already.
            InputError: there is no such verdict, or too many words.
        """
        if verdict not in VERDICTS:
            raise InputError("verdict", verdict, ", ".join(VERDICTS))
        if len(words) > 500:
            raise InputError("words", words, "up to 500 characters")
        with self.powers.act(actor, "incidents.close", incident_id, verdict=verdict) as act:
            session = act.session
            incident = _get(session, incident_id)
            if incident.state == CLOSED:
                raise ConflictError(f"incident {incident_id} is closed already")
            key = session.get_one(Key, incident.key_id, populate_existing=True)
            if verdict == HONEST:
                act.details["released"] = _release(session, key, incident)
            elif key.state in keys.LIVE and not key.decoy:
                act.details.update(_stop(session, key, incident, "a person has looked at it"))
            time = session.scalars(select(now())).one()
            incident.state, incident.verdict, incident.words = CLOSED, verdict, words
            incident.closed_at, incident.closed_by, incident.updated_at = time, actor.id, time
            if key.member_id and verdict == HONEST:
                back = (
                    "It has all of its limits again."
                    if key.state == keys.ACTIVE
                    else "It stays stopped to be safe; what it made is released. Make a new key."
                )
                text = f"Your key {key.name!r} (…{key.hint}) was used honestly. {back} {words}"
                tell(session, key.member_id, "incident.closed", text.strip(), incident.id)
        return incident


def _stop(session: Session, key: Key, incident: Incident, why: str) -> dict[str, int]:
    """End a key, what it waits for and, until a person has looked, access to what it made.

    Returns:
        How many videos were cancelled and put out of reach.
    """
    keys.end(session, key, keys.STOPPED, REASON)
    made = (Video.key_id == key.id, Video.created_at >= incident.began_at)
    waiting = session.scalars(select(Video).where(*made, Video.state.in_(ACTIVE))).all()
    cancelled = [video for video in waiting if end(session, video, "key_stopped", CANCELLED_WORDS)]
    finished = update(Video).where(
        *made, Video.state == COMPLETED, Video.quarantined_at.is_(None), Video.deleted_at.is_(None)
    )
    quarantined = session.scalars(finished.values(quarantined_at=now()).returning(Video.id)).all()
    incident.state = STOPPED
    text = (
        f"Your key {key.name!r} (…{key.hint}) was stopped: {why}. Your account and your other keys "
        "go on as before. Make a new key under Keys in the studio or with POST /access/v1/keys. "
        f"{len(cancelled)} videos that waited were cancelled; {len(quarantined)} that were made "
        "since it began are kept, and can be had again once a person has looked at them."
    )
    tell(session, key.member_id, "key.stopped", text, incident.id)
    tell(session, None, "incident.stopped", f"Key …{key.hint} was stopped: {why}.", incident.id)
    return {"cancelled": len(cancelled), "quarantined": len(quarantined)}


def _release(session: Session, key: Key, incident: Incident) -> int:
    """Give back what an honest key lost, and let its habit know; how many videos are released."""
    if key.state == keys.LIMITED:
        key.state, key.share, key.reason = keys.ACTIVE, 1.0, ""
    kept = update(Video).where(
        Video.key_id == key.id,
        Video.created_at >= incident.began_at,
        Video.quarantined_at.is_not(None),
    )
    released = session.scalars(kept.values(quarantined_at=None).returning(Video.id)).all()
    row = session.get(HabitRow, key.id, populate_existing=True)
    if row is not None:
        time = session.scalars(select(now())).one()
        habit = Habit.from_json(row.habit)
        habit.trust(time)
        row.habit, row.updated_at = habit.as_json(), time
    return len(released)


def _current(session: Session, key_id: str) -> Incident | None:
    """The open incident of a key."""
    its = select(Incident).where(Incident.key_id == key_id, Incident.state != CLOSED)
    return session.scalars(its.execution_options(populate_existing=True)).first()


def _open(session: Session, key: Key, kind: str, score: Score) -> Incident:
    """The open incident of a key, with what is known now; acts come one after the other."""
    time = session.scalars(select(now())).one()
    incident = _current(session, key.id)
    if incident is None:
        incident = Incident(
            id=f"inc_{secrets.token_hex(12)}",
            key_id=key.id,
            member_id=key.member_id,
            kind=kind,
            state=LIMITED,
            score=score.value,
            evidence=dict(score.evidence),
            began_at=min(score.began, time),
            created_at=time,
            updated_at=time,
            words="",
        )
        session.add(incident)
    else:
        incident.score = max(incident.score, score.value)
        incident.evidence = {**incident.evidence, **score.evidence}
        incident.began_at = min(incident.began_at, score.began)
        incident.updated_at = time
    session.flush()
    return incident


def _get(session: Session, incident_id: str) -> Incident:
    found = session.get(Incident, incident_id, populate_existing=True)
    if found is None:
        raise NotFoundError(f"No incident has the id {incident_id!r}.")
    return found


def _told(score: Score) -> dict[str, object]:
    return {"score": round(score.value, 1), "features": sorted(score.evidence)}


def _words(score: Score) -> str:
    """The evidence as one sentence, the strongest first."""
    strongest = sorted(score.evidence.values(), key=lambda item: -float(str(item["adds"])))
    return "; ".join(f"{item['seen']} (usual: {item['usual']})" for item in strongest[:3])
