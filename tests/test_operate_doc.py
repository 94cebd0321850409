"""The guide for operators: its blocks run, and what it lists is what there is."""

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from pleinair.api import content, headers
from pleinair.api.errors import ANSWERS, UNEXPECTED
from pleinair.api.headers import MOST_BYTES
from pleinair.api.metrics import Metrics
from pleinair.media.decode_child import Bounds
from pleinair.service import characters, files, lines, retries
from pleinair.service.db import Database
from pleinair.service.endpoints import KEEP_OLD, MOST_ENDPOINTS
from pleinair.service.fetch import Timeouts
from pleinair.service.webhooks import Pace
from pleinair.service.worker import CODES, STALLED
from pleinair.settings import variables
from scripts import settings

GUIDE = Path(__file__).parent.parent / "docs" / "operate.md"
TEXT = GUIDE.read_text()
PORT = "8000"


def section(title: str) -> str:
    """A section of the guide, up to the next one."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", TEXT, re.M | re.S)
    assert found, title
    return found[1]


def test_the_table_of_settings_is_as_the_settings_are() -> None:
    assert settings.main(["--check"]) == 0
    for variable in variables():
        assert f"| `{variable}` |" in section("Settings")


def test_no_setting_is_named_that_does_not_exist() -> None:
    assert set(re.findall(r"PLEINAIR_[A-Z_]+[A-Z]", TEXT)) == variables().keys()


def test_every_metric_is_named_and_no_other(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'test.db'}")
    database.migrate()
    metrics = Metrics(database)
    metrics.observe("GET", "/", 200, 0.1)
    found = set(re.findall(r"^# TYPE (\w+)", metrics.text().decode(), re.M))
    database.close()
    there = {name for name in found if not name.endswith("_created")}
    named = set(re.findall(r"^\| `(pleinair_\w+)`", section("Metrics, probes, logs"), re.M))
    assert named == there


def _codes(text: str, column: int = 0) -> list[list[str]]:
    """What stands in backticks in one column of a table's rows."""
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return [re.findall(r"`(\w+)`", row[column]) for row in rows]


def test_every_error_code_is_explained_and_no_other() -> None:
    answers = [*ANSWERS.values(), UNEXPECTED, headers.TOO_LARGE]
    assert "invalid_range" in Path(content.__file__).read_text()
    of_requests = {answer.code for answer in answers} | {"invalid_range"}
    of_videos = {code for code, _ in CODES.values()} | {
        "worker_lost",
        "cancelled",
        lines.CANCELLED,
        lines.EXPIRED,
    }
    first, second = section("Errors").split("A video that failed has one of these:")
    assert {code for codes in _codes(first, 1) for code in codes} == of_requests
    assert (
        set(re.findall(r"^\| (?:`\w+`, )*`(\w+)`", second, re.M))
        | set(re.findall(r"^\| `(\w+)`", second, re.M))
        == of_videos
    )
    for code, again in CODES.values():
        row = next(line for line in second.splitlines() if f"`{code}`" in line)
        assert row.endswith(f"| {'yes' if again else 'no'} |")


def test_numbers_are_those_of_the_code() -> None:
    pace, bounds, times, hours = Pace(), Bounds(), Timeouts(), 3600.0
    said = {
        "Webhooks": (
            f"after {pace.first:.0f} seconds",
            f"up to {pace.longest / hours:.0f} hours",
            f"until {pace.give_up / hours:.0f} hours after",
            f"may take {times.connect:.0f} seconds, each read {times.read:.0f}",
            f"all of it {times.total:.0f}",
            f"{pace.hands} messages under way at most, {pace.each} of them",
            f"valid for {KEEP_OLD / hours:.0f} hours",
        ),
        "Uploads": (
            f"| {bounds.image_bytes // 10**6} MB | {bounds.video_bytes // 10**6} MB |",
            f"{bounds.least_side} to {bounds.most_side:,} pixels",
            f"brought down to {bounds.clean_side:,}",
            f"{bounds.frames:,}, brought down to {bounds.fps} a second",
            f"| seconds | | {bounds.seconds:.0f} |",
            f"| {bounds.pixels // 10**6:,} million |",
            f"| {bounds.image_time} s | {bounds.video_time} s |",
            f"| {bounds.memory / 1e9} GB |",
        ),
        "Limits": (
            f"Bodies {MOST_BYTES / 2**20:.0f} MB",
            f"files {files.MOST // 10**6} MB",
            f"batches {files.MOST_BATCH // 10**6} MB and {lines.MOST_LINES:,} lines",
            f"{MOST_ENDPOINTS} webhook endpoints",
        ),
        "Characters": (f"{characters.SECONDS[0]:.0f} to {characters.SECONDS[1]:.0f} seconds",),
        "When something dies": (f"code {STALLED} ",),
    }
    for title, numbers in said.items():
        for number in numbers:
            assert number in section(title), number
    assert retries.WINDOW == 660.0
    assert "eleven minutes" in section("Retried creates")


def test_every_link_inside_leads_somewhere() -> None:
    for target in re.findall(r"\]\((?!http)([^)]+)\)", TEXT):
        name, _, anchor = target.partition("#")
        path = GUIDE.parent / name if name else GUIDE
        assert path.is_file(), target
        titles = re.findall(r"^#+ (.+)$", path.read_text(), re.M)
        slugs = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
        assert not anchor or anchor in slugs, target
    for name in re.findall(r"deploy/[\w@./-]*\w", TEXT):
        assert (GUIDE.parent.parent / name).exists(), name


def steps() -> list[tuple[str, str]]:
    """Each command of the console blocks with what the guide says that it prints."""
    found: list[tuple[str, str]] = []
    for block in re.findall(r"^```console\n(.*?)^```", TEXT, re.M | re.S):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], ""))
            else:
                found[-1] = (found[-1][0], f"{found[-1][1]}{line}\n")
    return found


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])


def shell(script: str, folder: Path) -> str:
    """Run a script to its end; whatever it started ends with it."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with subprocess.Popen(
        ["bash", "-u"],
        cwd=folder,
        env={**os.environ, "PATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            said, _ = process.communicate(script, timeout=120)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    return said


def test_the_blocks_do_what_they_say(tmp_path: Path) -> None:
    port = free_port()
    todo = [(command.replace(PORT, port), said.replace(PORT, port)) for command, said in steps()]
    assert len(todo) > 10
    script = "".join(f"{command}\necho; echo '@@'\n" for command, _ in todo)
    answers = shell(script, tmp_path).split("\n@@\n")
    log = tmp_path / "server.log"
    for (command, said), answer in zip(todo, answers, strict=False):
        expected = ".*".join(re.escape(part) for part in said.strip().split("…"))
        assert re.fullmatch(expected, answer.strip(), re.S), (
            f"{command}\nsaid {answer}\n{log.read_text() if log.exists() else ''}"
        )
    assert len(answers) == len(todo) + 1
