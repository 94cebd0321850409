"""Habits: what is remembered of how a key is used, small enough for one row of a table.

A habit knows the networks and clients that the key came from, the hours of the day at which it is
used, how much happened on each of the last days, and roughly the words of its prompts. It never
holds a prompt, an address or anything that tells what was made.

Who is new is learned slowly on purpose: a network or a client that appears is a *newcomer* for
`WEEK`, and a day counts as usual only once it lies that far back, so that a leak which grows a
little every day does not become the habit that it is measured by. The first days of a key are
learned faster, because there is nothing else to go by. A person who says that all was honest ends
the wait: what was seen until then is trusted.
"""

import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

HOUR, DAY = 3600.0, 86_400.0
WEEK = 7 * DAY
"""Seconds for which a network, a client or a day is too new to be usual."""

FOUNDING = 3 * DAY
"""Seconds from its first use in which a key may show where it is at home."""

AT_HOME = {"networks": 4, "clients": 3}
"""Networks and clients that are known at once if they appear in that time: a person at home, at
work and on the road, with a laptop and a telephone."""

MOST = {"networks": 300, "clients": 40}
"""Networks and clients that are remembered; the ones seen longest ago are forgotten first."""

MOST_DAYS = 35
BUSY = 10
"""Requests of newcomers in a day, before their manner says anything."""

FADING = 0.97
"""What a day leaves of the hours of the days before it."""

_BITS = 4096
_SOURCES = ("networks", "clients")


@dataclass
class Day:
    """One day of a key.

    Attributes:
        requests: all of them.
        networks, clients: newcomers that appeared.
        switches: how often requests went back to another network, one of the two being a newcomer.
        crowd: most newcomer networks within ten minutes.
        strange: requests of newcomer networks by newcomer clients, or at odd hours.
    """

    requests: int = 0
    networks: int = 0
    clients: int = 0
    switches: int = 0
    crowd: int = 0
    strange: int = 0


@dataclass
class Seen:
    """A network or a client: when it was first and last seen, and how often.

    One that founded the key, or that a person has vouched for, has been there since 0.
    """

    first: float
    last: float
    count: int = 1


@dataclass
class Habit:
    """How a key is used.

    Attributes:
        began: first use, seconds since 1970; 0 before it.
        requests: all that there were.
        networks, clients: where from and by what, in the order of their appearance.
        hours: requests in each hour of the day, UTC, the newer ones counting more.
        days: by their number since 1970.
        words: which words prompts had, as a set of bits that sometimes takes one for another.
        prompts: how many of them were looked at, up to 50.
        novelty: share of their words that were not there before, on average of late.
        trusted: everything until then is known to be honest.
    """

    began: float = 0.0
    requests: int = 0
    networks: dict[str, Seen] = field(default_factory=dict)
    clients: dict[str, Seen] = field(default_factory=dict)
    hours: list[float] = field(default_factory=lambda: [0.0] * 24)
    days: dict[int, Day] = field(default_factory=dict)
    words: int = 0
    prompts: int = 0
    novelty: float = 1.0
    trusted: float = 0.0

    def day(self, at: float) -> Day:
        """The day of a time; a new one lets the oldest go and the hours fade."""
        number = int(at // DAY)
        found = self.days.get(number)
        if found is None:
            found = self.days[number] = Day()
            self.hours = [share * FADING for share in self.hours]
            while len(self.days) > MOST_DAYS:
                del self.days[min(self.days)]
        return found

    def meet(self, source: str, name: str, at: float) -> bool:
        """Take note of a network or a client; True for one that was not known at all.

        Args:
            source: networks or clients.
            name: which.
            at: seconds since 1970.
        """
        table: dict[str, Seen] = getattr(self, source)
        seen = table.get(name)
        if seen is not None:
            seen.last = max(seen.last, at)
            seen.count += 1
            return False
        founds = at - self.began <= FOUNDING and len(table) < AT_HOME[source]
        if len(table) >= MOST[source]:
            del table[min(table, key=lambda known: table[known].last)]
        table[name] = Seen(0.0 if founds else at, at)
        return not founds

    def is_new(self, seen: Seen, at: float) -> bool:
        """Whether it is a newcomer at that time."""
        return seen.first > max(at - WEEK, self.trusted)

    def newcomers(self, source: str, at: float) -> Iterator[tuple[str, Seen]]:
        """Newcomers of the last week, the latest to appear first."""
        table: dict[str, Seen] = getattr(self, source)
        for name, seen in reversed(table.items()):
            if self.is_new(seen, at):
                yield name, seen
            elif seen.first:  # those before it are older
                return

    def odd_hour(self, at: float) -> bool:
        """Whether the key is hardly ever used around that hour; never before it has habits."""
        total = sum(self.hours)
        hour = int(at // HOUR) % 24
        around = sum(self.hours[(hour + step) % 24] for step in (-1, 0, 1))
        return total >= 60 and around < 0.02 * total

    def novelty_of(self, prompt: str) -> float:
        """Share of a prompt's words that no prompt had before, 0–1."""
        bits = {_bit(word) for word in prompt.lower().split() if len(word) > 3}
        return sum(not self.words >> bit & 1 for bit in bits) / len(bits) if bits else 0.0

    def learn_prompt(self, prompt: str, novelty: float) -> None:
        """Remember a prompt's words; once half of the bits are in use, begin anew."""
        if self.words.bit_count() > _BITS // 2:
            self.words, self.prompts = 0, 0
        for word in prompt.lower().split():
            if len(word) > 3:
                self.words |= 1 << _bit(word)
        self.prompts = min(50, self.prompts + 1)
        self.novelty += (novelty - self.novelty) / self.prompts

    def usual_days(self, at: float) -> dict[int, Day]:
        """The days that others are measured by: those that lie back far enough, or are trusted.

        Far enough is a week, or half the age of a key that is younger than two.
        """
        today = int(at // DAY)
        age = today - int(self.began // DAY)
        newest = max(today - max(1, min(7, age // 2)), int(self.trusted // DAY))
        return {number: day for number, day in self.days.items() if number <= newest}

    def strange_days(self, at: float) -> int:
        """Days of the last week on which strangers were busy beside whoever else there was."""
        today = int(at // DAY)
        first = max(today - 6, int(self.trusted // DAY) + 1)
        week = [self.days[number] for number in range(first, today + 1) if number in self.days]
        return sum(day.strange >= BUSY and day.requests - day.strange >= 3 for day in week)

    def trust(self, at: float) -> None:
        """What was seen until now is honest: a person has said so."""
        self.trusted = max(self.trusted, at)

    def merge(self, other: "Habit") -> None:
        """Take in what another process saw of the same key.

        Of everything the larger number counts, and times are stretched. So nothing is counted
        twice however often it is merged; if several processes share a key's requests, each day
        looks a little quieter than it was, which errs on the side of noticing.
        """
        begins = [habit.began for habit in (self, other) if habit.began]
        self.began = min(begins, default=0.0)
        self.requests = max(self.requests, other.requests)
        self.trusted = max(self.trusted, other.trusted)
        self.hours = [max(pair) for pair in zip(self.hours, other.hours, strict=True)]
        self.words |= other.words
        if other.prompts > self.prompts:
            self.prompts, self.novelty = other.prompts, other.novelty
        for number, theirs in other.days.items():
            mine = self.days.setdefault(number, Day())
            for name, value in vars(theirs).items():
                setattr(mine, name, max(getattr(mine, name), value))
        for number in sorted(self.days)[:-MOST_DAYS]:
            del self.days[number]
        for source in _SOURCES:
            table: dict[str, Seen] = dict(getattr(self, source))
            for name, seen in getattr(other, source).items():
                known = table.get(name, seen)
                table[name] = Seen(
                    min(known.first, seen.first),
                    max(known.last, seen.last),
                    max(known.count, seen.count),
                )
            latest = sorted(table.items(), key=lambda item: -item[1].last)[: MOST[source]]
            setattr(self, source, dict(sorted(latest, key=lambda item: item[1].first)))

    def as_json(self) -> dict[str, Any]:
        """Plain values for the table."""
        return {
            "began": self.began,
            "requests": self.requests,
            "trusted": self.trusted,
            "hours": [round(share, 2) for share in self.hours],
            "words": f"{self.words:x}",
            "prompts": self.prompts,
            "novelty": round(self.novelty, 3),
            "days": {str(number): list(vars(day).values()) for number, day in self.days.items()},
        } | {
            source: {
                name: [round(seen.first, 1), round(seen.last, 1), seen.count]
                for name, seen in getattr(self, source).items()
            }
            for source in _SOURCES
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "Habit":
        """The habit that `as_json` told of."""
        habit = cls(
            **{name: record[name] for name in ("began", "requests", "trusted", "prompts")},
            novelty=record["novelty"],
            hours=list(record["hours"]),
            words=int(record["words"], 16),
            days={int(number): Day(*counts) for number, counts in record["days"].items()},
        )
        for source in _SOURCES:
            table = {name: Seen(*times) for name, times in record[source].items()}
            setattr(habit, source, dict(sorted(table.items(), key=lambda item: item[1].first)))
        return habit


def surprise(seen: float, usual: float) -> float:
    """How much a count speaks against what is usual: the logarithm of a likelihood ratio.

    It is that of a Poisson scan statistic, ``n·ln(n/m) − (n − m)`` for n seen against m usual, and
    0 for no more than is usual.
    """
    return seen * math.log(seen / usual) - (seen - usual) if seen > usual else 0.0


def _bit(word: str) -> int:
    return zlib.crc32(word.encode("utf-8", "replace")) % _BITS
