"""Who is let in, and what they are told who are not."""

from collections.abc import Callable
from dataclasses import replace

import httpx
import openai
import pytest
from fastapi import Request
from openai import OpenAI
from sqlalchemy import update

from pleinair.access.actor import AT_THE_MACHINE, Role
from pleinair.access.keys import mint
from pleinair.api.identity import client_of, network_of
from pleinair.errors import UnavailableError
from pleinair.service.programme_tables import Key, Member
from pleinair.settings import ServiceSettings
from tests.access.conftest import Open
from tests.api.conftest import serve

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")
Ask = Callable[..., httpx.Response]


def refusal(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, code and message."""
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["message"]


def test_a_member_comes_with_a_key_and_nobody_without(open_house: Open, ask: Ask) -> None:
    _, client = open_house.as_role()
    assert ask(client).status_code == 200
    for stranger in (open_house.client(), open_house.client(mint()), open_house.client("pa_x")):
        answer = ask(stranger)
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "invalid_api_key"


def test_a_route_for_others_says_for_whom_it_is(open_house: Open) -> None:
    _, client = open_house.as_role(Role.DEVELOPER)
    answer = client.post("/v1/webhook_endpoints", json={})
    assert answer.status_code == 400
    status, code, words = refusal(client.get("/admin/v1/members"))
    assert (status, code) == (403, "permission_denied")
    assert words == "This is not for a developer; it is for: administrator."
    words = refusal(client.get("/v1/shares"))[2]
    assert words.endswith("it is for: creative partner, red teamer, tester.")


def test_a_suspended_member_hears_why(open_house: Open, ask: Ask) -> None:
    ann, client = open_house.as_role()
    use, boss = open_house.live.services, open_house.house.member(Role.ADMINISTRATOR)
    use.members.suspend(boss, ann.id, "you shared your key")
    for answer in (ask(client), client.get("/v1/videos"), client.get("/access/v1/me")):
        assert refusal(answer) == (
            403,
            "permission_denied",
            "This account is suspended: you shared your key.",
        )
    use.members.reinstate(boss, ann.id)
    assert ask(client).status_code == 200


def test_new_terms_come_first_and_looking_goes_on(open_house: Open, ask: Ask) -> None:
    _, client = open_house.as_role()
    use, house = open_house.live.services, open_house.house
    use.programmes.update(AT_THE_MACHINE, house.programme.id, {"terms": "Be kinder."})
    status, code, words = refusal(ask(client))
    assert (status, code) == (403, "terms_not_accepted")
    assert words.startswith("Accept version 2 of the terms of Early access first: POST /access/v1/")
    assert client.get("/v1/videos").status_code == 200
    assert client.post("/access/v1/terms", json={"version": 2}).status_code == 200
    assert ask(client).status_code == 200


@pytest.mark.parametrize(
    ("state", "code"), [("paused", "switched_off"), ("closed", "permission_denied")]
)
def test_a_programme_that_is_not_open_takes_nothing(
    open_house: Open, ask: Ask, state: str, code: str
) -> None:
    _, client = open_house.as_role()
    open_house.house.rules(state=state)
    assert refusal(ask(client)) == (403, code, f"The programme Early access is {state}.")
    assert client.get("/v1/videos").status_code == 200
    open_house.house.rules(state="open")
    assert ask(client).status_code == 200


def test_without_a_programme_one_makes_no_videos(open_house: Open, ask: Ask) -> None:
    house = open_house.house
    actor = house.member(Role.REVIEWER, programme_id=None)
    status, code, words = refusal(ask(open_house.client(house.key(actor)[1])))
    assert (status, code) == (403, "permission_denied")
    assert words.startswith("You are in no programme")


def test_a_key_that_ended_says_how(open_house: Open, ask: Ask) -> None:
    house, use = open_house.house, open_house.live.services
    ann = house.member()
    key_id, secret = house.key(ann)
    use.keys.stop(AT_THE_MACHINE, key_id, "it was found in public")
    status, code, words = refusal(ask(open_house.client(secret)))
    assert (status, code) == (401, "key_stopped")
    assert words == f"This API key (…{secret[-4:]}) was stopped: it was found in public."
    key_id, secret = house.key(ann)
    with use.database.write() as session:
        session.execute(update(Key).where(Key.id == key_id).values(expires_at=1.0))
    assert refusal(ask(open_house.client(secret)))[1] == "key_stopped"


def test_a_role_that_was_changed_counts_from_then_on(open_house: Open, ask: Ask) -> None:
    use = open_house.live.services
    boss_actor, boss = open_house.as_role(Role.ADMINISTRATOR)
    open_house.as_role(Role.ADMINISTRATOR)
    assert boss.get("/admin/v1/members").status_code == 200
    use.members.update(AT_THE_MACHINE, boss_actor.id, role="tester")
    assert refusal(boss.get("/admin/v1/members"))[0] == 403
    assert refusal(boss.post("/admin/v1/members", json={}))[0] == 403
    assert ask(boss).status_code == 200


@pytest.fixture
def browser(open_house: Open) -> httpx.Client:
    """Somebody who is signed in."""
    ann = open_house.house.member()
    client = open_house.client()
    client.cookies.set("pleinair_session", open_house.live.services.accounts.begin(ann.id))
    return client


def test_a_page_of_another_site_cannot_use_a_signed_in_browser(
    browser: httpx.Client, ask: Ask
) -> None:
    body = {"prompt": "a lake", "seconds": "1", "size": "64x48", "model": "test-card"}
    foreign: list[dict[str, str]] = [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": f"http://{browser.base_url.host}:1"},
    ]
    for headers in foreign:
        answer = browser.post("/v1/videos", json=body, headers=headers)
        assert refusal(answer) == (
            403,
            "permission_denied",
            "This came from a page of another site.",
        )
    own = f"{browser.base_url.scheme}://{browser.base_url.netloc.decode()}"
    for headers in ({}, {"origin": own}, {"origin": own, "sec-fetch-site": "same-origin"}):
        assert browser.post("/v1/videos", json=body, headers=headers).status_code == 200


def test_a_key_is_of_use_on_any_page(open_house: Open, ask: Ask) -> None:
    """A browser does not add a key by itself, so where the page came from says nothing."""
    _, client = open_house.as_role()
    client.headers["origin"] = "https://a-page-of-mine.example"
    assert ask(client).status_code == 200


def test_an_ended_sign_in_is_nobody(open_house: Open, browser: httpx.Client) -> None:
    assert browser.get("/access/v1/me").status_code == 200
    assert browser.post("/access/v1/sign-out").status_code == 200
    assert refusal(browser.get("/access/v1/me"))[:2] == (401, "invalid_api_key")
    assert open_house.client().get("/access/v1/me").status_code == 401


def test_a_key_counts_more_than_a_cookie(open_house: Open, browser: httpx.Client) -> None:
    other, client = open_house.as_role(Role.DEVELOPER)
    client.cookies.set("pleinair_session", browser.cookies["pleinair_session"])
    assert client.get("/access/v1/me").json()["id"] == other.id


def request(peer: str, forwarded: str | None = None) -> Request:
    headers = [(b"user-agent", b"x" * 300)]
    headers += [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    return Request({"type": "http", "headers": headers, "client": (peer, 1)})


@pytest.mark.parametrize(
    ("peer", "forwarded", "believed", "address"),
    [
        ("9.9.9.9", "1.2.3.4", (), "9.9.9.9"),
        ("9.9.9.9", "1.2.3.4", ("10.0.0.0/8",), "9.9.9.9"),
        ("10.0.0.1", "1.2.3.4", ("10.0.0.0/8",), "1.2.3.4"),
        ("10.0.0.1", "6.6.6.6, 1.2.3.4", ("10.0.0.0/8",), "1.2.3.4"),
        ("10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2", ("10.0.0.0/8",), "1.2.3.4"),
        ("10.0.0.1", "", ("10.0.0.0/8",), "10.0.0.1"),
        ("10.0.0.1", "nonsense", ("10.0.0.0/8",), "nonsense"),
    ],
)
def test_a_forwarded_address_is_believed_of_proxies_alone(
    peer: str, forwarded: str, believed: tuple[str, ...], address: str
) -> None:
    client = client_of(request(peer, forwarded), believed)
    assert client.address == address
    assert len(client.agent) == 200


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("1.2.3.4", "1.2.3.0/24"),
        ("::ffff:1.2.3.4", "1.2.3.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("nonsense", "nonsense"),
    ],
)
def test_an_address_stands_for_its_network(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.fixture
def refusing(open_house: Open) -> dict[str, str]:
    """Keys that are refused, each in its own way."""
    use, house = open_house.live.services, open_house.house
    suspended, old_terms, many = house.member(), house.member(), house.member()
    stopped_id, stopped = house.key(house.member())
    use.keys.stop(AT_THE_MACHINE, stopped_id, "a test")
    secrets = {
        "wrong": mint(),
        "stopped": stopped,
        "suspended": house.key(suspended)[1],
        "old terms": house.key(old_terms)[1],
        "no scope": house.key(house.member(), scopes=("files",))[1],
        "many": house.key(many)[1],
    }
    boss = house.member(Role.ADMINISTRATOR)
    use.members.suspend(boss, suspended.id, "a test")
    with use.database.write() as session:
        session.execute(update(Member).where(Member.id == old_terms.id).values(terms_version=0))
    house.rules(rate=0)
    return secrets


def test_the_sdk_raises_the_class_that_programs_expect(
    open_house: Open, refusing: dict[str, str]
) -> None:
    expected: dict[str, tuple[type[openai.APIStatusError], int, str]] = {
        "wrong": (openai.AuthenticationError, 401, "invalid_api_key"),
        "stopped": (openai.AuthenticationError, 401, "key_stopped"),
        "suspended": (openai.PermissionDeniedError, 403, "permission_denied"),
        "old terms": (openai.PermissionDeniedError, 403, "terms_not_accepted"),
        "no scope": (openai.PermissionDeniedError, 403, "permission_denied"),
        "many": (openai.RateLimitError, 429, "rate_limit_exceeded"),
    }
    for name, (error, status, code) in expected.items():
        with (
            OpenAI(base_url=open_house.live.url, api_key=refusing[name], max_retries=0) as sdk,
            pytest.raises(error) as caught,
        ):
            sdk.videos.create(prompt="a lake", model="test-card")
        assert (caught.value.status_code, caught.value.code) == (status, code), name


def test_what_cannot_be_served_is_an_error_of_the_server(
    open_house: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, secret = open_house.house.key(open_house.house.member())
    use = open_house.live.services

    def gone(*_: object) -> None:
        raise UnavailableError("the database cannot be reached")

    monkeypatch.setattr(use.admission, "actor", gone)
    with (
        OpenAI(base_url=open_house.live.url, api_key=secret, max_retries=0) as sdk,
        pytest.raises(openai.InternalServerError) as caught,
    ):
        sdk.videos.create(prompt="a lake", model="test-card")
    assert (caught.value.status_code, caught.value.code) == (503, "unavailable")


def test_a_server_without_members_stays_as_it_was(house_settings: ServiceSettings) -> None:
    body = {"prompt": "a lake", "seconds": "1", "size": "64x48", "model": "test-card"}
    with serve(house_settings) as live, httpx.Client(base_url=live.url) as client:
        assert client.post("/videos", json=body).status_code == 200
    with (
        serve(
            replace(house_settings, home=house_settings.home / "keys", keys={"ann": "0"})
        ) as live,
        httpx.Client(base_url=live.url) as client,
    ):
        assert client.post("/videos", json=body).status_code == 401


def test_from_the_first_member_on_nothing_else_opens(open_house: Open, ask: Ask) -> None:
    """Whoever was the one user before is nobody from then on, without a restart."""
    client = open_house.client()
    assert ask(client).status_code == 200
    open_house.house.member()
    assert ask(client).status_code == 401
