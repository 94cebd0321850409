"""How much one visitor may ask for."""

import pytest

from page.limits import HOUR, Limits, visitor_of
from page.settings import Settings
from page.troubles import Trouble


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def limits(clock: Clock, **values: int) -> Limits:
    return Limits(Settings("http://server/v1", "key", **values), clock)  # type: ignore[arg-type]


def refused(limits: Limits, visitor: str) -> Trouble:
    with pytest.raises(Trouble) as caught:
        limits.enter(visitor, "s")
    return caught.value


def test_a_visitor_has_one_video_at_a_time_and_others_are_not_kept_waiting() -> None:
    mine = limits(Clock())
    place = mine.enter("ann", "s")
    assert refused(mine, "ann").kind == "one"
    mine.enter("bob", "s")
    mine.leave(place)
    mine.enter("ann", "s")


def test_so_many_an_hour_and_then_it_says_when_there_is_one_more() -> None:
    clock = Clock()
    mine = limits(clock, hourly=2)
    for _ in range(2):
        place = mine.enter("ann", "s")
        mine.count(place)
        mine.leave(place)
        clock.now += 600
    trouble = refused(mine, "ann")
    assert (trouble.kind, trouble.wait) == ("hour", HOUR - 1200)
    clock.now += HOUR - 1200
    mine.enter("ann", "s")


def test_what_was_not_made_does_not_count() -> None:
    mine = limits(Clock(), hourly=1)
    for _ in range(5):
        mine.leave(mine.enter("ann", "s"))


def test_so_many_at_once_for_all_visitors_together() -> None:
    mine = limits(Clock(), places=2)
    first = mine.enter("ann", "s")
    mine.enter("bob", "s")
    assert refused(mine, "cat").kind == "full"
    mine.leave(first)
    mine.enter("cat", "s")


def test_a_place_whose_holder_died_is_free_once_nobody_would_wait_so_long() -> None:
    clock = Clock()
    mine = limits(clock, patience=100)
    stale = mine.enter("ann", "s")
    clock.now += 161
    mine.enter("ann", "s")
    mine.leave(stale)  # late, and not the one that holds the place now
    assert refused(mine, "ann").kind == "one"


def test_stopping_is_heard_by_the_videos_of_that_session_alone() -> None:
    mine = limits(Clock())
    ann, bob = mine.enter("ann", "of ann"), mine.enter("bob", "of bob")
    mine.stop("of ann")
    assert ann.stopped.is_set()
    assert not bob.stopped.is_set()


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (("198.51.100.1", "", 0), ("198.51.100.1", "", 0), True),
        (("198.51.100.1", "", 0), ("198.51.100.2", "", 0), False),
        # Without proxies the header is anybody's to write.
        (("9.9.9.9", "8.8.8.8", 0), ("9.9.9.9", "1.1.1.1", 0), True),
        # What the proxy adds is at the end, before what lies inside its own network.
        (("10.0.0.1", "8.8.8.8", 1), ("10.0.0.2", "1.1.1.1, 8.8.8.8, 10.1.1.1", 1), True),
        (("10.0.0.1", "8.8.8.8", 1), ("10.0.0.1", "1.1.1.1", 1), False),
        (("10.0.0.1", "8.8.8.8, 9.9.9.9", 2), ("10.0.0.1", "8.8.8.8, 1.1.1.1", 2), True),
        (("10.0.0.1", "rubbish", 1), ("10.0.0.1", "", 1), True),
        (("2a00:1::1", "", 0), ("2a00:1::2:0:0:1", "", 0), True),
        (("2a00:1::1", "", 0), ("2a00:1:0:1::1", "", 0), False),
        (("::ffff:9.9.9.9", "", 0), ("9.9.9.9", "", 0), True),
    ],
)
def test_who_is_the_same_visitor(
    first: tuple[str, str, int], second: tuple[str, str, int], same: bool
) -> None:
    assert (visitor_of(*first) == visitor_of(*second)) is same
    assert first[0] not in visitor_of(*first)
