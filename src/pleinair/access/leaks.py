"""Leaks: whether a key is used as by its owner, or as by others too. Pure; nothing is read here.

A stolen key sends requests that are right in every way. What gives it away is how they come: from
networks and programs that were never there, at once with the owner's, more of them, at hours when
the owner sleeps, about other things. Each of these also happens to honest people, so none decides
alone. Every feature says how surprising it is against the key's own past (`Habit`) in natural
logarithms of odds, up to a bound of its own; the sum is the score.

Two thresholds follow. From `LIMIT` on, the key keeps a fifth of its limits and its owner is asked;
that is mild, reversible and wrong now and then. From `STOP` on, the key ends; no set of features
that an honest person is known to show reaches it without several *programs* that were never there.

What the bounds are made for:

- Travel, tethering and VPNs bring networks one after the other, by the same program: `networks`
  alone is bounded far below `LIMIT`. A whole move silences the old place, and counts half.
- A person on a laptop and a telephone alternates between two known networks. Only going back and
  forth with newcomers counts, against the most that this key ever had; a journey only goes on.
- A robot on rented machines comes from new networks all the time, by one program. Its own past
  shows that, and in its first days, when there is no past, its bounds are lower.
- A launch is twenty times the usual rate for a day: `rate` alone is bounded low.
- A new laptop is one new program, mostly at a known place; a thief is one at a new place, while the
  owner goes on at the old one.

The constants were tuned on simulated keys of other seeds than those of the published figures; see
``tests/promises/test_08_leaks.py``.
"""

import math
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from pleinair.access.habits import DAY, HOUR, Habit, Seen, surprise

LIMIT, STOP = 7.5, 14.0
TEN_MINUTES = 600.0
_REMEMBERED = 256  # requests of the last ten minutes
_ENOUGH = 10  # requests of newcomers in a day, before their manner says anything

BOUNDS: Mapping[str, float] = {
    "networks": 4.0,
    "switches": 6.0,
    "clients": 8.0,
    "stranger": 2.0,
    "together": 2.0,
    "rate": 2.5,
    "hours": 3.0,
    "prompts": 2.0,
}
"""The most that each feature can add to a score."""

ROBOT_BOUNDS: Mapping[str, float] = {**BOUNDS, "networks": 2.5, "switches": 3.0}
"""The same for a key in its first days that only ever one or two programs used."""


@dataclass(frozen=True)
class Observation:
    """One request.

    Attributes:
        at: seconds since 1970.
        network: /24 of an IPv4 address, /48 of an IPv6 one.
        client: what sent it, in short: its library, system and runtime.
        prompt: of a create.
    """

    at: float
    network: str
    client: str
    prompt: str | None = None


@dataclass(frozen=True)
class Score:
    """How much speaks for a leak.

    Attributes:
        value: 0 and above, to be held against `LIMIT` and `STOP`.
        evidence: by feature, what was seen, what is usual, and what it adds.
        began: when the first of what looks strange was seen, seconds since 1970.
    """

    value: float = 0.0
    evidence: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    began: float = 0.0


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
                [2.5 + 3.5 * young, *(sum(day.networks for day in week) for week in weeks)]
            ),
            clients=max([0.5, *(day.clients for day in rows)]),
            clients_week=max([0.5 + young, *(sum(day.clients for day in week) for week in weeks)]),
            switches=max([4.0 + 4.0 * young, *(day.switches for day in rows)]),
            crowd=max([1.0, *(day.crowd for day in rows)]),
        )


@dataclass
class Hour:
    """Counts of one hour: of all requests, of newcomers' and of those at odd hours."""

    number: int
    requests: int = 0
    known: int = 0
    fresh: int = 0
    strange: int = 0  # by a newcomer client from a newcomer network
    odd: int = 0
    switches: int = 0
    prompts: int = 0
    novelty: float = 0.0


class Recent:
    """The last ten minutes and the last day of a key, kept up to date request by request."""

    def __init__(self) -> None:
        self.last: Observation | None = None
        self.fresh = False  # whether that one came from a newcomer network
        self.hours: deque[Hour] = deque()
        self.networks: Counter[str] = Counter()  # newcomers of the last ten minutes
        self.clients: Counter[str] = Counter()
        self._ten: deque[tuple[float, str, str]] = deque()

    def add(
        self, seen: Observation, *, network: bool, client: bool, odd: bool, unseen: bool
    ) -> bool:
        """Count a request; whether it went back to another network.

        Args:
            seen: the request.
            network, client: whether these are newcomers.
            odd: whether the key is hardly ever used at that hour.
            unseen: whether this network is here for the first time: to go on is not to go back.
        """
        while self._ten and (
            self._ten[0][0] < seen.at - TEN_MINUTES or len(self._ten) >= _REMEMBERED
        ):
            _, old_network, old_client = self._ten.popleft()
            _less(self.networks, old_network)
            _less(self.clients, old_client)
        self._ten.append((seen.at, seen.network * network, seen.client * client))
        if network:
            self.networks[seen.network] += 1
        if client:
            self.clients[seen.client] += 1
        switched = (
            self.last is not None
            and not unseen
            and seen.at - self.last.at < DAY
            and seen.network != self.last.network
            and (network or self.fresh)
        )
        hour = self._hour(seen.at)
        hour.requests += 1
        hour.known += not network
        hour.fresh += network
        hour.strange += network and client
        hour.odd += network and odd
        hour.switches += switched
        self.last, self.fresh = seen, network
        return switched

    def create(self, at: float, novelty: float) -> None:
        """Count a prompt of a newcomer: the share of its words that are new to the key."""
        hour = self._hour(at)
        hour.prompts += 1
        hour.novelty += novelty

    def day(self) -> Hour:
        """The last 24 hours together."""
        total = Hour(0)
        for hour in self.hours:
            total.requests += hour.requests
            total.known += hour.known
            total.fresh += hour.fresh
            total.strange += hour.strange
            total.odd += hour.odd
            total.switches += hour.switches
            total.prompts += hour.prompts
            total.novelty += hour.novelty
        return total

    def _hour(self, at: float) -> Hour:
        number = int(at // HOUR)
        if not self.hours or self.hours[-1].number < number:
            self.hours.append(Hour(number))
            while self.hours[0].number <= number - 24:
                self.hours.popleft()
        return self.hours[-1]


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
        odd = network and habit.odd_hour(at)
        day.switches += self.recent.add(
            seen, network=network, client=client, odd=odd, unseen=unseen
        )
        day.crowd = max(day.crowd, len(self.recent.networks))
        if not network:
            habit.hours[int(at // HOUR) % 24] += 1
        if seen.prompt is not None:
            self.prompt(at, seen.prompt)
        return score(habit, self.recent, self._usual_at(at))

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
    busier = _busier(day, usual)
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
        "switches": (
            surprise(day.switches, usual.switches * busier),
            f"{day.switches} returns to or from new networks in a day",
            f"{usual.switches * busier:.0f} or fewer",
        ),
        "clients": (
            surprise(programs[0], programs[1]),
            f"{programs[0]} new programs {programs[2]}",
            f"{programs[1]:.1f} or fewer",
        ),
        **_manner(habit, day, usual),
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
    return Score(total, evidence, min(recently, default=at))


def _manner(habit: Habit, day: Hour, usual: Usual) -> dict[str, tuple[float, str, str]]:
    """Features of what newcomers do, once they have done enough."""
    if day.fresh < _ENOUGH:
        return {}
    busy = day.requests / usual.requests
    share = day.odd / day.fresh
    novelty = day.novelty / day.prompts - habit.novelty if day.prompts >= 3 else 0.0
    told = habit.prompts >= 10
    return {
        "stranger": (
            BOUNDS["stranger"] if day.strange >= _ENOUGH else 0.0,
            f"{day.strange} requests by a new program from a new network",
            "none",
        ),
        "together": (
            BOUNDS["together"] if day.known >= 3 and day.switches >= 2 else 0.0,
            f"{day.known} requests from known networks and {day.fresh} from new ones in a day",
            "one or the other",
        ),
        "rate": (
            1.5 * math.log(busy) if busy > 1 else 0.0,
            f"{day.requests} requests in a day",
            f"{usual.requests:.0f} or fewer",
        ),
        "hours": (
            BOUNDS["hours"] * share,
            f"{share:.0%} of what comes from new networks at hours without use before",
            "none",
        ),
        "prompts": (
            4.0 * max(0.0, novelty - 0.15) if told else 0.0,
            f"{novelty + habit.novelty:.0%} of the words in prompts were not there before",
            f"{habit.novelty:.0%}",
        ),
    }


def _busier(day: Hour, usual: Usual) -> float:
    """A robot that always comes from new networks comes from more of them when it does more."""
    if usual.networks < 5:
        return 1.0
    return min(10.0, max(1.0, day.requests / usual.requests))


def _since(newcomers: list[tuple[str, Seen]], at: float) -> int:
    return sum(seen.first >= at for _, seen in newcomers)


def _less(counter: Counter[str], name: str) -> None:
    if name:
        counter[name] -= 1
        if counter[name] <= 0:
            del counter[name]
