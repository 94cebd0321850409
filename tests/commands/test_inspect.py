import pytest

from pleinair.backends.catalogue import CATALOGUE
from pleinair.cli import main


def _run(command: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    with pytest.raises(SystemExit) as caught:
        main([command])
    assert isinstance(caught.value.code, int)
    return caught.value.code, capsys.readouterr().out


def test_a_model_without_a_file_needs_none(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = _run("models", capsys)
    assert code == 0
    line = next(line for line in out.splitlines() if "test-card" in line)
    assert "none needed" in line


def test_the_doctor_misses_no_file_that_nobody_needs(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = _run("doctor", capsys)
    assert code == 0
    weights = next(line for line in out.splitlines() if line.startswith("weights"))
    assert weights.count(".safetensors") == 1
    assert "missing" not in out
    for model in CATALOGUE:
        line = next(line for line in out.splitlines() if line.startswith(f"{model} "))
        assert "GB RAM" in line or "GB VRAM" in line
        assert line.endswith("or more")
