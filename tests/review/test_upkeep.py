"""Deadlines, and what is left of shares that ended."""

import pytest

from pleinair.access.actor import Actor, Role
from pleinair.errors import ConflictError, NotFoundError
from pleinair.review.upkeep import LOOK_EVERY, SWEEP_EVERY, Upkeep
from pleinair.service.programme_tables import Share
from tests.access.conftest import House
from tests.review.films import film
from tests.review.test_shares import set_share


def upkeep(house: House) -> Upkeep:
    return Upkeep(house.use.database, house.use.reviews.publisher)


def published(house: House, owner: Actor) -> Share:
    share = house.use.shares.ask(owner.id, film(house.use, owner))
    return house.use.reviews.decide(house.member(Role.REVIEWER), share.id, "approve")


def test_the_team_is_reminded_once_and_nothing_is_decided(house: House) -> None:
    owner = house.member()
    late, later = (house.use.shares.ask(owner.id, film(house.use, owner)) for _ in range(2))
    set_share(house, late.id, due_at=1.0)
    chore = upkeep(house)
    assert (chore.remind(), chore.remind()) == (1, 0)
    (notice,) = house.use.notices.list(None)
    assert (notice.kind, notice.subject) == ("review.overdue", late.id)
    cases = house.use.desk.list()
    assert [(case.share.id, case.overdue) for case in cases] == [(late.id, True), (later.id, False)]
    assert {case.share.state for case in cases} == {"asked"}


def test_what_was_decided_is_not_reminded_of(house: House) -> None:
    share = published(house, house.member())
    set_share(house, share.id, due_at=1.0)
    assert upkeep(house).remind() == 0


def test_deleting_a_video_withdraws_its_share(house: House) -> None:
    owner = house.member()
    share = published(house, owner)
    chore = upkeep(house)
    assert chore.follow() == 0
    house.use.videos.delete(owner.id, share.video_id)
    assert house.use.gallery.feed().items == []  # long before the chore
    assert (chore.follow(), chore.follow()) == (1, 0)
    gone = house.use.desk.get(share.id).share
    assert (gone.state, gone.withdrawn_by) == ("withdrawn", owner.id)
    assert list(house.use.storage.list("shared")) == []


def test_a_video_that_comes_back_is_not_public_again(house: House) -> None:
    owner = house.member()
    share = published(house, owner)
    house.use.videos.delete(owner.id, share.video_id)
    house.use.library.restore(owner.id, share.video_id)  # before any chore
    assert house.use.gallery.feed().items == []
    gone = house.use.desk.get(share.id).share
    assert (gone.state, gone.withdrawn_by) == ("withdrawn", owner.id)
    assert house.use.shares.ask(owner.id, share.video_id).id != share.id
    assert upkeep(house).follow() == 0


def test_a_refused_video_stays_refused_when_it_comes_back(house: House) -> None:
    owner, reviewer = house.member(), house.member(Role.REVIEWER)
    video_id = film(house.use, owner)
    share = house.use.shares.ask(owner.id, video_id)
    house.use.reviews.decide(reviewer, share.id, "refuse", "quality")
    house.use.videos.delete(owner.id, video_id)
    assert upkeep(house).follow() == 0
    with pytest.raises(NotFoundError):  # its files are there, and nobody's
        house.use.desk.artifact(reviewer, share.id, "video", 0)
    house.use.library.restore(owner.id, video_id)
    with pytest.raises(ConflictError, match="was refused"):
        house.use.shares.ask(owner.id, video_id)
    assert house.use.videos.artifacts(owner.id, video_id)


def test_what_could_not_be_removed_is_removed_later(house: House) -> None:
    owner = house.member()
    kept, gone = published(house, owner), published(house, owner)
    house.use.shares.withdraw(owner.id, gone.video_id)
    house.use.storage.put(f"shared/{gone.id}/left/0/video.mp4", b"left")
    house.use.storage.put("shared/share_of_nobody/x/0/video.mp4", b"left")
    publisher = house.use.reviews.publisher
    assert (publisher.sweep(), publisher.sweep()) == (2, 0)
    assert {key.split("/")[1] for key in house.use.storage.list("shared")} == {kept.id}


def test_the_public_copy_stays_when_the_owners_files_expire(house: House) -> None:
    owner = house.member()
    share = published(house, owner)
    house.use.storage.delete(f"videos/{share.video_id}")
    (shown,) = house.use.gallery.feed().items
    for item in shown.files:
        assert len(house.use.storage.get(item.key)) == item.size


def test_most_times_there_is_nothing_to_do(house: House) -> None:
    time, done = 0.0, []

    class Counting(Upkeep):
        def remind(self) -> int:
            done.append("remind")
            return 0

        def follow(self) -> int:
            done.append("follow")
            return 0

    chore = Counting(house.use.database, house.use.reviews.publisher, lambda: time)
    for _ in range(5):
        chore()
    assert done == ["remind", "follow"]
    time = LOOK_EVERY
    chore()
    time = SWEEP_EVERY
    chore()
    assert done == ["remind", "follow"] * 3
