from collections.abc import Iterator

import pytest

from pleinair.errors import BusyError, InputError, UnavailableError
from pleinair.service import rewriting
from pleinair.service.rewriting import Rewriter, instruction, need
from pleinair.settings import ServiceSettings
from tests.service.receiver import Reply
from tests.service.talker import Talker, reply, talking


@pytest.fixture
def talker() -> Iterator[Talker]:
    with talking() as made:
        yield made


@pytest.fixture
def rewriter(talker: Talker) -> Rewriter:
    return Rewriter(talker.url, "llama", "sk-1")


def test_the_prompt_comes_back_in_other_words(talker: Talker, rewriter: Rewriter) -> None:
    assert rewriter.rewrite("balloons", "pleinair-1") == talker.said
    [got] = talker.receiver.got
    assert got.path == "/v1/chat/completions"
    assert got.headers["authorization"] == "Bearer sk-1"
    [body] = talker.asked
    assert body["model"] == "llama"
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert body["messages"][1]["content"] == "balloons"
    Rewriter(f"{talker.url}/chat/completions/", "llama").rewrite("a lake", "test-card")
    assert talker.receiver.got[1].path == got.path
    assert "authorization" not in talker.receiver.got[1].headers


def test_what_the_model_can_show_is_told_where_that_is_known() -> None:
    known, rich = instruction("pleinair-1"), instruction("test-card")
    assert "snow field" in known
    assert "montgolfière" in known
    assert "snow field" not in rich
    assert "rich" in rich


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ('"a lake at dawn"', "a lake at dawn"),
        ("<think>hm,\nlakes</think>\n\n a lake ", "a lake"),
        ("```text\na lake\n```", "a lake"),
        ("« un lac »", "un lac"),
        ('"', '"'),
    ],
)
def test_what_is_put_around_a_prompt_falls_away(
    talker: Talker, rewriter: Rewriter, content: str, text: str
) -> None:
    talker.said = content
    assert rewriter.rewrite("a lake", "test-card") == text


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Reply(500), "answered with 500"),
        (Reply(302, {"location": "http://127.0.0.1:1/"}), "answered with 302"),
        (Reply(200, {}, b"<html>"), "another form"),
        (Reply(200, {}, b'{"choices": []}'), "another form"),
        (Reply(200, {}, b'[["choices"]]'), "another form"),
        (Reply(200, {}, b"[" * 100_000), "another form"),
        (reply(None), "without a text"),
        (reply(["a lake"]), "without a text"),
        (reply("  <think>nothing</think>"), "with nothing"),
        (reply("a" * 32_001), "more than a prompt's 32,000 characters"),
        (reply("a\0b"), "no prompt may have"),
        (reply("a" * 2**20), "more than 1,048,576 bytes"),
        (Reply(0), "no answer"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_answer_that_is_no_prompt_is_refused(
    talker: Talker, rewriter: Rewriter, answer: Reply, said: str
) -> None:
    talker.answer = answer
    with pytest.raises(UnavailableError, match=f"not rewritten: the endpoint .*{said}"):
        rewriter.rewrite("a lake", "test-card")


def test_an_endpoint_that_is_down_or_slow_is_named_as_such(
    talker: Talker, rewriter: Rewriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnavailableError, match="no answer: ConnectError"):
        Rewriter("http://127.0.0.1:1/v1", "llama").rewrite("a lake", "test-card")
    monkeypatch.setattr(rewriting, "PATIENCE", 1e-4)
    with pytest.raises(UnavailableError, match=r"no answer: .*Timeout|took more"):
        rewriter.rewrite("a lake", "test-card")


def test_nobody_asks_without_end(
    talker: Talker, rewriter: Rewriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewriting, "EACH", 2)
    for _ in range(2):
        rewriter.rewrite("a lake", "test-card", "ana")
    with pytest.raises(BusyError, match="2 prompts a minute") as caught:
        rewriter.rewrite("a lake", "test-card", "ana")
    assert 0 < caught.value.retry_after <= 60
    rewriter.rewrite("a lake", "test-card", "bo")
    assert len(talker.asked) == 3


def test_an_endpoint_is_there_only_where_it_was_set() -> None:
    assert Rewriter.of(ServiceSettings()) is None
    with pytest.raises(InputError, match=r"rewrite: .*PLEINAIR_REWRITE_URL"):
        need(None)
    told = {
        "PLEINAIR_REWRITE_URL": "http://localhost:11434/v1",
        "PLEINAIR_REWRITE_MODEL": "llama",
        "PLEINAIR_REWRITE_KEY": "sk-secret",
    }
    settings = ServiceSettings.read(told)
    assert "sk-secret" not in repr(settings)
    made = Rewriter.of(settings)
    assert need(made).url == "http://localhost:11434/v1/chat/completions"
    for wrong in ({"PLEINAIR_REWRITE_URL": "localhost"}, {"PLEINAIR_REWRITE_MODEL": ""}):
        with pytest.raises(InputError, match="rewrite_"):
            ServiceSettings.read({**told, **wrong})
