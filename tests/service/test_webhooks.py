import threading
import time
from collections.abc import Callable, Iterator

import pytest
import structlog
from sqlalchemy import update

from pleinair.service.db import Database
from pleinair.service.endpoints import Endpoints
from pleinair.service.fetch import Guard
from pleinair.service.outbox import record
from pleinair.service.tables import Delivery, Endpoint
from pleinair.service.webhooks import Courier, Errand, Pace
from tests.service.receiver import LOOPBACK, Got, Receiver, Reply, listen

GUARD = Guard(LOOPBACK)
FAST = Pace(first=0.01, longest=0.02, poll=0.01)
Tell = Callable[..., None]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with structlog.testing.capture_logs():
        yield


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listen() as receiver:
        yield receiver


@pytest.fixture
def endpoints(database: Database) -> Endpoints:
    return Endpoints(database, b"the server's secret", GUARD)


@pytest.fixture
def endpoint(endpoints: Endpoints, receiver: Receiver) -> Endpoint:
    made, _ = endpoints.create("ann", "a", receiver.url, ["video.completed"])
    return made


@pytest.fixture
def tell(database: Database) -> Tell:
    """Records so many events of Ann's."""

    def write(count: int = 1, kind: str = "video.completed") -> None:
        with database.write() as session:
            for i in range(count):
                record(session, "ann", kind, f"video_{i}")

    return write


def _courier(endpoints: Endpoints, pace: Pace = FAST) -> Courier:
    return Courier(endpoints.database, endpoints, GUARD, pace)


def _deliveries(database: Database) -> list[Delivery]:
    with database.read() as session:
        return session.query(Delivery).order_by(Delivery.next_at).all()


def _work(courier: Courier, seconds: float = 5.0) -> None:
    """Let a courier work until nothing is pending."""
    until = time.monotonic() + seconds
    while any(d.state == "pending" for d in _deliveries(courier.database)):
        assert time.monotonic() < until, "deliveries are still pending"
        courier.step()
        courier.finish()
        time.sleep(0.005)


def test_an_event_goes_once_to_each_endpoint_that_wants_it(
    endpoints: Endpoints, receiver: Receiver, endpoint: Endpoint, tell: Tell
) -> None:
    endpoints.create("ann", "other", receiver.url + "/failed", ["video.failed"])
    endpoints.create("bob", "his", receiver.url + "/bob", ["video.completed"])
    tell()
    tell(kind="video.failed")
    _work(_courier(endpoints))
    assert sorted(got.path for got in receiver.got) == ["/hook", "/hook/failed"]
    assert {d.last for d in _deliveries(endpoints.database)} == {"HTTP 200"}


@pytest.mark.parametrize("reply", [Reply(500), Reply(302, {"location": "/there"}), Reply(0)])
def test_what_is_not_accepted_comes_again_under_the_same_id(
    endpoints: Endpoints, receiver: Receiver, endpoint: Endpoint, tell: Tell, reply: Reply
) -> None:
    receiver.answer = lambda _: reply if len(receiver.got) < 3 else Reply(204)
    tell()
    _work(_courier(endpoints))
    assert len(receiver.got) == 3
    assert len(set(receiver.ids)) == 1
    assert {got.path for got in receiver.got} == {"/hook"}
    (delivery,) = _deliveries(endpoints.database)
    assert (delivery.state, delivery.tries, delivery.last) == ("delivered", 3, "HTTP 204")


def test_waits_double_up_to_a_limit_and_chance_spreads_them() -> None:
    pace = Pace()
    for tries, wait in ((1, 5), (2, 10), (3, 20), (14, 21_600), (2_000, 21_600)):
        drawn = [pace.wait(tries) for _ in range(50)]
        assert 0.8 * wait <= min(drawn) < max(drawn) <= 1.2 * wait


def test_a_failure_is_tried_again_only_after_its_wait(
    endpoints: Endpoints, receiver: Receiver, endpoint: Endpoint, tell: Tell
) -> None:
    receiver.answer = lambda _: Reply(500)
    tell()
    courier = _courier(endpoints, Pace())
    assert courier.step() == 1
    courier.finish()
    (delivery,) = _deliveries(endpoints.database)
    assert 3.0 < delivery.next_at - endpoints.database.time() <= 6.0
    assert courier.step() == 0


def test_an_event_that_is_too_old_is_given_up_after_a_last_try(
    endpoints: Endpoints, receiver: Receiver, endpoint: Endpoint, tell: Tell
) -> None:
    receiver.answer = lambda _: Reply(410)
    tell()
    courier = _courier(endpoints, Pace(first=1000.0, give_up=0.2))
    courier.step()
    courier.finish()
    _work(courier)
    (delivery,) = _deliveries(endpoints.database)
    assert (delivery.state, delivery.last, delivery.tries) == ("given_up", "HTTP 410", 2)


def test_what_goes_to_a_deleted_endpoint_is_given_up(
    endpoints: Endpoints, receiver: Receiver, endpoint: Endpoint, tell: Tell
) -> None:
    tell()
    with endpoints.database.write() as session:  # as if it went in the moment of the event
        session.delete(session.get_one(Endpoint, endpoint.id))
    assert _courier(endpoints).step() == 0
    assert receiver.got == []
    (delivery,) = _deliveries(endpoints.database)
    assert (delivery.state, delivery.last) == ("given_up", "the endpoint was deleted")


def test_an_address_that_has_become_forbidden_is_not_reached(
    endpoints: Endpoints, receiver: Receiver, endpoint: Endpoint, tell: Tell
) -> None:
    tell()
    courier = Courier(endpoints.database, endpoints, Guard(), FAST)
    courier.step()
    courier.finish()
    assert receiver.got == []
    (delivery,) = _deliveries(endpoints.database)
    assert delivery.state == "pending"
    assert "operator allows" in delivery.last


def test_several_couriers_send_each_letter_once(
    endpoints: Endpoints, receiver: Receiver, endpoint: Endpoint, tell: Tell
) -> None:
    tell(100)
    stop = threading.Event()
    couriers = [_courier(endpoints, Pace(poll=0.01, each=4)) for _ in range(3)]
    threads = [threading.Thread(target=courier.run, args=(stop,)) for courier in couriers]
    for thread in threads:
        thread.start()
    until = time.monotonic() + 20
    while any(d.state == "pending" for d in _deliveries(endpoints.database)):
        assert time.monotonic() < until
        time.sleep(0.02)
    stop.set()
    for thread in threads:
        thread.join()
    assert len(receiver.got) == len(set(receiver.ids)) == 100


def test_a_courier_that_rests_stops_when_it_is_woken(endpoints: Endpoints) -> None:
    rests, stop = threading.Event(), threading.Event()

    class Resting(Courier):
        def step(self) -> int:
            rests.set()
            return 0

    courier = Resting(endpoints.database, endpoints, GUARD, Pace(poll=600.0))
    thread = threading.Thread(target=courier.run, args=(stop,), daemon=True)
    thread.start()
    assert rests.wait(30)
    stop.set()
    courier.wake()
    thread.join(30)
    assert not thread.is_alive()


def test_what_a_dead_courier_had_in_hand_goes_out_after_its_lease(
    endpoints: Endpoints, receiver: Receiver, endpoint: Endpoint, tell: Tell
) -> None:
    class Dying(Courier):
        def _settle(self, errand: Errand, accepted: bool, told: str) -> None:
            """Die after sending."""

    tell()
    dying = Dying(endpoints.database, endpoints, GUARD, Pace(lease=0.3))
    dying.step()
    dying.finish()
    assert _courier(endpoints).step() == 0
    _work(_courier(endpoints))
    assert len(receiver.got) == 2
    assert len(set(receiver.ids)) == 1


def test_a_try_whose_lease_ended_does_not_disturb_the_next_one(
    endpoints: Endpoints, receiver: Receiver, endpoint: Endpoint, tell: Tell
) -> None:
    go_on = threading.Event()

    def fail_late(_: Got) -> Reply:
        go_on.wait(10)
        return Reply(500)

    receiver.answer = fail_late
    tell()
    slow = _courier(endpoints, Pace(lease=0.0))
    slow.step()
    with endpoints.database.write() as session:  # another courier has taken it since
        session.execute(update(Delivery).values(tries=2, next_at=9e9))
    go_on.set()
    slow.finish()
    (delivery,) = _deliveries(endpoints.database)
    assert (delivery.tries, delivery.next_at, delivery.last) == (2, 9e9, "")


def test_a_slow_endpoint_does_not_hold_the_others(
    endpoints: Endpoints, receiver: Receiver, endpoint: Endpoint, tell: Tell
) -> None:
    go_on = threading.Event()

    def hang(_: Got) -> Reply:
        go_on.wait(10)
        return Reply()

    with listen(hang) as slow:
        endpoints.create("ann", "slow", slow.url, ["video.completed"])
        tell(10)
        with endpoints.database.write() as session:  # the slow one is always first
            mine = update(Delivery).where(Delivery.endpoint_id == endpoint.id)
            session.execute(mine.values(next_at=Delivery.next_at + 0.01))
        courier = _courier(endpoints, Pace(hands=4, each=2))
        until = time.monotonic() + 5
        while len(receiver.got) < 10:
            assert time.monotonic() < until, "the quick endpoint waits for the slow one"
            courier.step()
            time.sleep(0.005)
        assert len(slow.got) <= 2
        go_on.set()
        courier.finish()


def test_no_error_ends_a_courier(
    endpoints: Endpoints,
    receiver: Receiver,
    endpoint: Endpoint,
    tell: Tell,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    courier = _courier(endpoints)
    step, calls = courier.step, []

    def failing() -> int:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("no database")
        return step()

    monkeypatch.setattr(courier, "step", failing)
    stop = threading.Event()
    thread = threading.Thread(target=courier.run, args=(stop,))
    thread.start()
    tell()
    until = time.monotonic() + 5
    while not receiver.got:
        assert time.monotonic() < until
        time.sleep(0.01)
    stop.set()
    thread.join()
    assert [d.state for d in _deliveries(endpoints.database)] == ["delivered"]
