"""Random walks through the states of a share, with everybody trying everything at every step."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, fields
from typing import Any

import httpx
import structlog
from fastapi import FastAPI

from pleinair.access import members, programmes
from pleinair.access.actor import Actor, Role
from pleinair.api.app import create_app
from pleinair.api.identity import COOKIE
from pleinair.api.services import Services
from pleinair.service.artifacts import FILES
from pleinair.service.programme_tables import Member
from pleinair.settings import ServiceSettings
from tests.ready import lay
from tests.review.films import bytes_of, film

STEPS = 10
SENSE, TURNS, IDLE = 0.75, 0.3, 0.1
"""How often an act is what comes next, somebody turns, and is looked when nothing was done."""

BASE = "http://pleinair.test"
MARK = b"only for the eyes of"  # what every stored file begins with
WORDS = {"words": "look again"}


@dataclass
class Tally:
    """What was tried and what came of it; whatever must not be is counted on its own.

    Attributes:
        done: acts that changed something, by their name.
        refused: acts that were refused.
        tries: attempts to read what is not public.
        leaks: those that gave bytes, a page or a name, by the form of the address.
        blind: attempts to read what is public that failed.
        old: attempts on the addresses of a share just withdrawn.
        self_approved: decisions of an owner about their own video.
        same_person: appeals decided by who had refused.
    """

    done: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    tries: int = 0
    leaks: Counter[str] = field(default_factory=Counter)
    blind: int = 0
    old: int = 0
    self_approved: int = 0
    same_person: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        """Both together."""
        names = [item.name for item in fields(self)]
        return Tally(**{name: getattr(self, name) + getattr(other, name) for name in names})


@dataclass
class Person:
    """Somebody with a browser that is signed in."""

    id: str
    name: str
    cookies: dict[str, str]


class World:
    """A server in this process, and the people of the walks.

    Args:
        app: the server.
        client: that calls it without a network.
    """

    def __init__(self, app: FastAPI, client: httpx.AsyncClient) -> None:
        self.client = client
        self.use: Services = app.state.services
        self.links: dict[str, str] = {}
        with self.use.database.write() as session:
            open_ = programmes.add(session, name="Open")
            strict = programmes.add(session, name="Strict", own_download=False)
        self.programmes = {open_.id: True, strict.id: False}
        self.owners = [self._person(Role.TESTER, programme) for programme in self.programmes]
        self.turncoat = self._person(Role.TESTER, open_.id)  # who will be a reviewer now and then
        self.stranger = self._person(Role.TESTER, open_.id)
        self.nobody = Person("", "nobody", {})
        self.team = [
            self._person(Role.REVIEWER, open_.id),
            self._person(Role.REVIEWER, open_.id),
            self._person(Role.ADMINISTRATOR, open_.id),
        ]
        for owner in (*self.owners, self.turncoat):
            for variant, (name, _) in FILES.items():
                key = f"videos/{owner.id}/0/{name}"
                self.use.storage.put(key, bytes_of(owner.id, variant))
                self.links[key] = self.use.storage.link(
                    key, 86_400, BASE, content_type="video/mp4", filename=name
                )

    def film(self, owner: Person) -> str:
        """A finished video; its files are the same for all of an owner's."""
        with self.use.database.read() as session:
            member = session.get_one(Member, owner.id)
        actor = Actor(owner.id, Role(member.role), programme_id=member.programme_id)
        return film(self.use, actor, shelf=f"videos/{owner.id}")

    def change_role(self, person: Person, role: Role) -> None:
        """Make somebody something else."""
        with self.use.database.write() as session:
            session.get_one(Member, person.id).role = role

    async def call(
        self, person: Person, method: str, path: str, body: object = None, **headers: str
    ) -> httpx.Response:
        """One request of a person."""
        cookie = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if cookie:
            sent["cookie"] = cookie
        # In a task of its own: what a request knows of its caller must not stay with the next.
        request = self.client.request(method, path, json=body, headers=sent)
        return await asyncio.create_task(request)

    def _person(self, role: Role, programme_id: str) -> Person:
        with self.use.database.write() as session:
            made = members.add(session, role, role, programme_id, accepted=True)
        return Person(made.id, role, {COOKIE: self.use.accounts.begin(made.id)})


@asynccontextmanager
async def world(settings: ServiceSettings) -> AsyncIterator[World]:
    """A server that runs in this process, without a network and without a word."""
    lay(settings.database_url)
    app = create_app(settings)
    use: Services = app.state.services
    use.database.migrate()
    transport = httpx.ASGITransport(app)
    with _silence():
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            yield World(app, client)
    use.database.close()


@contextmanager
def _silence() -> Iterator[None]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))
    try:
        yield
    finally:
        structlog.reset_defaults()


class Walk:
    """One video, from its making until it is withdrawn.

    Args:
        world: in which it happens.
        rng: says who does what.
        tally: of all walks.
    """

    def __init__(self, world: World, rng: random.Random, tally: Tally) -> None:
        self.world = world
        self.rng = rng
        self.tally = tally
        self.owner = rng.choice([*world.owners, world.turncoat])
        self.video = world.film(self.owner)
        self.shares: list[str] = []
        self.state = ""
        self.public: str | None = None
        self.refuser: str | None = None

    async def run(self, steps: int = STEPS) -> None:
        """Walk, and look after every step that was one what strangers can read."""
        await self.look()
        for _ in range(steps):
            was, before = self.public, self.tally.done.total()
            await self.step()
            if self.tally.done.total() > before or self.rng.random() < IDLE:
                await self.look()
            if was is not None and self.public is None:
                await self.look_back(was)
        if self.owner is self.world.turncoat:
            self.world.change_role(self.owner, Role.TESTER)
        if was := self.public:
            await self.withdraw(self.owner)
            await self.look_back(was)
            await self.look()

    async def step(self) -> None:
        """Something by somebody: mostly what comes next, else anything by anybody."""
        team = [*self.world.team, self.world.turncoat]
        follows = {
            "asked": [(self.decide, team)],
            "refused": [(self.appeal, [self.owner])],
            "appealed": [(self.judge, team)],
            "approved": [(self.withdraw, [self.owner]), (self.take_back, team)],
        }
        if self.rng.random() < SENSE:
            act, people = self.rng.choice(follows.get(self.state, [(self.ask, [self.owner])]))
        else:
            people = self.everybody()
            act = self.rng.choice(
                [self.ask, self.appeal, self.withdraw, self.decide, self.judge, self.take_back]
            )
        if self.rng.random() < TURNS:
            self.turn()
        await act(self.rng.choice(people))

    def everybody(self) -> list[Person]:
        """All who may try something; the owner is among them."""
        world = self.world
        return [self.owner, self.owner, world.stranger, world.turncoat, world.nobody, *world.team]

    async def ask(self, who: Person) -> None:
        """Ask for sharing."""
        told = await self._act(who, "ask", "POST", f"/v1/videos/{self.video}/share", {})
        if told and told["id"] not in self.shares:
            self.shares.append(str(told["id"]))
        self.state = str(told["state"]) if told else self.state

    async def appeal(self, who: Person) -> None:
        """Appeal a refusal."""
        path = f"/v1/videos/{self.video}/share/appeal"
        if await self._act(who, "appeal", "POST", path, WORDS):
            self.state = "appealed"

    async def withdraw(self, who: Person) -> None:
        """Take the video back, as its owner would."""
        if await self._act(who, "withdraw", "DELETE", f"/v1/videos/{self.video}/share"):
            self.public, self.state = None, "withdrawn"

    async def decide(self, who: Person) -> None:
        """Decide, alone or in bulk."""
        decision = self.rng.choice(["approve", "approve", "refuse", "changes"])
        body: dict[str, object] = {"decision": decision}
        if decision != "approve":
            body["reason"] = "other"
        share = self.share()
        if self.rng.random() < 0.3:
            body["share_ids"] = [share, "share_none"]
            told = await self._act(who, "", "POST", "/admin/v1/reviews/decisions", body)
            if told and told["data"][0]["done"]:
                self.tally.done[f"bulk {decision}"] += 1
                self._decided(who, share, told["data"][0]["state"])
            return
        path = f"/admin/v1/reviews/{share}/decision"
        if told := await self._act(who, decision, "POST", path, body):
            self._decided(who, share, told["state"])

    async def judge(self, who: Person) -> None:
        """Decide an appeal."""
        body = {"decision": self.rng.choice(["approve", "refuse"]), **WORDS}
        share = self.share()
        path = f"/admin/v1/reviews/{share}/appeal"
        if told := await self._act(who, f"appeal: {body['decision']}", "POST", path, body):
            self.tally.same_person += who.id == self.refuser
            self._decided(who, share, told["state"])

    async def take_back(self, who: Person) -> None:
        """Withdraw, as the team would."""
        share = self.share()
        path = f"/admin/v1/reviews/{share}/withdraw"
        if await self._act(who, "team withdraws", "POST", path, WORDS):
            self.public, self.state = None, "withdrawn"

    def turn(self) -> None:
        """Somebody who makes videos is of the team from now on, or no longer."""
        role = self.rng.choice([Role.TESTER, Role.REVIEWER, Role.ADMINISTRATOR])
        self.world.change_role(self.world.turncoat, role)

    def share(self) -> str:
        """The share that an act is about; mostly the newest."""
        if not self.shares:
            return "share_none"
        return self.shares[-1] if self.rng.random() < 0.9 else self.rng.choice(self.shares)

    async def look(self) -> None:
        """Try every form of address, as a stranger or as nobody."""
        who = self.rng.choice([self.world.stranger, self.world.nobody])
        share = self.shares[-1] if self.shares else "share_none"
        for form, method, path, headers in self.public_forms(share):
            seen = _shows(await self.world.call(who, method, path, **headers), share)
            if share == self.public:
                self.tally.blind += not seen
                continue
            self._tried(form, seen)
        for form, method, path in self.closed_forms(share):
            self._tried(form, _shows(await self.world.call(who, method, path), share))
        with_key = await self.world.call(self.owner, "GET", f"/v1/videos/{self.video}/link")
        if self.public is None:
            self._tried("owner's link", with_key.status_code < 400)
        if self.owner is self.world.owners[1]:  # where own downloads wait too
            path = f"/v1/videos/{self.video}/content"
            seen = _shows(await self.world.call(self.owner, "GET", path), share)
            if self.public is None:
                self._tried("own download", seen)
            else:
                self.tally.blind += not seen

    async def look_back(self, share: str) -> None:
        """Try the addresses of a share that was public a moment ago."""
        for form, method, path, headers in self.public_forms(share):
            seen = _shows(await self.world.call(self.world.nobody, method, path, **headers), share)
            self.tally.old += 1
            self._tried(f"old {form}", seen)

    def public_forms(self, share: str) -> list[tuple[str, str, str, dict[str, str]]]:
        """Addresses under which a share is public once it is."""
        film = f"/shared/{share}/video.mp4"
        return [
            ("file", "GET", film, {}),
            ("head", "HEAD", film, {}),
            ("range", "GET", film, {"range": "bytes=0-19"}),
            ("tag", "GET", f"{film}?index=0", {"if_none_match": "*"}),
            ("thumbnail", "GET", f"/shared/{share}/thumbnail.webp", {}),
            ("spritesheet", "GET", f"/shared/{share}/spritesheet.jpg", {}),
            ("page", "GET", f"/shared/{share}", {}),
            ("embed", "GET", f"/shared/{share}/embed", {}),
            ("feed", "GET", "/shared/feed.json", {}),
            ("gallery", "GET", "/gallery", {}),
        ]

    def closed_forms(self, share: str) -> list[tuple[str, str, str]]:
        """Addresses under which nobody but the owner or the team gets anything, ever."""
        key = self.rng.choice([key for key in self.world.links if self.owner.id in key])
        copies = list(self.world.use.storage.list(f"shared/{share}")) if self.shares else []
        return [
            ("signed link", "GET", self.world.links[key].removeprefix(BASE)),
            ("key", "GET", f"/media/{key}"),
            *[("public key", "GET", f"/media/{copy}") for copy in copies[:1]],
            ("content", "GET", f"/v1/videos/{self.video}/content"),
            ("content head", "HEAD", f"/v1/videos/{self.video}/content"),
            ("link", "GET", f"/v1/videos/{self.video}/link"),
            ("events", "GET", f"/v1/videos/{self.video}/events"),
            ("state", "GET", f"/v1/videos/{self.video}/share"),
            ("review", "GET", f"/admin/v1/reviews/{share}/content"),
            ("held", "GET", f"/admin/v1/held/{self.video}/content"),
        ]

    async def _act(
        self, who: Person, name: str, method: str, path: str, body: object = None
    ) -> dict[str, Any] | None:
        """Try something; the answer if it was done."""
        answer = await self.world.call(who, method, path, body)
        assert answer.status_code < 500, answer.text
        if answer.status_code >= 400:
            self.tally.refused += 1
            return None
        if name:
            self.tally.done[name] += 1
        told: dict[str, Any] = answer.json()
        return told

    def _decided(self, who: Person, share: str, state: object) -> None:
        self.tally.self_approved += who.id == self.owner.id
        self.state = str(state)
        if state == "refused":
            self.refuser = who.id
        if state == "approved":
            self.public = share

    def _tried(self, form: str, seen: bool) -> None:
        self.tally.tries += 1
        self.tally.leaks[form] += seen


def _shows(answer: httpx.Response, share: str) -> bool:
    """Whether an answer gives bytes of a video, its page, or a name in a list."""
    assert answer.status_code < 500, answer.text
    if answer.url.path.endswith(("feed.json", "/gallery")):
        return share in answer.text
    return answer.status_code < 400 or MARK in answer.content
