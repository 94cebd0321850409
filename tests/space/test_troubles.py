"""What the server's refusals mean to a visitor, and what is never passed on."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from openai import OpenAI

from page import telling
from page.server import Server
from page.settings import Settings
from page.troubles import Gate, Trouble
from page.words import EN, FR

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")
KEY = "pa_0123456789abcdefghijklmnopqrs"
SETTINGS = Settings("http://server.invalid/v1", KEY)


def server_of(answer: Callable[[httpx2.Request], httpx2.Response]) -> Server:
    """A server that answers so to everything."""
    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    client = OpenAI(
        base_url=SETTINGS.base_url,
        api_key=KEY,
        max_retries=0,
        http_client=http,
    )
    return Server(SETTINGS, client)


def refusing(status: int, code: str, headers: dict[str, str], param: str | None = None) -> Server:
    message = f"Said of {KEY}: the words."
    body = {"error": {"message": message, "type": "x", "param": param, "code": code}}
    return server_of(lambda _: httpx2.Response(status, json=body, headers=headers))


def trouble(call: Callable[[], object]) -> Trouble:
    with pytest.raises(Trouble) as caught:
        call()
    return caught.value


@pytest.mark.parametrize(
    ("status", "code", "headers", "kind", "wait", "passed_on"),
    [
        (503, "switched_off", {"retry-after": "7200"}, "off", 7200.0, True),
        (403, "switched_off", {}, "off", None, True),
        (401, "key_stopped", {}, "key", None, False),
        (401, "invalid_api_key", {}, "key", None, False),
        (403, "permission_denied", {}, "forbidden", None, False),
        (403, "terms_not_accepted", {}, "forbidden", None, False),
        (403, "withheld", {}, "withheld", None, False),
        (429, "insufficient_quota", {"retry-after": "60"}, "quota", 60.0, False),
        (429, "rate_limit_exceeded", {"retry-after": "9"}, "busy", 9.0, False),
        (429, "rate_limit_exceeded", {"retry-after": "Fri, 27 Nov"}, "busy", None, False),
        (400, "invalid_value", {}, "value", None, True),
        (500, "server_error", {}, "server", None, False),
        (503, "unavailable", {"retry-after": "1"}, "server", 1.0, False),
    ],
)
def test_each_refusal_is_of_a_kind_and_the_key_is_in_none(
    status: int, code: str, headers: dict[str, str], kind: str, wait: float | None, passed_on: bool
) -> None:
    server = refusing(status, code, headers)
    found = trouble(lambda: server.create("a lake", "640x360", 5))
    assert (found.kind, found.wait) == (kind, wait)
    assert ("the words" in found.message) is passed_on
    for words in (EN, FR):
        shown = telling.refusal(found, words, SETTINGS) + telling.notice(found, words)
        assert KEY not in shown
        assert ("the words" in shown) is passed_on


def test_a_refused_value_names_its_field() -> None:
    server = refusing(400, "invalid_value", {}, param="size")
    found = trouble(lambda: server.create("a lake", "640x360", 5))
    assert "does not take the resolution" in telling.refusal(found, EN, SETTINGS)


def test_what_the_server_says_is_never_markup() -> None:
    found = Trouble("off", "<script>alert(1)</script>")
    assert "<script>" not in telling.notice(found, EN)


def test_a_server_that_is_not_there_cannot_be_reached() -> None:
    def broken(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused", request=request)

    server = server_of(broken)
    assert trouble(lambda: server.create("a lake", "640x360", 5)).kind == "unreachable"
    assert trouble(server.probe).kind == "unreachable"


@pytest.mark.parametrize("status", [400, 404, 405, 403, 501])
def test_a_server_without_remixes_is_open(status: int) -> None:
    refusing(status, "other", {}).probe()


def test_what_concerns_all_is_remembered_for_all_and_asked_again() -> None:
    asked: list[float] = []
    told: list[Trouble | None] = [Trouble("off", "Back tonight.", 7200.0)]
    now = [0.0]

    def probe() -> None:
        asked.append(now[0])
        if told[0]:
            raise told[0]

    gate = Gate(probe, lambda: now[0])
    for _ in range(3):
        closed = gate.closed()
        assert closed is not None
        assert closed.message == "Back tonight."
    assert asked == [0.0]
    now[0], told[0] = 20.0, None
    assert gate.closed() is None
    # What one visitor's create was told holds for the next one who opens the page.
    gate.note(Trouble("quota"))
    assert gate.closed() is not None
    gate.note(Trouble("busy"))  # says nothing of others
    assert gate.closed() is not None
    gate.note(None)
    assert gate.closed() is None
    assert asked == [0.0, 20.0]


def test_every_word_is_there_in_both_languages_with_the_same_gaps() -> None:
    def gaps(text: str) -> set[str]:
        return {part.split("}")[0] for part in text.split("{")[1:]}

    assert set(EN) == set(FR)
    assert [key for key in EN if gaps(EN[key]) != gaps(FR[key])] == []


def answers(*bodies: dict[str, Any]) -> Callable[[httpx2.Request], httpx2.Response]:
    waiting = iter(bodies)
    return lambda _: httpx2.Response(200, json=next(waiting))


def test_what_a_server_does_not_tell_is_not_pretended() -> None:
    bare = {"id": "v1", "object": "video", "status": "in_progress", "progress": 40, "created_at": 1}
    told = bare | {
        "queue_position": None,
        "eta_seconds": 70,
        "stage": "denoise",
        "prompt": "a lake",
        "revised_prompt": "A lake, wide and <calm>",
        "unknown_words": {"lakke": "lake", "zzz": None},
    }
    server = server_of(answers(bare, told))
    clip = server.look("v1")
    assert telling.words_on(clip, EN) == ""
    shown = telling.progress(clip, EN)
    assert 'value="40"' in shown
    assert "left" not in shown
    clip = server.look("v1")
    assert "drawing · about 70 seconds left" in telling.progress(clip, EN)
    shown = telling.words_on(clip, EN)
    assert "A lake, wide and &lt;calm&gt;" in shown
    assert "“lakke” (it knows “lake”), “zzz”." in shown
