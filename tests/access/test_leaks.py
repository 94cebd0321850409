from collections.abc import Iterator

import pytest

from pleinair.access.habits import DAY, HOUR, Habit, surprise
from pleinair.access.leaks import LIMIT, STOP, Observation, Score, Trace

START = 1_800_000_000.0 - 1_800_000_000.0 % DAY
HOME, WORK = "192.0.2.0/24", "198.51.100.0/24"
LAPTOP, PHONE = "openai/macos/cpython", "safari/iphone"


def worked(days: int = 20, networks: tuple[str, ...] = (HOME, WORK)) -> Trace:
    """A key whose owner made ten videos a day, from 9 to 17, at these places in turn."""
    trace = Trace()
    for day in range(days):
        for hour in range(9, 17):
            for minute in range(0, 60, 10):
                at = START + day * DAY + hour * HOUR + minute * 60
                trace.see(Observation(at, networks[day % len(networks)], LAPTOP))
                if minute == 30:
                    trace.prompt(at, "a quiet lake with reeds and herons")
    return trace


def after(trace: Trace, seen: Iterator[Observation]) -> tuple[Score, int]:
    """The highest score, and how many requests there were until it asked to stop."""
    highest, count = Score(), 0
    for observation in seen:
        count += 1
        score = trace.see(observation)
        highest = max(highest, score, key=lambda found: found.value)
        if score.step() == "stopped":
            break
    return highest, count


def strangers(at: float, many: int, requests: int = 400) -> Iterator[Observation]:
    for i in range(requests):
        who = i * 7 % many
        yield Observation(at + i, f"10.{who // 200}.{who % 200}.0/24", f"client {who % 12}")


@pytest.mark.parametrize("days", [0, 1, 20])
def test_a_published_key_is_stopped_within_sixty_requests(days: int) -> None:
    score, count = after(worked(days), strangers(START + days * DAY + 12 * HOUR, 300))
    assert score.step() == "stopped"
    assert count <= 60
    assert set(score.evidence) >= {"networks", "clients"}


def test_the_owner_at_work_scores_nothing() -> None:
    trace = worked()
    score = trace.see(Observation(START + 20 * DAY + 12 * HOUR, HOME, LAPTOP))
    assert score.value == 0


def test_a_journey_with_many_networks_one_after_the_other_is_no_leak() -> None:
    trace = worked()
    places = (
        Observation(START + 20 * DAY + i * 1200.0, f"10.1.{i // 6}.0/24", LAPTOP) for i in range(72)
    )
    assert after(trace, places)[0].value < LIMIT


def test_a_new_laptop_at_home_is_no_leak() -> None:
    trace = worked()
    seen = (
        Observation(START + 20 * DAY + 9 * HOUR + i * 300, HOME, "openai/windows/cpython")
        for i in range(90)
    )
    assert after(trace, seen)[0].value < LIMIT


def test_twenty_times_the_usual_rate_is_no_leak() -> None:
    trace = worked()
    seen = (Observation(START + 20 * DAY + 9 * HOUR + i * 10, HOME, LAPTOP) for i in range(2000))
    assert after(trace, seen)[0].value < LIMIT


def test_a_thief_at_night_while_the_owner_works_by_day_is_limited() -> None:
    trace = worked()

    def two() -> Iterator[Observation]:
        for day in range(20, 24):
            for i in range(150):
                at = START + day * DAY + 2 * HOUR + i * 60
                yield Observation(at, "10.9.9.0/24", "python-requests/linux")
            for i in range(48):
                yield Observation(START + day * DAY + 9 * HOUR + i * 600, HOME, LAPTOP)

    score, _ = after(trace, two())
    assert score.value >= LIMIT
    assert "hours" in score.evidence
    assert "stranger" in score.evidence


def test_rotating_proxies_behind_the_owner_s_own_program_are_limited() -> None:
    trace = worked()
    seen = (
        Observation(START + 20 * DAY + 12 * HOUR + i * 30, f"10.2.{i % 150}.0/24", LAPTOP)
        for i in range(300)
    )
    assert after(trace, seen)[0].value >= LIMIT


def test_a_robot_on_rented_machines_is_known_by_its_own_past() -> None:
    trace = Trace()
    highest = Score()
    for day in range(14):
        for run in range(12):
            for i in range(6):
                at = START + day * DAY + run * 2 * HOUR + i * 20
                network = f"10.3.{(day * 12 + run) * 3 % 250}.0/24"
                score = trace.see(Observation(at, network, "openai/linux/cpython"))
                highest = max(highest, score, key=lambda found: found.value)
    assert highest.value < LIMIT


def test_what_a_person_calls_honest_is_a_habit_from_then_on() -> None:
    trace = worked()
    at = START + 20 * DAY + 12 * HOUR
    assert max(trace.see(seen).value for seen in strangers(at, 30)) >= LIMIT
    trace.habit.trust(at + 450)
    score, _ = after(trace, strangers(at + 500, 30))
    assert score.value < LIMIT


def test_the_evidence_is_in_words_and_says_when_it_began() -> None:
    at = START + 20 * DAY + 12 * HOUR
    score, _ = after(worked(), strangers(at, 300))
    assert at <= score.began <= at + 60
    for found in score.evidence.values():
        assert found["adds"]
        assert str(found["seen"])
        assert str(found["usual"])


def test_prompts_about_other_things_add_to_it() -> None:
    def nights(prompt: str) -> float:
        trace = worked()
        score = Score()
        for i in range(60):
            at = START + 20 * DAY + 2 * HOUR + i * 60
            score = trace.see(Observation(at, "10.9.9.0/24", "curl", prompt))
        return score.value

    assert nights("neon robots fighting dragons underwater") > nights("a quiet lake with reeds")


def test_a_habit_comes_back_from_its_row_as_it_was() -> None:
    habit = worked().habit
    again = Habit.from_json(habit.as_json())
    assert again.as_json() == habit.as_json()
    assert again.networks.keys() == habit.networks.keys()


def test_merging_counts_nothing_twice() -> None:
    mine, theirs = worked(5).habit, worked(5, ("10.7.0.0/24",)).habit
    mine.merge(theirs)
    once = mine.as_json()
    mine.merge(theirs)
    assert mine.as_json() == once
    assert set(mine.networks) == {HOME, WORK, "10.7.0.0/24"}


def test_a_habit_stays_small_however_many_come() -> None:
    trace = Trace()
    for i in range(3000):
        trace.see(Observation(START + i * 600.0, f"10.{i // 250}.{i % 250}.0/24", f"c{i % 90}"))
    assert len(str(trace.habit.as_json())) < 25_000


def test_surprise_is_none_for_what_is_usual_and_grows_beyond() -> None:
    assert surprise(2, 2) == surprise(1, 2) == 0
    assert 0 < surprise(3, 2) < surprise(6, 2)


def test_without_several_new_programs_a_key_is_limited_and_not_stopped() -> None:
    assert Score(2 * STOP, crowded=True).step() == "stopped"
    assert Score(2 * STOP).step() == "limited"
    assert Score(LIMIT - 0.1).step() == ""
    assert Score(LIMIT - 0.1).step("limited") == "limited"
