"""``pleinair models`` with a Hub that is a dictionary of files."""

import hashlib
import io
import json
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pleinair.backends import hub
from pleinair.backends.receipts import read_receipt
from pleinair.cli import main

INDEX = json.dumps({"_class_name": "WanPipeline", "vae": ["diffusers", "X"], "nil": [None, None]})
FILES = {
    "model_index.json": INDEX.encode(),
    "LICENSE.txt": b"do as you like",
    "README.md": b"hello",
    "vae/config.json": b"{}",
    "vae/diffusion_pytorch_model.safetensors": b"w" * 1000,
    "vae/diffusion_pytorch_model.fp16.safetensors": b"h" * 500,
    "vae/diffusion_pytorch_model.bin": b"pickle",
    "whole.safetensors": b"x" * 9000,
    "other/model.safetensors": b"o" * 100,
}
NEEDED = [
    "LICENSE.txt",
    "model_index.json",
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
]
WEIGHTS = NEEDED[-1]


class FakeHub:
    """What `HfApi` does, with files in memory; ``cut`` stops before that file, like a cable."""

    def __init__(self) -> None:
        self.files = dict(FILES)
        self.card: dict[str, Any] = {"license": "mit"}
        self.fetched: list[str] = []
        self.cut = ""
        self.damage = ""

    def model_info(self, repository: str, *, revision: str, files_metadata: bool) -> Any:  # noqa: ANN401
        assert files_metadata
        files = []
        for name, data in self.files.items():
            big = name.endswith(".safetensors")
            lfs = SimpleNamespace(sha256=hashlib.sha256(data).hexdigest()) if big else None
            blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
            told = SimpleNamespace(rfilename=name, size=len(data), blob_id=blob, lfs=lfs)
            files.append(told)
        return SimpleNamespace(sha="c0ffee" * 6, siblings=files, card_data=self.card)

    def snapshot_download(
        self, repository: str, *, revision: str, local_dir: Path, allow_patterns: list[str]
    ) -> str:
        for name, data in sorted(self.files.items()):
            path = local_dir / name
            if not any(fnmatch(name, pattern) for pattern in allow_patterns) or path.is_file():
                continue
            if name == self.cut:
                raise ConnectionError("the line was cut")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data[:-1] + b"?" if name == self.damage else data)
            self.fetched.append(name)
        return str(local_dir)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    api = FakeHub()
    monkeypatch.setattr(hub, "_client", lambda: api)
    return api


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("PLEINAIR_MODEL_FOLDER", str(tmp_path / "models"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    return tmp_path / "models"


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], home: Path) -> Callable[..., tuple[int, str]]:
    """Runs ``pleinair models …``: its exit code and all it said, with single spaces."""

    def run(*arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as caught:
            main(["models", *arguments])
        assert isinstance(caught.value.code, int)
        said = capfd.readouterr()
        return caught.value.code, " ".join((said.out + said.err).split())

    return run


Run = Callable[..., tuple[int, str]]


def test_a_pull_brings_what_runs_and_writes_a_receipt(run: Run, api: FakeHub, home: Path) -> None:
    code, said = run("pull", "wan2.1-t2v-1.3b")
    assert code == 0, said
    assert "apache-2.0" in said
    folder = home / "wan2.1-t2v-1.3b"
    assert sorted(api.fetched) == NEEDED
    receipt = read_receipt(folder)
    assert receipt is not None
    assert sorted(receipt.files) == NEEDED
    assert receipt.files[WEIGHTS].size == 1000
    assert receipt.files[WEIGHTS].sha256 == hashlib.sha256(b"w" * 1000).hexdigest()
    assert "pulled" in run()[1].partition("wan2.1-t2v-1.3b")[2].partition("wan2.1-t2v-14b")[0]
    code, said = run("pull", "wan2.1-t2v-1.3b")
    assert "here already" in said
    assert sorted(api.fetched) == NEEDED


def test_a_pull_that_was_cut_off_goes_on(run: Run, api: FakeHub, home: Path) -> None:
    api.cut = WEIGHTS
    code, said = run("pull", "cogvideox-2b")
    assert code == 2
    assert "the line was cut; `pleinair models pull cogvideox-2b` goes on where it stopped" in said
    assert "half finished" in run("show", "cogvideox-2b")[1]
    api.cut = ""
    assert run("pull", "cogvideox-2b")[0] == 0
    assert sorted(api.fetched) == NEEDED  # each but once
    assert "weights pulled" in run("show", "cogvideox-2b")[1]


@pytest.mark.parametrize("name", [WEIGHTS, "vae/config.json"])
def test_a_damaged_file_is_not_kept(run: Run, api: FakeHub, home: Path, name: str) -> None:
    api.damage = name
    code, said = run("pull", "mochi-1")
    assert code == 2
    assert f"{Path(name).name} came damaged; `pleinair models pull mochi-1`" in said
    assert not (home / "mochi-1" / name).exists()
    assert read_receipt(home / "mochi-1") is None
    api.damage = ""
    assert run("pull", "mochi-1")[0] == 0


def test_what_was_damaged_later_is_found_and_fetched_again(
    run: Run, api: FakeHub, home: Path
) -> None:
    assert run("pull", "mochi-1")[0] == 0
    weights = home / "mochi-1" / WEIGHTS
    weights.write_bytes(b"v" * 1000)
    assert "weights pulled" in run("show", "mochi-1")[1]  # its size is right
    code, said = run("show", "mochi-1", "--verify")
    assert (code, f"damaged: {WEIGHTS}" in said) == (2, True)
    assert run("pull", "mochi-1", "--offline", "--verify")[0] == 2
    code, said = run("pull", "mochi-1", "--verify")
    assert (code, f"{WEIGHTS} is damaged and is fetched again" in said) == (0, True)
    assert weights.read_bytes() == FILES[WEIGHTS]
    assert (
        "4 files are what came from genmo/mochi-1-preview" in run("show", "mochi-1", "--verify")[1]
    )


def test_some_licences_must_be_agreed_to(
    run: Run, api: FakeHub, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for typed in ("", "no\n", "y\n"):
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        code, said = run("pull", "hunyuan-video")
        assert code == 2
        assert "tencent-hunyuan-community: https://huggingface.co/tencent/HunyuanVideo" in said
        assert "allowed: yes, or --accept-licence" in said
    assert api.fetched == []
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    assert run("pull", "hunyuan-video")[0] == 0
    assert run("pull", "cogvideox-5b", "--accept-licence")[0] == 0


def test_a_repository_is_pulled_by_its_name(
    run: Run, api: FakeHub, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("pull", "hf:someone/some-model")[0] == 0
    assert (home / "hf--someone--some-model" / WEIGHTS).is_file()
    assert "hf:someone/some-model" in run("list")[1]
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    api.card = {"license": "other", "license_name": "strict", "license_link": "https://e.org/l"}
    code, said = run("pull", "hf:someone/other")
    assert code == 2
    assert "strict: https://e.org/l" in said


def test_offline_nothing_is_fetched(
    run: Run, api: FakeHub, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, said = run("pull", "ltx-video", "--offline")
    assert (code, "offline: nothing is fetched" in said) == (2, True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert run("pull", "cogvideox-2b")[0] == 2
    assert api.fetched == []
    monkeypatch.delenv("HF_HUB_OFFLINE")
    assert run("pull", "cogvideox-2b")[0] == 0
    code, said = run("pull", "cogvideox-2b", "--offline")
    assert (code, "is here" in said) == (0, True)


def test_removing_asks_first(
    run: Run, api: FakeHub, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("pull", "mochi-1")[0] == 0
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert run("rm", "mochi-1")[0] == 2
    assert (home / "mochi-1").is_dir()
    assert run("rm", "mochi-1", "--yes")[0] == 0
    assert not (home / "mochi-1").exists()
    assert "not here" in run("rm", "mochi-1", "--yes")[1]


@pytest.mark.parametrize("verb", ["pull", "show", "rm"])
@pytest.mark.parametrize("model", ["..", "hf:../..", "hf:a/../..", "nothing"])
def test_an_id_that_leads_elsewhere_is_refused(run: Run, home: Path, verb: str, model: str) -> None:
    home.mkdir()
    code, said = run(verb, model)
    assert code == 2
    assert "there are: wan2.1-t2v-1.3b" in said
    assert home.is_dir()


@pytest.mark.parametrize("model", ["pleinair-2", "pleinair-1"])
def test_a_model_of_this_house_is_shown_and_neither_fetched_nor_removed(
    run: Run, home: Path, model: str
) -> None:
    assert run("show", model)[0] == 0
    for verb in ("pull", "rm"):
        code, said = run(verb, model)
        assert code == 2
        assert "there are: wan2.1-t2v-1.3b" in said


def test_a_repository_that_names_files_elsewhere_is_refused(
    run: Run, api: FakeHub, home: Path
) -> None:
    api.files["../vae/x.json"] = b"{}"
    code, said = run("pull", "mochi-1")
    assert code == 2
    assert "outside its folder" in said


def test_a_repository_without_the_layout_is_refused(run: Run, api: FakeHub) -> None:
    api.files = {name: FILES[name] for name in ("model_index.json", "whole.safetensors")}
    assert "no safetensors in the folders" in run("pull", "mochi-1")[1]
    api.files = {"whole.safetensors": b"x"}
    assert "not in the layout of diffusers" in run("pull", "mochi-1")[1]


def test_a_full_disk_is_told_before_the_download(
    run: Run, api: FakeHub, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=5))
    code, said = run("pull", "mochi-1")
    assert code == 2
    assert "PLEINAIR_MODEL_FOLDER names another folder" in said
    assert WEIGHTS not in api.fetched


def test_missing_packages_are_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    assert "pip install 'pleinair[wan]'" in run("pull", "mochi-1")[1]
