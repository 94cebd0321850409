"""Promise 5: however often a create is repeated because its answer was lost, it makes one video."""

import os
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import OpenAI
from PIL import Image
from sqlalchemy import func, select
from structlog.testing import capture_logs

from pleinair.figures import Cell
from pleinair.service import videos
from pleinair.service.tables import Video
from pleinair.service.videos import Call, Draft, Receipt, Videos
from pleinair.settings import ServiceSettings
from tests.api.conftest import Live, serve
from tests.promises.cutter import ANSWER, EARLY, PASS, REQUEST, Fate, cutting
from tests.promises.figure import publish_table

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")
FULL = "FIGURES_OUT" in os.environ
KEYS, AT_ONCE = 1_000 if FULL else 30, 8
CALLS = 1_000 if FULL else 60
SEED = 5
Rows = list[dict[str, Cell]]
SMALL: dict[str, Any] = {"seconds": "1", "size": "64x48"}


@dataclass(frozen=True)
class Outcome:
    """Creates, requests that reached the proxy, those cut, and videos that were made."""

    creates: int
    requests: int
    cut: int
    videos: int
    disagreeing: int


class Dice:
    """Draws fates, and counts them; never cuts the third try of an SDK, which is its last."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self._lock = threading.Lock()
        self.requests = self.cut = 0

    def draw(self, *fates: str) -> str:
        with self._lock:
            fate = self._rng.choice(fates)
            self.requests += 1
            self.cut += fate != PASS
            return fate

    def of_anybody(self, _: bytes) -> str:
        return self.draw(PASS, PASS, ANSWER, ANSWER, EARLY, REQUEST)

    def of_an_sdk(self, head: bytes) -> str:
        lower = head.lower()
        if b"x-stainless-retry-count: 0" in lower:
            return self.draw(ANSWER, ANSWER, EARLY, REQUEST)
        if b"x-stainless-retry-count: 1" in lower:
            return self.draw(PASS, ANSWER, EARLY)
        return self.draw(PASS)


@pytest.fixture(params=["sqlite", "postgres"])
def live(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Live]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    settings = ServiceSettings(
        home=tmp_path,
        database=url,
        models=("test-card",),
        rate=0,
        max_queued=10**6,
        max_queued_each=10**6,
    )
    with serve(settings) as live:
        yield live


def made(live: Live) -> int:
    with live.services.database.read() as session:
        return session.scalars(select(func.count()).select_from(Video)).one()


def port_of(live: Live) -> int:
    return int(httpx.URL(live.url).port or 0)


def with_keys(live: Live, keys: int) -> Outcome:
    """Creates with a key each, every one sent eight times at once, until each has its answer."""
    dice = Dice(SEED)
    disagreeing = 0
    with (
        cutting(port_of(live), dice.of_anybody) as address,
        httpx.Client(base_url=address) as http,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):

        def send(key: str, i: int) -> str:
            fields = {"prompt": f"a lake {key}", **SMALL}
            form: dict[str, Any] = {"json": fields} if i % 2 else {"data": fields}
            while True:
                try:
                    answer = http.post("/videos", headers={"Idempotency-Key": key}, **form)
                except httpx.TransportError:
                    continue
                assert answer.status_code == 200, answer.text
                return str(answer.json()["id"])

        for n in range(keys):
            key = f"key-{n}"
            ids = set(pool.map(send, [key] * AT_ONCE, range(AT_ONCE)))
            disagreeing += len(ids) > 1
    return Outcome(keys, dice.requests, dice.cut, made(live), disagreeing)


def with_an_sdk(live: Live, calls: int, fate: Fate, dice: Dice) -> Outcome:
    """Creates by the SDK, which tries again by itself and sends no key; eight at once."""
    with (
        cutting(port_of(live), fate) as address,
        OpenAI(base_url=address, api_key="any", max_retries=2) as client,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):

        def send(n: int) -> str:
            return client.videos.create(prompt=f"a lake {n}", **SMALL).id

        ids = list(pool.map(send, range(calls)))
    return Outcome(calls, dice.requests, dice.cut, made(live), calls - len(set(ids)))


@pytest.fixture(scope="module")
def table() -> Iterator[Rows]:
    """Rows of the figure, which is written once all four are there."""
    rows: Rows = []
    yield rows
    if len(rows) == 4:
        publish_table(
            "promise-05",
            "Creates through a proxy that cuts connections before, during and after the answer",
            rows,
            n=sum(int(row["requests"] or 0) for row in rows),
            seeds=[SEED],
            notes=f"With a key each create is sent {AT_ONCE} times at once, again until it is "
            "answered; the SDK repeats creates by itself, without a key.",
        )


def row(way: str, live: Live, outcome: Outcome, refused: int | None = None) -> dict[str, Cell]:
    return {
        "repeated": f"{way}, {live.services.database.engine.dialect.name}",
        "creates": outcome.creates,
        "requests": outcome.requests,
        "connections cut": outcome.cut,
        "videos made": outcome.videos,
        "answers that disagree": outcome.disagreeing,
        "changed body refused": None if refused is None else f"{refused / outcome.creates:.0%}",
    }


def test_a_key_makes_one_video_and_refuses_another_body(live: Live, table: Rows) -> None:
    outcome = with_keys(live, KEYS)
    refused = 0
    with httpx.Client(base_url=live.url) as http:
        for n in range(KEYS):
            changed = {"prompt": f"a lake key-{n}", **SMALL, "seed": n}
            answer = http.post("/videos", json=changed, headers={"Idempotency-Key": f"key-{n}"})
            refused += answer.status_code == 422
    assert (outcome.videos, outcome.disagreeing) == (KEYS, 0), outcome
    assert made(live) == refused == KEYS
    assert outcome.cut > KEYS
    table.append(row("with a key", live, outcome, refused))


def test_what_an_sdk_repeats_by_itself_makes_one_video(live: Live, table: Rows) -> None:
    dice = Dice(SEED)
    outcome = with_an_sdk(live, CALLS, dice.of_an_sdk, dice)
    assert (outcome.videos, outcome.disagreeing) == (CALLS, 0), outcome
    assert outcome.cut >= CALLS
    table.append(row("by the SDK", live, outcome))


def test_a_repetition_that_overtakes_its_first_try_makes_one_video(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    create, turned = Videos.create, threading.Event()

    def slow(self: Videos, owner: str, draft: Draft, call: Call, *more: Any) -> Receipt:  # noqa: ANN401
        if call.retry == 0:
            assert turned.wait(30)
        try:
            return create(self, owner, draft, call, *more)
        finally:
            turned.set()

    monkeypatch.setattr(Videos, "create", slow)
    dice = Dice(SEED)

    def fate(head: bytes) -> str:
        return dice.draw(EARLY if b"x-stainless-retry-count: 0" in head.lower() else PASS)

    with capture_logs() as lines:
        outcome = with_an_sdk(live, 1, fate, dice)
        while len(lines) < 2:  # the first try is answered too, though nobody hears it
            time.sleep(0.01)
    assert {line["status"] for line in lines} == {200}
    assert (outcome.requests, made(live)) == (2, 1)


def test_two_first_tries_of_one_content_are_two_videos(live: Live) -> None:
    with OpenAI(base_url=live.url, api_key="any", max_retries=0) as client:
        ids = {client.videos.create(prompt="a lake", **SMALL).id for _ in range(3)}
    assert len(ids) == made(live) == 3


def test_a_repeated_upload_makes_one_video(live: Live, tmp_path: Path) -> None:
    path = tmp_path / "red.png"
    Image.new("RGB", (64, 48), "red").save(path)
    dice = Dice(SEED)
    with (
        cutting(port_of(live), dice.of_an_sdk) as address,
        OpenAI(base_url=address, api_key="any", max_retries=2) as client,
    ):
        client.videos.create(prompt="a lake", input_reference=path, **SMALL)
    assert dice.cut >= 1
    assert made(live) == 1


def test_without_recognition_it_would_show(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(videos, "recognise", lambda *_: None)
    dice = Dice(SEED)
    outcome = with_an_sdk(live, 12, dice.of_an_sdk, dice)
    assert outcome.videos > 12


def test_without_the_key_looked_up_it_would_show(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Videos, "_known", lambda *_: None)
    with httpx.Client(base_url=live.url) as http:
        send = {"json": {"prompt": "a lake", **SMALL}, "headers": {"Idempotency-Key": "mine"}}
        with capture_logs():
            codes = [http.post("/videos", **send).status_code for _ in range(2)]  # type: ignore[arg-type]
    assert codes == [200, 500]  # the second row of one key is refused by the table itself
