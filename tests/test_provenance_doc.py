"""The page on provenance: its blocks do what they say."""

import re
from pathlib import Path

from tests.test_operate_doc import shell

TEXT = (Path(__file__).parent.parent / "docs" / "provenance.md").read_text()


def test_the_blocks_do_what_they_say(tmp_path: Path) -> None:
    lines = "\n".join(re.findall(r"^```console\n(.*?)^```", TEXT, re.M | re.S))
    steps = [part.partition("\n") for part in re.split(r"^\$ ", lines, flags=re.M)[1:]]
    assert len(steps) > 6
    script = "".join(f"{command}\necho '@@'\n" for command, _, _ in steps)
    answers = shell(script, tmp_path).split("@@\n")
    for (command, _, said), answer in zip(steps, answers, strict=False):
        expected = ".*".join(re.escape(part) for part in said.strip().split("…"))
        assert re.fullmatch(expected, answer.strip(), re.S), f"{command}\nsaid {answer}"
    assert len(answers) == len(steps) + 1
