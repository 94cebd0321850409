"""Mail leaves once the relay takes it, is tried again until then, and its address goes with it."""

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
import structlog
from sqlalchemy import select, update

from pleinair.errors import InputError
from pleinair.service.db import Database, now
from pleinair.service.letter_tables import Mail
from pleinair.service.mail import ADDRESS, Postman, Relay, Written, post
from pleinair.service.webhooks import Pace
from pleinair.settings import ServiceSettings
from tests.service.mailbox import Mailbox, mailbox
from tests.service.test_fetch import certificate

SENDER = "Pleinair <letter@example.org>"
WHOM = "ann@example.com"
AT_ONCE = Pace(first=0.0, longest=0.0, give_up=3600.0)


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with mailbox() as box:
        yield box


def write(mail: Mail) -> Written | None:
    return None if mail.subject == "over" else ("Bonjour à tous", f"Über {mail.subject}\n.\n")


def postman(database: Database, port: int, pace: Pace = AT_ONCE) -> Postman:
    return Postman(database, Relay("127.0.0.1", port), SENDER, write, pace)


def waiting(database: Database) -> list[Mail]:
    with database.read() as session:
        return list(session.scalars(select(Mail)))


def put(database: Database, subject: str = "it", address: str = WHOM) -> None:
    with database.write() as session:
        post(session, address, subject, "en")


def test_a_mail_leaves_and_nothing_of_it_stays(database: Database, box: Mailbox) -> None:
    put(database)
    man = postman(database, box.port)
    assert man.step()
    assert not man.step()
    (mail,) = box.mails
    assert (mail["to"], mail["from"], mail["subject"]) == (WHOM, SENDER, "Bonjour à tous")
    assert mail["auto-submitted"] == "auto-generated"
    assert mail["message-id"].endswith("@example.org>")
    assert box.text() == "Über it\n.\n"
    assert waiting(database) == []


def test_what_the_relay_does_not_take_now_is_tried_again(database: Database, box: Mailbox) -> None:
    put(database)
    man = postman(database, box.port)
    box.answers = {"MAIL": ["451 later"], "RCPT": ["450 you are new here"], "DATA": ["452 full"]}
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            assert man.step()
            assert len(waiting(database)) == 1
        assert man.step()
    assert len(box.mails) == 1
    assert waiting(database) == []
    assert [line["given_up"] for line in logs] == [False] * 3
    assert WHOM not in str(logs)


def test_a_relay_that_is_not_there_is_waited_for(database: Database) -> None:
    with mailbox() as gone:
        pass
    put(database)
    man = postman(database, gone.port, Pace(first=600.0))
    assert man.step()
    (mail,) = waiting(database)
    assert mail.tries == 1
    assert 400 < mail.next_at - database.time() < 800
    assert not man.step()


@pytest.mark.parametrize("answer", ["550 no such mailbox", "553 not here"])
def test_who_is_not_there_is_not_asked_again(database: Database, box: Mailbox, answer: str) -> None:
    put(database)
    box.answers = {"RCPT": [answer]}
    with structlog.testing.capture_logs() as logs:
        assert postman(database, box.port).step()
    assert waiting(database) == []
    assert logs[0]["given_up"]
    assert WHOM not in str(logs)


def test_a_mail_is_given_up_in_the_end(database: Database, box: Mailbox) -> None:
    put(database)
    with database.write() as session:
        session.execute(update(Mail).values(created_at=now() - 4000))
    box.answers = {"MAIL": ["451 later"]}
    assert postman(database, box.port).step()
    assert waiting(database) == []
    assert box.mails == []


def test_what_is_over_is_not_sent(database: Database, box: Mailbox) -> None:
    put(database, "over")
    assert postman(database, box.port).step()
    assert (waiting(database), box.mails) == ([], [])


def test_one_at_work_has_it_alone(database: Database, box: Mailbox) -> None:
    put(database)
    first, second = postman(database, box.port), postman(database, box.port)
    assert first._take() is not None
    assert not second.step()
    with database.write() as session:  # the first has died; its lease ends
        session.execute(update(Mail).values(next_at=now() - 1))
    assert second.step()
    assert len(box.mails) == 1


def test_a_password_goes_over_tls_or_not_at_all(tmp_path: Path) -> None:
    message = EmailMessage()
    message["From"], message["To"] = SENDER, WHOM
    with mailbox("127.0.0.2") as box:
        relay = Relay("127.0.0.2", box.port, user="ann", password="hunter2")
        with pytest.raises(smtplib.SMTPNotSupportedError, match="no password is sent"):
            relay.send(message)
        assert not any("AUTH" in line for line in box.said)
    server, trusting = certificate("localhost", tmp_path)
    with mailbox(tls=server) as box:
        relay = Relay("localhost", box.port, user="ann", password="hunter2", trust=trusting)
        relay.send(message)
        assert len(box.mails) == 1
        assert not any("AUTH" in line or WHOM in line for line in box.said)
        with pytest.raises(OSError, match="certificate"):
            Relay("localhost", box.port, user="ann", password="hunter2").send(message)


def test_a_relay_is_read_from_its_address() -> None:
    relay = Relay.of("smtp://ann%40x:p%2Fw@mail.example.org:2587")
    assert relay == Relay("mail.example.org", 2587, False, "ann@x", "p/w")
    assert (Relay.of("smtps://a.example").port, Relay.of("smtp://a.example").port) == (465, 587)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("mail", {"mail": "http://user:hunter2@a.example"}),
        ("mail", {"mail": "smtp://user:hunter2@a.example:many"}),
        ("mail_from", {"mail_from": "nobody"}),
        ("url", {"url": ""}),
        ("url", {"url": "a.example"}),
    ],
)
def test_settings_of_mail_are_checked(field: str, values: dict[str, str]) -> None:
    fine = {
        "mail": "smtp://user:hunter2@a.example",
        "mail_from": SENDER,
        "url": "https://a.example",
    }
    assert ServiceSettings(**fine).mail_from == SENDER  # type: ignore[arg-type]
    with pytest.raises(InputError) as told:
        ServiceSettings(**fine | values)  # type: ignore[arg-type]
    assert told.value.field == field
    assert "hunter2" not in str(told.value)
    assert "hunter2" not in repr(ServiceSettings(**fine))  # type: ignore[arg-type]


def test_an_address_is_that_of_one_person() -> None:
    for fine in ("ann@example.org", "Ann.O'Hara+x@mail.example.co.uk"):
        assert ADDRESS.fullmatch(fine)
    for wrong in (
        *("a@b", "a@b.c d.org", "a,b@c.org", "a@b.org,c@d.org", "a@b.org\nBcc: c@d.org"),
        *(
            "<a@b.org>",
            "a b@c.org",
            "é@b.org",
            "a@-b.org",
            "@b.org",
            "a@b..org",
            "a" * 65 + "@b.org",
        ),
    ):
        assert not ADDRESS.fullmatch(wrong), wrong
