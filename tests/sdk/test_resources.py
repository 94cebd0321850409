"""The SDK's own tests of its resources, unmodified, against a server in fixture mode."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version

import httpx
import pytest

from tests.sdk.conftest import SDKS, Served, served

SOURCE = SDKS / "source"


@pytest.fixture(scope="module")
def fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("fixture"), "--fixture") as server:
        yield server


def run(server: Served, *files: str, but: str = "") -> tuple[int, int, str]:
    """How many of the SDK's tests passed and failed, and all that was said of it.

    Args:
        server: in fixture mode.
        files: below the SDK's folder of tests.
        but: names of tests to leave out, as pytest's ``-k not (…)`` takes them.
    """
    told = (SOURCE / "PKG-INFO").read_text()
    assert f"\nVersion: {version('openai')}\n" in told, "another version: remove .venv/sdk/source"
    command = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *(["-k", f"not ({but})"] if but else []), *(f"tests/{name}" for name in files)],
        cwd=SOURCE,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, (SDKS / "tools", SOURCE))),
            "TEST_API_BASE_URL": server.url,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    last = done.stdout.strip().splitlines()[-1]
    counts = {word: int(count) for count, word in re.findall(r"(\d+) (\w+)", last)}
    bad = counts.get("failed", 0) + counts.get("error", 0) + counts.get("errors", 0)
    return counts.get("passed", 0), bad, done.stdout + done.stderr


def test_all_of_its_tests_of_videos_pass(fixture: Served) -> None:
    passed, failed, told = run(fixture, "api_resources/test_videos.py")
    assert failed == 0, told
    assert passed >= 188


def test_all_of_its_tests_of_webhooks_and_files_pass(fixture: Served) -> None:
    passed, failed, told = run(
        fixture,
        "api_resources/test_webhooks.py",
        "api_resources/webhooks/test_event_types.py",
        "api_resources/test_files.py",
    )
    assert failed == 0, told
    assert passed >= 145 + 15 + 117


def test_its_tests_of_batches_and_models_pass_as_far_as_they_apply(fixture: Served) -> None:
    # They create batches of responses, and ask for models of OpenAI's or delete them.
    elsewhere = "create or (Models and (_retrieve or _delete) and not path_params)"
    files = ("api_resources/test_batches.py", "api_resources/test_models.py")
    passed, failed, told = run(fixture, *files, but=elsewhere)
    assert failed == 0, told
    assert passed >= 60


def test_its_tests_of_polling_and_signatures_pass(fixture: Served) -> None:
    names = ("test_video_polling", "test_webhooks", "test_webhook_signature")
    passed, failed, told = run(fixture, *(f"lib/{name}.py" for name in names))
    assert failed == 0, told
    assert passed >= 21 + 238


def test_fixture_mode_says_so(fixture: Served) -> None:
    assert "fixture mode" in fixture.log.read_text()
    for path in ("/videos", "/videos/video_0", "/nowhere"):
        assert httpx.get(fixture.url + path).headers["x-pleinair-fixture"] == "true"


def test_a_server_is_in_fixture_mode_only_when_asked(server: Served) -> None:
    answer = httpx.get(server.url + "/videos")
    assert "x-pleinair-fixture" not in answer.headers
    assert answer.status_code == 401
    assert "fixture" not in server.log.read_text()


def test_its_own_tests_fail_against_a_real_server(server: Served) -> None:
    # What says that the runs above do reach the server.
    passed, failed, _ = run(server, "api_resources/test_models.py", but="Async or raw or streaming")
    assert (passed, failed) == (4, 6)  # what needs no server passes


def test_what_is_fixed_is_still_there_after_it_was_deleted(fixture: Served) -> None:
    for path in ("/videos/video_123", "/files/file_id", "/webhook_endpoints/whe_123"):
        assert httpx.delete(fixture.url + path).status_code == 200
        assert httpx.get(fixture.url + path).status_code == 200
    assert httpx.get(fixture.url + "/videos/video_123/content").content == b"Example data"
