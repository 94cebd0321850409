"""Checks: what looks at prompts and videos before people do. They flag or hold, never refuse."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Protocol, runtime_checkable

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from pleinair.errors import InputError, PleinairError
from pleinair.review.found import UNCHECKED, Found
from pleinair.review.moderation import Moderation
from pleinair.review.phrases import Phrases
from pleinair.service.db import now
from pleinair.service.programme_tables import Flag
from pleinair.settings import ServiceSettings

log = structlog.get_logger()


@runtime_checkable
class Check(Protocol):
    """Something that looks at prompts and videos."""

    def prompt(self, text: str) -> Sequence[Found]:
        """What it finds in a prompt; called while a video is queued, so it must not wait."""

    def video(self, prompt: str, thumbnail: bytes) -> Sequence[Found]:
        """What it finds in a finished video that is to be shared; it may take its time.

        Args:
            prompt: that the video was made from.
            thumbnail: WebP.
        """


@dataclass(frozen=True)
class Sighting:
    """What one check found."""

    source: str
    found: Found


class Checks:
    """All checks of a server. One that fails has found that nothing was checked.

    Args:
        checks: by name.
    """

    def __init__(self, checks: Sequence[tuple[str, Check]]) -> None:
        self.checks = checks

    @classmethod
    def of(cls, settings: ServiceSettings) -> "Checks":
        """Those that the settings name; raises InputError for one that cannot be had."""
        return cls([(name, _open(name, settings)) for name in settings.checks])

    def prompt(self, text: str) -> list[Sighting]:
        """What all of them find in a prompt."""
        found: list[Sighting] = []
        for name, check in self.checks:
            try:
                found += _of(name, check.prompt(text))
            except Exception as error:
                found.append(_failed(name, error))
        return found

    def video(self, prompt: str, title: str, thumbnails: Iterable[bytes]) -> list[Sighting]:
        """What all of them find in a video that is to be shared, its title included.

        Args:
            prompt: that it was made from.
            title: that its owner gives it.
            thumbnails: of each variation, WebP.
        """
        found = self.prompt(title) if title else []
        pictures = list(thumbnails)
        for name, check in self.checks:
            try:
                for picture in pictures:
                    found += _of(name, check.video(prompt, picture))
            except Exception as error:
                found.append(_failed(name, error))
        return found


def keep(session: Session, video_id: str, sightings: Iterable[Sighting]) -> list[Flag]:
    """Write down what was found of a video; what stands there already is not written again."""
    before = session.scalars(select(Flag).where(Flag.video_id == video_id)).all()
    known = {(flag.source, flag.label, flag.detail) for flag in before}
    time = session.scalars(select(now())).one()
    made = []
    for sighting in sightings:
        found = sighting.found
        if (sighting.source, found.label, found.detail) in known:
            continue
        known.add((sighting.source, found.label, found.detail))
        made.append(
            Flag(
                id=f"flag_{secrets.token_hex(12)}",
                video_id=video_id,
                source=sighting.source,
                label=found.label,
                detail=found.detail,
                hold=found.hold,
                created_at=time,
            )
        )
    session.add_all(made)
    session.flush()
    return made


def _of(name: str, found: Iterable[Found]) -> list[Sighting]:
    short = [replace(one, label=one.label[:200], detail=one.detail[:500]) for one in found]
    return [Sighting(name, one) for one in short]


def _failed(name: str, error: Exception) -> Sighting:
    known = isinstance(error, PleinairError)
    log.warning("a check failed", check=name, reason=str(error), exc_info=None if known else error)
    return Sighting(name, Found(UNCHECKED, str(error)[:500]))


def _open(name: str, settings: ServiceSettings) -> Check:
    if name == "words":
        return Phrases.read(settings.words)
    if name == "moderation":
        return Moderation(settings.moderation, settings.moderation_key)
    module, _, attribute = name.partition(":")
    try:
        found = getattr(import_module(module), attribute)
        check = found() if isinstance(found, type) else found
    except Exception as error:  # whatever somebody's own module does
        raise InputError("checks", name, f"package.module:name ({error})") from error
    if not isinstance(check, Check):
        raise InputError("checks", name, "something with the methods prompt and video")
    return check
