import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from pleinair.access import programmes
from pleinair.access.actor import Role
from pleinair.access.keys import mint
from pleinair.access.scans import MOST_BYTES, read_scanners
from pleinair.errors import AccessError, ConflictError, InputError
from pleinair.service.programme_tables import Incident, Key, Notice, Scan
from pleinair.settings import ServiceSettings
from tests.access.conftest import House, Open
from tests.access.scanner import Scanner, letter
from tests.api.conftest import serve


@pytest.fixture
def scanner() -> Scanner:
    return Scanner()


@pytest.fixture
def known(house_settings: ServiceSettings, scanner: Scanner, tmp_path: Path) -> Iterator[Open]:
    """A server that knows the scanner."""
    settings = replace(house_settings, scanners=scanner.public(tmp_path / "scanners.pem"))
    with serve(settings) as live:
        with live.services.database.write() as session:
            programme = programmes.add(session, name="Early access", terms="Be kind.")
        made = Open(live, House(live.services, programme))
        yield made
        for client in made.clients:
            client.close()


def state_of(house: House, key_id: str) -> str:
    with house.use.database.read() as session:
        return session.get_one(Key, key_id).state


def test_a_published_key_is_stopped_and_its_owner_is_told_where_it_was(
    known: Open, scanner: Scanner
) -> None:
    actor = known.house.member(Role.TESTER)
    key_id, secret = known.house.key(actor)
    other_id, _ = known.house.key(actor)
    answer = scanner.post(known.client(), letter(secret, mint(), "nothing of ours"))
    assert answer.status_code == 200
    assert [found["label"] for found in answer.json()] == [
        "true_positive",
        "false_positive",
        "false_positive",
    ]
    assert answer.json()[0]["token_hash"] == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in answer.text
    assert state_of(known.house, key_id) == "stopped"
    assert state_of(known.house, other_id) == "active"
    assert known.client(secret).get("/v1/videos").status_code == 401
    with known.house.use.database.read() as session:
        incident = session.scalars(select(Incident)).one()
        notice = session.scalars(select(Notice).where(Notice.member_id == actor.id)).one()
    assert incident.kind == "published"
    assert "https://example.org/page" in str(incident.evidence)
    assert "https://example.org/page" in notice.text


def test_a_letter_is_taken_once(known: Open, scanner: Scanner) -> None:
    key_id, secret = known.house.key(known.house.member())
    body = letter(secret)
    assert scanner.post(known.client(), body).status_code == 200
    again = scanner.post(known.client(), body)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "conflict")
    with known.house.use.database.read() as session:
        assert session.scalars(select(func.count()).select_from(Incident)).one() == 1
    assert state_of(known.house, key_id) == "stopped"


def test_a_letter_that_was_cut_short_can_be_sent_again(
    known: Open, scanner: Scanner, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [known.house.key(known.house.member()) for _ in range(2)]
    body = letter(*(secret for _, secret in keys))
    incidents = known.live.services.incidents
    published = incidents.published

    def fails_at_the_second(digest: str, where: dict[str, str]) -> bool:
        if digest == hashlib.sha256(keys[1][1].encode()).hexdigest():
            raise ConflictError("cut short")
        return published(digest, where)

    with monkeypatch.context() as patch:
        patch.setattr(incidents, "published", fails_at_the_second)
        assert scanner.post(known.client(), body).status_code == 409
    assert scanner.post(known.client(), body).status_code == 200
    assert [state_of(known.house, key_id) for key_id, _ in keys] == ["stopped", "stopped"]


def test_what_is_not_signed_by_a_known_scanner_changes_nothing(
    known: Open, scanner: Scanner
) -> None:
    key_id, secret = known.house.key(known.house.member())
    body = letter(secret)
    client = known.client()
    wrong = Scanner(scanner.id).sign(body)
    unknown = Scanner("nobody").sign(body)
    other_body = scanner.sign(letter(mint()))
    no_base64 = scanner.sign(body) | {"Github-Public-Key-Signature": "%%%"}
    for headers in ({}, wrong, unknown, other_body, no_base64):
        answer = client.post("/access/v1/scans", content=body, headers=headers)
        assert answer.status_code == 401, headers
        assert answer.json()["error"]["message"]
    assert state_of(known.house, key_id) == "active"
    with known.house.use.database.read() as session:
        assert session.scalars(select(Scan)).all() == []


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'[{"type": "x"}]', b'[{"token": 5}]', b"["])
def test_a_signed_letter_of_another_form_is_refused(
    known: Open, scanner: Scanner, body: bytes
) -> None:
    answer = scanner.post(known.client(), body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "body")


def test_a_letter_may_not_be_larger_than_a_megabyte(known: Open, scanner: Scanner) -> None:
    answer = scanner.post(known.client(), b" " * (MOST_BYTES + 1))
    assert answer.status_code == 400


def test_a_decoy_that_is_found_is_noted_and_goes_on_waiting(known: Open, scanner: Scanner) -> None:
    admin = known.house.member(Role.ADMINISTRATOR)
    key, secret = known.house.use.keys.issue(admin, None, "in the old wiki")
    assert scanner.post(known.client(), letter(secret)).json()[0]["label"] == "true_positive"
    assert state_of(known.house, key.id) == "active"
    with known.house.use.database.read() as session:
        kinds = session.scalars(select(Notice.kind).where(Notice.member_id.is_(None))).all()
    assert list(kinds) == ["incident.decoy"]


def test_a_server_that_knows_no_scanner_takes_no_letter(house: House, scanner: Scanner) -> None:
    body = letter(mint())
    headers = scanner.sign(body)
    with pytest.raises(AccessError, match="No scanner"):
        house.use.scans.take(body, scanner.id, headers["Github-Public-Key-Signature"])


def test_keys_of_scanners_are_read_from_a_file_and_mistakes_in_it_are_told(tmp_path: Path) -> None:
    scanner = Scanner("abc")
    path = tmp_path / "scanners.pem"
    (found,) = read_scanners(scanner.public(path))
    assert (found.id, found.name) == ("abc", "A scanner for tests")
    assert read_scanners("") == ()
    with pytest.raises(InputError, match="scanners"):
        read_scanners(str(tmp_path / "none.pem"))
    path.write_text("# abc\n-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
    with pytest.raises(InputError, match="PEM"):
        read_scanners(str(path))
