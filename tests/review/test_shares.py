"""What an owner does with a share, and in which states."""

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import func, select, update

from pleinair.access.actor import Role
from pleinair.errors import ConflictError, InputError, NotFoundError, WithheldError
from pleinair.service.programme_tables import Share
from pleinair.service.tables import Video
from tests.access.conftest import House
from tests.review.films import film

DAY = 86_400.0


def set_video(house: House, video_id: str, **values: object) -> None:
    with house.use.database.write() as session:
        session.execute(update(Video).where(Video.id == video_id).values(**values))


def set_share(house: House, share_id: str, **values: object) -> None:
    with house.use.database.write() as session:
        session.execute(update(Share).where(Share.id == share_id).values(**values))


def test_a_wish_waits_for_a_person_until_it_is_due(house: House) -> None:
    house.rules(review_hours=5.0)
    owner = house.member()
    share = house.use.shares.ask(owner.id, film(house.use, owner), " A lake ")
    assert (share.state, share.title, share.owner) == ("asked", "A lake", owner.id)
    assert share.due_at == pytest.approx(share.asked_at + 5 * 3600)
    assert share.programme_id == house.programme.id


def test_asking_twice_is_asking_once(house: House) -> None:
    owner = house.member()
    video_id = film(house.use, owner)
    first = house.use.shares.ask(owner.id, video_id, "one")
    assert house.use.shares.ask(owner.id, video_id, "two").id == first.id
    assert house.use.shares.get(owner.id, video_id).title == "one"


def test_many_who_ask_at_once_make_one(house: House) -> None:
    owner = house.member()
    video_id = film(house.use, owner)
    ids, together = [], threading.Barrier(6)

    def ask() -> None:
        together.wait()
        ids.append(house.use.shares.ask(owner.id, video_id).id)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 6
    assert len(set(ids)) == 1
    with house.use.database.read() as session:
        assert session.scalars(select(func.count()).select_from(Share)).one() == 1


def test_what_is_not_yours_is_not_there(house: House) -> None:
    owner, other = house.member(), house.member()
    video_id = film(house.use, owner)
    house.use.shares.ask(owner.id, video_id)
    acts: list[Callable[[], object]] = [
        lambda: house.use.shares.ask(other.id, video_id),
        lambda: house.use.shares.get(other.id, video_id),
        lambda: house.use.shares.withdraw(other.id, video_id),
        lambda: house.use.shares.appeal(other.id, video_id, "please"),
    ]
    for act in acts:
        with pytest.raises(NotFoundError, match="No video"):
            act()
    assert house.use.shares.list(other.id) == []
    assert [share.video_id for share in house.use.shares.list(owner.id)] == [video_id]


def test_only_a_finished_video_whose_files_are_there_is_shared(house: House) -> None:
    owner = house.member()
    video_id = film(house.use, owner)
    set_video(house, video_id, state="in_progress")
    with pytest.raises(ConflictError, match="only a completed one"):
        house.use.shares.ask(owner.id, video_id)
    set_video(house, video_id, state="completed", expires_at=1.0)
    with pytest.raises(ConflictError, match="expired"):
        house.use.shares.ask(owner.id, video_id)
    set_video(house, video_id, expires_at=None, quarantined_at=1.0)
    with pytest.raises(WithheldError):
        house.use.shares.ask(owner.id, video_id)
    set_video(house, video_id, quarantined_at=None, deleted_at=1.0)
    with pytest.raises(NotFoundError):
        house.use.shares.ask(owner.id, video_id)


def test_a_long_title_and_long_words_are_refused(house: House) -> None:
    owner = house.member()
    video_id = film(house.use, owner)
    with pytest.raises(InputError, match="title"):
        house.use.shares.ask(owner.id, video_id, "x" * 121)
    with pytest.raises(InputError, match="words"):
        house.use.shares.appeal(owner.id, video_id, "x" * 2001)
    with pytest.raises(InputError, match="words"):
        house.use.shares.appeal(owner.id, video_id, "  ")


def test_what_was_never_asked_is_not_found(house: House) -> None:
    owner = house.member()
    video_id = film(house.use, owner)
    for act in (house.use.shares.get, house.use.shares.withdraw):
        with pytest.raises(NotFoundError, match="Nobody asked"):
            act(owner.id, video_id)


def test_what_was_sent_back_is_asked_again_as_the_same_share(house: House) -> None:
    owner, reviewer = house.member(), house.member(Role.REVIEWER)
    video_id = film(house.use, owner)
    share = house.use.shares.ask(owner.id, video_id, "one")
    house.use.reviews.decide(reviewer, share.id, "changes", "quality", "a better title")
    house.rules(review="none")  # a policy goes over nobody's head
    again = house.use.shares.ask(owner.id, video_id, "two")
    assert (again.id, again.state, again.title) == (share.id, "asked", "two")
    assert again.asked_at > share.asked_at
    assert (again.decided_by, again.reason, again.words) == (None, None, "")


def test_a_withdrawn_wish_can_be_asked_anew_under_another_id(house: House) -> None:
    owner = house.member()
    video_id = film(house.use, owner)
    first = house.use.shares.ask(owner.id, video_id)
    gone = house.use.shares.withdraw(owner.id, video_id)
    assert (gone.state, gone.withdrawn_by) == ("withdrawn", owner.id)
    with pytest.raises(ConflictError, match="withdrawn already"):
        house.use.shares.withdraw(owner.id, video_id)
    second = house.use.shares.ask(owner.id, video_id)
    assert second.id != first.id
    assert house.use.shares.get(owner.id, video_id).id == second.id


def test_a_refusal_can_be_appealed_once_and_in_time(house: House) -> None:
    house.rules(appeal_days=2.0, review_hours=1.0)
    owner, reviewer, other = (
        house.member(),
        house.member(Role.REVIEWER),
        house.member(Role.REVIEWER),
    )
    video_id = film(house.use, owner)
    share = house.use.shares.ask(owner.id, video_id)
    with pytest.raises(ConflictError, match="only a refusal"):
        house.use.shares.appeal(owner.id, video_id, "please")
    refused = house.use.reviews.decide(reviewer, share.id, "refuse", "quality")
    with pytest.raises(ConflictError, match="was refused"):
        house.use.shares.ask(owner.id, video_id)
    with pytest.raises(ConflictError, match="refused already"):
        house.use.shares.withdraw(owner.id, video_id)
    assert refused.decided_at
    set_share(house, share.id, decided_at=refused.decided_at - 2.01 * DAY)
    with pytest.raises(ConflictError, match="within 2 days"):
        house.use.shares.appeal(owner.id, video_id, "please")
    set_share(house, share.id, decided_at=refused.decided_at, reminded_at=1.0)
    appealed = house.use.shares.appeal(owner.id, video_id, " it is my own face ")
    assert (appealed.state, appealed.appeal_words) == ("appealed", "it is my own face")
    assert appealed.due_at == pytest.approx((appealed.appealed_at or 0) + 3600)
    assert appealed.reminded_at is None
    assert house.use.shares.ask(owner.id, video_id).state == "appealed"
    house.use.reviews.appeal(other, share.id, "refuse", "no")
    with pytest.raises(ConflictError, match="for good"):
        house.use.shares.appeal(owner.id, video_id, "please")
    with pytest.raises(ConflictError, match="was refused"):
        house.use.shares.ask(owner.id, video_id)


def test_taking_an_appeal_back_leaves_the_refusal(house: House) -> None:
    owner, reviewer = house.member(), house.member(Role.REVIEWER)
    video_id = film(house.use, owner)
    share = house.use.shares.ask(owner.id, video_id)
    house.use.reviews.decide(reviewer, share.id, "refuse", "quality")
    house.use.shares.appeal(owner.id, video_id, "please")
    house.use.shares.withdraw(owner.id, video_id)
    with pytest.raises(ConflictError, match="was refused"):
        house.use.shares.ask(owner.id, video_id)
