"""Promise 6: secrets are shown once and kept nowhere; a revoked key is refused at once.

Nor does a typing mistake ever reach the database, and who changes keys in time is never refused.
"""

import io
import logging
import os
import random
import re
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from sqlalchemy import select, update

from pleinair.access.actor import AT_THE_MACHINE, Role
from pleinair.access.keys import is_key, mint
from pleinair.errors import AccessError
from pleinair.service import audit, backup, log
from pleinair.service.db import Database
from pleinair.service.programme_tables import Key, Member
from pleinair.service.schema import Base
from pleinair.settings import ServiceSettings
from tests.access.conftest import House, Open, house_of
from tests.access.conftest import open_house as open_house
from tests.api.conftest import serve
from tests.promises.figure import publish

FULL = bool(os.environ.get("FIGURES_OUT"))
REQUESTS = 10_000 if FULL else 300
TYPOS = 200_000 if FULL else 20_000
REVOKED = 200 if FULL else 12
ROTATIONS = 100 if FULL else 8
SERVERS = 4
SEED = 6
PIECE = 12
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ALIKE = ("0O", "O0", "1l", "l1", "Il", "lI", "1I", "I1", "5S", "S5", "8B", "B8", "2Z", "Z2", "uv")
_PREFIX = re.compile(r"^(pa_invite_|pa_session_|pa_|whsec_)")


@pytest.fixture
def house_settings(tmp_path: Path) -> ServiceSettings:
    return ServiceSettings(
        home=tmp_path / "home", models=("test-card",), rate=0, proxies=("127.0.0.1/32",)
    )


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """All that is logged, down to the last detail."""
    stream = io.StringIO()
    root = logging.getLogger()
    before = root.handlers[:], root.level
    log.configure(json=True, level="DEBUG", stream=stream)
    try:
        yield stream
    finally:
        root.handlers[:], level = before
        root.setLevel(level)
        structlog.reset_defaults()


@dataclass
class Spies:
    """Whoever uses secrets, and a list of all that were used."""

    made: Open
    rng: random.Random
    used: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """A member with a key and a password, and an administrator."""
        house = self.made.house
        self.member, self.boss = house.member(), house.member(Role.ADMINISTRATOR)
        self.secret = self.note(house.key(self.member)[1])
        self.boss_secret = self.note(house.key(self.boss)[1])
        self.client, self.stranger = self.made.client(), self.made.client()
        self.url = self.made.live.url.removesuffix("/v1")

    def note(self, secret: str) -> str:
        self.used.add(secret)
        return secret

    def send(self, method: str, path: str, key: str | None = None, **rest: Any) -> httpx.Response:  # noqa: ANN401
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self.counts["requests"] += 1
        return self.stranger.request(method, path, headers=headers, **rest)

    def right(self) -> None:
        assert self.send("GET", "/v1/videos", self.secret).status_code == 200

    def wrong(self) -> None:
        assert self.send("GET", "/v1/videos", self.note(mint())).status_code == 401

    def mistyped(self) -> None:
        self.send("POST", "/v1/videos", self.note(typo(mint(), self.rng)), json={})

    def basic(self) -> None:
        self.counts["requests"] += 1
        answer = self.stranger.get("/v1/videos", auth=("key", self.note(mint())))
        assert answer.status_code == 401

    def in_the_address(self) -> None:
        """Where none belongs, and where somebody will put one all the same."""
        secret = self.note(mint())
        self.send("GET", f"/v1/videos/{secret}", self.secret)
        self.send("GET", f"/v1/videos?api_key={secret}&after={secret}", self.secret)
        self.send("DELETE", f"/access/v1/keys/{secret}", self.secret)

    def instead_of_an_id(self) -> None:
        secret = self.note(mint())
        body = {"reason": "it is in other hands"}
        self.send("POST", f"/admin/v1/keys/{secret}/revoke", self.boss_secret, json=body)
        self.send("POST", f"/admin/v1/keys/{secret}/revoke", self.secret, json=body)

    def a_life(self) -> None:
        """A key from its beginning to its end."""
        body = {"name": "for a while"}
        made = self.send("POST", "/access/v1/keys", self.secret, json=body).json()
        first = self.note(made["secret"])
        assert self.send("GET", "/v1/videos", first).status_code == 200
        place = f"/access/v1/keys/{made['id']}"
        newer = self.send("POST", f"{place}/rotate", self.secret, json={}).json()
        second = self.note(newer["secret"])
        assert self.send("GET", "/v1/videos", first).status_code == 200
        assert self.send("GET", "/v1/videos", second).status_code == 200
        for key_id, secret in ((made["id"], first), (newer["id"], second)):
            self.send("DELETE", f"/access/v1/keys/{key_id}", self.secret)
            assert self.send("GET", "/v1/videos", secret).status_code == 401

    def decoy(self) -> None:
        _, secret = self.made.house.use.keys.issue(AT_THE_MACHINE, None, "left in a drawer")
        assert self.send("GET", "/v1/videos", self.note(secret)).status_code == 401

    def hook(self) -> None:
        body = {"name": "h", "url": "https://a.example/", "event_types": ["video.failed"]}
        made = self.send("POST", "/v1/webhook_endpoints", self.secret, json=body).json()
        self.note(made["signing_secret"])
        place = f"/v1/webhook_endpoints/{made['id']}"
        again = self.send("POST", f"{place}/rotate_secret", self.secret, json={}).json()
        self.note(again["signing_secret"])
        self.send("DELETE", place, self.secret)

    def link(self) -> None:
        """A signed link, as it was made and changed."""
        storage = self.made.live.services.storage
        link = storage.link(
            "videos/none/1/0/video.mp4", 60, self.url, content_type="video/mp4", filename="a.mp4"
        )
        signature = self.note(link.rpartition("signature=")[2])
        self.send("GET", link)
        self.send("GET", link.replace(signature, self.note(secrets.token_hex(32))))

    def guest(self) -> None:
        """From an invitation to a signed-in browser, a wrong password and a changed one."""
        invited = {"role": "tester", "programme_id": self.made.house.programme.id}
        made = self.send("POST", "/admin/v1/invitations", self.boss_secret, json=invited).json()
        token, password = self.note(made["token"]), self.note(secrets.token_urlsafe(24))
        email = f"{secrets.token_hex(6)}@example.org"
        body = {"name": "Ann", "email": email, "password": password, "terms_version": 1}
        place = f"/access/v1/invitations/{token}"
        network = f"10.{self.rng.randrange(256)}.{self.rng.randrange(256)}.1"
        home = {"x-forwarded-for": network}  # else all guests share one limit of wrong passwords
        with httpx.Client(base_url=self.url, headers=home) as browser:
            assert browser.get(place).status_code == 200
            assert browser.post(f"{place}/accept", json=body).status_code == 200
            assert browser.get(place).status_code == 404
            self.note(browser.cookies["pleinair_session"])
            assert browser.get("/access/v1/me").status_code == 200
            bad = self.note(secrets.token_urlsafe(24))
            said = {"email": email, "password": bad}
            assert browser.post("/access/v1/sign-in", json=said).status_code == 401
            assert browser.post("/access/v1/sign-in", json={**said, "nonsense": bad}).is_error
            browser.post("/access/v1/sign-in", json={**said, "password": password})
            self.note(browser.cookies["pleinair_session"])
            fresh = self.note(secrets.token_urlsafe(24))
            browser.post("/access/v1/password", json={"old": password, "new": fresh})
            browser.post("/access/v1/sign-out")
            false = self.note(f"pa_session_{secrets.token_urlsafe(32)}")
            cookie = {"cookie": f"pleinair_session={false}"}
            assert browser.get("/v1/videos", headers=cookie).status_code == 401
        self.counts["requests"] += 10

    def look(self, texts: Iterator[bytes]) -> int:
        """How often a secret, or a piece of one, stands in texts."""
        pieces = set()
        for secret in self.used:
            random_part = _PREFIX.sub("", secret).encode()
            pieces |= {
                random_part[i : i + PIECE] for i in range(max(1, len(random_part) - PIECE + 1))
            }
        assert all(len(piece) == PIECE for piece in pieces)
        return sum(
            text[i : i + PIECE] in pieces for text in texts for i in range(len(text) - PIECE + 1)
        )


def corpora(made: Open, logs: str, folder: Path) -> dict[str, list[bytes]]:
    """All that is kept and written, by where it stands."""
    use = made.live.services
    tables = []
    with use.database.read() as session:
        for table in Base.metadata.sorted_tables:
            tables += [repr(tuple(row)).encode() for row in session.execute(select(table))]
    backup.take(use.database, use.storage, folder, secret=b"the secret of a test")
    kept = [path for path in folder.rglob("*") if path.is_file()]
    home = [p for p in use.settings.home.rglob("*") if p.is_file() and p.name != "secret"]
    return {
        "log": [logs.encode()],
        "tables": tables,
        "backup": [path.read_bytes() for path in kept],
        "files of the server": [path.read_bytes() for path in home],
    }


def test_no_secret_is_kept_or_written_anywhere(open_house: Open, tmp_path: Path) -> None:
    rng = random.Random(SEED)
    with logged() as stream:
        spies = Spies(open_house, rng)
        often: list[Callable[[], None]] = [spies.right, spies.wrong, spies.mistyped, spies.basic]
        seldom = [spies.in_the_address, spies.instead_of_an_id, spies.a_life, spies.hook]
        seldom += [spies.link]
        spies.guest()
        spies.decoy()
        while spies.counts["requests"] < REQUESTS:
            draw = rng.random()
            if draw < 0.004:
                rng.choice([spies.guest, spies.decoy])()
            else:
                rng.choice(often if draw < 0.7 else seldom)()
    open_house.live.services.watch.flush()
    logs = stream.getvalue()
    assert logs.count('"event": "request"') >= REQUESTS
    found = {
        place: spies.look(iter(texts))
        for place, texts in corpora(open_house, logs, tmp_path / "backup").items()
    }
    assert found == dict.fromkeys(found, 0)
    assert audit.count(open_house.live.services.database) > 1
    publish(
        "promise-06",
        "Secrets searched for in all that is kept and written",
        {
            "requests": spies.counts["requests"],
            "secrets used": len(spies.used),
            **{f"found in {place}": count for place, count in found.items()},
        },
        n=spies.counts["requests"],
        seeds=[SEED],
        notes=f"A secret is found if {PIECE} characters in a row of its random part are.",
    )


def test_a_secret_that_was_kept_would_be_found(open_house: Open, tmp_path: Path) -> None:
    spies = Spies(open_house, random.Random(SEED))
    with open_house.live.services.database.write() as session:
        session.execute(update(Member).values(reason=f"x{spies.secret[8:24]}y"))
    places = corpora(open_house, "", tmp_path / "backup")
    found = {place: spies.look(iter(texts)) for place, texts in places.items()}
    assert all(found[place] for place in ("tables", "backup", "files of the server")), found


def typo(key: str, rng: random.Random) -> str:
    """A key as somebody types it who makes one mistake; at times one that looks alike."""
    place = rng.randrange(3, len(key))
    body = key[3:]
    alike = [key[:3] + body.replace(pair[0], pair[1], 1) for pair in ALIKE if pair[0] in body]
    if alike and rng.random() < 0.3:
        return rng.choice(alike)
    kind = rng.randrange(5)
    if kind == 0:
        return key[:place] + key[place + 1 :]
    if kind == 1:
        return key[:place] + rng.choice(ALPHABET) + key[place:]
    if kind == 2 and place + 1 < len(key) and key[place] != key[place + 1]:
        return key[:place] + key[place + 1] + key[place] + key[place + 2 :]
    if kind == 3 and key[place].swapcase() != key[place]:
        return key[:place] + key[place].swapcase() + key[place + 1 :]
    other = rng.choice(ALPHABET.replace(key[place], ""))
    return key[:place] + other + key[place + 1 :]


def test_a_typing_mistake_never_reaches_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = house_of(ServiceSettings(home=tmp_path, models=("test-card",), aliases={}))
    house.member()
    assert house.use.admission.has_members()
    rng, reads, taken = random.Random(SEED), [0], 0
    look = Database.read

    def counted(self: Database) -> Any:  # noqa: ANN401
        reads[0] += 1
        return look(self)

    monkeypatch.setattr(Database, "read", counted)
    for _ in range(TYPOS):
        mistyped = typo(mint(), rng)
        taken += is_key(mistyped)
        with pytest.raises(AccessError, match="Incorrect API key"):
            house.use.admission.actor(f"Bearer {mistyped}")
    mistakes = reads[0]
    with pytest.raises(AccessError):
        house.use.admission.actor(f"Bearer {mint()}")
    assert reads[0] == mistakes + 1, "one without a mistake is looked for"
    assert (taken, mistakes) == (0, 0)
    house.use.database.close()
    publish(
        "promise-06-typos",
        "Keys with one mistake",
        {"typed": TYPOS, "taken for keys": taken, "that reached the database": mistakes},
        n=TYPOS,
        seeds=[SEED],
    )


@pytest.fixture(params=["sqlite", "postgres"])
def four(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[House, list[str]]]:
    """Four servers with one database."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    settings = ServiceSettings(
        home=tmp_path / "home", database=url, models=("test-card",), aliases={}, rate=0
    )
    house = house_of(settings)
    with ExitStack() as stack:
        servers = [stack.enter_context(serve(settings)) for _ in range(SERVERS)]
        yield house, [live.url for live in servers]
    house.use.database.close()


def test_a_revoked_key_is_refused_by_all_servers_at_once(
    four: tuple[House, list[str]], request: pytest.FixtureRequest
) -> None:
    house, urls = four
    boss, ann = house.member(Role.ADMINISTRATOR), house.member()
    _, own = house.key(ann)
    _, power = house.key(boss)
    late, waits = 0, []

    def status(client: httpx.Client, url: str, secret: str) -> int:
        headers = {"authorization": f"Bearer {secret}"}
        return client.get(f"{url}/videos", headers=headers).status_code

    with httpx.Client() as client:
        for number in range(REVOKED):
            key_id, secret = house.key(ann)
            assert {status(client, url, secret) for url in urls} == {200}
            root = urls[number % SERVERS].removesuffix("/v1")
            if number % 2:
                headers = {"authorization": f"Bearer {own}"}
                answer = client.delete(f"{root}/access/v1/keys/{key_id}", headers=headers)
            else:
                headers = {"authorization": f"Bearer {power}"}
                place, body = f"{root}/admin/v1/keys/{key_id}/revoke", {"reason": "a test"}
                answer = client.post(place, headers=headers, json=body)
            assert answer.status_code == 200, answer.text
            begun = time.monotonic()
            open_ones = list(urls)
            while open_ones := [url for url in open_ones if status(client, url, secret) == 200]:
                late += len(open_ones)
            waits.append(1000 * (time.monotonic() - begun))
    assert late == 0
    waits.sort()
    publish(
        f"promise-06-revoked-{request.node.callspec.params['four']}",
        f"From the answer to a revoke to a refusal by all of {SERVERS} servers",
        {
            "keys revoked": REVOKED,
            "requests let in after": late,
            "p50, ms": round(waits[len(waits) // 2], 1),
            "p99, ms": round(waits[int(len(waits) * 0.99)], 1),
            "most, ms": round(waits[-1], 1),
        },
        n=REVOKED,
        notes="Until the last of the servers, asked one after the other, has refused.",
    )


def test_who_changes_keys_within_the_overlap_is_never_refused(open_house: Open) -> None:
    use = open_house.live.services
    ann = open_house.house.member()
    current, secret = open_house.house.key(ann)
    keys, stop = [secret], threading.Event()
    statuses: Counter[int] = Counter()
    in_use = dict.fromkeys(range(3), secret)

    def work(number: int) -> None:
        body = {"prompt": "a lake", "seconds": "1", "size": "64x48", "model": "test-card"}
        with httpx.Client(timeout=30) as client:
            while not stop.is_set():
                in_use[number] = keys[-1]
                headers = {"authorization": f"Bearer {in_use[number]}"}
                answer = client.get(f"{open_house.live.url}/videos?limit=1", headers=headers)
                statuses[answer.status_code] += 1
                answer = client.post(f"{open_house.live.url}/videos", json=body, headers=headers)
                statuses[answer.status_code] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in in_use]
    for thread in threads:
        thread.start()
    for _ in range(ROTATIONS):
        new, secret = use.keys.rotate(ann, current, overlap=1.0)
        time.sleep(0.05)  # what a person takes to bring it to their program
        keys.append(secret)
        while set(in_use.values()) != {secret}:  # all have changed within the overlap
            time.sleep(0.01)
        old, current = current, new.id
        with use.database.write() as session:  # the overlap passes
            session.execute(update(Key).where(Key.id == old).values(expires_at=1.0))
    stop.set()
    for thread in threads:
        thread.join()
    with pytest.raises(AccessError, match="use the one that replaced it"):
        use.admission.actor(f"Bearer {keys[0]}")
    assert set(statuses) == {200}, statuses
    publish(
        "promise-06-rotation",
        "Rotations under load",
        {
            "rotations": ROTATIONS,
            "requests": statuses.total(),
            "refused": statuses.total() - statuses[200],
        },
        n=ROTATIONS,
    )
