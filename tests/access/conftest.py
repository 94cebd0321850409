"""A server with members, for what is tested below its routes and through them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from pleinair.access import keys, members, programmes
from pleinair.access.actor import SCOPES, Actor, Role
from pleinair.api.services import Services
from pleinair.service.programme_tables import Programme
from pleinair.service.queue import Queue
from pleinair.settings import ServiceSettings
from tests.api.conftest import Live, serve
from tests.ready import lay


@dataclass
class House:
    """The services of a server, with a programme and short ways to have members in it.

    Attributes:
        use: its services; no server runs.
        programme: under which members work; no limits, no price.
    """

    use: Services
    programme: Programme
    _names: Iterator[int] = field(default_factory=lambda: iter(range(10**9)))

    @property
    def queue(self) -> Queue:
        return Queue.of(self.use.database, self.use.settings)

    def member(self, role: Role = Role.TESTER, **values: Any) -> Actor:  # noqa: ANN401
        """A new member who has accepted the terms, signed in."""
        name = f"{role} {next(self._names)}"
        programme_id = values.get("programme_id", self.programme.id)
        with self.use.database.write() as session:
            made = members.add(session, name, role, programme_id, accepted=True)
        return Actor(made.id, role, "session", session_id="test", programme_id=made.programme_id)

    def key(self, actor: Actor, *, scopes: tuple[str, ...] = tuple(SCOPES)) -> tuple[str, str]:
        """Id and secret of a new key of a member, good for everything."""
        with self.use.database.write() as session:
            made, secret = keys.add(session, actor.id, "test", scopes, None)
        return made.id, secret

    def rules(self, **values: Any) -> None:  # noqa: ANN401
        """Change the programme."""
        with self.use.database.write() as session:
            programme = programmes.get(session, self.programme.id)
            for name, value in values.items():
                setattr(programme, name, value)


def house_of(settings: ServiceSettings) -> House:
    """A house with these settings; its database is made if it is not there."""
    lay(settings.database_url)
    use = Services.open(settings)
    use.database.migrate()
    with use.database.write() as session:
        programme = programmes.add(session, name="Early access", terms="Be kind.")
    return House(use, programme)


@pytest.fixture
def house_settings(tmp_path: Path) -> ServiceSettings:
    return ServiceSettings(
        home=tmp_path / "home", models=("test-card",), aliases={"sora-2": "test-card"}, rate=0
    )


@pytest.fixture(params=["sqlite", "postgres"])
def house(request: pytest.FixtureRequest, house_settings: ServiceSettings) -> Iterator[House]:
    """A house on each kind of database."""
    settings = house_settings
    if request.param == "postgres":
        settings = replace(settings, database=request.getfixturevalue("postgres_url"))
    made = house_of(settings)
    yield made
    made.use.database.close()


@dataclass
class Open:
    """A house whose server runs, and clients that speak to it."""

    live: Live
    house: House
    clients: list[httpx.Client] = field(default_factory=list)

    def client(self, secret: str | None = None) -> httpx.Client:
        """A client that sends a key, or none."""
        headers = {"authorization": f"Bearer {secret}"} if secret else {}
        made = httpx.Client(base_url=self.live.url.removesuffix("/v1"), headers=headers, timeout=60)
        self.clients.append(made)
        return made

    def as_role(self, role: Role = Role.TESTER) -> tuple[Actor, httpx.Client]:
        """A new member and a client with their key."""
        actor = self.house.member(role)
        return actor, self.client(self.house.key(actor)[1])


@pytest.fixture
def open_house(house_settings: ServiceSettings) -> Iterator[Open]:
    """A house on SQLite whose server answers on a free port; it has no workers."""
    with serve(house_settings) as live:
        with live.services.database.write() as session:
            programme = programmes.add(session, name="Early access", terms="Be kind.")
        made = Open(live, House(live.services, programme))
        yield made
        for client in made.clients:
            client.close()


@pytest.fixture
def ask(open_house: Open) -> Callable[..., httpx.Response]:
    """Creates a small video: ``ask(client, prompt="a lake")``."""

    def create(client: httpx.Client, **fields: Any) -> httpx.Response:  # noqa: ANN401
        body = {"prompt": "a lake", "seconds": "1", "size": "64x48", "model": "test-card"}
        return client.post("/v1/videos", json=body | fields)

    return create
