"""The Hub's own client against a small server on this machine that speaks as the Hub does."""

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from pleinair.backends.catalogue import CATALOGUE
from pleinair.backends.hub import Hub
from pleinair.backends.receipts import check_folder
from pleinair.errors import ModelError
from tests.commands.test_models import FILES, NEEDED

WEIGHTS = CATALOGUE["wan2.1-t2v-1.3b"]
COMMIT = "c0ffee" * 6 + "beef"


class _Speaks(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def log_message(self, format: str, *words: object) -> None: ...

    def _answer(self, *, body: bool) -> None:
        path = self.path.partition("?")[0]
        name = path.partition(f"/resolve/{COMMIT}/")[2]
        headers = {"X-Repo-Commit": COMMIT}
        if path.startswith(f"/api/models/{WEIGHTS.repository}/tree/"):
            data = json.dumps(_tree()).encode()
        elif path.startswith(f"/api/models/{WEIGHTS.repository}"):
            data = json.dumps(_told()).encode()
        elif path.startswith(f"/{WEIGHTS.repository}/resolve/") and name in FILES:
            data = FILES[name]
            headers["ETag"] = f'"{_ids(name)[0] if _big(name) else _ids(name)[1]}"'
        else:
            data = b"{}"
            headers["X-Error-Code"] = "RepoNotFound"
        self.send_response(404 if "X-Error-Code" in headers else 200)
        for header, value in headers.items():
            self.send_header(header, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data)


def _big(name: str) -> bool:
    return name.endswith(".safetensors")


def _ids(name: str) -> tuple[str, str]:
    data = FILES[name]
    blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    return hashlib.sha256(data).hexdigest(), blob


def _told() -> dict[str, Any]:
    files: list[dict[str, Any]] = []
    for name, data in FILES.items():
        sha256, blob = _ids(name)
        told: dict[str, Any] = {"rfilename": name, "size": len(data), "blobId": blob}
        if _big(name):
            told["lfs"] = {"sha256": sha256, "size": len(data), "pointerSize": 130}
        files.append(told)
    return {"id": WEIGHTS.repository, "sha": COMMIT, "siblings": files, "tags": []}


def _tree() -> list[dict[str, Any]]:
    files: list[dict[str, Any]] = []
    for name, data in FILES.items():
        sha256, blob = _ids(name)
        told: dict[str, Any] = {"type": "file", "path": name, "size": len(data), "oid": blob}
        if _big(name):
            told["lfs"] = {"oid": sha256, "size": len(data), "pointerSize": 130}
        files.append(told)
    return files


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Any]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Speaks)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    client: Any = import_module("huggingface_hub")
    yield client.HfApi(endpoint=f"http://127.0.0.1:{server.server_port}", token=False)
    server.shutdown()
    thread.join()
    server.server_close()
    client.close_session()


def test_its_own_client_brings_what_runs(api: Any, tmp_path: Path) -> None:  # noqa: ANN401
    hub, folder = Hub(api), tmp_path / WEIGHTS.id
    offer = hub.look(WEIGHTS)
    assert offer.revision == COMMIT
    receipt = hub.pull(WEIGHTS, offer, folder, lambda text: None)
    assert sorted(receipt.files) == NEEDED
    assert check_folder(WEIGHTS.id, folder) == receipt
    (folder / NEEDED[-1]).write_bytes(b"cut")
    with pytest.raises(ModelError, match="came damaged"):
        hub.pull(WEIGHTS, offer, folder, lambda text: None)
    assert hub.pull(WEIGHTS, offer, folder, lambda text: None) == receipt


def test_a_repository_that_is_not_there_is_told(api: Any) -> None:  # noqa: ANN401
    with pytest.raises(ModelError, match="there is no such repository, or it is private"):
        Hub(api).look(CATALOGUE["mochi-1"])
