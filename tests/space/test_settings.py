"""What an operator may say, and what a Space reads before the page runs."""

import re
from pathlib import Path

import pytest
import yaml

from page.settings import Settings

SPACE = Path(__file__).parents[2] / "space"
GIVEN = {"OPENAI_BASE_URL": "http://server/v1/", "OPENAI_API_KEY": "sk-secret"}


def test_the_environment_says_all_of_it() -> None:
    names = [name for name in Settings.__dataclass_fields__ if name not in ("base_url", "key")]
    settings = Settings.read(GIVEN | {"PAGE_MODEL": "sora-2", "PAGE_HOURLY": "3"})
    assert (settings.base_url, settings.model, settings.hourly) == ("http://server/v1", "sora-2", 3)
    assert "sk-secret" not in repr(settings)
    text = (SPACE / "README.md").read_text()
    told = set(re.findall(r"^\| `(PAGE_\w+)`", text, re.MULTILINE))
    assert told - {"PAGE_GALLERY"} == {f"PAGE_{name.upper()}" for name in names} - {"PAGE_GALLERY"}


def test_in_a_space_one_proxy_is_believed() -> None:
    assert Settings.read(GIVEN).proxies == 0
    assert Settings.read(GIVEN | {"SPACE_ID": "ann/page"}).proxies == 1
    assert Settings.read(GIVEN | {"SPACE_ID": "ann/page", "PAGE_PROXIES": "2"}).proxies == 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("OPENAI_BASE_URL", ""),
        ("OPENAI_API_KEY", " "),
        ("PAGE_GALLERY", "all"),
        ("PAGE_HOURLY", "-1"),
        ("PAGE_PLACES", "many"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(name: str, text: str) -> None:
    with pytest.raises(SystemExit, match=name):
        Settings.read(GIVEN | {name: text})


def test_the_header_is_what_a_space_reads() -> None:
    _, header, _ = (SPACE / "README.md").read_text().split("---\n", 2)
    told = yaml.safe_load(header)
    assert (SPACE / told["app_file"]).exists()
    assert f"gradio=={told['sdk_version']}\n" in (SPACE / "requirements.txt").read_text()
    assert (told["sdk"], told["license"], told["python_version"]) == ("gradio", "mit", "3.11")
    assert len(told["short_description"]) <= 60
