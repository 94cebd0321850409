"""Signatures: counted once for an address, which is known again and yet not kept."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from pleinair.access import signatures as module
from pleinair.access.actor import Role
from pleinair.access.letter import Block, Letter
from pleinair.access.signatures import Signatures, Wish
from pleinair.errors import (
    BusyError,
    ConflictError,
    ForbiddenError,
    InputError,
    NotFoundError,
    UnavailableError,
)
from pleinair.service import audit
from pleinair.service.db import Database, now
from pleinair.service.letter_tables import Mail, Signature, Signing
from pleinair.service.programme_tables import Record
from pleinair.service.schema import Base
from tests.access.conftest import House

ANN = Wish("Ann Alder", "ann@example.com", "painter", shown=True)
SECRET = b"secret of this test"


@pytest.fixture
def letter(house: House) -> Signatures:
    text = Letter("Let us see the books", [])
    use = house.use
    return Signatures(use.database, use.powers, SECRET, text, "https://a.example/")


def mails(letter: Signatures) -> list[str]:
    """What all mails that wait would say now."""
    with letter.database.read() as session:
        rows = session.scalars(select(Mail).order_by(Mail.created_at)).all()
    return [written[1] for mail in rows if (written := letter.write(mail))]


def link(text: str, kind: str) -> str:
    """The token of a link in a mail."""
    return text.partition(f"https://a.example/letter/{kind}/")[2].split()[0]


def ask(letter: Signatures, wish: Wish = ANN, network: str = "192.0.2.0/24") -> str:
    """Ask to sign; what the mail says."""
    letter.sign(wish, network)
    return mails(letter)[-1]


def rows(letter: Signatures) -> str:
    """All that is in the database."""
    with letter.database.read() as session:
        return str(
            [
                [tuple(row) for row in session.execute(select(table))]
                for table in Base.metadata.sorted_tables
            ]
        )


def test_a_signature_counts_when_it_is_confirmed_and_once(letter: Signatures) -> None:
    token = link(ask(letter), "confirm")
    assert (letter.count(), letter.names().items) == (0, [])
    assert letter.look(token).name == "Ann Alder"
    assert letter.count() == 0
    assert letter.confirm(token)
    (one,) = letter.names().items
    assert (letter.count(), one.name, one.who) == (1, "Ann Alder", "painter")
    for again in (letter.look, letter.confirm):
        with pytest.raises(NotFoundError):
            again(token)
    assert letter.count() == 1


def test_an_address_signs_once_however_it_is_written(letter: Signatures) -> None:
    first, second = ask(letter), ask(letter, Wish("Annie", "Ann@Example.COM"))
    assert letter.confirm(link(second, "confirm"))
    assert not letter.confirm(link(first, "confirm"))
    assert letter.count() == 1
    assert letter.names().items == []  # Annie did not want to be shown


def test_of_links_used_at_once_one_counts(letter: Signatures) -> None:
    texts = [ask(letter, network=f"net {number}") for number in range(3)]
    tokens = [link(text, "confirm") for text in texts] * 2
    counted: list[bool] = []

    def confirm(token: str) -> None:
        try:
            counted.append(letter.confirm(token))
        except NotFoundError:
            counted.append(False)

    threads = [threading.Thread(target=confirm, args=(token,)) for token in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (counted.count(True), len(counted), letter.count()) == (1, 6, 1)


def test_neither_addresses_nor_tokens_are_kept(letter: Signatures) -> None:
    text = ask(letter)
    assert link(text, "confirm").rpartition("-")[2] not in rows(letter)
    with letter.database.write() as session:  # as the postman does once it has left
        session.execute(delete(Mail))
    before = rows(letter)
    letter.confirm(link(text, "confirm"))
    for kept in (before, rows(letter)):
        assert "example.com" not in kept.lower()
        assert "192.0.2" not in kept
    assert "Ann Alder" in rows(letter)


def test_a_link_ends_after_two_days_and_what_was_asked_is_forgotten(letter: Signatures) -> None:
    token = link(ask(letter), "confirm")
    letter.tidy()
    assert letter.look(token).name == "Ann Alder"
    with letter.database.write() as session:
        moved = Signing.created_at - module.LASTS - 1
        session.execute(update(Signing).values(created_at=moved, expires_at=now() - 1))
    with pytest.raises(NotFoundError):
        letter.confirm(token)
    assert mails(letter) == []
    letter.tidy()  # a minute has not passed
    assert "Ann Alder" in rows(letter)
    letter._tidied = float("-inf")
    letter.tidy()
    assert "Ann Alder" not in rows(letter)


def test_a_link_is_good_for_its_own_and_of_this_server(letter: Signatures) -> None:
    text = ask(letter)
    confirm, withdraw = link(text, "confirm"), link(text, "withdraw")
    letter.confirm(confirm)
    other = Signatures(letter.database, letter.powers, b"another", letter.letter, "")
    last = "1" if withdraw[-1] != "1" else "2"
    for wrong in (confirm, withdraw[:-1] + last, withdraw.upper(), "", "pa_withdraw-x-y"):
        with pytest.raises(NotFoundError):
            letter.withdraw(wrong)
    with pytest.raises(NotFoundError):
        other.withdraw(withdraw)
    assert letter.count() == 1


def test_withdrawing_leaves_nothing_and_one_may_sign_again(letter: Signatures) -> None:
    text, pending = ask(letter), ask(letter)
    letter.confirm(link(text, "confirm"))
    assert letter.standing(link(text, "withdraw")).name == "Ann Alder"
    letter.withdraw(link(text, "withdraw"))
    assert letter.count() == 0
    assert "Ann Alder" not in rows(letter)
    with pytest.raises(NotFoundError):  # not by a mail of before
        letter.confirm(link(pending, "confirm"))
    with pytest.raises(NotFoundError):
        letter.standing(link(text, "withdraw"))
    assert letter.confirm(link(ask(letter), "confirm"))
    assert letter.count() == 1


def test_a_mail_says_what_is_so_when_it_leaves(letter: Signatures) -> None:
    first = ask(letter)
    letter.confirm(link(first, "confirm"))
    second = ask(letter, Wish("Somebody else", "ANN@example.com"))
    assert "has signed already" in second
    assert "/letter/confirm/" not in second
    assert link(second, "withdraw") == link(first, "withdraw")
    for typed in ("Ann Alder", "painter", "Somebody else"):
        assert typed not in first + second


def test_a_mail_comes_in_the_language_of_the_page(letter: Signatures) -> None:
    letter.sign(ANN, "net", "fr")
    letter.sign(Wish("Bo", "bo@example.com"), "net", "xx")
    french, english = mails(letter)
    assert "Pour signer, ouvrez cette page dans les 48 heures" in french
    assert "To sign, open this page within 48 hours" in english


def test_one_address_gets_three_mails_a_day_and_the_page_does_not_tell(letter: Signatures) -> None:
    for number in range(6):
        letter.sign(ANN, f"net {number}")
    assert len(mails(letter)) == module.PER_ADDRESS == 3
    letter.sign(Wish("Bo", "bo@example.com"), "net")
    assert len(mails(letter)) == 4
    with letter.database.write() as session:
        session.execute(update(Signing).values(created_at=now() - module.DAY - 1))
    letter.sign(ANN, "net")
    assert len(mails(letter)) == 5


@pytest.mark.parametrize(("network", "limit"), [("one", "PER_NETWORK"), ("{}", "PER_HOUR")])
def test_no_more_are_taken_than_allowed_however_many_come_at_once(
    letter: Signatures, network: str, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, limit, 4)
    refused: list[float] = []

    def sign(number: int) -> None:
        wish = Wish("Somebody", f"a{number}@example.com")
        try:
            letter.sign(wish, network.format(number))
        except BusyError as busy:
            refused.append(busy.retry_after)

    threads = [threading.Thread(target=sign, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(mails(letter)), len(refused)) == (4, 4)
    assert all(3500 < wait <= 3600 for wait in refused)
    with letter.database.write() as session:
        session.execute(update(Signing).values(created_at=now() - module.HOUR - 1))
    sign(9)
    assert len(refused) == 4


def test_without_the_database_nothing_is_taken(letter: Signatures) -> None:
    gone = Database("postgresql+psycopg://nobody@127.0.0.1:1/none")
    cut = Signatures(gone, letter.powers, SECRET, letter.letter, letter.home)
    with pytest.raises(UnavailableError):
        cut.sign(ANN, "net")


def many(letter: Signatures, count: int) -> None:
    for number in range(count):
        wish = Wish(f"Name {number}", f"a{number}@example.com", shown=number != 2)
        letter.confirm(link(ask(letter, wish, f"net {number}"), "confirm"))


def test_names_come_in_pages_the_newest_first(letter: Signatures) -> None:
    many(letter, 6)
    first = letter.names(limit=2)
    second = letter.names(first.following, limit=2)
    third = letter.names(second.following, limit=2)
    names = [one.name for page in (first, second, third) for one in page.items]
    assert names == ["Name 5", "Name 4", "Name 3", "Name 1", "Name 0"]
    assert third.following is None
    assert letter.count() == 6
    for wrong in ("x", "nan_sig", "1e9_sig"):
        with pytest.raises(InputError):
            letter.names(wrong)


def test_the_team_removes_for_good_and_on_record(letter: Signatures, house: House) -> None:
    boss = house.member(Role.ADMINISTRATOR)
    text = ask(letter)
    letter.confirm(link(text, "confirm"))
    (one,) = letter.list()
    assert letter.remove(boss, one.id, " not a\nperson ").reason == "not a person"
    assert (letter.count(), letter.names().items, letter.list()) == (0, [], [])
    (gone,) = letter.list(removed=True)
    assert (gone.id, gone.name) == (one.id, "Ann Alder")
    told = ask(letter)
    assert "not a person" in told
    assert "/confirm/" not in told
    with pytest.raises(ConflictError):
        letter.remove(boss, one.id, "again")
    letter.withdraw(link(text, "withdraw"))  # the name goes, the removal stays
    assert "Ann Alder" not in rows(letter)
    assert letter.list(removed=True)[0].reason == "not a person"
    with letter.database.read() as session:
        acts = session.scalars(select(Record).where(Record.subject == one.id)).all()
        assert [act.outcome for act in acts] == ["done", "this signature was removed already"]
    assert audit.verify(house.use.database, house.use.powers.anchor.heads()) == []


@pytest.mark.parametrize(
    ("role", "signature", "reason", "error"),
    [
        (Role.REVIEWER, "sig_1", "why", ForbiddenError),
        (Role.ADMINISTRATOR, "sig_none", "why", NotFoundError),
        (Role.ADMINISTRATOR, "sig_1", " ", InputError),
    ],
)
def test_who_may_not_or_gives_no_reason_removes_nothing(
    letter: Signatures,
    house: House,
    role: Role,
    signature: str,
    reason: str,
    error: type[Exception],
) -> None:
    with letter.database.write() as session:
        session.add(
            Signature(id="sig_1", address="x", name="Bo", who="", shown=True, confirmed_at=1.0)
        )
    with pytest.raises(error):
        letter.remove(house.member(role), signature, reason)
    assert letter.count() == 1


def test_a_letter_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "letter.md"
    path.write_text("# Title <b>\r\n\r\nOne\nline.\n\n## Part\n\n- a\n  b\n- c\n\n\nEnd. # no\n")
    found = Letter.read(str(path))
    assert found == Letter(
        "Title <b>",
        [
            Block("paragraph", ["One line."]),
            Block("heading", ["Part"]),
            Block("list", ["a b", "c"]),
            Block("paragraph", ["End. # no"]),
        ],
    )
    assert Letter.read("") is None


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_text("Title\n\ntext"),
        lambda path: path.write_text("# \n\ntext"),
        lambda path: path.write_bytes(b"# T\n\xff"),
        lambda path: path.write_text("# T\n" + "x" * 200_000),
        lambda path: None,
    ],
)
def test_a_file_that_is_no_letter_is_refused(
    tmp_path: Path, write: Callable[[Path], object]
) -> None:
    write(tmp_path / "letter.md")
    with pytest.raises(InputError) as told:
        Letter.read(str(tmp_path / "letter.md"))
    assert told.value.field == "letter"
