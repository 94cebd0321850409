"""The people of a drill: members at work, and strangers with a key that is not theirs.

Each speaks from addresses of their own, which on Linux all lie on this machine: 127.0.0.0/8 has
65,536 networks of the size that the watch tells apart.
"""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field

import httpx

from pleinair.commands.drill_server import Holder

AGENTS: list[tuple[str, str, str]] = [
    ("OpenAI/Python 2.26.0", "MacOS", "CPython"),
    ("OpenAI/Python 2.26.0", "Windows", "CPython"),
    ("OpenAI/Python 2.26.0", "Linux", "CPython"),
    ("OpenAI/JS 7.1.0", "MacOS", "node"),
    ("OpenAI/JS 7.1.0", "Linux", "node"),
    ("OpenAI/JS 7.1.0", "Windows", "node"),
    ("OpenAI/JS 7.1.0", "Linux", "deno"),
    ("OpenAI/Java 4.0", "Linux", "JRE"),
    ("curl/8.5.0", "", ""),
    ("python-requests/2.32", "", ""),
    ("python-httpx/0.28", "", ""),
    ("Go-http-client/1.1", "", ""),
    ("Mozilla/5.0 (Windows NT 10.0) Chrome/126.0 Safari/537.36", "", ""),
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14) Safari/605.1", "", ""),
    ("Mozilla/5.0 (iPhone) Safari/604.1", "", ""),
    ("Mozilla/5.0 (Linux; Android 14) Chrome/126.0", "", ""),
    ("Mozilla/5.0 (X11; Linux) Firefox/127.0", "", ""),
    ("okhttp/4.12", "", ""),
]
_VIDEO = {"model": "test-card", "seconds": "1", "size": "64x48", "fps": 8}
_WORDS = [
    "lake",
    "dawn",
    "heron",
    "reeds",
    "fog",
    "lantern",
    "harbour",
    "snow",
    "pine",
    "ridge",
    "meadow",
    "storm",
    "tide",
    "comet",
    "dune",
    "market",
    "violin",
    "kite",
    "orchard",
    "glacier",
    "bridge",
    "moth",
    "copper",
    "sail",
    "thunder",
    "garden",
    "island",
    "fox",
]


@dataclass
class Tally:
    """What strangers and members were answered.

    Attributes:
        accepted: requests of strangers that the server took.
        creates: videos among them.
        refused: requests of strangers that it did not take.
        began, stopped: when the first stranger came, and when the key first was refused,
            seconds on a clock of its own.
        disturbed: answers of 401, 403 and 429 that members got who have nothing to do with it.
        owner_refused: the same for the member whose key was published.
        failed: requests that were not answered, or by an error of the server.
        served: requests of members that were answered.
    """

    accepted: int = 0
    creates: int = 0
    refused: int = 0
    began: float | None = None
    stopped: float | None = None
    disturbed: Counter[int] = field(default_factory=Counter)
    owner_refused: int = 0
    failed: int = 0
    served: int = 0


class Person:
    """Somebody with a key, some networks and some programs.

    Args:
        url: of the server.
        secret: the key.
        networks: numbers, each of which is a network.
        agents: what they send with.
        rng: decides what they do.
    """

    def __init__(
        self,
        url: str,
        secret: str,
        networks: list[int],
        agents: list[tuple[str, str, str]],
        rng: random.Random,
    ) -> None:
        self.url = url
        self.secret = secret
        self.rng = rng
        self.network = networks[0]
        self.networks = networks
        self.agent = agents[0]
        self.agents = agents
        self.topic = rng.sample(_WORDS, 5)
        self._clients: dict[int, httpx.AsyncClient] = {}

    async def send(self, method: str, path: str, **more: object) -> httpx.Response | None:
        """One request from where they are; None if there is no answer."""
        agent, system, runtime = self.agent
        headers = {"authorization": f"Bearer {self.secret}", "user-agent": agent}
        if system:
            headers |= {"x-stainless-os": system, "x-stainless-runtime": runtime}
        try:
            return await self._client().request(method, path, headers=headers, **more)  # type: ignore[arg-type]
        except httpx.HTTPError:
            return None

    async def create(self) -> httpx.Response | None:
        """Ask for a small video."""
        prompt = " ".join(self.rng.choices(self.topic, k=4))
        return await self.send("POST", "/v1/videos", json=_VIDEO | {"prompt": prompt})

    async def close(self) -> None:
        """Give their connections back."""
        for client in self._clients.values():
            await client.aclose()

    def _client(self) -> httpx.AsyncClient:
        if self.network not in self._clients:
            high, low = divmod(self.network, 250)
            # Kept connections would be more than a process may have open.
            transport = httpx.AsyncHTTPTransport(
                verify=False,
                local_address=f"127.{1 + high}.{low}.{self.rng.randint(2, 250)}",
                limits=httpx.Limits(max_keepalive_connections=0),
            )
            self._clients[self.network] = httpx.AsyncClient(
                base_url=self.url, transport=transport, timeout=30, trust_env=False
            )
        return self._clients[self.network]


class Crowd:
    """All people of one drill.

    Args:
        url: of the server.
        holders: the members; the key of the first is published.
        strangers: how many use it.
        rng: decides who does what.
        rate: requests of members a second, all together.
    """

    def __init__(
        self,
        url: str,
        holders: list[Holder],
        strangers: int,
        rng: random.Random,
        rate: float,
    ) -> None:
        self.tally = Tally()
        self._rng = rng
        self._pause = len(holders) / rate
        self._numbers = iter(range(1, 60_000))
        self._url = url
        self._holders = holders
        self._members = [self._person(holder.secret, rng.randint(1, 3)) for holder in holders]
        published = holders[0].secret
        self._strangers = [self._person(published, 1) for _ in range(strangers)]
        self._end = asyncio.Event()

    async def play(self, before: float, strangers_rate: float, after: float) -> None:
        """The whole story.

        Args:
            before: seconds that members are at work before the key is published.
            strangers_rate: strangers that come in a second.
            after: seconds that it goes on once the last of them has come.
        """
        work = [asyncio.create_task(self._work(i)) for i in range(len(self._members))]
        await asyncio.sleep(before)
        tasks = []
        for stranger in self._strangers:
            tasks.append(asyncio.create_task(self._try(stranger)))
            await asyncio.sleep(self._rng.expovariate(strangers_rate))
        await asyncio.sleep(after)
        self._end.set()
        await asyncio.gather(*work, *tasks)

    async def _work(self, number: int) -> None:
        """A member: creates a video, looks at it, downloads it, sometimes moves or hurries."""
        me, rng = self._members[number], self._rng
        manner = rng.choices(["steady", "moves", "two", "bursts", "vpn"], [60, 15, 12, 8, 5])[0]
        await self._sleep(rng.uniform(0, self._pause))
        while not self._end.is_set():
            made = await self._as_member(number, me, me.create())
            looks = 12 if manner == "bursts" and rng.random() < 0.3 else rng.randint(2, 6)
            for _ in range(looks):
                if manner == "two":
                    me.agent = rng.choice(me.agents)
                if (manner == "moves" and rng.random() < 0.1) or (
                    manner == "vpn" and rng.random() < 0.5
                ):
                    me.network = rng.choice(me.networks)
                hurried = looks == 12
                await self._sleep(rng.uniform(0.1, 0.4) if hurried else self._wait())
                if self._end.is_set():
                    break
                path = f"/v1/videos/{made}" if made else "/v1/videos?limit=5"
                await self._as_member(number, me, me.send("GET", path))
            await self._sleep(self._wait())
        await me.close()

    async def _as_member(self, number: int, me: Person, sending: object) -> str | None:
        """Send as a member and count the answer; the id of the video in it, if there is one."""
        answer = await sending  # type: ignore[misc]
        if answer is None or answer.status_code >= 500:
            self.tally.failed += 1
            return None
        self.tally.served += 1
        if answer.status_code in (401, 403, 429):
            if number == 0:  # whose key it was: goes on with another one
                self.tally.owner_refused += 1
                self._mark_stopped()
                me.secret = self._holders[0].other
            else:
                self.tally.disturbed[answer.status_code] += 1
        found = answer.json()
        return found.get("id") if answer.status_code == 200 and isinstance(found, dict) else None

    async def _try(self, stranger: Person) -> None:
        """A stranger: creates a video, asks how far it is, and leaves once it is refused."""
        if self.tally.began is None:
            self.tally.began = time.time()
        answer = await stranger.create()
        if self._taken(answer):
            self.tally.creates += 1
            video = answer.json()["id"] if answer else ""
            for _ in range(stranger.rng.randint(2, 6)):
                await asyncio.sleep(stranger.rng.uniform(0.5, 3))
                if not self._taken(await stranger.send("GET", f"/v1/videos/{video}")):
                    break
            else:
                self._taken(await stranger.send("GET", f"/v1/videos/{video}/content"))
        await stranger.close()

    def _taken(self, answer: httpx.Response | None) -> bool:
        if answer is None or answer.status_code >= 500:
            self.tally.failed += 1
            return False
        if answer.status_code in (401, 403, 429):
            self.tally.refused += 1
            if answer.status_code == 401:
                self._mark_stopped()
            return False
        self.tally.accepted += 1
        return True

    def _mark_stopped(self) -> None:
        self.tally.stopped = self.tally.stopped or time.time()

    def _person(self, secret: str, networks: int) -> Person:
        rng = random.Random(self._rng.random())
        numbers = [next(self._numbers) for _ in range(networks)]
        agents = rng.sample(AGENTS, rng.randint(1, 2))
        return Person(self._url, secret, numbers, agents, rng)

    def _wait(self) -> float:
        return self._rng.uniform(0.5, 1.5) * self._pause

    async def _sleep(self, seconds: float) -> None:
        """Sleep, but not beyond the end."""
        try:
            await asyncio.wait_for(self._end.wait(), seconds)
        except TimeoutError:
            return
