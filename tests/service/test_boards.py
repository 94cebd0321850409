"""A board loses no card and doubles none, whatever happens to the server that carries it on."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from pleinair.errors import (
    BusyError,
    ConflictError,
    InputError,
    ModelError,
    NotFoundError,
    PleinairError,
    QuotaError,
)
from pleinair.service.board_tables import Board
from pleinair.service.boards import Boards
from pleinair.service.db import Database
from pleinair.service.queue import Queue
from pleinair.service.tables import Artifact, Video
from pleinair.service.videos import Draft, Videos
from pleinair.settings import ServiceSettings
from tests.service.conftest import SMALL
from tests.service.desk import Killed, Mortal, make_all


class Plain:
    """Cards whose prompt says all: what is refused, and what is made."""

    def __init__(self) -> None:
        self.busy = False

    def check(self, owner: str, board: Board) -> None:
        if any(not card["prompt"] for card in board.cards):
            raise InputError("cards.0.prompt", "", "words")

    def draft(self, owner: str, board: Board, before: str | None) -> Draft:
        if self.busy:
            raise BusyError("later", 1.0)
        assert board.card is not None
        prompt = board.cards[board.card]["prompt"]
        if "refuse" in prompt:
            raise ModelError("there is no such model")
        if "costly" in prompt:
            raise QuotaError("all is used up", 60.0)
        request = replace(SMALL, prompt=prompt)
        kind = "extend" if before else "create"
        return Draft(kind, "test-card", request, board.card + 1.0, remixed_from=before)

    def refuse(self, error: PleinairError | None) -> tuple[str, str]:
        return type(error).__name__, str(error)


@pytest.fixture
def boards(database: Database, videos: Videos) -> Boards:
    return Boards(database, videos, Plain())


def card(prompt: str) -> dict[str, Any]:
    return {
        "kind": "text",
        "prompt": prompt,
        "seconds": 1.0,
        "file_id": None,
        "video_id": None,
    }


def begin(boards: Boards, *prompts: str, owner: str = "ann") -> Board:
    made = boards.create(owner, title="A day", size="64x48", cards=[card(one) for one in prompts])
    return boards.render(owner, made.id)


def carry(boards: Boards, board: Board, queue: Queue) -> Board:
    """Tick until the board has ended."""
    for _ in range(40):
        boards.tick()
        make_all(queue)
        board = boards.get(board.owner, board.id)
        if board.state != "rendering":
            return board
    raise AssertionError(f"still at card {board.card}")


def alive(database: Database) -> list[Video]:
    """Videos that are not deleted, the oldest first."""
    with database.read() as session:
        found = select(Video).where(Video.deleted_at.is_(None)).order_by(Video.created_at)
        return list(session.scalars(found))


def shelved(database: Database) -> set[str]:
    with database.read() as session:
        return set(session.scalars(select(Artifact.video_id)))


def test_three_cards_become_one_video(
    boards: Boards, videos: Videos, queue: Queue, database: Database
) -> None:
    board = begin(boards, "a", "b", "c")
    seen = []
    for number in range(3):
        boards.tick()
        assert videos.list("ann", None, 9, "asc").items == ()  # parts are in no list
        now = boards.get("ann", board.id)
        assert (now.state, now.card) == ("rendering", number)
        assert boards.progress([now])[now.id] == 33 * number
        seen.append(now.video_id)
        make_all(queue)
        boards.tick()
    ended = boards.get("ann", board.id)
    assert (ended.state, ended.card, ended.error_code) == ("completed", None, None)
    assert boards.progress([ended])[ended.id] == 100
    (video,) = videos.list("ann", None, 9, "asc").items
    assert [video.id, video.prompt, video.seconds] == [ended.video_id, "c", "3"]
    assert len(set(seen)) == 3
    assert shelved(database) == {video.id}, "of the parts nothing is left"
    assert videos.chain("ann", video.id, "extend") == 2


def test_a_board_is_written_in_peace_and_changed_only_at_rest(boards: Boards) -> None:
    board = boards.create("ann", title=" A day ", size="64x48", cards=[card("")])
    assert (board.title, board.state) == ("A day", "draft")
    with pytest.raises(InputError, match=r"cards\.0\.prompt"):
        boards.render("ann", board.id)
    boards.update("ann", board.id, cards=[card("a")], seed=7)
    boards.render("ann", board.id)
    for act in (boards.update, boards.render):
        with pytest.raises(ConflictError, match="being rendered"):
            act("ann", board.id)
    for values in ({"title": ""}, {"title": "a\nb"}, {"size": "big"}, {"cards": [card("a")] * 21}):
        with pytest.raises(InputError):
            boards.create("ann", **{"title": "x", "size": "64x48", "cards": [], **values})


def test_another_owner_has_no_such_board(boards: Boards) -> None:
    board = begin(boards, "a")
    for act in (boards.get, boards.update, boards.render, boards.cancel, boards.delete):
        with pytest.raises(NotFoundError):
            act("bob", board.id)
    assert boards.list("bob").items == ()
    assert [one.id for one in boards.list("ann").items] == [board.id]


def test_cancelled_it_ends_and_goes_on_later_after_the_finished_card(
    boards: Boards, videos: Videos, queue: Queue, database: Database
) -> None:
    board = begin(boards, "a", "b", "c")
    boards.tick()
    make_all(queue)
    boards.tick()
    boards.tick()
    ended = boards.cancel("ann", board.id)
    first, second = alive(database)
    assert (ended.state, ended.card, ended.video_id) == ("cancelled", 1, first.id)
    assert second.state == "cancelled"
    boards.tick()
    assert len(alive(database)) == 2, "nothing more is begun"
    with pytest.raises(ConflictError, match="is cancelled"):
        boards.cancel("ann", board.id)
    assert boards.render("ann", board.id).card == 1
    ended = carry(boards, board, queue)
    assert ended.state == "completed"
    assert [video.prompt for video in alive(database)] == ["c"]
    with database.read() as session:
        made = session.scalars(select(Video.prompt).where(Video.state == "completed"))
        assert sorted(made) == ["a", "b", "c"], "the first card was not made twice"


def test_a_failed_card_ends_it_and_once_mended_it_goes_on(
    boards: Boards, queue: Queue, database: Database
) -> None:
    board = carry(boards, begin(boards, "a", "refuse"), queue)
    assert (board.state, board.card, board.error_code) == ("failed", 1, "ModelError")
    (first,) = alive(database)
    assert board.video_id == first.id
    changed = boards.update("ann", board.id, cards=[card("a"), card("b")])
    assert (changed.state, changed.error_code) == ("draft", None)
    assert boards.render("ann", board.id).card == 1
    assert carry(boards, board, queue).state == "completed"
    assert boards.render("ann", board.id).card == 0, "a finished board is made anew"
    boards.cancel("ann", board.id)


def test_it_begins_anew_when_a_finished_card_was_changed(
    boards: Boards, queue: Queue, database: Database
) -> None:
    board = carry(boards, begin(boards, "a", "refuse"), queue)
    boards.update("ann", board.id, cards=[card("other"), card("b")])
    assert boards.render("ann", board.id).card == 0
    assert alive(database) == [], "the card that was changed is of no use any more"
    ended = carry(boards, board, queue)
    assert ended.state == "completed"
    assert [video.id for video in alive(database)] == [ended.video_id]


def test_more_cards_go_on_from_a_finished_video_which_stays(
    boards: Boards, queue: Queue, database: Database
) -> None:
    board = carry(boards, begin(boards, "a"), queue)
    boards.update("ann", board.id, cards=[card("a"), card("b")])
    assert boards.render("ann", board.id).card == 1
    ended = carry(boards, board, queue)
    assert [video.id for video in alive(database)] == [board.video_id, ended.video_id]
    boards.delete("ann", board.id)
    assert len(alive(database)) == 2
    with pytest.raises(NotFoundError):
        boards.get("ann", board.id)


def test_used_up_quotas_fail_it_and_being_busy_does_not(
    boards: Boards, queue: Queue, database: Database
) -> None:
    plain = boards.cards
    assert isinstance(plain, Plain)
    board = begin(boards, "a", "costly")
    plain.busy = True
    for _ in range(3):
        boards.tick()
    assert alive(database) == []
    plain.busy = False
    board = carry(boards, board, queue)
    assert (board.state, board.error_code) == ("failed", "QuotaError")


@pytest.mark.parametrize(
    ("how", "state", "code"),
    [("cancel", "cancelled", None), ("delete", "failed", "video_deleted")],
)
def test_the_end_of_its_video_is_its_end(
    boards: Boards, videos: Videos, how: str, state: str, code: str | None
) -> None:
    board = begin(boards, "a")
    boards.tick()
    video_id = boards.get("ann", board.id).video_id
    getattr(videos, how)("ann", video_id)
    boards.tick()
    ended = boards.get("ann", board.id)
    assert (ended.state, ended.error_code, ended.video_id) == (state, code, None)


def test_deleted_while_it_is_rendered_it_leaves_nothing(
    boards: Boards, queue: Queue, database: Database
) -> None:
    board = begin(boards, "a", "b")
    boards.tick()
    make_all(queue)
    boards.tick()
    boards.tick()
    boards.delete("ann", board.id)
    assert alive(database) == []
    assert shelved(database) == set()
    assert queue.claim("worker", ["test-card"]) is None


@pytest.mark.parametrize("kept", [False, True], ids=["before", "after"])
def test_killed_at_any_transaction_a_board_loses_and_doubles_nothing(
    database: Database, settings: ServiceSettings, boards: Boards, queue: Queue, kept: bool
) -> None:
    mortal = Mortal(database.engine.url.render_as_string(hide_password=False))
    mortal.kept = kept
    doomed = Boards(mortal, Videos(mortal, settings), Plain())
    deaths, rounds, is_alive = 0, 0, True
    while is_alive:
        board = begin(boards, "a", "b", "c")
        mortal.left = deaths + 1
        try:
            carry(doomed, board, queue)
            is_alive = False  # there is no such transaction any more
        except Killed:
            deaths += 1
        ended = carry(boards, board, queue)
        assert ended.state == "completed"
        with database.read() as session:
            made = session.scalars(select(Video.prompt).order_by(Video.created_at)).all()
        assert made[-3:] == ["a", "b", "c"]
        rounds += 1
        assert len(made) == 3 * rounds
    mortal.close()
    assert deaths == 6, "three videos are queued and three are noted"


def test_servers_that_work_on_one_board_share_it(
    boards: Boards, queue: Queue, database: Database
) -> None:
    board = begin(boards, *"abcd")
    failures: list[BaseException] = []
    start = threading.Barrier(4)

    def server() -> None:
        try:
            start.wait()
            carry(boards, board, queue)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=server) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    with database.read() as session:
        made = session.scalars(select(Video.prompt).order_by(Video.created_at)).all()
    assert made == [*"abcd"]


def test_a_card_that_is_read_while_its_board_is_cancelled_makes_no_video(
    boards: Boards, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = begin(boards, "a")
    draft: Callable[..., Draft] = Plain.draft

    def cancelled(self: Plain, owner: str, board: Board, before: str | None) -> Draft:
        boards.cancel(owner, board.id)
        return draft(self, owner, board, before)

    monkeypatch.setattr(Plain, "draft", cancelled)
    boards.tick()
    assert alive(database) == []
    assert boards.get("ann", board.id).state == "cancelled"
