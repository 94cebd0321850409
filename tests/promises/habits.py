"""People and programs that use keys, honest ones and others, as streams of requests.

Time is virtual and everything is drawn from one seed. A person works in sessions: some creates,
each followed by looks at how far it is. Where they are decides the network, what they hold decides
the client; what goes wrong in an honest life is drawn too: journeys, new laptops, VPNs whose exits
change in the middle of a session, telephones whose network is another one every few hours, robots
on rented machines, a launch of twenty times the usual rate, summer time.
"""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from pleinair.access.habits import DAY, HOUR
from pleinair.access.leaks import Observation

EPOCH = 1_800_000_000.0 - 1_800_000_000.0 % DAY
CLIENTS = [
    ("openai/macos/cpython", 22),
    ("openai/windows/cpython", 18),
    ("openai/linux/cpython", 18),
    ("openai/macos/node", 7),
    ("openai/linux/node", 7),
    ("openai/windows/node", 4),
    ("chrome/windows", 6),
    ("chrome/mac os x", 4),
    ("safari/mac os x", 3),
    ("firefox/linux", 2),
    ("curl", 4),
    ("python-requests", 4),
    ("python-httpx", 3),
    ("go-http-client", 2),
    ("okhttp/android", 1),
    ("postmanruntime", 2),
]
PHONES = ["safari/iphone", "chrome/android", "openai/ios/browser"]
TOPICS = [[f"topic{topic}word{word}" for word in range(40)] for topic in range(60)]
COMMON = [f"common{word}" for word in range(80)]
KINDS = ("published", "group", "resold", "other machine", "proxies")
PROFILES: dict[str, float] = {
    "desk": 0.28,
    "mobile": 0.16,
    "vpn": 0.11,
    "traveller": 0.13,
    "robot": 0.10,
    "launch": 0.08,
    "duo": 0.08,
    "owl": 0.06,
}


@dataclass(frozen=True)
class Sent:
    """A request, and whether it was one of the people the key was not given to."""

    seen: Observation
    foreign: bool = False


@dataclass
class Person:
    """Somebody who uses a key.

    Attributes:
        rng: decides all about them.
        name: makes their networks theirs.
        client: of their laptop.
        wakes, sleeps: hours of the day, UTC; past 24 is the next morning.
        sessions: a day, on average.
        creates: a session, on average.
        home, work: networks; without work they are always at home.
        phone: of which a share of sessions are by.
        roaming: share of sessions away, where the network changes every few hours.
        exits: of a VPN that is on for a share of days.
        weekends: whether they work then too.
    """

    rng: random.Random
    name: str
    client: str
    wakes: float = 8.0
    sleeps: float = 23.0
    sessions: float = 2.0
    creates: float = 3.0
    home: str = ""
    work: str | None = None
    phone: str | None = None
    phones: float = 0.0
    roaming: float = 0.0
    exits: list[str] = field(default_factory=list)
    vpn: float = 0.0
    weekends: bool = True
    topics: list[int] = field(default_factory=list)

    @classmethod
    def draw(cls, rng: random.Random, name: str, **values: object) -> "Person":
        """Somebody in some part of the world."""
        wakes = rng.choice([0, 1, 7, 7, 8, 8, 8, 9, 13, 15, 16]) + rng.uniform(-0.5, 1.5)
        person = cls(
            rng,
            name,
            pick(rng, CLIENTS),
            wakes=wakes,
            sleeps=wakes + rng.uniform(11, 15),
            sessions=rng.uniform(0.8, 2.6),
            creates=rng.uniform(1.5, 4),
            home=f"home of {name}",
            work=f"work of {name}" if rng.random() < 0.6 else None,
            phone=rng.choice(PHONES) if rng.random() < 0.4 else None,
            phones=rng.uniform(0.05, 0.3),
            roaming=rng.choice([0, 0, 0.03, 0.1]),
            weekends=rng.random() < 0.5,
            topics=rng.sample(range(len(TOPICS)), rng.randint(1, 3)),
        )
        return replace(person, **values)  # type: ignore[arg-type]  # values are fields of it

    def day(self, number: int, shift: float = 0.0, place: str | None = None) -> Iterator[Sent]:
        """Requests of one day.

        Args:
            number: of the day, from 0.
            shift: hours that local time has moved.
            place: a network where they are all day, on a journey.
        """
        rng = self.rng
        if number % 7 in (5, 6) and not self.weekends and rng.random() < 0.85:
            return
        if rng.random() < 0.05:
            self.topics[0] = rng.randrange(len(TOPICS))
        for _ in range(poisson(rng, self.sessions)):
            hour = rng.uniform(self.wakes, self.sleeps) + shift
            at = EPOCH + number * DAY + hour * HOUR
            yield from self._session(at, place, vpn=rng.random() < self.vpn)

    def network(self, at: float, place: str | None, *, vpn: bool = False) -> str:
        """Where they are at that time."""
        if vpn and self.exits:
            return self.rng.choice(self.exits)
        if self.rng.random() < self.roaming:
            return self.mobile(at)
        if place:
            return place
        local = (at / HOUR - self.wakes) % 24
        working = self.work and int(at // DAY) % 7 not in (5, 6) and 1 <= local <= 9
        return self.work if working and self.work else self.home

    def mobile(self, at: float) -> str:
        """The network of a telephone: another one of the carrier's every four hours or so."""
        carrier = sum(map(ord, self.name)) % 7
        return f"carrier {carrier} {random.Random(f'{self.name}{at // (4 * HOUR)}').randrange(80)}"

    def prompt(self) -> str:
        """What they ask for: mostly words of their topics."""
        topic = TOPICS[self.rng.choice(self.topics)]
        return " ".join(self.rng.choices(topic, k=6) + self.rng.choices(COMMON, k=4))

    def _session(self, at: float, place: str | None, *, vpn: bool) -> Iterator[Sent]:
        rng = self.rng
        by_phone = self.phone is not None and rng.random() < self.phones
        client = self.phone if by_phone and self.phone else self.client
        network = self.mobile(at) if by_phone and rng.random() < 0.6 else None
        network = network or self.network(at, place, vpn=vpn)
        both = self.phone is not None and not by_phone and rng.random() < 0.1
        flaps = vpn and rng.random() < 0.15
        for _ in range(max(1, poisson(rng, self.creates))):
            yield Sent(Observation(at, network, client, self.prompt()))
            for _ in range(rng.randint(3, 9)):
                at += rng.uniform(3, 15)
                if flaps and rng.random() < 0.15:
                    network = rng.choice(self.exits)
                if both and rng.random() < 0.3 and self.phone:  # looks at it on the telephone
                    yield Sent(Observation(at, self.mobile(at), self.phone))
                else:
                    yield Sent(Observation(at, network, client))
            at += rng.expovariate(1 / 180)


def honest(rng: random.Random, name: str, days: int) -> tuple[str, Person, list[Sent]]:
    """A key in the hands of its owner: its profile, the owner, and all that it sends."""
    profile = pick(rng, list(PROFILES.items()))
    person = Person.draw(rng, name)
    if profile == "mobile":
        person.roaming, person.phone, person.phones = 0.4, rng.choice(PHONES), 0.4
    if profile == "vpn":
        person.exits = [f"exit {rng.randrange(400)}" for _ in range(rng.randint(3, 14))]
        person.vpn = rng.uniform(0.3, 0.9)
    if profile == "owl":
        person.wakes, person.sleeps = person.wakes + 8, person.wakes + 20
    saves = rng.random() < 0.5  # keeps summer time, which ends on the fifteenth day
    laptop = rng.randrange(days) if rng.random() < 0.15 else None
    moves = rng.randrange(days) if rng.random() < 0.03 else None
    journeys = _journeys(rng, name, days) if profile == "traveller" or rng.random() < 0.05 else {}
    launch = rng.randrange(3, max(4, days)) if profile == "launch" else None
    mate = Person.draw(rng, f"{name}'s mate", work=person.work, wakes=person.wakes)
    mate.topics = person.topics
    old = person.client
    sent: list[Sent] = []
    for number in range(days):
        if number == laptop:
            person.client = pick(rng, CLIENTS)
        if number == moves:
            person.home = f"new home of {name}"
        place, shift = journeys.get(number, (None, 0.0))
        sent += person.day(number, shift + (saves and number >= 14), place)
        if laptop is not None and laptop < number < laptop + 4:
            new, person.client = person.client, old
            sent += person.day(number, shift, place)
            person.client = new
        if profile == "duo":
            sent += mate.day(number, 1.0 * (saves and number >= 14))
        if profile == "robot":
            sent += _robot(rng, name, number)
        if number == launch:
            sent += _launch(rng, person, number)
    return profile, person, sent


def leaked(rng: random.Random, kind: str, owner: Person, start: float, days: int) -> list[Sent]:
    """What others send with a key from a time on, by how they came to it."""
    made: dict[str, Callable[[], list[Sent]]] = {
        "published": lambda: _published(rng, start),
        "group": lambda: _people(rng, start, days, rng.randint(4, 10), over=2 * DAY),
        "resold": lambda: _people(rng, start, days, rng.randint(10, 60), over=12 * DAY),
        "other machine": lambda: _machine(rng, owner, start, days),
        "proxies": lambda: _proxies(rng, owner, start, days),
    }
    end = EPOCH + days * DAY
    return [replace(sent, foreign=True) for sent in made[kind]() if start <= sent.seen.at < end]


def _journeys(rng: random.Random, name: str, days: int) -> dict[int, tuple[str, float]]:
    """Days away: where, and how far local time has moved; a conference has a network of its own."""
    away: dict[int, tuple[str, float]] = {}
    for journey in range(rng.randint(1, 2)):
        first, length = rng.randrange(days), rng.randint(2, 7)
        shift = rng.choice([0.0, 0.0, 1.0, -6.0, 8.0])
        for number in range(first, min(days, first + length)):
            place = rng.choice(["hotel", "hotel", "venue", "café", "train", "friends"])
            day = number if place in ("café", "train") else 0
            away[number] = f"{place} {journey} {day} of {name}", shift
    return away


def _robot(rng: random.Random, name: str, number: int) -> list[Sent]:
    """Runs of a program on rented machines: one client, many networks, a steady rhythm."""
    pool = 40 + sum(map(ord, name)) % 200
    every = 2 + sum(map(ord, name)) % 5
    sent = []
    for hour in range(0, 24, every):
        network = f"cloud {rng.randrange(pool)} of {name[-1]}"
        at = EPOCH + number * DAY + hour * HOUR + rng.uniform(0, 240)
        for _ in range(rng.randint(1, 3)):
            sent.append(Sent(Observation(at, network, "openai/linux/cpython", "a test of topic0")))
            for _ in range(4):
                at += 10
                sent.append(Sent(Observation(at, network, "openai/linux/cpython")))
    return sent


def _launch(rng: random.Random, person: Person, number: int) -> list[Sent]:
    """A day of twenty times the usual; sometimes from a server that was not there before."""
    busy = replace(person, sessions=person.sessions * 20, weekends=True)
    if rng.random() < 0.2:
        busy.client, busy.home, busy.work = "openai/linux/cpython", f"server of {person.name}", None
    return list(busy.day(number))


def _published(rng: random.Random, start: float) -> list[Sent]:
    """Hundreds of strangers within hours, most of whom try it once."""
    sent: list[Sent] = []
    for i in range(rng.randint(200, 500)):
        stranger = Person.draw(rng, f"stranger {start:.0f} {i}", work=None, roaming=0.0)
        at = start + rng.expovariate(1 / (1.5 * HOUR))
        sent += stranger._session(at, None, vpn=False)
    return sent


def _people(rng: random.Random, start: float, days: int, many: int, over: float) -> list[Sent]:
    """Some people who work with it as if it were theirs, joining one after the other."""
    sent: list[Sent] = []
    for i in range(many):
        joins = start + over * i / many * rng.uniform(0.5, 1)
        friend = Person.draw(rng, f"friend {start:.0f} {i}", sessions=rng.uniform(0.4, 1.5))
        for number in range(int((joins - EPOCH) // DAY), days):
            sent += [each for each in friend.day(number) if each.seen.at >= joins]
    return sent


def _machine(rng: random.Random, owner: Person, start: float, days: int) -> list[Sent]:
    """One other machine, while the owner sleeps, and busier than they are."""
    thief = Person.draw(
        rng,
        f"thief {start:.0f}",
        wakes=owner.wakes + rng.uniform(10, 14),
        work=None,
        roaming=0.0,
        weekends=True,
    )
    thief.sleeps = thief.wakes + rng.uniform(6, 10)
    thief.sessions = max(2.0, owner.sessions) * rng.uniform(1.5, 4)
    thief.phone = None
    sent: list[Sent] = []
    for number in range(int((start - EPOCH) // DAY), days):
        sent += thief.day(number)
    return sent


def _proxies(rng: random.Random, owner: Person, start: float, days: int) -> list[Sent]:
    """One program, the same as the owner's, behind proxies that change every few minutes."""
    thief = Person.draw(
        rng, f"thief {start:.0f}", client=owner.client, phone=None, sessions=owner.sessions * 2
    )
    every = rng.choice([1.0, 60.0, 300.0])
    sent: list[Sent] = []
    for number in range(int((start - EPOCH) // DAY), days):
        for each in thief.day(number):
            exit_ = random.Random(f"{start}{each.seen.at // every}").randrange(3000)
            seen = replace(each.seen, network=f"proxy {exit_}")
            sent.append(Sent(seen))
    return sent


def pick(rng: random.Random, weighted: list[tuple[str, float]] | list[tuple[str, int]]) -> str:
    """One of several names, by their weights."""
    names = [name for name, _ in weighted]
    return rng.choices(names, [weight for _, weight in weighted])[0]


def poisson(rng: random.Random, mean: float) -> int:
    """A count whose average is ``mean``."""
    limit, product, count = math.exp(-min(mean, 500.0)), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count
