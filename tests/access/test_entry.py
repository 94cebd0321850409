"""The way in: invitations, passwords, cookies."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update

from pleinair.access.actor import AT_THE_MACHINE, Role
from pleinair.access.authority import ACTS
from pleinair.access.passwords import GUESSES
from pleinair.errors import ConflictError, InputError, NotFoundError
from pleinair.service.db import leave
from pleinair.service.programme_tables import Invitation, Member, Programme, SignIn
from tests.access.conftest import House, Open

Ask = Callable[..., httpx.Response]
PASSWORD = "a long enough password"


def invite(house: House, role: Role = Role.TESTER, **values: Any) -> str:  # noqa: ANN401
    """A token."""
    _, token = house.use.invitations.create(AT_THE_MACHINE, role, house.programme.id, **values)
    return token


def guest(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    """What a guest sends."""
    told = {"name": "Ann", "email": "Ann@Example.org", "password": PASSWORD, "terms_version": 1}
    return told | changes


def test_a_guest_becomes_a_member_and_works(open_house: Open, ask: Ask) -> None:
    token = invite(open_house.house)
    client = open_house.client()
    offer = client.get(f"/access/v1/invitations/{token}").json()
    assert (offer["programme"], offer["terms"]) == ("Early access", "Be kind.")
    answer = client.post(f"/access/v1/invitations/{token}/accept", json=guest())
    assert answer.status_code == 200, answer.text
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    me = client.get("/access/v1/me").json()
    assert (me["name"], me["email"], me["role"]) == ("Ann", "ann@example.org", "tester")
    assert me["terms_accepted"] == me["terms_version"] == 1
    assert ask(client).status_code == 200
    made = client.post("/access/v1/keys", json={"name": "laptop"}).json()
    assert ask(open_house.client(made["secret"])).status_code == 200
    assert made["secret"] not in client.get("/access/v1/keys").text
    client.post("/access/v1/sign-out")
    assert client.get("/access/v1/me").status_code == 401


def test_an_invitation_makes_one_member(open_house: Open) -> None:
    token = invite(open_house.house)
    client = open_house.client()
    place = f"/access/v1/invitations/{token}/accept"
    assert client.post(place, json=guest()).status_code == 200
    again = open_house.client().post(place, json=guest(email="bob@example.org"))
    assert again.status_code == 404
    assert "used" in again.json()["error"]["message"]


def test_an_invitation_ends_by_time_and_by_hand(house: House) -> None:
    use = house.use
    late, revoked = invite(house), invite(house)
    with use.database.write() as session:
        by_age = select(Invitation).order_by(Invitation.created_at)
        first, second = session.scalars(by_age).all()
        session.execute(update(Invitation).where(Invitation.id == first.id).values(expires_at=1.0))
    use.invitations.revoke(AT_THE_MACHINE, second.id)
    for token in (late, revoked, "pa_invite_nonsense"):
        with pytest.raises(NotFoundError, match="expired"):
            use.invitations.accept(token, "Ann", email="a@example.org", password=PASSWORD)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"email": "bob@example.org"}, InputError),
        ({"password": "short"}, InputError),
        ({"email": "nobody"}, InputError),
    ],
)
def test_a_guest_who_is_not_the_invited_one_stays_out(
    house: House, changes: dict[str, str], error: type[Exception]
) -> None:
    token = invite(house, email="ann@example.org")
    told = {"email": "ann@example.org", "password": PASSWORD} | changes
    with pytest.raises(error):
        house.use.invitations.accept(token, "Ann", terms_version=1, **told)
    assert house.use.invitations.look(token).invitation.used_at is None


def test_terms_of_another_version_are_not_accepted(open_house: Open) -> None:
    place = f"/access/v1/invitations/{invite(open_house.house)}/accept"
    answer = open_house.client().post(place, json=guest(terms_version=2))
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "terms_not_accepted")


def test_a_closed_programme_takes_nobody(house: House) -> None:
    token = invite(house)
    house.rules(state="closed")
    with pytest.raises(ConflictError, match="closed"):
        house.use.invitations.accept(
            token, "Ann", email="a@example.org", password=PASSWORD, terms_version=1
        )
    with pytest.raises(ConflictError, match="closed"):
        invite(house)


def test_new_terms_must_be_accepted_before_anything_else(open_house: Open, ask: Ask) -> None:
    _, client = open_house.as_role()
    use, programme = open_house.live.services, open_house.house.programme
    use.programmes.update(AT_THE_MACHINE, programme.id, {"terms": "Be kinder."})
    refused = ask(client)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "terms_not_accepted")
    assert client.get("/v1/videos").status_code == 200
    assert client.post("/access/v1/terms", json={"version": 1}).status_code == 409
    assert client.post("/access/v1/terms", json={"version": 2}).status_code == 200
    assert ask(client).status_code == 200


def _sign_in(client: httpx.Client, password: str = PASSWORD) -> httpx.Response:
    told = {"email": "ann@example.org", "password": password}
    return client.post("/access/v1/sign-in", json=told)


@pytest.fixture
def ann(open_house: Open) -> Member:
    """A member with a password."""
    token = invite(open_house.house)
    return open_house.live.services.invitations.accept(
        token, "Ann", email="ann@example.org", password=PASSWORD, terms_version=1
    )


def test_address_and_password_sign_in_and_guesses_end(open_house: Open, ann: Member) -> None:
    client = open_house.client()
    assert _sign_in(client).json()["member_id"] == ann.id
    stranger = open_house.client()
    for _ in range(GUESSES):
        wrong = _sign_in(stranger, "a wrong password")
        assert wrong.status_code == 401
        assert "address or the password" in wrong.json()["error"]["message"]
    for password in ("a wrong password", PASSWORD):
        stopped = _sign_in(stranger, password)
        assert stopped.status_code == 429
        assert int(stopped.headers["retry-after"]) > 60
    assert client.get("/access/v1/me").status_code == 200


def test_a_new_password_signs_all_browsers_out(open_house: Open, ann: Member) -> None:
    clients = [open_house.client() for _ in range(2)]
    for client in clients:
        _sign_in(client)
    wrong = {"old": "not the old one", "new": "another password"}
    assert clients[0].post("/access/v1/password", json=wrong).status_code == 401
    right = wrong | {"old": PASSWORD}
    assert clients[0].post("/access/v1/password", json=right).status_code == 200
    assert [client.get("/access/v1/me").status_code for client in clients] == [401, 401]
    assert _sign_in(clients[0]).status_code == 401
    assert _sign_in(clients[0], "another password").status_code == 200


def test_a_page_of_another_site_cannot_use_a_signed_in_browser(
    open_house: Open, ann: Member, ask: Ask
) -> None:
    client = open_house.client()
    _sign_in(client)
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        client.headers.update(headers)
        refused = ask(client)
        assert refused.status_code == 403
        assert "another site" in refused.json()["error"]["message"]
        for name in headers:
            del client.headers[name]
    client.headers["origin"] = str(client.base_url).rstrip("/")
    assert ask(client).status_code == 200


def test_passwords_and_tokens_are_kept_as_digests(open_house: Open, ann: Member) -> None:
    client = open_house.client()
    _sign_in(client)
    token = client.cookies["pleinair_session"]
    with open_house.live.services.database.read() as session:
        member = session.get_one(Member, ann.id)
        kept = session.scalars(select(SignIn)).all()
    assert (member.password or "").startswith("$argon2id$")
    assert all(token not in (row.digest, row.id, row.client) for row in kept)


def test_a_sign_in_ends_by_time(open_house: Open, ann: Member) -> None:
    client = open_house.client()
    _sign_in(client)
    with open_house.live.services.database.write() as session:
        session.execute(update(SignIn).values(expires_at=1.0))
    assert client.get("/access/v1/me").status_code == 401


def test_who_is_suspended_is_told_why_and_comes_back(
    open_house: Open, ann: Member, ask: Ask
) -> None:
    client = open_house.client()
    _sign_in(client)
    use = open_house.live.services
    use.members.suspend(AT_THE_MACHINE, ann.id, "shared a video without approval")
    assert client.get("/access/v1/me").status_code == 401
    refused = _sign_in(client)
    assert refused.status_code == 403
    assert "without approval" in refused.json()["error"]["message"]
    use.members.reinstate(AT_THE_MACHINE, ann.id)
    assert _sign_in(client).status_code == 200
    assert ask(client).status_code == 200


def test_the_last_administrator_stays(house: House) -> None:
    boss = house.member(Role.ADMINISTRATOR)
    with pytest.raises(ConflictError, match="last administrator"):
        house.use.members.update(AT_THE_MACHINE, boss.id, role="tester")
    with pytest.raises(ConflictError, match="last administrator"):
        house.use.members.suspend(AT_THE_MACHINE, boss.id, "no reason")
    house.member(Role.ADMINISTRATOR)
    assert house.use.members.update(AT_THE_MACHINE, boss.id, role="tester").role == "tester"


@pytest.mark.parametrize(
    ("field", "value"),
    [("rate", -1), ("review", "some"), ("currency", "euro"), ("price", -5), ("colour", "red")],
)
def test_a_programme_takes_no_nonsense(house: House, field: str, value: object) -> None:
    with pytest.raises(InputError, match=field):
        house.use.programmes.update(AT_THE_MACHINE, house.programme.id, {field: value})
    with house.use.database.read() as session:
        assert session.scalars(select(func.count()).select_from(Programme)).one() == 1


def test_a_key_gives_no_more_than_it_has(open_house: Open) -> None:
    actor = open_house.house.member()
    _, secret = open_house.house.key(actor, scopes=("account", "videos.read"))
    client = open_house.client(secret)
    refused = client.post("/access/v1/keys", json={"name": "more"})
    assert refused.status_code == 403
    assert "videos.write" in refused.json()["error"]["message"]
    fine = client.post("/access/v1/keys", json={"name": "less", "scopes": ["videos.read"]})
    assert fine.status_code == 200


def test_acts_of_power_at_once_do_not_wait_for_one_another_for_ever(house: House) -> None:
    """Each in the transaction of a request, as the guard has it."""
    use, boss = house.use, house.member(Role.ADMINISTRATOR)
    rule = ACTS["programmes.update"]
    errors: list[Exception] = []

    def change(rate: int) -> None:
        leave.set(partial(use.admission.check, actor=boss, rule=rule))
        try:
            for _ in range(10):
                use.programmes.update(boss, house.programme.id, {"rate": rate})
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=change, args=(rate,)) for rate in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
