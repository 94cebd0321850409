"""Promise 14: every event arrives, under one id however often, and nothing forged is accepted."""

import base64
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

import pytest
from openai import InvalidWebhookSignatureError, OpenAI
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from pleinair.service.db import Database
from pleinair.service.endpoints import Endpoints
from pleinair.service.outbox import record
from pleinair.service.tables import Endpoint
from pleinair.service.webhooks import Courier
from pleinair.settings import ServiceSettings
from tests.promises.couriers import COURIERS, FAILING, GUARD, PACE, SECRET, Outcome, run
from tests.promises.figure import publish
from tests.service.receiver import Got, Receiver, listen

EVENTS = 1_000  # on each database
SEED = 14
ROTATIONS = 20
LETTERS = 40  # from each of which every forgery is made
_SDK = OpenAI(api_key="none")


@dataclass(frozen=True)
class Trust:
    """Letters that came while secrets were rotated, and forgeries made of some."""

    rotated: int
    dropped: int
    forgeries: int
    accepted: int


def measure(url: str, events: int = EVENTS) -> tuple[Outcome, Trust]:
    """Deliver through couriers that are killed and paused; then rotate, and forge."""
    return run(url, SEED, events), measure_trust(url)


def measure_trust(url: str) -> Trust:
    """Rotate while letters are on their way, then try to pass off what was not sent."""
    with closing(Database(url)) as database, listen() as receiver:
        endpoints = Endpoints(database, SECRET, GUARD)
        dropped = rotate_often(endpoints, receiver)
        made, secret = endpoints.create("bob", "forged", receiver.url, ["video.failed"])
        other, _ = endpoints.create("bob", "other", receiver.url, ["video.failed"])
        letters = _samples(endpoints, receiver, made)
        strange = [endpoints.secret_of(other), endpoints.secret_of(made, back=-1)]
        rotated, _ = endpoints.rotate("bob", made.id, keep_old=False)
        after = _samples(endpoints, receiver, rotated)
    assert all(accepted(letter, secret) == 2 for letter in letters), "true letters are accepted"
    forged = [false for letter in letters for false in forgeries(letter, strange)]
    wins = sum(accepted(letter, secret) for letter in forged + after)
    for age in (-301, 301, 86_400):  # true letters, but too new or too old
        wins += sum(accepted(letter, secret, age) for letter in letters)
    return Trust(ROTATIONS, dropped, len(forged) + len(after) + 3 * len(letters), wins)


def _samples(endpoints: Endpoints, receiver: Receiver, endpoint: Endpoint) -> list[Got]:
    receiver.got.clear()
    for _ in range(LETTERS):
        endpoints.test(endpoint.owner, endpoint.id, "video.failed")
    return list(receiver.got)


def rotate_often(endpoints: Endpoints, receiver: Receiver) -> int:
    """Letters refused by a receiver that learns of each new secret only later."""
    made, known = endpoints.create("cy", "sink", receiver.url, ["video.completed"])
    courier = Courier(endpoints.database, endpoints, GUARD, PACE)
    refused = 0

    def deliver() -> None:
        with endpoints.database.write() as session:
            for number in range(3):
                record(session, "cy", "video.completed", f"video_{number}")
        assert courier.step() == 3

    for _ in range(ROTATIONS):
        receiver.got.clear()
        deliver()  # these are on their way while the secret changes
        _, fresh = endpoints.rotate("cy", made.id, keep_old=True)
        deliver()  # the receiver still knows the old one
        courier.finish()
        assert len(receiver.got) == 6
        refused += sum(accepted(got, known) < 2 for got in receiver.got)
        known = fresh
        receiver.got.clear()
        deliver()
        courier.finish()
        refused += sum(accepted(got, known) < 2 for got in receiver.got)
    return refused


def accepted(got: Got, secret: str, age: float | None = None) -> int:
    """How many of two independent checks accept a letter, now or when it has that age."""
    count = 0
    headers = dict(got.headers)
    moment = time.time() if age is None else int(headers["webhook-timestamp"]) + age
    with (
        mock.patch("time.time", return_value=moment),
        mock.patch("standardwebhooks.webhooks.datetime", wraps=datetime) as clock,
    ):
        clock.now.side_effect = lambda tz: datetime.fromtimestamp(moment, tz)
        try:
            Webhook(secret).verify(got.body, headers)
            count += 1
        except (WebhookVerificationError, ValueError):
            pass
        try:
            _SDK.webhooks.unwrap(got.body, headers, secret=secret)
            count += 1
        except (InvalidWebhookSignatureError, ValueError):
            pass
    return count


def forgeries(letter: Got, strange: list[str]) -> Iterator[Got]:
    """What somebody without the secret could make of a letter that was overheard."""

    def changed(**headers: str) -> Got:
        return replace(
            letter,
            headers={
                **letter.headers,
                **{name.replace("_", "-"): value for name, value in headers.items()},
            },
        )

    now = letter.headers["webhook-timestamp"]
    signature = letter.headers["webhook-signature"]
    yield replace(letter, body=letter.body.replace(b"video.failed", b"video.completed"))
    yield replace(letter, body=letter.body[:-1] + b" }")
    yield changed(webhook_id="evt_other")
    yield changed(webhook_timestamp=str(int(now) + 1))
    yield changed(webhook_timestamp=str(int(now) - 60))
    yield changed(webhook_signature="v1," + base64.b64encode(bytes(32)).decode())
    yield changed(webhook_signature="v2," + signature.removeprefix("v1,") + "AA")
    yield changed(webhook_signature=signature[:3] + signature[3:].swapcase())
    sent = datetime.fromtimestamp(int(now), UTC)
    for secret in strange:
        signed = Webhook(secret).sign(letter.headers["webhook-id"], sent, letter.body.decode())
        yield changed(webhook_signature=signed)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_every_event_arrives_under_one_id_and_nothing_forged_is_accepted(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path / 'couriers.db'}"
    if kind == "postgres":
        url = ServiceSettings(database=request.getfixturevalue("postgres_url")).database_url
    outcome, trust = measure(url)
    publish_outcome(kind, outcome, trust)
    assert outcome.kills >= 10
    assert outcome.undelivered == outcome.unsettled == 0, outcome
    assert outcome.other_id == outcome.refused == 0, outcome
    assert outcome.again > 0, "nothing came twice: the crashes did no harm, so prove nothing"
    assert trust.dropped == 0
    assert trust.forgeries >= 500
    assert trust.accepted == 0


def test_a_courier_that_notes_before_it_sends_would_lose_letters(tmp_path: Path) -> None:
    lost = run(f"sqlite:///{tmp_path / 'careless.db'}", SEED, 100, careless=True)
    assert lost.undelivered > 0


def publish_outcome(kind: str, outcome: Outcome, trust: Trust) -> None:
    """The published figure of one database."""
    publish(
        "promise-14" if kind == "sqlite" else f"promise-14-{kind}",
        f"Webhooks arrive and can be trusted ({kind})",
        {
            "events": outcome.events,
            "SIGKILLs of couriers": outcome.kills,
            "SIGSTOPs past the lease": outcome.pauses,
            "requests": outcome.requests,
            "undelivered": outcome.undelivered,
            "taken again": outcome.again,
            "again under another id": outcome.other_id,
            "forged or old": trust.forgeries,
            "of these accepted": trust.accepted,
            "rotations": trust.rotated,
            "letters dropped by them": trust.dropped,
        },
        n=outcome.events,
        seeds=[SEED],
        notes=(
            f"{COURIERS} couriers in processes of their own; the receiver fails {FAILING:.0%} of "
            "requests: errors, redirects, and letters taken whose answer is lost."
        ),
    )
