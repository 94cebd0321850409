"""What looks at prompts and videos before people do."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from sqlalchemy import select

from pleinair.errors import InputError, UnavailableError
from pleinair.review.checks import Checks, Sighting
from pleinair.review.found import Found
from pleinair.review.moderation import Moderation
from pleinair.review.phrases import Phrases
from pleinair.service.programme_tables import Flag
from pleinair.settings import ServiceSettings
from tests.access.conftest import House
from tests.review.films import film


class Loud:
    """A check of one's own."""

    def prompt(self, text: str) -> list[Found]:
        return [Found("loud", text)] if text.isupper() else []

    def video(self, prompt: str, thumbnail: bytes) -> list[Found]:
        return [Found("picture", thumbnail.decode())]


class Broken:
    """A check that is."""

    def prompt(self, text: str) -> list[Found]:
        raise RuntimeError("no luck")

    video = None


class Endpoint(BaseHTTPRequestHandler):
    """Answers as an endpoint of moderations would."""

    answer: tuple[int, object] = (200, {})
    got: dict[str, object] = {}  # noqa: RUF012

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        Endpoint.got = {"key": self.headers.get("authorization"), **json.loads(body)}
        status, told = Endpoint.answer
        data = told if isinstance(told, bytes) else json.dumps(told).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/moderations"
    server.shutdown()
    thread.join()
    server.server_close()


LINES = ("# a remark", "violence: Tête coupée", "! minors: bad thing", "plain", "", "!", "x: …")


@pytest.mark.parametrize(
    ("prompt", "labels"),
    [
        ("a lake", []),
        ("une TETE  coupée, au loin", ["violence"]),
        ("a bad, thing", ["minors"]),
        ("a bad thinga", []),
        ("plain plainly", ["words"]),
        ("complain", []),
    ],
)
def test_whole_words_count_in_any_case_with_or_without_accents(
    prompt: str, labels: list[str]
) -> None:
    assert [found.label for found in Phrases(LINES).prompt(prompt)] == labels


def test_a_mark_holds() -> None:
    assert [found.hold for found in Phrases(LINES).prompt("tete coupee bad thing")] == [False, True]


def test_the_shipped_words_are_read_and_leave_a_landscape_alone() -> None:
    shipped = Phrases.read()
    assert [found.label for found in shipped.prompt("a massacre")] == ["violence"]
    assert [found.hold for found in shipped.prompt("deux enfants nus")] == [True]
    assert shipped.prompt("a calm lake at dusk, snow on the mountains, a slow pan") == []


def test_another_file_of_words_is_read(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_text("boats: rowing boat\n")
    checks = Checks.of(ServiceSettings(home=tmp_path, words=str(file)))
    assert checks.prompt("a Rowing-Boat") == [Sighting("words", Found("boats", "rowing boat"))]
    with pytest.raises(InputError, match="words"):
        Checks.of(ServiceSettings(home=tmp_path, words=str(tmp_path / "none")))


def test_a_check_of_ones_own_is_loaded_by_its_name(tmp_path: Path) -> None:
    settings = ServiceSettings(home=tmp_path, checks=(f"{__name__}:Loud",))
    (seen,) = Checks.of(settings).prompt("A LAKE")
    assert seen.found == Found("loud", "A LAKE")


@pytest.mark.parametrize("name", ["no.such:Thing", f"{__name__}:Nobody", "json:dumps", "a:b:c"])
def test_a_check_that_is_none_is_refused_at_the_start(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="checks"):
        Checks.of(ServiceSettings(home=tmp_path, checks=(name,)))


def test_a_check_that_fails_brings_a_person_in() -> None:
    checks = Checks([("broken", Broken()), ("loud", Loud())])  # type: ignore[list-item]
    assert [(seen.source, seen.found.label) for seen in checks.prompt("A LAKE")] == [
        ("broken", "unchecked"),
        ("loud", "loud"),
    ]
    found = checks.video("a lake", "", [b"one", b"two"])
    assert [seen.found.detail for seen in found if seen.source == "loud"] == ["one", "two"]
    assert [seen.found.label for seen in found if seen.source == "broken"] == ["unchecked"]


def test_a_title_is_looked_at_like_a_prompt() -> None:
    (seen,) = Checks([("loud", Loud())]).video("a lake", "SHOUTED", [])
    assert seen.found.detail == "SHOUTED"


def test_moderation_sends_prompt_and_picture_and_tells_what_is_flagged(endpoint: str) -> None:
    categories = {"violence": True, "hate": False, "sexual": True}
    scores = {"violence": 0.912, "hate": 0.1}
    result = {"flagged": True, "categories": categories, "category_scores": scores}
    Endpoint.answer = 200, {"results": [result]}
    found = Moderation(endpoint, "sk-1").video("a lake", b"webp")
    assert found == [Found("violence", "score 0.91"), Found("sexual")]
    assert Endpoint.got["key"] == "Bearer sk-1"
    assert Endpoint.got["input"] == [
        {"type": "text", "text": "a lake"},
        {"type": "image_url", "image_url": {"url": "data:image/webp;base64,d2VicA=="}},
    ]


@pytest.mark.parametrize(("flagged", "labels"), [(True, ["flagged"]), (False, [])])
def test_moderation_without_categories_is_believed(
    endpoint: str, flagged: bool, labels: list[str]
) -> None:
    Endpoint.answer = 200, {"results": [{"flagged": flagged, "categories": {}}]}
    assert [found.label for found in Moderation(endpoint).video("a", b"")] == labels
    assert Endpoint.got["key"] is None


@pytest.mark.parametrize(
    "answer",
    [
        (500, {}),
        (401, {"error": {}}),
        (200, b"<html>"),
        (200, {}),
        (200, []),
        (200, {"results": 1}),
    ],
)
def test_moderation_that_gives_no_answer_says_so(endpoint: str, answer: tuple[int, object]) -> None:
    Endpoint.answer = answer
    with pytest.raises(UnavailableError):
        Moderation(endpoint).video("a lake", b"webp")


def test_moderation_that_is_not_there_says_so() -> None:
    with pytest.raises(UnavailableError, match="no answer"):
        Moderation("http://127.0.0.1:1/v1/moderations").video("a lake", b"webp")


def test_what_moderation_cannot_check_waits_for_a_person(
    house_settings: ServiceSettings, house: House
) -> None:
    nowhere = Moderation("http://127.0.0.1:1/")
    house.use.shares.checks.checks = [("moderation", nowhere)]
    house.rules(review="flagged")
    owner = house.member()
    video_id = film(house.use, owner)
    assert house.use.shares.ask(owner.id, video_id).state == "asked"
    house.use.shares.withdraw(owner.id, video_id)
    assert house.use.shares.ask(owner.id, video_id).state == "asked"
    with house.use.database.read() as session:
        flags = session.scalars(select(Flag).where(Flag.video_id == video_id)).all()
    assert [(flag.source, flag.label) for flag in flags] == [("moderation", "unchecked")]


def test_each_variation_is_looked_at(house: House) -> None:
    house.use.shares.checks.checks = [("loud", Loud())]
    owner = house.member()
    video_id = film(house.use, owner, variations=3)
    house.use.shares.ask(owner.id, video_id)
    (case,) = house.use.desk.list()
    assert [flag.label for flag in case.flags] == ["picture"]  # the three look alike


def test_a_server_with_checks_that_cannot_be_had_does_not_start(
    house_settings: ServiceSettings,
) -> None:
    from pleinair.api.services import Services

    with pytest.raises(InputError, match="checks"):
        Services.open(replace(house_settings, checks=("no.such:Thing",)))
