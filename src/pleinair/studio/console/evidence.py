"""The evidence of a leak, in sentences and numbers, in the language of whoever reads it."""

import re
from collections.abc import Sequence

from pleinair.access.leaks import LIMIT, STOP
from pleinair.studio.console import words
from pleinair.studio.console.room import Room, Thing
from pleinair.studio.parts import Tag, inside
from pleinair.studio.tongue import Tongue

MOST_SCORE = 30.0
"""Where the scale of scores ends; nearly all of them are below."""


def _pattern(template: str) -> re.Pattern[str]:
    places = re.sub(r"\\{(\w)\\}", r"(?P<\1>[\\d.,]+ ?%?)", re.escape(template))
    return re.compile(places)


PATTERNS = [(_pattern(template), template) for template in words.SEEN]


def said_of(t: Tongue, seen: str) -> str:
    """What was seen, or is usual, in the language of the page; as it was put, if that is new."""
    for pattern, template in PATTERNS:
        if found := pattern.fullmatch(seen):
            return t(template, **found.groupdict())
    return seen


def features(incident: Thing) -> Sequence[tuple[str, Thing]]:
    """What adds to the score, the strongest first."""
    told = [(name, item) for name, item in incident["evidence"].items() if isinstance(item, dict)]
    return sorted(told, key=lambda item: -float(item[1].get("adds", 0.0)))


def sentences(t: Tongue, incident: Thing) -> list[str]:
    """The evidence in words."""
    said = []
    for name, item in features(incident):
        seen = said_of(t, str(item["seen"]))
        if name == "published":
            said.append(t("It was found at {place}.", place=seen))
        else:
            usual = said_of(t, str(item["usual"]))
            said.append(t("{seen}; usual for this key: {usual}.", seen=seen, usual=usual))
    networks = incident["evidence"].get("networks")
    if isinstance(networks, list):
        said.append(t("The decoy was used from {networks}.", networks=", ".join(networks)))
    return said


def show(room: Room, incident: Thing) -> None:
    """Sentences, the score on its scale, and a table of what adds to it."""
    t = room.t
    with inside("ul", "sentences"):
        for said in sentences(t, incident):
            Tag("li", said)
    rows = [
        (
            t(words.word(words.FEATURES, name)),
            said_of(t, str(item["seen"])),
            said_of(t, str(item["usual"])),
            f"{float(item['adds']):.1f}",
        )
        for name, item in features(incident)
        if "adds" in item
    ]
    if not rows:
        return
    score = float(incident["score"])
    Tag(
        "meter",
        min=0,
        max=MOST_SCORE,
        low=LIMIT,
        high=STOP,
        optimum=0,
        value=min(score, MOST_SCORE),
        aria_label=t("Score"),
    )
    told = t(
        "The score is {score}. From {limit} on a key is limited, from {stop} on it is stopped if "
        "several programs are new.",
        score=f"{score:.1f}",
        limit=f"{LIMIT:g}",
        stop=f"{STOP:g}",
    )
    Tag("p", told, "small quiet")
    heads = (t("What"), t("Seen"), t("Usual for this key"), t("Adds"))
    room.table(t("What adds to the score"), heads, rows)
