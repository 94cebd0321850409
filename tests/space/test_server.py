"""The page's parts before a real server: from a prompt to a file, and who sees what."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from page import server, telling
from page.gallery import PAGE, Gallery, View, item_of
from page.maker import Maker
from page.server import SHAPES, SIDES, Clip, Server, size_of
from page.settings import Settings
from page.troubles import Trouble
from page.words import EN
from pleinair.access.actor import AT_THE_MACHINE, Actor, Role
from pleinair.service.tables import CANCELLED, QUEUED
from tests.access.conftest import Open, house_settings, open_house
from tests.api.conftest import Live, live_server, server_settings
from tests.review.films import bytes_of, film

__all__ = ["house_settings", "live_server", "open_house", "server_settings"]
pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")
ASKED = ("640x360", 5, "ann", "session of ann")


@pytest.fixture(autouse=True)
def _closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Closes what a page leaves open until its process ends."""
    opened: list[OpenAI] = []

    def open_client(**options: Any) -> OpenAI:  # noqa: ANN401
        opened.append(OpenAI(**options))
        return opened[-1]

    monkeypatch.setattr(server, "OpenAI", open_client)
    yield
    for client in opened:
        client.close()


@pytest.fixture
def settings(live_server: Live) -> Settings:
    return Settings(live_server.url, "any")


def of_a_member(open_house: Open) -> tuple[Actor, Settings]:
    """A new member, and the page with their key."""
    actor = open_house.house.member(Role.TESTER)
    return actor, Settings(open_house.live.url, open_house.house.key(actor)[1])


def test_every_size_is_one_that_the_server_takes() -> None:
    sizes = [size_of(side, shape) for side in SIDES for shape in SHAPES]
    assert len(set(sizes)) == 12
    assert size_of("720p", "portrait") == "720x1280"
    assert size_of("360p", "square") == "360x360"
    assert all(int(side) % 2 == 0 for size in sizes for side in size.split("x"))


def test_a_prompt_becomes_a_file(live_server: Live, settings: Settings, tmp_path: Path) -> None:
    api = Server(settings)
    steps = Maker(settings, api).make("a lake", "64x48", 5, "ann", "s")
    assert next(steps) is None
    first = next(steps)
    assert first is not None
    assert (first.status, first.place) == ("queued", 1)
    assert "Next in line" in telling.progress(first, EN)
    live_server.finish(first.id)
    *_, last = steps
    assert last is not None
    assert last.status == "completed"
    gallery = Gallery(api, "session", tmp_path)
    path = gallery.video(item_of(last))
    assert path.read_bytes()[4:8] == b"ftyp"
    assert gallery.video(item_of(last)) == path
    thumbnail = gallery.thumbnail(item_of(last))
    assert thumbnail is not None
    assert thumbnail.read_bytes()[8:12] == b"WEBP"


def test_who_goes_away_has_the_video_cancelled_and_the_place_is_free(
    live_server: Live, settings: Settings
) -> None:
    maker = Maker(settings, Server(settings))
    steps = maker.make("a lake", *ASKED)
    clips = [next(steps), next(steps)]
    assert isinstance(clips[1], Clip)
    assert live_server.video(clips[1].id).state == QUEUED
    steps.close()  # type: ignore[attr-defined]
    assert live_server.video(clips[1].id).state == CANCELLED
    maker.limits.leave(maker.limits.enter("ann", "s"))


def test_who_stops_it_is_told_so(live_server: Live, settings: Settings) -> None:
    maker = Maker(settings, Server(settings))
    steps = maker.make("a lake", *ASKED)
    clips = [next(steps), next(steps)]
    maker.limits.stop("session of ann")
    with pytest.raises(Trouble, match="stopped"):
        next(steps)
    assert isinstance(clips[1], Clip)
    assert live_server.video(clips[1].id).state == CANCELLED


def test_a_video_that_fails_says_why(live_server: Live, settings: Settings) -> None:
    steps = Maker(settings, Server(settings)).make("fail now", *ASKED)
    clips = [next(steps), next(steps)]
    assert isinstance(clips[1], Clip)
    live_server.finish(clips[1].id)
    with pytest.raises(Trouble, match="failed") as caught:
        list(steps)
    assert caught.value.message == "the prompt said fail"


@pytest.mark.parametrize(("prompt", "kind"), [("", "empty"), ("x" * 1001, "long")])
def test_a_prompt_is_neither_empty_nor_endless(settings: Settings, prompt: str, kind: str) -> None:
    with pytest.raises(Trouble, match=kind):
        next(Maker(settings, Server(settings)).make(prompt, *ASKED))


def test_what_the_server_refuses_does_not_count(settings: Settings) -> None:
    few = replace(settings, model="no such model", hourly=1)
    maker = Maker(few, Server(few))
    for _ in range(3):
        with pytest.raises(Trouble, match="value") as caught:
            list(maker.make("a lake", *ASKED))
        assert caught.value.field == "model"


def test_asking_whether_access_is_on_makes_nothing(open_house: Open) -> None:
    actor, settings = of_a_member(open_house)
    api, use = Server(settings), open_house.house.use
    api.probe()
    switch, _ = use.switchboard.off(AT_THE_MACHINE, "everyone", "", "Back tonight.", hours=2)
    # Reading goes on, so a look would not have noticed.
    assert api.page(None, PAGE) == ([], None)
    with pytest.raises(Trouble, match="off") as caught:
        api.probe()
    assert "Back tonight." in caught.value.message
    assert caught.value.wait == pytest.approx(7200, abs=60)
    use.switchboard.on(AT_THE_MACHINE, switch.id)
    api.probe()
    assert list(use.videos.list(actor.id, None, 20, "desc").items) == []


def test_a_stopped_key_is_noticed_before_anybody_asks_for_a_video(open_house: Open) -> None:
    actor = open_house.house.member()
    key_id, secret = open_house.house.key(actor)
    api = Server(Settings(open_house.live.url, secret))
    api.probe()
    open_house.house.use.keys.stop(AT_THE_MACHINE, key_id, "found on the web")
    with pytest.raises(Trouble, match="key") as caught:
        api.probe()
    assert caught.value.message == ""


def test_what_is_shared_is_shown_and_nothing_else_of_the_key(
    open_house: Open, tmp_path: Path
) -> None:
    house = open_house.house
    house.rules(review="none")
    actor, settings = of_a_member(open_house)
    private = film(house.use, actor, prompt="not for others")
    public = [film(house.use, actor) for _ in range(PAGE + 2)]
    shares = [house.use.shares.ask(actor.id, one, f"number {one}") for one in public]
    gallery = Gallery(Server(settings), "auto", tmp_path)
    view = gallery.open()
    assert view.source == "feed"
    assert len(view.items) == PAGE
    assert view.more
    view = gallery.more(view)
    assert {item.id for item in view.items} == {share.id for share in shares}
    assert not view.more
    assert gallery.video(view.items[0]).read_bytes() == bytes_of(actor.id, "video")
    assert private not in repr(view)
    # What is withdrawn is gone for whoever opens the page next, and cannot be had any more.
    gone = view.items[3]
    house.use.shares.withdraw(actor.id, next(s.video_id for s in shares if s.id == gone.id))
    assert gone not in gallery.more(gallery.open()).items
    with pytest.raises(Trouble, match="gone"):
        gallery.video(gone)


def test_where_nothing_is_shared_a_visitor_sees_their_own_alone(
    open_house: Open, tmp_path: Path
) -> None:
    actor, settings = of_a_member(open_house)
    film(open_house.house.use, actor)
    for source in ("auto", "session"):
        view = Gallery(Server(settings), source, tmp_path).open()
        assert (view.source, view.items, view.more) == ("session", (), False)


def test_an_operator_may_show_everything_of_the_key(
    live_server: Live, settings: Settings, tmp_path: Path
) -> None:
    api = Server(settings)
    made = [api.create(f"lake {i}", "64x48", 1).id for i in range(PAGE + 1)]
    live_server.finish(api.create("fail now", "64x48", 1).id)  # and all before it
    api.create("not finished", "64x48", 1)
    gallery = Gallery(api, "key", tmp_path)
    view = gallery.open()
    seen = [len(view.items)]
    while view.more:
        view = gallery.more(view)
        seen.append(len(view.items))
    assert [item.id for item in view.items] == made[::-1]
    assert seen[0] == PAGE
    assert all(b > a for a, b in pairwise(seen))


def test_ones_own_come_first_and_once() -> None:
    mine, other = item_of(Clip("v1", "completed", "mine")), item_of(Clip("v2", "completed", "o"))
    view = View("key", listed=(mine, other)).with_own(mine)
    assert view.items == (mine, other)


def test_a_server_without_members_shares_nothing(
    live_server: Live,
) -> None:
    assert Server(Settings(live_server.url, "any")).feed(None, PAGE) == ([], None)
