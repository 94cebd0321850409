import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest
from openai import BadRequestError, InvalidWebhookSignatureError, NotFoundError, OpenAI

from pleinair.settings import ServiceSettings, digest_of_key
from tests.api.conftest import Live
from tests.service.receiver import LOOPBACK, Receiver, Reply, listen

URL = "https://hooks.example/pleinair"


@pytest.fixture
def server_settings(tmp_path: Path) -> ServiceSettings:
    return ServiceSettings(
        home=tmp_path / "home",
        models=("test-card",),
        rate=0,
        webhook_allow=LOOPBACK,
        keys={"ann": digest_of_key("key of ann"), "bob": digest_of_key("key of bob")},
    )


@pytest.fixture
def client(live_server: Live) -> Iterator[OpenAI]:
    with OpenAI(
        base_url=live_server.url,
        api_key="key of ann",
        max_retries=0,
        _strict_response_validation=True,
    ) as client:
        yield client


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listen() as receiver:
        yield receiver


def test_the_sdk_makes_changes_and_removes_an_endpoint(client: OpenAI) -> None:
    made = client.webhooks.create(name="hook", url=URL, event_types=["video.completed"])
    assert (made.object, made.name, made.url) == ("webhook_endpoint", "hook", URL)
    assert made.signing_secret_hint is not None
    assert made.signing_secret.rstrip("=").endswith(made.signing_secret_hint[-4:])
    assert made.signing_secret not in made.signing_secret_hint
    assert abs(made.created_at - time.time()) < 60

    found = client.webhooks.retrieve(made.id)
    assert found.to_dict() == {k: v for k, v in made.to_dict().items() if k != "signing_secret"}

    changed = client.webhooks.update(made.id, name="other", event_types=["video.failed"])
    assert (changed.name, changed.url, changed.event_types) == ("other", URL, ["video.failed"])

    gone = client.webhooks.delete(made.id)
    assert (gone.id, gone.deleted, gone.object) == (made.id, True, "webhook_endpoint.deleted")
    with pytest.raises(NotFoundError):
        client.webhooks.retrieve(made.id)
    with pytest.raises(NotFoundError):
        client.webhooks.delete(made.id)


def test_the_sdk_walks_through_all_pages_newest_first(client: OpenAI) -> None:
    made = [
        client.webhooks.create(name=f"{i}", url=URL, event_types=["video.failed"]).id
        for i in range(5)
    ]
    first = client.webhooks.list(limit=2)
    assert first.has_more
    assert [endpoint.id for endpoint in first.data] == made[:2:-1]
    assert [endpoint.id for endpoint in client.webhooks.list(limit=2)] == made[::-1]
    assert [endpoint.id for endpoint in client.webhooks.list(after=made[1])] == made[:1]
    with pytest.raises(BadRequestError, match="after"):
        client.webhooks.list(after="whe_nobody")


def test_the_event_types_on_offer_are_those_of_videos(client: OpenAI) -> None:
    assert client.webhooks.event_types.list().data == ["video.completed", "video.failed"]


def test_users_do_not_see_the_endpoints_of_others(client: OpenAI) -> None:
    made = client.webhooks.create(name="hook", url=URL, event_types=["video.failed"])
    bob = client.with_options(api_key="key of bob")
    assert list(bob.webhooks.list()) == []
    with pytest.raises(NotFoundError):
        bob.webhooks.retrieve(made.id)
    with pytest.raises(NotFoundError):
        bob.webhooks.rotate_secret(made.id)
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="key of nobody").webhooks.list()


def test_a_sample_event_arrives_signed_and_its_answer_is_told(
    client: OpenAI, receiver: Receiver
) -> None:
    made = client.webhooks.create(name="a", url=receiver.url, event_types=["video.failed"])
    receiver.answer = lambda _: Reply(418)
    result = client.webhooks.test(made.id, event_type="video.completed")
    assert (result.status_code, result.success, result.event_type) == (418, True, "video.completed")
    assert result.webhook_endpoint_id == made.id
    (got,) = receiver.got
    event = client.webhooks.unwrap(got.body, dict(got.headers), secret=made.signing_secret)
    assert event.type == "video.completed"  # type: ignore[comparison-overlap]  # unknown to the SDK
    with pytest.raises(InvalidWebhookSignatureError):
        client.webhooks.unwrap(got.body + b" ", dict(got.headers), secret=made.signing_secret)


def test_after_a_rotation_the_old_secret_is_good_only_if_it_was_kept(
    client: OpenAI, receiver: Receiver
) -> None:
    made = client.webhooks.create(name="a", url=receiver.url, event_types=["video.failed"])
    kept = client.webhooks.rotate_secret(made.id, keep_old_secret_active_for_24_hours=True)
    client.webhooks.test(made.id, event_type="video.failed")
    newest = client.webhooks.rotate_secret(made.id)
    client.webhooks.test(made.id, event_type="video.failed")
    assert newest.signing_secret_hint != kept.signing_secret_hint
    before, after = receiver.got
    for secret in (made.signing_secret, kept.signing_secret):
        client.webhooks.unwrap(before.body, dict(before.headers), secret=secret)
        with pytest.raises(InvalidWebhookSignatureError):
            client.webhooks.unwrap(after.body, dict(after.headers), secret=secret)
    client.webhooks.unwrap(after.body, dict(after.headers), secret=newest.signing_secret)


def test_a_finished_video_is_told_of(live_server: Live, client: OpenAI, receiver: Receiver) -> None:
    made = client.webhooks.create(
        name="a", url=receiver.url, event_types=["video.completed", "video.failed"]
    )
    body = {"model": "test-card", "prompt": "a lake", "size": "64x48", "seconds": "1"}
    video = client.post("/videos", body=body, cast_to=httpx.Response).json()
    live_server.finish(video["id"])
    until = time.monotonic() + 10
    while not receiver.got:
        assert time.monotonic() < until, "nothing arrived"
        time.sleep(0.02)
    (got,) = receiver.got
    event = client.webhooks.unwrap(got.body, dict(got.headers), secret=made.signing_secret)
    assert event.data.id == video["id"]  # type: ignore[union-attr]  # some events have no such id
    assert event.id == got.headers["webhook-id"]


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("url", {"url": "http://93.184.216.34/"}),
        ("url", {"url": "https://10.0.0.1/"}),
        ("url", {"url": "https://u:p@hooks.example/"}),
        ("url", {"url": 7}),
        ("name", {"name": ""}),
        ("event_types", {"event_types": []}),
        ("event_types", {"event_types": ["response.completed"]}),
        ("event_types", {"event_types": "video.failed"}),
        ("secret", {"secret": "mine"}),
    ],
)
def test_a_refusal_names_the_field(client: OpenAI, field: str, body: dict[str, object]) -> None:
    fine = {"name": "a", "url": URL, "event_types": ["video.failed"]}
    made = client.post("/webhook_endpoints", body=fine, cast_to=httpx.Response).json()
    for path in ("/webhook_endpoints", f"/webhook_endpoints/{made['id']}"):
        with pytest.raises(BadRequestError) as caught:
            client.post(path, body=fine | body, cast_to=object)
        assert caught.value.param == field


def test_an_address_that_does_not_answer_is_told_as_a_mistake(client: OpenAI) -> None:
    made = client.webhooks.create(name="a", url="http://127.0.0.1:1/", event_types=["video.failed"])
    with pytest.raises(BadRequestError, match="url"):
        client.webhooks.test(made.id, event_type="video.failed")
