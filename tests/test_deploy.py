"""What `deploy/` and its guide say is there: settings, commands, options, probes, ports."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from pleinair.api.app import probes
from pleinair.cli import app, main
from pleinair.settings import ServiceSettings, variables

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
GUIDE = ROOT / "docs" / "operate.md"
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
UNITS = sorted(DEPLOY.glob("*.service"))
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
COMMANDS = {
    name: {option for item in command.params for option in item.opts + item.secondary_opts}
    for name, command in getattr(typer.main.get_command(app), "commands").items()  # noqa: B009
}


def documents(path: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def containers() -> Iterator[tuple[str, dict[str, Any]]]:
    """Kind of probe or not, and each container of the manifests."""
    for path in MANIFESTS:
        for document in documents(path):
            if document["kind"] == "Deployment":
                yield from (
                    (path.name, item) for item in document["spec"]["template"]["spec"]["containers"]
                )


def lines_of_commands() -> Iterator[tuple[str, list[str]]]:
    """Where `pleinair …` is called, and with what."""
    for path in UNITS:
        started = re.search(r"^ExecStart=\S+/pleinair (.+)$", path.read_text(), re.M)
        assert started, path
        yield path.name, started[1].split()
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    for name, service in compose["services"].items():
        if service["image"] == "pleinair":
            yield f"compose.yaml {name}", service["command"]
    for name, container in containers():
        yield name, container["args"]
    said = (DEPLOY / "Dockerfile").read_text()
    command = re.search(r"^CMD (.+)$", said, re.M)
    assert command
    yield "Dockerfile", yaml.safe_load(command[1])
    for line in re.findall(r"(?:^\$ |`|&& |bin/)pleinair ([^`\n]+)", GUIDE.read_text(), re.M):
        yield GUIDE.name, line.split("#")[0].split()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_every_setting_that_is_used_exists(path: Path) -> None:
    used = set(re.findall(r"PLEINAIR_[A-Z_]+", path.read_text()))
    assert used <= variables().keys()


def test_every_command_and_option_that_is_used_exists() -> None:
    calls = list(lines_of_commands())
    assert len(calls) > 10
    for where, (command, *rest) in calls:
        assert command in COMMANDS, f"{where}: pleinair {command}"
        for word in rest:
            if word.startswith("--"):
                assert word.partition("=")[0] in COMMANDS[command], f"{where}: {command} {word}"


@pytest.mark.parametrize("command", ["serve", "worker", "backup", "restore", "doctor"])
def test_every_command_tells_what_it_does(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert command in capsys.readouterr().out


def test_probes_and_ports_are_those_of_the_server() -> None:
    paths = {getattr(route, "path", "") for route in probes.routes}
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    (check,) = compose["services"]["api"]["healthcheck"]["test"][-1:]
    assert re.search(r"http://127.0.0.1:8000(/\w+)", check)
    found = re.findall(r"http://127.0.0.1:8000(/\w+)", check)
    api = next(container for name, container in containers() if name == "api.yaml")
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        found.append(api[probe]["httpGet"]["path"])
        assert api[probe]["httpGet"]["port"] == api["ports"][0]["name"]
    assert set(found) <= paths
    assert api["readinessProbe"]["httpGet"]["path"] == "/ready"
    assert api["livenessProbe"]["httpGet"]["path"] == "/health"
    assert str(api["ports"][0]["containerPort"]) in api["args"]


def test_the_grace_fits_into_the_time_that_a_stop_may_take() -> None:
    """Requests get ten seconds, then workers the grace and two more."""
    grace = ServiceSettings().grace
    for unit in UNITS:
        found = re.search(r"^TimeoutStopSec=(\d+)$", unit.read_text(), re.M)
        assert found
        assert int(found[1]) > 10 + grace + 2
    config = documents(DEPLOY / "kubernetes" / "config.yaml")[0]["data"]
    grace = float(config["PLEINAIR_GRACE"])
    for path in MANIFESTS:
        for document in documents(path):
            if document["kind"] == "Deployment":
                spec = document["spec"]["template"]["spec"]
                assert spec["terminationGracePeriodSeconds"] > 10 + grace + 2


def test_the_manifests_hang_together() -> None:
    kustomization = documents(DEPLOY / "kubernetes" / "kustomization.yaml")[0]
    there = {path.name for path in MANIFESTS} - {"kustomization.yaml", "secret.example.yaml"}
    assert set(kustomization["resources"]) == there
    kinds: dict[str, list[dict[str, Any]]] = {}
    for path in MANIFESTS:
        for document in documents(path):
            kinds.setdefault(document["kind"], []).append(document)
    names = {item["metadata"]["name"] for item in kinds["ConfigMap"] + kinds["Secret"]}
    for _, container in containers():
        for source in container["envFrom"]:
            (reference,) = source.values()
            assert reference["name"] in names
        assert container["securityContext"]["readOnlyRootFilesystem"]
    (service,) = kinds["Service"]
    labels = [item["spec"]["template"]["metadata"]["labels"] for item in kinds["Deployment"]]
    chosen = [item for item in labels if service["spec"]["selector"].items() <= item.items()]
    assert len(chosen) == 1


def test_secrets_of_the_example_would_be_refused_nowhere_and_known_to_nobody() -> None:
    (secret,) = documents(DEPLOY / "kubernetes" / "secret.example.yaml")
    ours = {
        name: value for name, value in secret["stringData"].items() if name.startswith("PLEINAIR_")
    }
    settings = ServiceSettings.read(ours)
    assert set(settings.keys) == {"ann", "bob"}
    assert settings.database_url.startswith("postgresql+psycopg://")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not here")
def test_the_units_are_right_by_systemd(tmp_path: Path) -> None:
    for unit in UNITS:
        here = str(Path(sys.executable).parent / "pleinair")
        copy = tmp_path / unit.name.replace("@", "@1")
        copy.write_text(unit.read_text().replace("/opt/pleinair/bin/pleinair", here))
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", copy],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not here")
def test_the_manifests_can_be_built() -> None:
    done = subprocess.run(
        ["kubectl", "kustomize", DEPLOY / "kubernetes"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "registry.example/pleinair:0.1.0" in done.stdout
