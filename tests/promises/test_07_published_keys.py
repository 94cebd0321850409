"""Promise 7: a key that was published is stopped at once, and nobody can stop another's."""

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from pleinair.access import programmes
from pleinair.access.keys import mint
from pleinair.service.programme_tables import Incident, Key, Record
from pleinair.settings import ServiceSettings
from tests.access.conftest import House, Open, house_settings  # noqa: F401
from tests.access.scanner import Scanner, letter
from tests.api.conftest import serve
from tests.promises.figure import publish

LETTERS = 100 if os.environ.get("FIGURES_OUT") else 10


@pytest.fixture
def scanner() -> Scanner:
    return Scanner()


@pytest.fixture
def known(
    house_settings: ServiceSettings,  # noqa: F811
    scanner: Scanner,
    tmp_path: Path,
) -> Iterator[Open]:
    settings = replace(house_settings, scanners=scanner.public(tmp_path / "scanners.pem"))
    with serve(settings) as live:
        with live.services.database.write() as session:
            programme = programmes.add(session, name="Early access", terms="Be kind.")
        made = Open(live, House(live.services, programme))
        yield made
        for client in made.clients:
            client.close()


def _counts(house: House) -> tuple[int, int, int]:
    """Keys that are stopped, incidents, and records of the audit."""
    with house.use.database.read() as session:
        stopped = select(func.count()).select_from(Key).where(Key.state == "stopped")
        incidents = select(func.count()).select_from(Incident)
        records = select(func.count()).select_from(Record)
        return tuple(session.scalars(wanted).one() for wanted in (stopped, incidents, records))  # type: ignore[return-value]


def test_published_keys_are_stopped_and_forged_letters_change_nothing(
    known: Open, scanner: Scanner
) -> None:
    house, client = known.house, known.client()
    published = [house.key(house.member()) for _ in range(LETTERS)]
    kept = [house.key(house.member()) for _ in range(LETTERS)]
    slowest, letters = 0.0, []
    for number, (_, secret) in enumerate(published):
        body = letter(secret, url=f"https://example.org/{number}")
        letters.append(body)
        begun = time.monotonic()
        assert scanner.post(client, body).json()[0]["label"] == "true_positive"
        assert known.client(secret).get("/v1/videos").status_code == 401
        slowest = max(slowest, time.monotonic() - begun)
    after = _counts(house)
    assert after[:2] == (LETTERS, LETTERS)

    accepted = {"unsigned": 0, "replayed": 0, "wrong signer": 0, "changed": 0, "of another": 0}
    wrong, unknown = Scanner(scanner.id), Scanner("nobody")
    for old, (_, secret) in zip(letters, kept, strict=True):
        body = letter(secret)
        sign = {
            "unsigned": (body, {}),
            "replayed": (old, scanner.sign(old)),
            "wrong signer": (body, wrong.sign(body)),
            "changed": (body, scanner.sign(old)),
        }
        for name, (sent, headers) in sign.items():
            answer = client.post("/access/v1/scans", content=sent, headers=headers)
            accepted[name] += answer.status_code == 200
        accepted["wrong signer"] += unknown.post(client, body).status_code == 200
        elsewhere = scanner.post(client, letter(mint()))
        accepted["of another"] += elsewhere.json()[0]["label"] == "true_positive"
    assert sum(accepted.values()) == 0
    assert _counts(house) == after
    disturbed = sum(known.client(secret).get("/v1/videos").status_code != 200 for _, secret in kept)
    assert disturbed == 0
    publish(
        "promise-07",
        "Keys that were published, told of in signed letters",
        {
            "letters": LETTERS,
            "keys stopped": after[0],
            "slowest from letter to refusal, s": round(slowest, 3),
            "unsigned taken": accepted["unsigned"],
            "replayed taken": accepted["replayed"],
            "of another signer taken": accepted["wrong signer"],
            "changed taken": accepted["changed"],
            "keys of another server stopped": accepted["of another"],
            "other keys disturbed": disturbed,
        },
        n=LETTERS * 7,
        notes="Letters as GitHub's secret scanning sends them, ECDSA on P-256, over HTTP.",
    )
