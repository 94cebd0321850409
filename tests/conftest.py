"""What every test may use: no network, a bare environment, a model that needs no weights."""

import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pleinair.backends import base
from pleinair.backends.base import Entry, Generation, Materials, Metadata, Preview, Progress
from pleinair.media.frames import Frames
from pleinair.request import VideoRequest
from pleinair.scenes.scene import Scene
from pleinair.settings import DEFAULT_MODEL, Settings, variables
from tests.painter import Painter

pytest_plugins = ["tests.postgres"]


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else "127.0.0.1"  # a path is local
        if not (host == "localhost" or host.startswith("127.") or host == "::1"):
            raise AssertionError(f"a test reached for the network: {host}")
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where whatever is kept in the home folder goes, such as the certificate that signs files."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, shared_home: Path) -> None:
    for name in variables():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PLEINAIR_HOME", str(shared_home))


def moving_card(frames: int, width: int, height: int, *, seed: int = 0, speed: float = 2) -> Frames:
    """A smooth pattern that moves right by ``speed`` pixels a frame: (frames, height, width, 3)."""
    rng = np.random.default_rng(seed)
    waves, phases = rng.uniform(0.05, 0.4, (3, 2, 4)), rng.uniform(0, 6, (3, 4))
    t, y, x = np.meshgrid(*map(np.arange, (frames, height, width)), indexing="ij")
    along = x - speed * t
    channels = [
        np.sin(w[0] * along[..., None] + w[1] * y[..., None] + p).sum(-1)
        for w, p in zip(waves, phases, strict=True)
    ]
    return np.clip(127.5 + 30 * np.stack(channels, -1), 0, 255).round().astype(np.uint8)


class Card:
    """A backend that draws the moving card: everything but a model."""

    id = "card"
    sizes: tuple[tuple[int, int], ...] = ((144, 80),)
    fps = 8

    def generate(
        self,
        request: VideoRequest,
        progress: Progress | None = None,
        *,
        materials: Materials | None = None,
        preview: Preview | None = None,
    ) -> Generation:
        self.materials = materials
        clips = []
        for i in range(request.variations):
            if progress:
                progress(i, request.variations, "draw")
            seed = request.seed + i
            clips.append(moving_card(request.frames, request.width, request.height, seed=seed))
        unknown: dict[str, str | None] = {}
        if "baloon" in request.prompt:
            unknown["baloon"] = "balloon"
        cut = max(0, len(request.prompt.split()) - 96)
        made = Metadata(request, 144, 80, 8, 17, unknown=unknown, cut=cut, seconds={"draw": 0.1})
        return Generation(tuple(clips), request.fps, made)


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """Puts the card in the place of our models; gives the settings that it was opened with."""
    opened: list[Settings] = []

    def open_card(settings: Settings) -> Card:
        opened.append(settings)
        return Card()

    entry = Entry("a moving card", "card.safetensors", open_card)
    for model in (DEFAULT_MODEL, "pleinair-1"):
        monkeypatch.setitem(base.MODELS, model, entry)
    base.open_backend.cache_clear()
    return opened


@pytest.fixture
def painter(monkeypatch: pytest.MonkeyPatch) -> list[Painter]:
    """Puts the painter in the place of the renderer of landscapes; gives those that were made."""
    from pleinair.backends import landscapes  # and torch with it

    made: list[Painter] = []

    def make(scene: Scene, **options: int) -> Painter:
        made.append(Painter(scene, **options))  # type: ignore[arg-type]
        return made[-1]

    monkeypatch.setattr(landscapes, "Renderer", make)
    return made


@pytest.fixture(autouse=True)
def _cold_models() -> None:
    base.open_backend.cache_clear()


@pytest.fixture
def request_of_card() -> VideoRequest:
    return replace(VideoRequest("a lake at dusk", seed=3), seconds=0.5, width=96, height=64)
