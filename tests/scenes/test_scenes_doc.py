import re
import tomllib
from pathlib import Path

from pleinair.scenes.document import read_scene
from pleinair.scenes.field import One
from pleinair.scenes.reference import reference
from pleinair.scenes.scene import Scene

DOC = Path("docs/scenes.md").read_text(encoding="utf-8")


def test_the_reference_is_that_of_the_code() -> None:
    found = re.search(
        r"<!-- from pleinair.scenes.reference.*?-->\n(.*)<!-- end -->", DOC, re.DOTALL
    )
    assert found is not None
    assert found[1].strip() == reference().strip()


def test_every_field_is_in_it() -> None:
    for item, rule in Scene.rules():
        for inner, _ in rule.part.rules() if isinstance(rule, One) else [(item, rule)]:
            assert f"`{inner.name}`" in DOC or f".{inner.name}]]`" in DOC


def test_the_documents_in_it_are_scenes() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", DOC, re.DOTALL)
    assert blocks
    for block in blocks:
        assert read_scene(block).as_dict()["version"] == 1
        assert tomllib.loads(block)


def test_the_python_in_it_runs(tmp_path: Path) -> None:
    block = re.search(r"```python\n(.*?)```", DOC, re.DOTALL)
    assert block is not None
    code = block[1].replace('Path("lake.toml")', f"Path({str(tmp_path / 'lake.toml')!r})")
    exec(compile(code, "docs/scenes.md", "exec"), {})
