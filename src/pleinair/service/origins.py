"""Reverse search: which videos of this server a file or a picture comes from.

By the mark in it, which is nearly proof, and by how it looks, which is a likeness. Looks are
compared in two steps: the coarsest 64 bits of every frame kept, which a server holds in memory
(24 words, 192 bytes, a video), leave few videos, whose whole fingerprints are read and compared.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from sqlalchemy import Row, Select, select, tuple_

from pleinair.media.fingerprint import (
    KEYS,
    REGIONS,
    Fingerprint,
    distances,
    fingerprint,
)
from pleinair.media.frames import Frames
from pleinair.media.glimpse import glimpse, luma
from pleinair.media.mark import Marking
from pleinair.media.stills import Seen
from pleinair.media.watermark import Reading, Watermark
from pleinair.service.artifacts import name_of
from pleinair.service.db import Database
from pleinair.service.origin_tables import Origin
from pleinair.service.queue import Claim
from pleinair.service.tables import Video

Certainty: TypeAlias = Literal["certain", "likely", "possible"]
Evidence: TypeAlias = Literal["watermark", "perceptual"]

LIKELY, POSSIBLE = 44.0, 68.0
"""Bits of 256 up to which a likeness is likely, and possible: see figures/reverse-search.json."""
LEAST_COLOURS = 0.3
_SHORTLIST = 200  # videos whose whole fingerprints are compared
_MOST = 20  # videos told of
_LATE = 60.0  # seconds by which a row may be seen later than its time says
_WORDS = KEYS * len(REGIONS)


@dataclass(frozen=True)
class Sighting:
    """A video that a file seems to come from.

    Attributes:
        video_id, number, owner: which variation of which video, and whose.
        certainty: ``certain`` by the mark, ``likely`` or ``possible`` by looks alone.
        evidence: ``watermark``, ``perceptual`` or both.
        distance: differing bits of 256 by looks; None if it does not look like it.
    """

    video_id: str
    number: int
    owner: str
    certainty: Certainty
    evidence: tuple[Evidence, ...]
    distance: float | None = None


@dataclass(frozen=True)
class Found:
    """What a search found: what mark was seen, and videos, the surest first."""

    reading: Reading
    sightings: tuple[Sighting, ...]


def of(clips: Iterable[Seen], claim: Claim, marking: Marking) -> list[Origin]:
    """The rows of a finished video with these variations; the queue gives them their time."""
    rows = []
    for number, clip in enumerate(clips):
        bits, colours = fingerprint(glimpse(clip)).to_bytes()
        marked = marking.is_invisible_in(clip)
        name = name_of(claim.id, number)
        mark = Watermark(marking.key).mark_of(name) if marked else None
        row = Origin(
            video_id=claim.id,
            number=number,
            owner=claim.owner,
            mark=mark,
            bits=bits,
            colours=colours,
        )
        rows.append(row)
    return rows


class Origins:
    """The videos that this server knows again.

    Args:
        database: where they are.
        secret: the server's, from which marks have their key.
    """

    def __init__(self, database: Database, secret: bytes) -> None:
        self.database = database
        self.watermark = Watermark(secret)
        self._lock = threading.Lock()
        self._cache = _Cache()

    def find(self, frames: Frames, owner: str | None = None) -> Found:
        """Where frames come from.

        Args:
            frames: (T, h, w, 3), as `pleinair.media.glimpse` gives them.
            owner: look among the videos of this owner alone; None is everybody's.
        """
        reading = self.watermark.read(luma(frames))
        marked = self._marked(reading.mark, owner) if reading.found else []
        alike = {(item.video_id, item.number): item for item in self.alike(frames, owner)}
        found = []
        for key in marked:
            looks = alike.pop((key.video_id, key.number), None)
            if looks is not None:
                key = replace(key, evidence=("watermark", "perceptual"), distance=looks.distance)
            found.append(key)
        found += alike.values()
        return Found(reading, tuple(found[:_MOST]))

    def _marked(self, mark: int | None, owner: str | None) -> list[Sighting]:
        if mark is None:
            return []
        there = _there(owner).where(Origin.mark == mark)
        with self.database.read() as session:
            rows = session.execute(there).all()
        return [
            Sighting(row.video_id, row.number, row.owner, "certain", ("watermark",)) for row in rows
        ]

    def alike(self, frames: Frames, owner: str | None = None) -> list[Sighting]:
        """Videos that frames look like, the nearest first; the mark is not looked for."""
        queries = [fingerprint(frames), fingerprint(frames, mirrored=True)]
        with self._lock:
            self._cache.refresh(self.database)
            short = self._cache.nearest(queries, owner)
        if not short:
            return []
        there = _there(owner).where(tuple_(Origin.video_id, Origin.number).in_(short))
        with self.database.read() as session:
            rows = session.execute(there).all()
        seen = [found for row in rows if (found := _compared(row, queries))]
        return sorted(seen, key=lambda item: item.distance or 0.0)


def _there(owner: str | None) -> Select[str, int, str, bytes, bytes]:
    """Rows of videos that are not deleted, of one owner if one is named."""
    kept = select(Origin.video_id, Origin.number, Origin.owner, Origin.bits, Origin.colours).join(
        Video, Video.id == Origin.video_id
    )
    kept = kept.where(Video.deleted_at.is_(None))
    return kept if owner is None else kept.where(Origin.owner == owner)


def _compared(
    row: Row[str, int, str, bytes, bytes], queries: Iterable[Fingerprint]
) -> Sighting | None:
    kept = Fingerprint.from_bytes(row.bits, row.colours)
    distance, colours = min(distances(query, kept) for query in queries)
    if distance > POSSIBLE or colours < LEAST_COLOURS:
        return None
    certainty: Certainty = "likely" if distance <= LIKELY else "possible"
    return Sighting(row.video_id, row.number, row.owner, certainty, ("perceptual",), distance)


class _Cache:
    """The coarsest word of every frame and region kept, in memory."""

    def __init__(self) -> None:
        self.keys: list[tuple[str, int]] = []
        self.known: set[tuple[str, int]] = set()
        self.owners: list[str] = []
        self.words: npt.NDArray[np.uint64] = np.empty((0, _WORDS), np.uint64)
        self.since = 0.0

    def refresh(self, database: Database) -> None:
        """Read the rows that are new."""
        new = select(
            Origin.video_id, Origin.number, Origin.owner, Origin.bits, Origin.created_at
        ).where(Origin.created_at > self.since - _LATE)
        words = []
        with database.read() as session:
            for row in session.execute(new).yield_per(1000):
                key = (row.video_id, row.number)
                if key in self.known:
                    continue
                self.known.add(key)
                self.keys.append(key)
                self.owners.append(row.owner)
                coarse = np.frombuffer(row.bits, "<u8").reshape(-1, 4)[:, 0]
                words.append(np.resize(coarse, _WORDS))  # of fewer frames, some again
                self.since = max(self.since, row.created_at)
        if words:
            self.words = np.concatenate([self.words, np.stack(words).astype(np.uint64)])

    def nearest(self, queries: Iterable[Fingerprint], owner: str | None) -> list[tuple[str, int]]:
        """The videos of an owner, or of all, that are nearest by coarse words."""
        chosen = np.arange(len(self.keys))
        if owner is not None:
            chosen = np.array([i for i in chosen if self.owners[i] == owner], int)
        if not len(chosen):
            return []
        words = self.words if owner is None else self.words[chosen]
        least = np.full(len(chosen), 64, np.uint8)
        for query in queries:
            middle = query.bits[:: max(1, len(query.bits) // 2)]
            for word in np.unique(middle[:, (0, -1), 0]):
                least = np.minimum(least, np.bitwise_count(words ^ word).min(1))
        order = np.argsort(least, kind="stable")[:_SHORTLIST]
        return [self.keys[chosen[i]] for i in order]
