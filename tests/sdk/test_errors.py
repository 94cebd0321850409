"""Every refusal is the exception that the SDK's users catch, with its field, code and id."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import APIStatusError, OpenAI
from structlog.testing import capture_logs

from pleinair.settings import ServiceSettings, digest_of_key
from tests.api.conftest import Live, serve

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")
KEY = "sk-of-ann-000001"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    keys = {"ann": digest_of_key(KEY), "bob": digest_of_key("sk-of-bob")}
    home = tmp_path_factory.mktemp("server")
    with serve(ServiceSettings(home=home, models=("test-card",), keys=keys, rate=0)) as live:
        yield live


@pytest.fixture
def client(live: Live) -> Iterator[OpenAI]:
    with OpenAI(base_url=live.url, api_key=KEY, max_retries=0) as client:
        yield client


def create(client: OpenAI, **fields: Any) -> Any:  # noqa: ANN401  # whatever a mistake may be
    return client.videos.create(**{"prompt": "a lake", "seconds": "1", "size": "64x48", **fields})


def refused(call: Callable[[], object], kind: type[APIStatusError]) -> Any:  # noqa: ANN401
    """The exception of a call, which must be of this kind and have what all have."""
    with pytest.raises(kind) as caught:
        call()
    error = caught.value
    assert type(error) is kind
    assert str(error.request_id).startswith("req_")
    assert set(error.body) == {"message", "type", "param", "code"}  # type: ignore[call-overload]
    return error


@pytest.mark.parametrize(
    ("fields", "param", "code", "words"),
    [
        ({"seconds": "five"}, "seconds", "invalid_value", 'such as "4"'),
        ({"seconds": "61"}, "seconds", "invalid_value", "less than or equal to 60"),
        ({"size": "large"}, "size", "invalid_value", "WIDTHxHEIGHT"),
        ({"size": "63x48"}, "size", "invalid_value", "even whole numbers"),
        ({"prompt": ""}, "prompt", "invalid_value", "at least 1 character"),
        ({"model": "sora-9"}, "model", "model_not_found", "there are: test-card."),
        ({"input_reference": b"not a picture"}, "input_reference", "invalid_value", "allowed:"),
        ({"extra_body": {"fps": 900}}, "fps", "invalid_value", "60"),
        ({"extra_body": {"quality": "high"}}, "quality", "invalid_value", "no such field"),
    ],
)
def test_what_cannot_be_is_a_bad_request(
    client: OpenAI, fields: dict[str, Any], param: str, code: str, words: str
) -> None:
    before = client.videos.list().to_dict()
    error = refused(lambda: create(client, **fields), openai.BadRequestError)
    assert (error.status_code, error.type) == (400, "invalid_request_error")
    assert (error.param, error.code) == (param, code)
    assert words in error.message
    assert client.videos.list().to_dict() == before


def test_a_wrong_key_is_an_authentication_error(live: Live) -> None:
    with OpenAI(base_url=live.url, api_key="sk-wrong-key", max_retries=0) as client:
        error = refused(client.videos.list, openai.AuthenticationError)
    assert (error.status_code, error.code) == (401, "invalid_api_key")
    assert "Incorrect API key provided" in error.message


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.videos.retrieve("video_0"),
        lambda client: client.videos.delete("video_0"),
        lambda client: client.videos.download_content("video_0"),
        lambda client: client.videos.remix("video_0", prompt="x"),
        lambda client: client.videos.get_character("char_0"),
        lambda client: client.files.retrieve("file-0"),
        lambda client: client.batches.retrieve("batch_0"),
        lambda client: client.webhooks.retrieve("we_0"),
        lambda client: client.models.retrieve("model_0"),
        lambda client: client.get("/nothing", cast_to=object),
    ],
)
def test_what_is_not_there_is_not_found(client: OpenAI, call: Callable[[OpenAI], object]) -> None:
    error = refused(lambda: call(client), openai.NotFoundError)
    assert (error.status_code, error.type) == (404, "invalid_request_error")


def test_another_ones_video_is_not_found(client: OpenAI, live: Live) -> None:
    video = create(client)
    with OpenAI(base_url=live.url, api_key="sk-of-bob", max_retries=0) as bob:
        refused(lambda: bob.videos.retrieve(video.id), openai.NotFoundError)
        refused(lambda: bob.videos.delete(video.id), openai.NotFoundError)
        assert bob.videos.list().data == []
    assert client.videos.retrieve(video.id).id == video.id


def test_content_before_the_end_is_not_found_yet(client: OpenAI) -> None:
    video = create(client)
    error = refused(lambda: client.videos.download_content(video.id), openai.NotFoundError)
    assert "Video is not ready yet, use GET /v1/videos/{video_id}" in error.message


def test_a_remix_of_an_unfinished_video_is_a_conflict_that_is_not_tried_again(
    client: OpenAI,
) -> None:
    video = create(client)
    patient = client.with_options(max_retries=2)
    error = refused(lambda: patient.videos.remix(video.id, prompt="x"), openai.ConflictError)
    assert (error.status_code, error.code) == (409, "conflict")
    assert error.response.headers["x-should-retry"] == "false"
    assert error.response.request.headers["x-stainless-retry-count"] == "0"


def test_a_key_that_came_with_another_request_is_unprocessable(client: OpenAI) -> None:
    key = {"extra_headers": {"Idempotency-Key": "mine"}}
    first = create(client, **key)
    assert create(client, **key).id == first.id
    error = refused(
        lambda: create(client, prompt="another", **key), openai.UnprocessableEntityError
    )
    assert (error.status_code, error.code) == (422, "idempotency_key_reused")


def test_a_full_queue_and_too_many_creates_are_rate_limits(tmp_path: Path) -> None:
    settings = ServiceSettings(home=tmp_path, models=("test-card",), rate=3, max_queued_each=2)
    with (
        serve(settings) as live,
        OpenAI(base_url=live.url, api_key="any", max_retries=0) as client,
    ):
        raw = client.videos.with_raw_response.create(prompt="a", seconds="1", size="64x48")  # type: ignore[arg-type]
        assert raw.headers["x-ratelimit-limit-requests"] == "3"
        assert raw.headers["x-ratelimit-remaining-requests"] == "2"
        create(client)
        error = refused(lambda: create(client), openai.RateLimitError)
        assert "at most 2 may" in error.message
        assert (error.status_code, error.code) == (429, "rate_limit_exceeded")
        for video in client.videos.list():
            live.finish(video.id)
        create(client)
        error = refused(lambda: create(client), openai.RateLimitError)
        assert "at most 3 videos a minute" in error.message
        assert 0 < int(error.response.headers["retry-after"]) <= 60


def test_a_failed_video_is_an_answer_and_no_exception(client: OpenAI, live: Live) -> None:
    video = create(client, prompt="fail now")
    live.finish(video.id)
    failed = client.videos.poll(video.id)
    assert failed.status == "failed"
    assert failed.error is not None
    assert (failed.error.code, failed.error.message) == ("model_error", "the prompt said fail")


def test_a_server_in_trouble_is_an_internal_server_error(
    client: OpenAI, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("cannot be told")

    monkeypatch.setattr(type(live.services.videos), "get", broken)
    with capture_logs():
        error = refused(lambda: client.videos.retrieve("video_0"), openai.InternalServerError)
    assert (error.status_code, error.code) == (500, "server_error")
    assert "cannot be told" not in error.message


def test_a_method_that_is_not_allowed_is_told(client: OpenAI) -> None:
    with pytest.raises(APIStatusError) as caught:
        client.delete("/videos", cast_to=object)
    assert caught.value.status_code == 405
    assert caught.value.response.headers["allow"] == "POST, GET"
