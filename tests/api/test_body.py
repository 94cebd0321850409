"""Bodies in every form that clients send."""

import json
from collections.abc import Iterator
from io import BytesIO
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from pleinair.api import errors
from pleinair.api.body import Upload, body_of, nest
from pleinair.api.shapes import CreateVideo, EditVideo

FORM = "multipart/form-data; boundary=x"
PICTURE = {"image_url": "data:image/png;base64,AAAA"}


@pytest.fixture
def echo() -> Iterator[TestClient]:
    """Answers with what it understood, uploads as ``NAME: BYTES``."""
    app = FastAPI()
    errors.install(app)

    def plain(body: CreateVideo | EditVideo) -> dict[str, Any]:
        told = {name: getattr(body, name) for name in body.model_fields_set}
        shown = {
            name: f"{value.filename}: {value.read().decode()}"
            for name, value in told.items()
            if isinstance(value, Upload)
        }
        return body.model_dump(mode="json", include=told.keys() - shown.keys()) | shown

    @app.post("/create")
    def create(body: Annotated[CreateVideo, Depends(body_of(CreateVideo))]) -> dict[str, Any]:
        return plain(body)

    @app.post("/edit")
    def edit(body: Annotated[EditVideo, Depends(body_of(EditVideo))]) -> dict[str, Any]:
        return plain(body)

    with TestClient(app) as client:
        yield client


def form(*parts: tuple[str, Any]) -> Any:  # noqa: ANN401  # what httpx takes as files
    """Parts of a multipart body: a value, or a tuple of filename, bytes and content type."""
    return [(name, part if isinstance(part, tuple) else (None, part)) for name, part in parts]


def test_json_and_both_kinds_of_form_say_the_same(echo: TestClient) -> None:
    fields = {"prompt": "a lake", "seconds": "8", "size": "1280x720", "n": "2"}
    answers = [
        echo.post("/create", json={**fields, "n": 2}),
        echo.post("/create", data=fields),
        echo.post("/create", files=form(*fields.items())),
    ]
    assert [answer.status_code for answer in answers] == [200] * 3
    told = {"prompt": "a lake", "seconds": 8.0, "size": "1280x720", "n": 2}
    assert [answer.json() for answer in answers] == [told] * 3


@pytest.mark.parametrize(
    "parts",
    [
        [("input_reference[image_url]", PICTURE["image_url"])],
        [("input_reference", json.dumps(PICTURE))],
        [("input_reference", (None, json.dumps(PICTURE), "application/json"))],
        [("input_reference", ("it.json", json.dumps(PICTURE), "application/json"))],
        [("input_reference", ("upload", b"")), ("input_reference[image_url]", "data:a")],
        [("input_reference[image_url]", "data:a"), ("input_reference", ("upload", b""))],
    ],
    ids=["brackets", "text", "json", "json file", "empty file first", "empty file last"],
)
def test_an_object_in_a_form_is_taken_in_every_wire_form(
    echo: TestClient, parts: list[tuple[str, Any]]
) -> None:
    answer = echo.post("/create", files=form(("prompt", "a lake"), *parts))
    assert answer.status_code == 200, answer.text
    assert answer.json()["input_reference"]["image_url"].startswith("data:")


def test_a_video_by_id_is_taken_in_every_wire_form(echo: TestClient) -> None:
    by_id = b'{"id":"video_1"}'
    answers = [
        echo.post("/edit", json={"prompt": "dusk", "video": {"id": "video_1"}}),
        echo.post("/edit", files=form(("prompt", "dusk"), ("video[id]", "video_1"))),
        echo.post("/edit", files=form(("prompt", "dusk"), ("video", (None, by_id)))),
        echo.post(
            "/edit",
            files=form(("prompt", "dusk"), ("video[id]", "video_1"), ("video", ("upload", b""))),
        ),
    ]
    assert [answer.json().get("video") for answer in answers] == [{"id": "video_1"}] * 4


def test_a_file_is_taken_with_its_name_and_bytes(echo: TestClient) -> None:
    files = form(("prompt", "dusk"), ("video", ("clip.mp4", b"bytes", "video/mp4")))
    assert echo.post("/edit", files=files).json()["video"] == "clip.mp4: bytes"


@pytest.mark.parametrize(
    "parts",
    [
        [("characters[][id]", "a"), ("characters[][id]", "b")],
        [("characters[0][id]", "a"), ("characters[1][id]", "b")],
        [("characters[1][id]", "b"), ("characters[0][id]", "a")],
        [("characters", '[{"id":"a"},{"id":"b"}]')],
        [("characters", '{"id":"a"}'), ("characters", '{"id":"b"}')],
    ],
    ids=["empty brackets", "numbers", "numbers in disorder", "JSON", "one part each"],
)
def test_a_list_is_taken_in_every_wire_form(echo: TestClient, parts: list[tuple[str, str]]) -> None:
    answer = echo.post("/create", files=form(("prompt", "a and b"), *parts))
    assert answer.json()["characters"] == [{"id": "a"}, {"id": "b"}]


def test_a_list_of_one_may_look_like_the_one(echo: TestClient) -> None:
    files = form(("prompt", "a lake"), ("characters", '{"id":"a"}'))
    assert echo.post("/create", files=files).json()["characters"] == [{"id": "a"}]


def test_elements_of_a_list_have_several_fields(echo: TestClient) -> None:
    parts = [("at", "0"), ("file_id", "f"), ("at", "2"), ("file_id", "g")]
    files = form(("prompt", "x"), *((f"keyframes[][{name}]", value) for name, value in parts))
    frames = echo.post("/create", files=files).json()["keyframes"]
    assert [(frame["at"], frame["file_id"]) for frame in frames] == [(0, "f"), (2, "g")]


def test_a_prompt_that_looks_like_json_stays_text(echo: TestClient) -> None:
    prompt = '{"scene": "a lake"}'
    assert echo.post("/create", files=form(("prompt", prompt))).json() == {"prompt": prompt}


def test_null_in_json_is_as_if_it_were_not_there(echo: TestClient) -> None:
    body = {"prompt": "a lake", "input_reference": None, "seconds": None}
    assert echo.post("/create", json=body).json() == {"prompt": "a lake"}


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({}, "prompt", "required"),
        ({"prompt": ""}, "prompt", "at least 1 character"),
        ({"prompt": "x", "seconds": "five"}, "seconds", "seconds as text or number"),
        ({"prompt": "x", "seconds": 0}, "seconds", "greater than 0"),
        ({"prompt": "x", "frames": 7}, "frames", "no such field; there are: characters, complete"),
        ({"prompt": "x", "characters": [{"id": 1}]}, "characters.0.id", "valid string"),
        ({"prompt": "x", "input_reference": "a.png"}, "input_reference", "a file or an object"),
        ({"prompt": "x", "characters": ["a"]}, "characters.0", "allowed: an object"),
        ({"prompt": "x", "input_reference": {"url": "u"}}, "input_reference.url", "no such field"),
        ({"prompt": "x", "keyframes": {"at": 0}}, "keyframes", "valid list"),
    ],
)
def test_a_mistake_is_told_with_its_field(
    echo: TestClient, fields: dict[str, Any], field: str, words: str
) -> None:
    answer = echo.post("/create", json=fields)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["param"] == field
    assert words in error["message"]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"not json", "application/json"),
        (b"[1]", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b"\xff\xfe", "application/json"),
        (b"anything", "multipart/form-data"),
        (b"anything", FORM),
        (
            b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--",
            "multipart/form-data; boundary=x",
        ),
        (b"prompt=" + b"%zz" + b"&" * 5000, "application/x-www-form-urlencoded"),
        (b"prompt", "text/plain"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_in_the_envelope(
    echo: TestClient, content: bytes, kind: str
) -> None:
    answer = echo.post("/create", content=content, headers={"content-type": kind})
    if answer.status_code != 200:
        assert answer.status_code == 400
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


def test_too_many_fields_are_refused(echo: TestClient) -> None:
    answer = echo.post("/create", files=form(*[(f"f{i}", "x") for i in range(201)]))
    assert answer.status_code == 400
    assert "Too many fields" in answer.json()["error"]["message"]


def test_a_name_with_endless_brackets_is_one_unknown_field() -> None:
    name = "video" + "[a]" * 10_000
    assert nest([(name, "x")]) == {name: "x"}
    assert nest([("video[id", "x")]) == {"video[id": "x"}


def test_an_object_wins_over_a_file_beside_it() -> None:
    file = Upload("a.mp4", "video/mp4", BytesIO(b"x"), 1)
    for pairs in ([("video", file), ("video[id]", "v")], [("video[id]", "v"), ("video", file)]):
        assert nest(pairs) == {"video": {"id": "v"}}


names = st.text("ab[]0", min_size=1, max_size=12)


@given(st.lists(st.tuples(names, st.sampled_from(["x", {"id": "y"}, ["z"]])), max_size=8))
def test_any_names_make_some_tree(pairs: list[tuple[str, Any]]) -> None:
    assert isinstance(nest(pairs), dict)


leaves = st.text("xyz", max_size=3)
trees = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, min_size=1, max_size=3)
    ),
    max_leaves=8,
)


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401
    if isinstance(value, str):
        yield name, value
        return
    items = enumerate(value) if isinstance(value, list) else value.items()
    for key, item in items:
        yield from _flat(f"{name}[{key}]", item)


@given(trees)
def test_what_was_flattened_into_brackets_comes_back(tree: Any) -> None:  # noqa: ANN401
    pairs = list(_flat("field", tree))
    if all(name.count("[") <= 4 for name, _ in pairs):
        assert nest(pairs) == {"field": tree}
