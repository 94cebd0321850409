"""The page about the API names every route, every extra field and every error code there is."""

import re
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from pleinair.api.app import create_app
from pleinair.api.errors import ANSWERS, UNEXPECTED
from pleinair.settings import ServiceSettings
from scripts import authority

Document: TypeAlias = dict[str, Any]
DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "api.md").read_text()
PROGRAMME = (DOCS / "programme.md").read_text()


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Document:
    app = create_app(ServiceSettings(home=tmp_path_factory.mktemp("home")))
    found: Document = app.openapi()
    return found


def test_every_route_is_on_the_page_and_every_one_on_the_page_is_there(
    document: Document,
) -> None:
    there = {
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method in methods
        if method != "head"
    } | {"GET /v1/openapi.json"}
    for page in (PAGE, PAGE + PROGRAMME):
        told = set(re.findall(r"`((?:GET|POST|DELETE) /[^`?]*)`", page))
        assert told <= there
    assert told == there


def test_the_table_of_authority_is_as_the_code_has_it() -> None:
    assert authority.main(["--check"]) == 0


def test_every_extra_field_is_on_the_page(
    document: Document,
) -> None:
    schemas = document["components"]["schemas"]
    more = ("ConnectVideos", "RetakeVideo")
    for name in ("CreateVideo", "RemixVideo", "EditVideo", "ExtendVideo", "VideoObject", *more):
        properties: dict[str, dict[str, str]] = schemas[name]["properties"]
        extras = [key for key, said in properties.items() if "Extra" in said.get("description", "")]
        assert extras
        for extra in extras:
            assert f"`{extra}`" in PAGE, f"{name}.{extra}"


@pytest.mark.parametrize("answer", [*ANSWERS.values(), UNEXPECTED], ids=lambda a: str(a.code))
def test_every_error_code_is_on_the_page(answer: object) -> None:
    assert f"`{getattr(answer, 'code')}`" in PAGE  # noqa: B009
