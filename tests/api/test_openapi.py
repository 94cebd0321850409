"""The OpenAPI document is what the code does: told of whole, and held against a running server."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute

from pleinair.access.actor import Role
from pleinair.access.authority import rule_of
from pleinair.api import app as module
from pleinair.api import body, media
from pleinair.settings import ServiceSettings
from tests.access.conftest import house_of
from tests.sdk.conftest import KEY, Served, served

OF_MEMBERS = (
    r"^/(admin|access|shared|gallery|letter|transparency|v1/shares|v1/videos/.video_id./share)"
)
Schema = dict[str, Any]
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "missing_required_header",
    "unsupported_method",
    "ignored_auth",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that takes everything and makes nothing."""
    home = tmp_path_factory.mktemp("server")
    with served(home, "--workers", "0", models="test-card", aliases="sora-2=test-card") as server:
        yield server


@pytest.fixture(scope="module")
def http(server: Served) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {KEY}"}
    with httpx.Client(base_url=server.url.removesuffix("/v1"), headers=headers) as http:
        yield http


@pytest.fixture(scope="module")
def document(http: httpx.Client) -> Schema:
    told: Schema = http.get("/v1/openapi.json").json()
    return told


def operations(document: Schema) -> dict[tuple[str, str], Schema]:
    """Operations by method and path."""
    return {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def fuzz(
    server: Served, key: str, folder: Path, *options: str, phases: str, examples: int
) -> tuple[int, str]:
    """How many requests Schemathesis sent, and what it said; it must find nothing."""
    script = Path(sys.executable).parent / "schemathesis"
    command: list[str | Path] = [
        script,
        "run",
        f"{server.url}/openapi.json",
        "--url",
        server.url.removesuffix("/v1"),
    ]
    command += ["--header", f"Authorization: Bearer {key}", *options]
    command += ["--phases", phases, "--max-examples", str(examples), "--seed", "1"]
    command += ["--continue-on-failure", "--no-color", "--generation-database", "none"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
    count = re.search(r"(\d+) generated", done.stdout)
    assert count is not None
    assert "unexpected error" not in server.log.read_text()
    return int(count[1]), done.stdout


@pytest.mark.parametrize(("phases", "examples"), [("examples,coverage", 1), ("fuzzing", 10)])
def test_schemathesis_finds_nothing(
    server: Served, tmp_path: Path, phases: str, examples: int
) -> None:
    checks = ("--checks", ",".join(CHECKS), "--exclude-path-regex", OF_MEMBERS)
    sent, _ = fuzz(server, KEY, tmp_path, *checks, phases=phases, examples=examples)
    assert sent > 5 * len(CHECKS)


def test_schemathesis_finds_nothing_as_an_administrator(tmp_path: Path) -> None:
    """Of a server with members; what would end the key itself is left out."""
    settings = ServiceSettings(home=tmp_path / "home")
    house = house_of(settings)
    boss = house.member(Role.ADMINISTRATOR)
    _, key = house.key(boss)
    house.use.database.close()
    checks = tuple(check for check in CHECKS if check != "ignored_auth")  # some are public
    options = (
        *("--checks", ",".join(checks), "--include-path-regex", OF_MEMBERS),
        *("--exclude-path-regex", "keys/|leave|sign-out"),
    )
    with served(tmp_path, "--workers", "0", models="test-card", keys="") as server:
        sent, _ = fuzz(server, key, tmp_path, *options, phases="coverage,fuzzing", examples=2)
    assert sent > 1000


def test_every_route_is_in_the_document_and_nothing_else(document: Schema) -> None:
    nouns = (*module.NOUNS, *module.PROGRAMME)
    routers = [thing for noun in nouns for thing in vars(noun).values()]
    routers = [thing for thing in routers if isinstance(thing, APIRouter)]
    there = set()
    for router in (*routers, media.router, module.probes):
        for route in router.routes:
            assert isinstance(route, APIRoute)
            path = route.path.replace(":path}", "}")
            there |= {(method, path) for method in route.methods or ()}
    assert there == set(operations(document))


def test_every_reference_leads_somewhere(document: Schema) -> None:
    names = set(re.findall(r"'#/components/schemas/(\w+)'", str(document)))
    assert names == names & document["components"]["schemas"].keys()
    assert len(names) > 30


def test_whatever_takes_a_body_says_which(document: Schema) -> None:
    texts = "".join(map(_text, (*module.NOUNS, *module.PROGRAMME)))
    named = re.findall(r"body_of\((\w+)[,)]", texts)
    assert sorted(set(named)) == sorted(body.BODIES)


def _text(noun: Any) -> str:  # noqa: ANN401  # a module
    return Path(noun.__file__).read_text()


def _bodies(document: Schema) -> Iterator[tuple[str, str, Schema]]:
    """Path, content type and schema of every body of a server without a programme."""
    for (method, path), operation in operations(document).items():
        rule = rule_of(method, path)
        if rule is None or not rule.local:
            continue
        for kind, content in operation.get("requestBody", {}).get("content", {}).items():
            if kind == "application/x-www-form-urlencoded":
                continue  # of a page, which says on itself what is wrong
            name = content["schema"]["$ref"].rpartition("/")[2]
            yield path, kind, document["components"]["schemas"][name]


def _value(field: Schema) -> Any:  # noqa: ANN401  # anything that JSON can say
    """A value that a required field takes."""
    if "enum" in field or "const" in field:
        return field.get("const") or field["enum"][0]
    if "anyOf" in field:
        return _value(field["anyOf"][-1])
    if "$ref" in field:
        return {"id": "x"}
    if field["type"] == "number":
        return "1"  # text, as a form has it
    return [_value(field["items"])] if field["type"] == "array" else "x"


def test_the_fields_that_are_documented_are_those_that_are_taken(
    document: Schema, http: httpx.Client
) -> None:
    tried = 0
    for path, kind, schema in _bodies(document):
        required = {name: schema["properties"][name] for name in schema.get("required", ())}
        if kind == "application/json":
            fields = {name: _value(field) for name, field in required.items()}
            answer = http.post(path, json={**fields, "nonsense": 1})
        else:
            parts: list[tuple[str, Any]] = [("nonsense", (None, "1"))]
            for name, field in required.items():
                file = "binary" in str(field)
                parts.append((name, ("a.bin", b"x") if file else (None, _value(field))))
            answer = http.post(path, files=parts)
        error = answer.json()["error"]
        assert (answer.status_code, error["param"]) == (400, "nonsense"), (path, kind, error)
        known = error["message"].partition("there are: ")[2].split(", ")
        assert known == sorted(schema["properties"])
        tried += 1
    assert tried >= 15


def test_files_stand_in_forms_and_objects_in_both(document: Schema) -> None:
    schemas = document["components"]["schemas"]
    assert "binary" not in str(schemas["EditVideo"])
    assert schemas["EditVideo"]["properties"]["video"]["$ref"].endswith("/VideoReference")
    video = schemas["EditVideoForm"]["properties"]["video"]["anyOf"]
    assert [choice.get("format") for choice in video] == ["binary", None]
    form = document["paths"]["/v1/videos"]["post"]["requestBody"]["content"]["multipart/form-data"]
    assert form["encoding"] == {
        name: {"contentType": "application/json"} for name in ("characters", "keyframes")
    }
    assert "null" not in str(schemas["CreateVideoForm"]["properties"]["seed"])


def test_whatever_asks_for_a_key_says_so(document: Schema, server: Served) -> None:
    for (method, path), operation in operations(document).items():
        rule = rule_of(method, path)
        assert rule is not None
        assert ("security" in operation) is not rule.public
        if "security" in operation and method != "HEAD":
            url = server.url.removesuffix("/v1") + re.sub(r"\{\w+\}", "x", path)
            assert httpx.request(method, url).status_code == 401, (method, path)


def test_what_sora_never_had_is_marked(document: Schema) -> None:
    sora = {"prompt", "model", "seconds", "size", "input_reference", "characters"}
    for name, field in document["components"]["schemas"]["CreateVideo"]["properties"].items():
        assert field.get("description", "").startswith("Extra") is (name not in sora)
