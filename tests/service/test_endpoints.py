import json
from collections.abc import Iterator

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from pleinair.errors import ConflictError, InputError, NotFoundError
from pleinair.service import endpoints as module
from pleinair.service.db import Database
from pleinair.service.endpoints import KEEP_OLD, Endpoints, Letter, message
from pleinair.service.fetch import Guard, client
from pleinair.service.outbox import record
from pleinair.service.tables import Delivery, Endpoint
from tests.service.receiver import LOOPBACK, Receiver, Reply, listen

URL = "https://hooks.example/pleinair"
BOTH = ["video.completed", "video.failed"]


@pytest.fixture
def endpoints(database: Database) -> Endpoints:
    return Endpoints(database, b"the server's secret", Guard(LOOPBACK))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listen() as receiver:
        yield receiver


def test_an_endpoint_is_found_as_it_was_made(endpoints: Endpoints) -> None:
    made, secret = endpoints.create("ann", " Hook ", URL, ["video.failed", "video.failed"])
    found = endpoints.get("ann", made.id)
    assert (found.name, found.url, found.event_types) == ("Hook", URL, ["video.failed"])
    assert found.created_at == found.updated_at
    assert secret.startswith("whsec_")
    assert endpoints.hint_of(found).startswith("whsec_...")
    assert len(endpoints.hint_of(found)) == len("whsec_...") + 4


def test_secrets_differ_by_endpoint_version_and_server(
    endpoints: Endpoints, database: Database
) -> None:
    first, a = endpoints.create("ann", "a", URL, BOTH)
    _, b = endpoints.create("ann", "b", URL, BOTH)
    rotated, c = endpoints.rotate("ann", first.id, keep_old=False)
    d = Endpoints(database, b"another secret", Guard()).secret_of(rotated)
    assert len({a, b, c, d}) == 4
    assert endpoints.secret_of(rotated) == c


def test_nobody_sees_or_changes_the_endpoints_of_others(endpoints: Endpoints) -> None:
    made, _ = endpoints.create("ann", "a", URL, BOTH)
    assert endpoints.list("bob").items == ()
    for act in (
        lambda: endpoints.get("bob", made.id),
        lambda: endpoints.update("bob", made.id, name="b"),
        lambda: endpoints.rotate("bob", made.id, keep_old=True),
        lambda: endpoints.test("bob", made.id, "video.failed"),
        lambda: endpoints.delete("bob", made.id),
    ):
        with pytest.raises(NotFoundError, match=made.id):
            act()
    assert endpoints.get("ann", made.id).name == "a"


def test_only_a_change_moves_the_time_of_the_last_change(endpoints: Endpoints) -> None:
    made, _ = endpoints.create("ann", "a", URL, BOTH)
    same = endpoints.update("ann", made.id, name="a", url=URL, event_types=BOTH)
    assert same.updated_at == made.updated_at
    changed = endpoints.update("ann", made.id, event_types=["video.failed"])
    assert changed.updated_at > made.updated_at
    assert (changed.name, changed.event_types) == ("a", ["video.failed"])
    assert endpoints.get("ann", made.id).event_types == ["video.failed"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "http://hooks.example/"),
        ("url", "https://127.0.0.1.nip.example:0/"),
        ("url", "https://user@hooks.example/"),
        ("url", "https://169.254.169.254/latest"),
        ("url", "https://0x0a.1/"),
        ("url", "https://hooks.example/" + "x" * 2_048),
        ("name", " "),
        ("name", "x" * 256),
        ("event_types", []),
        ("event_types", ["batch.completed"]),
    ],
)
def test_what_is_not_allowed_is_refused_at_creation_and_at_change(
    database: Database, field: str, value: object
) -> None:
    endpoints = Endpoints(database, b"secret", Guard())
    fine: dict[str, object] = {"name": "a", "url": URL, "event_types": BOTH}
    with pytest.raises(InputError, match=field):
        endpoints.create("ann", **{**fine, field: value})  # type: ignore[arg-type]
    made, _ = endpoints.create("ann", "a", URL, BOTH)
    with pytest.raises(InputError, match=field):
        endpoints.update("ann", made.id, **{field: value})  # type: ignore[arg-type]


def test_a_user_may_have_only_so_many(
    endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_ENDPOINTS", 2)
    for _ in range(2):
        endpoints.create("ann", "a", URL, BOTH)
    with pytest.raises(ConflictError, match="2"):
        endpoints.create("ann", "a", URL, BOTH)
    endpoints.create("bob", "a", URL, BOTH)


def test_a_kept_secret_signs_for_a_day_beside_the_new_one(endpoints: Endpoints) -> None:
    made, old = endpoints.create("ann", "a", URL, BOTH)
    rotated, new = endpoints.rotate("ann", made.id, keep_old=True)
    moment = rotated.updated_at
    assert endpoints.secrets_of(rotated, moment) == (new, old)
    assert endpoints.secrets_of(rotated, moment + KEEP_OLD + 1) == (new,)
    dropped, newest = endpoints.rotate("ann", made.id, keep_old=False)
    assert endpoints.secrets_of(dropped, moment) == (newest,)


def test_deleting_gives_up_what_was_underway(endpoints: Endpoints, database: Database) -> None:
    made, _ = endpoints.create("ann", "a", URL, BOTH)
    with database.write() as session:
        record(session, "ann", "video.failed", "video_1")
    endpoints.delete("ann", made.id)
    with database.read() as session:
        (delivery,) = session.query(Delivery).all()
        assert session.query(Endpoint).all() == []
    assert (delivery.state, delivery.last) == ("given_up", "the endpoint was deleted")


def test_a_letter_carries_one_signature_for_each_secret(receiver: Receiver) -> None:
    secrets = ("whsec_bmV3ZXIgc2VjcmV0", "whsec_b2xkZXIgc2VjcmV0")
    body = message("evt_1", "video.completed", "video_1", 1_700_000_000.9)
    with client(Guard(LOOPBACK)) as http:
        assert Letter("evt_1", receiver.url, body, secrets).send(http) == 200
    (got,) = receiver.got
    assert json.loads(got.body) == {
        "id": "evt_1",
        "object": "event",
        "created_at": 1_700_000_000,
        "type": "video.completed",
        "data": {"id": "video_1"},
    }
    assert got.headers["content-type"] == "application/json"
    for secret in secrets:
        Webhook(secret).verify(got.body, dict(got.headers))
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_b3RoZXI=").verify(got.body, dict(got.headers))


def test_a_sample_is_sent_once_and_its_answer_is_told(
    endpoints: Endpoints, receiver: Receiver
) -> None:
    made, secret = endpoints.create("ann", "a", receiver.url, ["video.failed"])
    receiver.answer = lambda _: Reply(503)
    assert endpoints.test("ann", made.id, "video.completed") == 503
    (got,) = receiver.got
    sample = Webhook(secret).verify(got.body, dict(got.headers))
    assert sample["type"] == "video.completed"
    assert endpoints.get("ann", made.id).updated_at == made.updated_at
    with pytest.raises(InputError, match="event_type"):
        endpoints.test("ann", made.id, "batch.completed")


def test_a_sample_that_reaches_nobody_is_a_mistake_in_the_address(
    endpoints: Endpoints, receiver: Receiver
) -> None:
    made, _ = endpoints.create("ann", "a", "http://127.0.0.1:1/", BOTH)
    with pytest.raises(InputError, match=r"url.*refused"):
        endpoints.test("ann", made.id, "video.failed")
    guarded = Endpoints(endpoints.database, b"secret", Guard())
    hidden, _ = endpoints.create("ann", "a", receiver.url, BOTH)
    with pytest.raises(InputError, match="https"):
        guarded.test("ann", hidden.id, "video.failed")
    assert receiver.got == []
