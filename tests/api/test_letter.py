"""The open letter through its pages, with real mail."""

import io
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select, update

from pleinair.access import signatures as module
from pleinair.access.actor import Role
from pleinair.api import public
from pleinair.errors import InputError
from pleinair.service import backup
from pleinair.service.db import Database, now
from pleinair.service.letter_tables import Mail, Signing
from pleinair.service.mail import PACE
from pleinair.service.storage import Storage
from pleinair.settings import ServiceSettings
from tests.access.conftest import Open
from tests.access.conftest import open_house as open_house
from tests.api.conftest import serve
from tests.promises.test_06_keys import logged
from tests.service.mailbox import Mailbox, mailbox

TEXT = "# Let us *see* the <books>\n\nWe ask\nfor numbers.\n\n- all of them\n"
FORM = {"name": "Ann Alder", "email": "ann@example.com", "who": "painter", "shown": "yes"}
ROUTES = (
    *("GET /letter", "POST /letter/sign", "GET /letter/confirm/x", "POST /letter/confirm/x"),
    *("GET /letter/withdraw/x", "POST /letter/withdraw/x"),
)


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as box:
        yield box


@pytest.fixture
def server_settings(tmp_path: Path, box: Mailbox) -> ServiceSettings:
    (tmp_path / "letter.md").write_text(TEXT)
    return ServiceSettings(
        home=tmp_path / "home",
        models=("test-card",),
        letter=str(tmp_path / "letter.md"),
        mail=f"smtp://127.0.0.1:{box.port}",
        mail_from="Pleinair <letter@example.org>",
        url="https://films.example",
    )


@pytest.fixture
def house_settings(server_settings: ServiceSettings) -> ServiceSettings:
    return server_settings


@pytest.fixture
def web(open_house: Open) -> httpx.Client:
    """Anybody, of a server with members."""
    return open_house.client()


def until(there: Callable[[], bool]) -> None:
    """Wait for what the postman does in its own time."""
    for _ in range(1500):
        if there():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come")


def sign(web: httpx.Client, box: Mailbox, **fields: str) -> None:
    """Ask to sign, and wait for the mail."""
    before = len(box.mails)
    assert web.post("/letter/sign", data={**FORM, **fields}).status_code == 200
    until(lambda: len(box.mails) > before)


def test_a_letter_is_signed_confirmed_and_withdrawn(web: httpx.Client, box: Mailbox) -> None:
    page = web.get("/letter").text
    assert "Let us *see* the &lt;books&gt;</h1>" in page
    assert "<p>We ask for numbers.</p>" in page
    assert "Nobody has signed yet." in page
    sign(web, box)
    assert box.mails[0]["to"] == "ann@example.com"
    assert "https://films.example/letter" in box.text()
    confirm, withdraw = box.link("confirm"), box.link("withdraw")
    for look in (web.get, web.get):  # programs that read mail follow links
        shown = look(confirm)
        assert (shown.status_code, "You sign as Ann Alder, painter." in shown.text) == (200, True)
    assert web.head(confirm).status_code == 405
    assert "Nobody has signed yet." in web.get("/letter").text
    assert web.get(withdraw).status_code == 404
    assert "Your signature is counted." in web.post(confirm).text
    page = web.get("/letter").text
    assert "One person has signed." in page
    assert "Ann Alder" in page
    assert "painter" in page
    assert [web.post(confirm).status_code, web.get(confirm).status_code] == [404, 404]
    assert "Nothing of it is kept" in web.get(withdraw).text
    assert "One person has signed." in web.get("/letter").text
    assert web.post(withdraw).status_code == 200
    assert "Ann Alder" not in web.get("/letter").text
    assert web.post(withdraw).status_code == 404


def test_a_server_without_members_has_it_too(
    http: httpx.Client, box: Mailbox, server_settings: ServiceSettings
) -> None:
    web = httpx.Client(base_url=str(http.base_url).removesuffix("/v1/"))
    with web:
        sign(web, box, shown="")
        web.post(box.link("confirm"))
        page = web.get("/letter").text
    assert "One person has signed." in page
    assert "Ann Alder" not in page


def test_whether_an_address_is_known_shows_nowhere_but_in_its_mail(
    web: httpx.Client, box: Mailbox
) -> None:
    sign(web, box)
    web.post(box.link("confirm"))
    known = web.post("/letter/sign", data=FORM)
    unknown = web.post("/letter/sign", data={**FORM, "email": "bo@example.com"})
    for number in range(4):  # more than are sent to one address in a day
        last = web.post("/letter/sign", data={**FORM, "name": str(number)})
    assert {answer.status_code for answer in (known, unknown, last)} == {200}
    assert known.text == unknown.text == last.text
    assert "ann@" not in known.text
    until(lambda: len(box.mails) == 4)
    assert sorted(str(mail["to"])[:3] for mail in box.mails) == ["ann", "ann", "ann", "bo@"]


def test_nothing_that_was_typed_goes_out_by_mail(web: httpx.Client, box: Mailbox) -> None:
    sign(web, box, name="Buy at https://bad.example", who="https://bad.example now")
    assert "bad.example" not in box.mails[0].as_string()


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("name", " \u202e\n", "1 to 80 characters"),
        ("name", "x" * 81, "1 to 80 characters"),
        ("email", "ann@example", "An address such as"),
        ("email", "ann@example.com, bo@example.com", "An address such as"),
        ("email", "ann@example.com\nbcc: bo@example.com", "An address such as"),
        ("who", "x" * 121, "Up to 120 characters"),
    ],
)
def test_what_is_wrong_is_told_beside_its_field(
    web: httpx.Client, box: Mailbox, field: str, value: str, told: str
) -> None:
    answer = web.post("/letter/sign", data={**FORM, "name": "<Zoé>", field: value})
    assert answer.status_code == 400
    assert re.search(rf'id="{field}-wrong">{told}', answer.text)
    assert answer.text.count('aria-invalid="true"') == 1
    assert "checked" in answer.text
    if field != "name":
        assert 'value="&lt;Zoé&gt;"' in answer.text
    assert box.mails == []


def test_a_name_is_one_line_without_marks_that_are_not_seen(
    web: httpx.Client, box: Mailbox
) -> None:
    sign(web, box, name="  Ann\u202e\r\n\t<i>Alder</i>\0 \U0001f469\u200d\U0001f3a8")
    web.post(box.link("confirm"))
    assert "Ann &lt;i&gt;Alder&lt;/i&gt; \U0001f469\u200d\U0001f3a8" in web.get("/letter").text


def test_a_body_that_no_form_sends_is_refused(web: httpx.Client, box: Mailbox) -> None:
    for content in (b"name=" + b"x" * 20_000, b"&".join(b"a=b" for _ in range(50))):
        assert web.post("/letter/sign", content=content).status_code == 400
    assert web.post("/letter/sign", json=FORM).status_code == 400
    assert web.post("/letter/sign").status_code == 400
    assert box.mails == []


def test_pages_of_others_cannot_sign_confirm_or_withdraw(web: httpx.Client, box: Mailbox) -> None:
    sign(web, box)
    confirm, withdraw = box.link("confirm"), box.link("withdraw")
    foreign = (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    )
    for headers in foreign:
        for path in ("/letter/sign", confirm, withdraw):
            assert web.post(path, data=FORM, headers=headers).status_code == 403
    own = {"origin": str(web.base_url).rstrip("/"), "sec-fetch-site": "same-origin"}
    assert web.post(confirm, headers=own).status_code == 200
    for headers in foreign:
        assert web.post(withdraw, headers=headers).status_code == 403
    assert "One person has signed." in web.get("/letter").text
    assert len(box.mails) == 1


def test_forms_go_to_this_server_alone_and_links_are_for_one_person(
    web: httpx.Client, box: Mailbox
) -> None:
    sign(web, box)
    letter, confirm = web.get("/letter"), web.get(box.link("confirm"))
    for answer in (letter, confirm):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "form-action 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "<script" not in answer.text
    assert confirm.headers["cache-control"] == "no-store"
    assert confirm.headers["referrer-policy"] == "same-origin"
    assert confirm.headers["x-robots-tag"] == "noindex"
    assert "form-action 'none'" in web.get("/transparency").headers["content-security-policy"]


def test_too_many_from_one_network_are_told_to_wait(
    web: httpx.Client, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PER_NETWORK", 2)
    for number in range(2):
        sign(web, box, email=f"a{number}@example.com")
    answer = web.post("/letter/sign", data=FORM)
    assert answer.status_code == 429
    assert 3500 < int(answer.headers["retry-after"]) <= 3600
    assert "try again in an hour" in answer.text


def test_a_mail_is_not_lost_while_the_relay_is_down(web: httpx.Client, box: Mailbox) -> None:
    box.answers = {"MAIL": ["421 not now"]}
    assert web.post("/letter/sign", data=FORM).status_code == 200
    until(lambda: box.answers["MAIL"] == [])
    assert box.mails == []


def test_in_french(web: httpx.Client, box: Mailbox) -> None:
    french = {"accept-language": "de, fr-CA;q=0.9, en;q=0.5"}
    page = web.get("/letter", headers=french)
    assert '<html lang="fr">' in page.text
    assert "Personne n’a encore signé." in page.text
    assert (page.headers["content-language"], page.headers["vary"]) == ("fr", "accept-language")
    wrong = web.post("/letter/sign", data={**FORM, "name": ""}, headers=french)
    assert "De 1 à 80 caractères" in wrong.text
    chosen = web.get("/letter?lang=fr").text
    assert 'action="/letter/sign?lang=fr#sign"' in chosen
    assert 'href="/gallery?lang=fr"' in chosen
    assert web.post("/letter/sign?lang=fr", data=FORM).status_code == 200
    until(lambda: len(box.mails) == 1)
    assert box.mails[0]["subject"] == "Confirmez votre signature"
    confirm = box.link("confirm")
    assert "Vous signez comme Ann Alder, painter." in web.get(confirm, headers=french).text
    assert "Votre signature est comptée." in web.post(f"{confirm}?lang=fr").text
    assert web.get("/letter?lang=en", headers=french).headers["content-language"] == "en"
    assert web.get("/letter?lang=xx").headers["content-language"] == "en"


@contextmanager
def without(settings: ServiceSettings, **values: str) -> Iterator[httpx.Client]:
    """Anybody, of a server that lacks something."""
    with (
        serve(replace(settings, **values)) as live,  # type: ignore[arg-type]
        httpx.Client(base_url=live.url.removesuffix("/v1")) as web,
    ):
        yield web


def test_without_a_letter_there_is_none(server_settings: ServiceSettings) -> None:
    with without(server_settings, letter="") as web:
        for route in ROUTES:
            method, path = route.split()
            headers = {"origin": "https://evil.example"} if method == "POST" else {}
            assert web.request(method, path, headers=headers).status_code == 404, route
        assert "/letter" not in web.get("/gallery").text
    with pytest.raises(InputError, match="letter"), without(server_settings, letter="/none"):
        pass


def test_without_mail_it_can_be_read_and_says_that_it_cannot_be_signed(
    server_settings: ServiceSettings,
) -> None:
    with without(server_settings, mail="") as web:
        page = web.get("/letter")
        assert page.status_code == 200
        assert "can be read but not signed" in page.text
        assert "<form" not in page.text
        assert web.post("/letter/sign", data=FORM).status_code == 409


def test_many_names_come_in_pages(web: httpx.Client, open_house: Open) -> None:
    signatures = open_house.live.services.signatures
    for number in range(51):
        wish = module.Wish(f"Name {number}.", f"a{number}@example.com", shown=True)
        signatures.sign(wish, f"net {number}")
    with open_house.live.services.database.read() as session:
        ids = session.scalars(select(Signing.id).order_by(Signing.created_at)).all()
    for signing_id in ids:
        signatures.confirm(signatures._token("sign", signing_id))
    first = web.get("/letter").text
    assert "51 people have signed." in first
    assert "Name 50." in first
    assert "Name 0." not in first
    (more,) = re.findall(r'rel="next" href="([^"#]+)#names"', first)
    second = web.get(more).text
    assert "Name 0." in second
    assert "Name 1." not in second
    assert 'rel="next"' not in second
    assert web.get("/letter?after=x").status_code == 404


def test_administrators_list_and_remove(open_house: Open, web: httpx.Client, box: Mailbox) -> None:
    _, boss = open_house.as_role(Role.ADMINISTRATOR)
    _, reviewer = open_house.as_role(Role.REVIEWER)
    sign(web, box)
    assert boss.get("/admin/v1/signatures").json()["data"] == []
    web.post(box.link("confirm"))
    (one,) = boss.get("/admin/v1/signatures").json()["data"]
    assert (one["name"], one["who"], one["shown"]) == ("Ann Alder", "painter", True)
    assert set(one) == {
        *("object", "id", "name", "who", "shown", "confirmed_at", "removed_at", "reason")
    }
    path = f"/admin/v1/signatures/{one['id']}/remove"
    assert reviewer.post(path, json={"reason": "no person"}).status_code == 403
    assert boss.post(path, json={}).status_code == 400
    gone = boss.post(path, json={"reason": "no person"}).json()
    assert gone["reason"] == "no person"
    assert gone["removed_at"] >= one["confirmed_at"]
    assert "Nobody has signed yet." in web.get("/letter").text
    assert boss.post(path, json={"reason": "no person"}).status_code == 409
    removed = boss.get("/admin/v1/signatures", params={"removed": True}).json()["data"]
    assert [item["id"] for item in removed] == [one["id"]]
    record = boss.get("/admin/v1/audit", params={"act": "signatures.remove"}).json()["data"]
    assert record[0]["subject"] == one["id"]
    sign(web, box)
    assert "no person" in box.text()


def test_neither_log_nor_backup_has_an_address_or_a_token(
    server_settings: ServiceSettings, box: Mailbox, tmp_path: Path
) -> None:
    log: io.StringIO
    with logged() as log, serve(server_settings) as live:
        with httpx.Client(base_url=live.url.removesuffix("/v1")) as web:
            box.answers = {"MAIL": ["451 <ann@example.com> later"]}
            web.post("/letter/sign", data=FORM)
            until(lambda: box.answers["MAIL"] == [])
            until(lambda: "mail not sent" in log.getvalue())
            with live.services.database.write() as session:
                session.execute(update(Mail).values(next_at=now()))
            until(lambda: len(box.mails) == 1)
            confirm, withdraw = box.link("confirm"), box.link("withdraw")
            web.get(confirm)
            web.post(confirm)
            web.get(withdraw)
            web.post("/letter/sign", data={**FORM, "email": "not one of ann@example.com"})
        use = live.services
        until(lambda: not _waits(use.database))
        backup.take(use.database, Storage(use.settings.storage_url, b"x" * 16), tmp_path / "kept")
    kept = b"".join(path.read_bytes() for path in (tmp_path / "kept").rglob("*") if path.is_file())
    assert b"Ann Alder" in kept
    said = log.getvalue()
    assert "/letter/confirm/" in said
    for secret in ("example.com", *(path.rpartition("-")[2] for path in (confirm, withdraw))):
        assert secret not in said
        assert secret.encode() not in kept


def _waits(database: Database) -> bool:
    with database.read() as session:
        return session.scalars(select(Mail.id)).first() is not None


def test_numbers_are_those_of_the_code() -> None:
    text = (Path(__file__).parents[2] / "docs" / "public.md").read_text()
    hour = module.HOUR
    for said in (
        f"the newest first, {public.A_PAGE} to a page",
        f"once and for {module.LASTS / hour:.0f} hours",
        f"{module.PER_NETWORK} signings are taken from one network",
        f"and {module.PER_HOUR} of everybody",
        f"{module.PER_ADDRESS} mails a day",
        f"after {PACE.first:.0f} seconds",
        f"for {PACE.give_up / hour:.0f} hours",
    ):
        assert said in text, said
    assert PACE.longest == hour
    assert PACE.give_up < module.LASTS
