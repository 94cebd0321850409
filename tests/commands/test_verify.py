import json
from pathlib import Path

import pytest

from pleinair.cli import main
from pleinair.media import provenance
from pleinair.media.provenance import Signer
from pleinair.settings import Settings

CARD = ("--model", "test-card", "--size", "64x48", "--seed", "7", "--steps", "1", "--fps", "12")


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    assert isinstance(caught.value.code, int)
    return caught.value.code


def generate(name: str, *arguments: str) -> int:
    return run("generate", "a card", "-o", name, *CARD, "--seconds", "0.5", *arguments)


def test_a_video_is_signed_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    assert generate("a.mp4", "--json", "--thumbnail", "a.png", "--variations", "2") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["signed"] is True
    for i, name in enumerate(("a-1.mp4", "a-2.mp4")):
        assert run("verify", name, "--json") == 0
        found = json.loads(capsys.readouterr().out)
        assert (found["standing"], found["model"], found["seed"]) == ("valid", "test-card", 7 + i)
        assert found["request"] == told["digest"]
    assert run("verify", "a-1.png") == 0


def test_a_chain_is_told_from_the_last_to_the_first(capsys: pytest.CaptureFixture[str]) -> None:
    generate("a.mp4")
    generate("b.mp4", "--extend", "a.mp4")
    capsys.readouterr()
    assert run("verify", "b.mp4") == 0
    out = capsys.readouterr().out
    assert out.startswith("valid      signed by Pleinair server ")
    assert "\nsource     trainedAlgorithmicMedia\nmodel      test-card, seed 7\n" in out
    assert "\nmade from  extend " in out
    assert "\n  model      test-card, seed 7\n" in out


def test_a_video_may_replace_what_it_goes_on_with(capsys: pytest.CaptureFixture[str]) -> None:
    generate("a.mp4")
    assert generate("a.mp4", "--extend", "a.mp4") == 0
    capsys.readouterr()
    assert run("verify", "a.mp4", "--json") == 0
    (source,) = json.loads(capsys.readouterr().out)["sources"]
    assert source["standing"] == "valid"


def test_the_exit_code_says_whether_to_believe_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    generate("a.mp4")
    data = bytearray(Path("a.mp4").read_bytes())
    data[-600] ^= 1
    Path("b.mp4").write_bytes(data)
    Path("c.txt").write_text("words")
    capsys.readouterr()
    assert run("verify", "b.mp4") == 1
    assert capsys.readouterr().out.startswith("tampered   changed since it was signed")
    assert run("verify", "c.txt") == 1
    assert capsys.readouterr().out.startswith("none ")
    assert run("verify", "nothing.mp4") == 2
    assert (
        capsys.readouterr().err == "pleinair: cannot read nothing.mp4: No such file or directory\n"
    )
    chain = provenance.signer_of(Settings(), tmp_path / "x")
    assert chain is not None
    Path("x.pem").write_bytes(chain.certificate.chain)
    monkeypatch.setenv("PLEINAIR_HOME", str(tmp_path / "fresh"))
    assert run("verify", "a.mp4") == 1
    assert capsys.readouterr().out.startswith("unknown    unchanged since Pleinair server ")
    assert run("verify", "a.mp4", "--trust", "x.pem") == 1
    assert not Path("fresh").exists()


def test_a_root_may_be_trusted_by_hand(
    monkeypatch: pytest.MonkeyPatch, shared_home: Path, tmp_path: Path
) -> None:
    generate("a.mp4")
    monkeypatch.setenv("PLEINAIR_HOME", str(tmp_path / "fresh"))
    assert run("verify", "a.mp4", "--trust", str(shared_home / "certificate" / "chain.pem")) == 0
    assert run("verify", "a.mp4", "--trust", "a.mp4") == 2


def test_webm_has_its_manifest_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert generate("a.webm") == 0
    assert "wrote      a.c2pa (" in capsys.readouterr().out
    assert run("verify", "a.webm") == 0


def test_nothing_is_left_of_what_cannot_be_signed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Signer, "_signer", _refuse)
    assert generate("a.mp4") == 2
    assert capsys.readouterr().err.endswith("pleinair: cannot sign a.mp4: the key is away\n")
    assert list(Path().iterdir()) == []


def _refuse(self: Signer) -> None:
    raise OSError("the key is away")


def test_it_can_be_turned_off(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLEINAIR_PROVENANCE", "off")
    assert generate("a.mp4", "--json") == 0
    assert json.loads(capsys.readouterr().out)["signed"] is False
    assert run("verify", "a.mp4") == 1
