"""The rules of the house: imports point one way, files stay short, the door opens fast."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import pleinair
from pleinair import errors

SOURCE = Path(pleinair.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
# Each level may import those before it and itself; parts on one level do not know each other.
LEVELS = (
    ("errors",),
    ("scenes",),
    ("figures", "settings", "words"),
    ("request",),
    ("dit", "light", "media"),
    ("diffusion.model", "diffusion.worlds", "wan"),
    ("backends", "diffusion.training"),
    ("service",),
    ("access",),
    ("review",),  # knows the powers and people of access
    ("api",),
    ("studio",),
    ("door",),
)
DOOR = ("__init__", "__main__", "cli", "commands")
HOUSES = ("diffusion",)  # whose rooms have levels of their own


def _part(names: list[str]) -> str:
    name = names[0] if names else "__init__"
    if name in HOUSES and len(names) > 1 and names[1] != "__init__":
        return ".".join(names[:2])
    return "door" if name in DOOR else name


def _level(part: str) -> int:
    found = [i for i, parts in enumerate(LEVELS) if part in parts]
    assert found, f"{part} has no level: say in LEVELS who may import it"
    return found[0]


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "pleinair":
            names = [f"pleinair.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        found |= {_part(n.split(".")[1:]) for n in names if n.split(".")[0] == "pleinair"}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_one_way(path: Path) -> None:
    part = _part(list(path.relative_to(SOURCE).with_suffix("").parts))
    for other in _imports(path):
        assert other == part or _level(other) < _level(part), f"{part} imports {other}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_file_is_long(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


def test_the_door_opens_without_torch() -> None:
    code = "import sys, pleinair, pleinair.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_server_never_needs_torch() -> None:
    code = "import sys, pleinair.api.app; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_error_is_in_the_drawn_tree() -> None:
    classes = [c for c in vars(errors).values() if isinstance(c, type)]
    assert len(classes) > 1
    for error in classes:
        assert issubclass(error, errors.PleinairError)
        assert error.__name__ in (errors.__doc__ or "")


def test_public_names_are_sorted_and_there() -> None:
    assert sorted(pleinair.__all__) == list(pleinair.__all__)
    assert all(hasattr(pleinair, name) for name in pleinair.__all__)


def test_the_installed_script_answers() -> None:
    script = Path(sys.executable).parent / "pleinair"
    done = subprocess.run([script, "--help"], capture_output=True, text=True, check=True)
    assert "generate" in done.stdout
