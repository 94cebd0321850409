"""Promise 9: what is put off is off at once, for every way in, and on again with nothing lost.

Members send creates and other writes without a pause while one switch after another is flipped.
Whether something was accepted, begun or finished while it was off is read from the database, by
its one clock, and what was accepted once more from what the clients saw.
"""

import os
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from pleinair.access.actor import Actor, Role
from pleinair.access.authority import RULES
from pleinair.access.switchboard import CODE
from pleinair.figures import Cell
from pleinair.service import books
from pleinair.service.programme_tables import Switch
from pleinair.service.queue import LostError, Queue
from pleinair.service.tables import Video
from pleinair.settings import ServiceSettings
from tests.access.conftest import House, Open, house_of
from tests.access.conftest import ask as ask
from tests.access.conftest import house_settings as house_settings
from tests.access.conftest import open_house as open_house
from tests.api.conftest import serve
from tests.postgres import postgres_server
from tests.promises.figure import publish_table
from tests.sdk.conftest import served
from tests.service.conftest import made

FULL = bool(os.environ.get("FIGURES_OUT"))
FLIPS = 100 if FULL else 6
RESTARTS = 4 if FULL else 1
SEED = 9
ROLES = (Role.TESTER, Role.RED_TEAMER, Role.CREATIVE_PARTNER, Role.DEVELOPER)
PACE = 0.03  # seconds between an answer and the next request of one member
OFF, ON = 0.5, 0.4  # seconds that a switch is left off, and that it is on before the next
WHY = "We look into a leak."
MODELS = ("test-card", "sora-2")


@dataclass(frozen=True)
class Person:
    """A member, with the key that they send."""

    actor: Actor
    key_id: str
    secret: str


@dataclass(frozen=True)
class Sent:
    """A write of a member, and what came of it.

    Attributes:
        person, model: who sent it, and with a create for which model.
        began, ended: when it left and when it was answered, by this process's clock.
        status, code: of the answer.
        video_id: of what was accepted.
    """

    person: Person
    model: str | None
    began: float
    ended: float
    status: int
    code: str
    video_id: str | None = None


@dataclass(frozen=True)
class Flip:
    """A switch that was flipped, by this process's clock.

    Attributes:
        kind, target, running: of it.
        id: of it.
        off: when putting it off was answered.
        on: when putting it on again was sent.
    """

    kind: str
    target: str
    running: str
    id: str
    off: float
    on: float

    def concerns(self, person: Person, model: str | None) -> bool:
        actor = person.actor
        return {
            "everyone": True,
            "programme": self.target == actor.programme_id,
            "role": self.target == actor.role,
            "member": self.target == actor.id,
            "key": self.target == person.key_id,
            # A switch of a model is about creates for it, by that name or the one behind it.
            "model": model is not None and self.target in (model, "test-card"),
        }[self.kind]


@dataclass
class Crowd:
    """Members who write, workers who make, and a note of all of it."""

    house: House
    people: Sequence[Person]
    url: str = ""
    sent: list[Sent] = field(default_factory=list)
    lost: int = 0
    cut: int = 0
    seconds: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Let all of them work until the block ends."""
        hands = [threading.Thread(target=self._work) for _ in range(2)]
        mouths = [threading.Thread(target=self._write, args=(one,)) for one in self.people]
        begun = time.monotonic()
        for thread in (*hands, *mouths):
            thread.start()
        try:
            yield
        finally:
            self.seconds = time.monotonic() - begun
            self._stop.set()
            for thread in (*hands, *mouths):
                thread.join()

    def _write(self, person: Person) -> None:
        rng = random.Random(person.actor.id)
        headers = {"authorization": f"Bearer {person.secret}"}
        with httpx.Client(headers=headers, timeout=30) as client:
            while not self._stop.wait(PACE * rng.uniform(0.5, 1.5)):
                self._one(client, person, rng)

    def _one(self, client: httpx.Client, person: Person, rng: random.Random) -> None:
        model = rng.choice(MODELS) if rng.random() < 0.4 else None
        began = time.monotonic()
        try:
            if model:
                body = {"prompt": "a lake", "seconds": "1", "size": "64x48", "model": model}
                answer = client.post(f"{self.url}/v1/videos", json=body)
            elif rng.random() < 0.5:
                file = {"file": ("a.jsonl", b"{}")}
                data = {"purpose": "batch"}
                answer = client.post(f"{self.url}/v1/files", data=data, files=file)
            else:
                hook = {"name": "h", "url": "https://a.example/", "event_types": ["video.failed"]}
                answer = client.post(f"{self.url}/v1/webhook_endpoints", json=hook)
            told = answer.json()
        except (httpx.TransportError, ValueError):
            self.cut += 1  # by a restart; what the server had accepted is in the database
            return
        self.sent.append(
            Sent(
                *(person, model, began, time.monotonic(), answer.status_code),
                (told.get("error") or {}).get("code") or "",
                told.get("id") if model and answer.status_code == 200 else None,
            )
        )

    def _work(self) -> None:
        """Make videos as a worker does, in a few steps, each of which asks whether to go on."""
        queue = Queue.of(self.house.use.database, self.house.use.settings)
        while not self._stop.is_set():
            if not queue.waits(["test-card"]) or not self.make_one(queue):
                self._stop.wait(0.05)

    def make_one(self, queue: Queue, steps: int = 4) -> bool:
        """Make the next video; False if there is none."""
        claim = queue.claim(threading.current_thread().name, ["test-card"])
        if claim is None:
            return False
        for _ in range(steps):
            time.sleep(0.01)
            if not queue.holds(claim):
                self.lost += 1
                return True
        try:
            queue.complete(claim, made(claim))
        except LostError:
            self.lost += 1
        return True


def crowd_of(house: House) -> tuple[Crowd, Person]:
    """Members of all kinds, and an administrator."""

    def person(role: Role) -> Person:
        actor = house.member(role)
        return Person(actor, *house.key(actor))

    house.rules(price=1_000)
    return Crowd(house, [person(role) for role in ROLES]), person(Role.ADMINISTRATOR)


def aim(crowd: Crowd, rng: random.Random) -> tuple[str, str]:
    """A random switch."""
    person = rng.choice(crowd.people)
    kind = rng.choice(["everyone", "programme", "role", "member", "key", "model"])
    targets = {
        "everyone": "",
        "programme": crowd.house.programme.id,
        "role": str(person.actor.role),
        "member": person.actor.id,
        "key": person.key_id,
        "model": rng.choice(MODELS),
    }
    return kind, targets[kind]


def flip(crowd: Crowd, boss: Person, rng: random.Random, restart: Any = None) -> Flip:  # noqa: ANN401
    """Put something off for a while, and on again; in between the server may be restarted."""
    kind, target = aim(crowd, rng)
    running = rng.choice(["pause", "cancel"])
    headers = {"authorization": f"Bearer {boss.secret}"}
    with httpx.Client(headers=headers, timeout=30) as client:
        body = {"kind": kind, "target": target, "message": WHY, "running": running}
        answer = client.post(f"{crowd.url}/admin/v1/switches", json=body)
        off = time.monotonic()
        assert answer.status_code == 200, answer.text
        time.sleep(OFF)
        if restart:
            restart()
            time.sleep(OFF)
        on = time.monotonic()
        switch_id = answer.json()["id"]
        answer = client.post(f"{crowd.url}/admin/v1/switches/{switch_id}/on")
        assert answer.status_code == 200, answer.text
    time.sleep(ON)
    return Flip(kind, target, running, switch_id, off, on)


def while_off(crowd: Crowd, flips: Sequence[Flip], moment: str) -> list[float]:
    """Milliseconds after the flip at which videos had a moment that none may have while off."""
    people = {person.actor.id: person for person in crowd.people}
    with crowd.house.use.database.read() as session:
        videos = session.scalars(select(Video).where(getattr(Video, moment).is_not(None))).all()
        switches = {switch.id: switch for switch in session.scalars(select(Switch))}
    late = []
    for one in flips:
        switch = switches[one.id]
        assert switch.on_at is not None
        late += [
            1000 * (getattr(video, moment) - switch.off_at)
            for video in videos
            if one.concerns(people[video.owner], video.model)
            and switch.off_at < getattr(video, moment) < switch.on_at
            and not (moment == "completed_at" and video.state == "cancelled")
        ]
    return late


def summary(crowd: Crowd, flips: Sequence[Flip]) -> dict[str, Cell]:
    """What the promise says of such a run."""
    use, late = crowd.house.use, while_off(crowd, flips, "created_at")
    after: list[Sent] = []
    refused = wrong = 0
    for sent in crowd.sent:
        for one in flips:
            if one.off < sent.began and sent.ended < one.on:
                if not one.concerns(sent.person, sent.model):
                    continue
                refused += sent.code == CODE
                wrong += sent.code != CODE
                after += [sent] if sent.status == 200 else []
    with use.database.read() as session:
        videos = session.scalars(select(Video)).all()
    states = Counter(video.state for video in videos)
    known = {video.id for video in videos}
    cancelled = [video for video in videos if video.state == "cancelled"]
    strange = [video for video in cancelled if video.error_code != CODE]
    told = {sent.video_id for sent in crowd.sent if sent.video_id}
    return {
        "flips": len(flips),
        "writes": len(crowd.sent),
        "writes a second": round(len(crowd.sent) / crowd.seconds, 1),
        "refused while off": refused,
        "answered otherwise while off": wrong,
        "accepted more than 1 s after": sum(ms > 1000 for ms in late),
        "accepted after the flip": len(late) + len(after),
        "latest, ms": round(max(late, default=0.0), 3),
        "begun or finished while off": sum(
            len(while_off(crowd, flips, moment)) for moment in ("started_at", "completed_at")
        ),
        "videos accepted": len(videos),
        "completed": states["completed"],
        "cancelled as chosen": len(cancelled) - len(strange),
        "lost": len(told - known) + len(videos) - states["completed"] - states["cancelled"],
        "unbalanced books": len(books.check(use.database)),
        "cut off by restarts": crowd.cut,
        "failed answers": sum(
            sent.status >= 500 and sent.code != CODE and sent.code != "unavailable"
            for sent in crowd.sent
        ),
    }


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_off_is_off_at_once_and_nothing_is_lost(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgres_url") if kind == "postgres" else ""
    asked = {"models": "test-card", "aliases": "sora-2=test-card", "database": url, "rate": "0"}
    asked |= {"max_queued": "1000000", "max_queued_each": "1000000"}
    settings = ServiceSettings.read(
        {f"PLEINAIR_{name.upper()}": text for name, text in asked.items()}
        | {"PLEINAIR_HOME": str(tmp_path / "home")}
    )
    house = house_of(settings)
    crowd, boss = crowd_of(house)
    rng = random.Random(SEED)
    due = set(rng.sample(range(FLIPS), RESTARTS))
    with ExitStack() as stack:

        def start() -> None:
            stack.close()
            options = {**asked, "keys": ""}
            server = stack.enter_context(served(tmp_path, "--workers", "0", **options))
            crowd.url = server.url.removesuffix("/v1")

        start()
        with crowd.at_work():
            flips = [
                flip(crowd, boss, rng, start if number in due else None) for number in range(FLIPS)
            ]
    queue = Queue.of(house.use.database, settings)
    while crowd.make_one(queue, steps=0):
        pass
    row = summary(crowd, flips)
    house.use.database.close()
    for name in (
        "answered otherwise while off",
        "accepted more than 1 s after",
        "accepted after the flip",
        "begun or finished while off",
        "lost",
        "unbalanced books",
        "failed answers",
    ):
        assert row[name] == 0, row
    assert row["completed"], row
    assert row["refused while off"], row
    publish_table(
        f"promise-09-{kind}",
        f"Switches flipped while members write, on {kind}",
        [{**row, "restarts while off": RESTARTS}],
        n=FLIPS,
        seeds=[SEED],
        notes="Whether something was accepted while off is read by the database's clock.",
    )


# Every route that writes, with what it takes to get as far as its transaction.
WRITES: dict[str, dict[str, Any]] = {
    "POST /v1/videos": {"json": {"prompt": "a lake", "seconds": "1", "size": "64x48"}},
    "POST /v1/videos/edits": {"json": {"prompt": "fog", "video": {"id": "{video_id}"}}},
    "POST /v1/videos/extensions": {
        "json": {"prompt": "fog", "video": {"id": "{video_id}"}, "seconds": "1"}
    },
    "POST /v1/videos/connections": {
        "json": {"prompt": "fog", "first": {"id": "{video_id}"}, "second": {"id": "{video_id}"}}
    },
    "POST /v1/videos/retakes": {
        "json": {"prompt": "fog", "video": {"id": "{video_id}"}, "start": 0, "end": 0.5}
    },
    "POST /v1/videos/{video_id}/remix": {"json": {"prompt": "fog"}},
    "POST /v1/videos/characters": {
        "data": {"name": "Zoe"},
        "files": {"video": ("a.mp4", b"{content}", "video/mp4")},
    },
    "POST /v1/storyboards": {
        "json": {
            "title": "b",
            "size": "64x48",
            "cards": [{"kind": "text", "prompt": "a lake", "seconds": 1}],
        }
    },
    "POST /v1/storyboards/{storyboard_id}": {"json": {"title": "c"}},
    "POST /v1/storyboards/{storyboard_id}/render": {},
    "POST /v1/files": {"data": {"purpose": "batch"}, "files": {"file": ("a.jsonl", b"{}")}},
    "DELETE /v1/files/{file_id}": {},
    "POST /v1/batches": {
        "json": {
            "input_file_id": "{file_id}",
            "endpoint": "/v1/videos",
            "completion_window": "24h",
        }
    },
    "POST /v1/batches/{batch_id}/cancel": {},
    "POST /v1/webhook_endpoints": {
        "json": {"name": "h", "url": "https://a.example/", "event_types": ["video.failed"]}
    },
    "POST /v1/webhook_endpoints/{webhook_endpoint_id}": {"json": {"name": "g"}},
    "DELETE /v1/webhook_endpoints/{webhook_endpoint_id}": {},
    "POST /v1/webhook_endpoints/{webhook_endpoint_id}/rotate_secret": {"json": {}},
    "POST /v1/webhook_endpoints/{webhook_endpoint_id}/test": {
        "json": {"event_type": "video.failed"}
    },
    "POST /v1/rewrites": {"json": {"prompt": "a lake"}},
    "POST /v1/origins": {"files": {"file": ("a.png", b"x")}},
    "POST /v1/videos/{video_id}/share": {"json": {"title": "Mine"}},
    "POST /v1/videos/{video_id}/share/appeal": {"json": {"words": "Look again."}},
    "POST /access/v1/keys": {"json": {"name": "k"}},
    "POST /access/v1/keys/{key_id}/rotate": {"json": {}},
    "POST /access/v1/contributions": {
        "json": {"kind": "feedback", "title": "T", "words": "W", "minutes": 5}
    },
}
READS_ONLY = (
    "POST /v1/webhook_endpoints/{webhook_endpoint_id}/test",
    "POST /v1/origins",
    "POST /v1/rewrites",
)
"""Write nothing: a sample event, a file looked up, words; refused at the door alone."""


def test_every_route_that_writes_is_in_the_list() -> None:
    meant = {
        route
        for rule in RULES
        for route in rule.routes
        if not (rule.public or rule.always or rule.power or route.startswith(("GET", "HEAD")))
    }
    assert meant == WRITES.keys()


def test_an_act_is_never_shut_out_by_a_switch() -> None:
    assert all(rule.always for rule in RULES if rule.power)


@dataclass
class Things:
    """A member with one of everything, and how each route of `WRITES` is called with them."""

    client: httpx.Client
    ids: dict[str, str]
    content: bytes

    def call(self, route: str) -> httpx.Response:
        method, path = self._filled(route).split(" ", 1)
        return self.client.request(method, path, **self._filled(WRITES[route]))

    def _filled(self, value: Any) -> Any:  # noqa: ANN401
        if isinstance(value, str):
            return re.sub(r"\{(\w+)\}", lambda match: self.ids[match[1]], value)
        if isinstance(value, dict):
            return {name: self._filled(item) for name, item in value.items()}
        if isinstance(value, tuple):
            return tuple(self._filled(item) for item in value)
        return self.content if value == b"{content}" else value


@pytest.fixture
def things(open_house: Open, ask: Any) -> Things:  # noqa: ANN401
    actor, client = open_house.as_role()
    video_id = ask(client).json()["id"]
    open_house.live.finish(video_id)
    line = '{"custom_id": "a", "method": "POST", "url": "/v1/videos", "body": {"prompt": "x"}}'
    file = client.post(
        "/v1/files", data={"purpose": "batch"}, files={"file": ("a.jsonl", line.encode())}
    ).json()
    batch = {"input_file_id": file["id"], "endpoint": "/v1/videos", "completion_window": "24h"}
    hook = WRITES["POST /v1/webhook_endpoints"]["json"]
    ids = {
        "video_id": video_id,
        "file_id": file["id"],
        "batch_id": client.post("/v1/batches", json=batch).json()["id"],
        "storyboard_id": client.post("/v1/storyboards", **WRITES["POST /v1/storyboards"]).json()[
            "id"
        ],
        "webhook_endpoint_id": client.post("/v1/webhook_endpoints", json=hook).json()["id"],
        "key_id": open_house.house.key(actor)[0],
    }
    content = client.get(f"/v1/videos/{video_id}/content").content
    return Things(client, ids, content)


@pytest.mark.parametrize("kind", ["everyone", "programme", "role", "member", "key"])
def test_no_route_that_writes_is_open_while_off(
    open_house: Open, things: Things, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once at the door; and once in the transaction, as if the flip had come between the two."""
    use = open_house.live.services
    boss = open_house.house.member(Role.ADMINISTRATOR)
    actor = use.admission.actor(things.client.headers["authorization"])
    targets = {"programme": actor.programme_id, "role": actor.role, "member": actor.id}
    target = {"everyone": "", "key": actor.key_id, **targets}[kind]
    use.switchboard.off(boss, kind, str(target), WHY)
    status = 503 if kind == "everyone" else 403

    def is_refused(answer: httpx.Response) -> bool:
        return answer.status_code == status and answer.json()["error"]["code"] == CODE

    assert [route for route in WRITES if not is_refused(things.call(route))] == []
    if kind != "member":
        return
    check, asked = use.admission.check, [0]

    def second_time_only(*args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        asked[0] += 1
        if asked[0] > 1:
            check(*args, **kwargs)

    monkeypatch.setattr(use.admission, "check", second_time_only)
    late = []
    for route in WRITES.keys() - set(READS_ONLY):
        asked[0] = 0
        answer = things.call(route)
        if not is_refused(answer):
            late.append((route, answer.status_code, answer.text))
    assert not late, late


def test_looking_goes_on_while_off(open_house: Open, things: Things) -> None:
    open_house.house.use.switchboard.off(
        open_house.house.member(Role.ADMINISTRATOR), "everyone", "", WHY
    )
    for rule in RULES:
        for route in rule.routes:
            method, path = route.split(" ", 1)
            if method != "GET" or rule.public or rule.power or Role.TESTER not in rule.who:
                continue
            path = re.sub(r"\{(\w+)\}", lambda match: things.ids.get(match[1], "none"), path)
            answer = things.client.get(path)
            assert answer.status_code in (200, 404, 400) or "withheld" in answer.text, route


def test_without_the_database_nothing_is_accepted(tmp_path: Path) -> None:
    """Closed is what a door is whose guard cannot ask."""
    body = {"prompt": "a lake", "seconds": "1", "size": "64x48"}
    with ExitStack() as database:
        url = database.enter_context(postgres_server())
        settings = ServiceSettings(
            home=tmp_path, database=url, models=("test-card",), aliases={}, rate=0
        )
        house = house_of(settings)
        secret = house.key(house.member())[1]
        house.use.database.close()
        headers = {"authorization": f"Bearer {secret}"}
        with serve(settings) as live, httpx.Client(headers=headers, timeout=60) as client:
            assert client.post(f"{live.url}/videos", json=body).status_code == 200
            database.close()
            for _ in range(3):
                answer = client.post(f"{live.url}/videos", json=body)
                assert answer.status_code == 503
                assert answer.json()["error"]["code"] == "unavailable"
