"""Leaks: whether a key is used as by its owner, or as by others too. Pure; nothing is read here.

A stolen key sends requests that are right in every way. What gives it away is how they come: from
networks and programs that were never there, at once with the owner's, more of them, at hours when
the owner sleeps, about other things. Each of these also happens to honest people, so none decides
alone. Every feature says how surprising it is against the key's own past (`Habit`) in natural
logarithms of odds, up to a bound of its own; the sum is the score.

Two thresholds follow. From `LIMIT` on, the key keeps a fifth of its limits and its owner is asked;
that is mild, reversible and wrong now and then. From `STOP` on, the key ends, but only if several
programs were never there before (`PROGRAMS`): that is what tells a crowd from one restless person.
A single thief is limited, and stopped by the owner or the team, who are told.

What the bounds are made for:

- Travel, tethering and VPNs bring networks one after the other, by the same program: `networks`
  alone is bounded far below `LIMIT`. A whole move silences the old place, and counts half.
- A person on a laptop and a telephone alternates between two known networks. Only going back and
  forth with newcomers counts, against the most that this key ever had; a journey only goes on,
  and a change to another known program is a change of hands, not of persons.
- A robot on rented machines comes from new networks all the time, by one program. Its own past
  shows that, and in its first days, when there is no past, its bounds are lower.
- A launch is twenty times the usual rate for a day: `rate` alone is bounded low.
- A new laptop is one new program, mostly at a known place; a thief is one at a new place, while the
  owner goes on at the old one.

The constants were tuned on simulated keys of other seeds than those of the published figures; see
``tests/promises/test_08_leaks.py``.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from pleinair.access.habits import BUSY, DAY, FOUNDING, HOUR, Habit, Seen, surprise
from pleinair.access.recent import TEN_MINUTES, Hour, Recent
from pleinair.access.recent import Observation as Observation

LIMIT, STOP = 8.8, 13.0
PROGRAMS = 1.0
"""What new programs must add to a score that stops: two of them within ten minutes, say."""

MANY = 5.0
"""New networks in a usual day from which on a key is one that roams, as robots do."""

BOUNDS: Mapping[str, float] = {
    "networks": 4.0,
    "crowd": 4.0,
    "switches": 4.0,
    "clients": 10.0,
    "stranger": 2.0,
    "together": 2.0,
    "lasting": 5.5,
    "rate": 1.5,
    "hours": 3.0,
    "prompts": 2.5,
}
"""The most that each feature can add to a score."""

ROBOT_BOUNDS: Mapping[str, float] = {**BOUNDS, "networks": 2.5, "crowd": 1.0, "switches": 3.0}
"""The same for a key in its first days that only ever one or two programs used."""


@dataclass(frozen=True)
class Score:
    """How much speaks for a leak.

    Attributes:
        value: 0 and above, to be held against `LIMIT` and `STOP`.
        evidence: by feature, what was seen, what is usual, and what it adds.
        began: when the first of what looks strange was seen, seconds since 1970.
        crowded: whether several programs are among it that were never there.
    """

    value: float = 0.0
    evidence: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    began: float = 0.0
    crowded: bool = False

    def step(self, before: str = "") -> str:
        """What it asks for, after what was done before: nothing, ``limited`` or ``stopped``."""
        if self.value >= STOP and self.crowded:
            return "stopped"
        return "limited" if self.value >= LIMIT else before


@dataclass(frozen=True)
class Usual:
    """What a key may do in a day, or a week, without anybody wondering.

    It is the most of the days that count as usual, but at least what a typical person does.
    """

    requests: float
    networks: float
    networks_week: float
    clients: float
    clients_week: float
    switches: float
    crowd: float

    @classmethod
    def of(cls, habit: Habit, at: float) -> "Usual":
        """What the habit makes of it at that time."""
        days = habit.usual_days(at)
        rows = list(days.values())
        young = math.exp(-max(0.0, at - habit.began) / (7 * DAY))
        weeks = [
            [days[first + step] for step in range(7) if first + step in days] for first in days
        ]
        return cls(
            requests=max([60.0 + 60.0 * young, *(day.requests for day in rows)]),
            networks=max([2.0, *(day.networks for day in rows)]),
            networks_week=max(
                [
                    2.5 + 3.5 * young,
                    7 * sum(day.networks for day in rows) / max(1, len(rows)),
                    *(sum(day.networks for day in week) for week in weeks),
                ]
            ),
            clients=max([0.5, *(day.clients for day in rows)]),
            clients_week=max([0.5 + young, *(sum(day.clients for day in week) for week in weeks)]),
            switches=max([4.0 + 4.0 * young, *(day.switches for day in rows)]),
            crowd=max([1.0, *(day.crowd for day in rows)]),
        )


class Trace:
    """A key under watch: its habit, and what it did of late.

    Args:
        habit: as it is remembered; it goes on learning here.
    """

    def __init__(self, habit: Habit | None = None) -> None:
        self.habit = habit or Habit()
        self.recent = Recent()
        self._usual: tuple[int, float, Usual] | None = None
        self._trusted = self.habit.trusted

    def see(self, seen: Observation) -> Score:
        """Take in a request, in the order in which they come, and score the key."""
        habit, at = self.habit, seen.at
        if habit.trusted != self._trusted:  # a person has looked: begin anew
            self.recent, self._trusted = Recent(), habit.trusted
        habit.began = habit.began or at
        habit.requests += 1
        day = habit.day(at)
        day.requests += 1
        unseen = habit.meet("networks", seen.network, at)
        day.networks += unseen
        day.clients += habit.meet("clients", seen.client, at)
        network = habit.is_new(habit.networks[seen.network], at)
        client = habit.is_new(habit.clients[seen.client], at)
        usual = self._usual_at(at)
        roams = usual.networks >= MANY or at - habit.began < FOUNDING
        odd = network and (client or not roams) and habit.odd_hour(at)
        day.switches += self.recent.add(
            seen, network=network, client=client, odd=odd, unseen=unseen
        )
        day.crowd = max(day.crowd, len(self.recent.networks))
        day.strange += network and (client or odd)
        if not network or (roams and not client):
            habit.hours[int(at // HOUR) % 24] += 1
        if seen.prompt is not None:
            self.prompt(at, seen.prompt)
        return score(habit, self.recent, usual)

    def prompt(self, at: float, prompt: str) -> None:
        """Take in the prompt of the request that was seen last; newcomers teach nothing."""
        novelty = self.habit.novelty_of(prompt)
        if self.recent.fresh:
            self.recent.create(at, novelty)
        else:
            self.habit.learn_prompt(prompt, novelty)

    def _usual_at(self, at: float) -> Usual:
        day = int(at // DAY)
        if self._usual is None or self._usual[:2] != (day, self.habit.trusted):
            self._usual = day, self.habit.trusted, Usual.of(self.habit, at)
        return self._usual[2]


def score(habit: Habit, recent: Recent, usual: Usual) -> Score:
    """Hold what a key did of late against its habit."""
    last = recent.last
    if last is None:
        return Score()
    day = recent.day()
    if not day.fresh and not recent.clients:
        return Score()  # nobody new: whatever this is, it is the owner
    at = last.at
    networks = list(habit.newcomers("networks", at))
    clients = list(habit.newcomers("clients", at))
    of_day = _since(networks, at - DAY), _since(clients, at - DAY)
    more = min(10.0, max(1.0, day.requests / usual.requests))
    busier = more if usual.networks >= MANY else 1.0  # a robot comes from more places then
    windows = {
        "in ten minutes": (len(recent.networks), usual.crowd * busier, TEN_MINUTES),
        "in a day": (of_day[0], usual.networks * busier, DAY),
        "in a week": (len(networks), usual.networks_week * busier, 7 * DAY),
    }
    window, (count, expected, span) = max(
        windows.items(), key=lambda item: surprise(item[1][0], item[1][1])
    )
    programs = max(
        (len(recent.clients), 0.5 if len(habit.clients) > 2 else usual.clients, "in ten minutes"),
        (of_day[1], usual.clients, "in a day"),
        (len(clients), usual.clients_week, "in a week"),
        key=lambda item: surprise(item[0], item[1]),
    )
    features = {
        "networks": (
            surprise(count, expected),
            f"{count} new networks {window}",
            f"{expected:.0f} or fewer",
        ),
        "crowd": (
            max(surprise(*windows[name][:2]) for name in ("in ten minutes", "in a day")) / 4,
            f"{len(recent.networks)} new networks in ten minutes, {of_day[0]} in a day",
            f"{usual.crowd * busier:.0f} and {usual.networks * busier:.0f} or fewer",
        ),
        "switches": (
            surprise(day.switches, usual.switches * more),
            f"{day.switches} returns to or from new networks in a day",
            f"{usual.switches * more:.0f} or fewer",
        ),
        "clients": (
            surprise(programs[0], programs[1]),
            f"{programs[0]} new programs {programs[2]}",
            f"{programs[1]:.1f} or fewer",
        ),
        **_manner(habit, day, usual, at),
    }
    age = at - habit.began
    robot = age < 3 * DAY and len(habit.clients) <= 2
    bounds = ROBOT_BOUNDS if robot else BOUNDS
    moved = 0.5 if not day.known else 1.0  # nobody is left at the old place
    weights = {
        name: min(bounds[name], value) * (moved if name in ("networks", "hours") else 1.0)
        for name, (value, _, _) in features.items()
    }
    total = sum(weights.values())
    if total < LIMIT:
        return Score(total)
    evidence = {
        name: {"seen": seen, "usual": usually, "adds": round(weights[name], 1)}
        for name, (_, seen, usually) in features.items()
        if weights[name] >= 0.1
    }
    recently = [seen.first for _, seen in [*networks, *clients] if seen.first >= at - span]
    crowded = weights["clients"] >= PROGRAMS
    return Score(total, evidence, min(recently, default=at), crowded)


def _manner(habit: Habit, day: Hour, usual: Usual, at: float) -> dict[str, tuple[float, str, str]]:
    """Features of what newcomers do, once they have done enough."""
    if day.fresh < BUSY:
        return {}
    busy = day.requests / usual.requests
    share = day.odd / day.fresh
    lasting = habit.strange_days(at)
    novelty = day.novelty / day.prompts - habit.novelty if day.prompts >= 3 else 0.0
    told = habit.prompts >= 10
    return {
        "stranger": (
            BOUNDS["stranger"] if day.strange >= BUSY else 0.0,
            f"{day.strange} requests by a new program from a new network",
            "none",
        ),
        "together": (
            BOUNDS["together"] if day.known >= 3 and day.switches >= 2 else 0.0,
            f"{day.known} requests from known networks and {day.fresh} from new ones in a day",
            "one or the other",
        ),
        "lasting": (
            1.5 * (lasting - 1) if day.known and lasting else 0.0,
            f"strangers beside others on {lasting} days of a week",
            "none",
        ),
        "rate": (
            1.5 * math.log(busy) if busy > 1 else 0.0,
            f"{day.requests} requests in a day",
            f"{usual.requests:.0f} or fewer",
        ),
        "hours": (
            BOUNDS["hours"] * share * (1.0 if day.strange >= BUSY else 0.5),
            f"{share:.0%} of what comes from new networks at hours without use before",
            "none",
        ),
        "prompts": (
            6.0 * max(0.0, novelty - 0.15) if told else 0.0,
            f"{novelty + habit.novelty:.0%} of the words in prompts were not there before",
            f"{habit.novelty:.0%}",
        ),
    }


def _since(newcomers: list[tuple[str, Seen]], at: float) -> int:
    return sum(seen.first >= at for _, seen in newcomers)
