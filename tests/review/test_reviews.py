"""What the team decides, and who may not."""

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import select

from pleinair.access.actor import AT_THE_MACHINE, Actor, Role
from pleinair.errors import (
    ConflictError,
    ForbiddenError,
    InputError,
    NotFoundError,
    PleinairError,
    StorageError,
)
from pleinair.review.reviews import Reviews
from pleinair.service.audit import Head
from pleinair.service.programme_tables import Flag, Member, Publication, Record, Share
from tests.access.conftest import House
from tests.review.films import film, flag
from tests.review.test_shares import set_video


def asked(house: House, owner: Actor) -> Share:
    return house.use.shares.ask(owner.id, film(house.use, owner))


def records(house: House, act: str) -> list[Record]:
    with house.use.database.read() as session:
        return list(session.scalars(select(Record).where(Record.act == act)))


def files(house: House) -> list[str]:
    return sorted(house.use.storage.list("shared"))


def test_an_approval_is_public_on_record_and_told(house: House) -> None:
    owner, reviewer = house.member(), house.member(Role.REVIEWER)
    share = asked(house, owner)
    done = house.use.reviews.decide(reviewer, share.id, "approve", words="lovely")
    assert (done.state, done.decided_by, done.reason) == ("approved", reviewer.id, None)
    assert house.use.gallery.get(share.id).maker.startswith("tester")
    (record,) = records(house, "reviews.decide")
    assert (record.actor, record.subject, record.outcome) == (reviewer.id, share.id, "done")
    assert record.details["decision"] == "approve"
    (notice,) = house.use.notices.list(owner.id)
    assert notice.kind == "share.approved"
    assert "lovely" in notice.text


@pytest.mark.parametrize(
    ("decision", "state"), [("refuse", "refused"), ("changes", "changes_asked")]
)
def test_a_refusal_has_a_reason_and_is_told(house: House, decision: str, state: str) -> None:
    owner, reviewer = house.member(), house.member(Role.REVIEWER)
    share = asked(house, owner)
    for reason in (None, "because"):
        with pytest.raises(InputError, match="reason"):
            house.use.reviews.decide(reviewer, share.id, decision, reason)
    done = house.use.reviews.decide(reviewer, share.id, decision, "hate", "look at the flag")
    assert (done.state, done.reason, done.words) == (state, "hate", "look at the flag")
    (notice,) = house.use.notices.list(owner.id)
    assert (notice.kind, notice.subject) == (f"share.{state}", share.id)
    assert "hate" in notice.text
    with pytest.raises(NotFoundError):
        house.use.gallery.get(share.id)
    with pytest.raises(ConflictError):
        house.use.reviews.decide(reviewer, share.id, "approve")
    assert files(house) == []


def test_values_that_are_not_allowed_change_nothing(house: House) -> None:
    owner, reviewer = house.member(), house.member(Role.REVIEWER)
    share = asked(house, owner)
    bad: list[Callable[[], object]] = [
        lambda: house.use.reviews.decide(reviewer, share.id, "perhaps"),
        lambda: house.use.reviews.decide(reviewer, share.id, "approve", "hate"),
        lambda: house.use.reviews.decide(reviewer, share.id, "refuse", "hate", "x" * 2001),
        lambda: house.use.reviews.appeal(reviewer, share.id, "changes", "x"),
        lambda: house.use.reviews.appeal(reviewer, share.id, "approve", ""),
        lambda: house.use.reviews.withdraw(reviewer, share.id, ""),
    ]
    for act in bad:
        with pytest.raises(InputError):
            act()
    assert house.use.desk.get(share.id).share.state == "asked"


def test_a_share_that_is_not_there_is_not_found(house: House) -> None:
    reviewer = house.member(Role.REVIEWER)
    with pytest.raises(NotFoundError):
        house.use.reviews.decide(reviewer, "share_none", "approve")
    assert "No share" in records(house, "reviews.decide")[0].outcome


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.ADMINISTRATOR])
def test_nobody_decides_about_their_own_video_whatever_they_became(
    house: House, role: Role
) -> None:
    owner, second = house.member(), house.member(Role.REVIEWER)
    share = asked(house, owner)
    with house.use.database.write() as session:
        session.get_one(Member, owner.id).role = role
    now_of_team = Actor(owner.id, role, "session", programme_id=owner.programme_id)
    for decision, reason in (("approve", None), ("refuse", "other"), ("changes", "other")):
        with pytest.raises(ForbiddenError, match="is yours"):
            house.use.reviews.decide(now_of_team, share.id, decision, reason)
    house.use.reviews.decide(second, share.id, "refuse", "other")
    house.use.shares.appeal(owner.id, share.video_id, "please")
    with pytest.raises(ForbiddenError, match="is yours"):
        house.use.reviews.appeal(now_of_team, share.id, "approve", "fine")
    with pytest.raises(ForbiddenError, match="is yours"):
        house.use.desk.artifact(now_of_team, share.id, "video", 0)
    assert files(house) == []


def test_who_is_not_of_the_team_decides_nothing(house: House) -> None:
    owner, other = house.member(), house.member(Role.CREATIVE_PARTNER)
    share = asked(house, owner)
    with pytest.raises(ForbiddenError, match="not for a creative partner"):
        house.use.reviews.decide(other, share.id, "approve")


def test_an_appeal_is_decided_by_somebody_else_for_good(house: House) -> None:
    owner, first, second = house.member(), house.member(Role.REVIEWER), house.member(Role.REVIEWER)
    for decision, state in (("approve", "approved"), ("refuse", "refused")):
        share = asked(house, owner)
        house.use.reviews.decide(first, share.id, "refuse", "quality")
        with pytest.raises(ConflictError, match="not appealed"):
            house.use.reviews.appeal(second, share.id, decision, "…")
        house.use.shares.appeal(owner.id, share.video_id, "please")
        with pytest.raises(ForbiddenError, match="You refused"):
            house.use.reviews.appeal(first, share.id, decision, "…")
        with pytest.raises(ConflictError, match="decide the appeal"):
            house.use.reviews.decide(second, share.id, "approve")
        done = house.use.reviews.appeal(second, share.id, decision, "I looked again")
        assert (done.state, done.decided_by, done.appeal_decided_by) == (state, first.id, second.id)
        assert done.appeal_answer == "I looked again"
        assert "I looked again" in house.use.notices.list(owner.id)[0].text
        with pytest.raises(ConflictError):
            house.use.reviews.appeal(second, share.id, "approve", "once more")
        public = [shown.share.id for shown in house.use.gallery.feed().items]
        assert (share.id in public) == (decision == "approve")


def test_the_operator_who_refused_does_not_decide_the_appeal(house: House) -> None:
    owner = house.member()
    share = asked(house, owner)
    house.use.reviews.decide(AT_THE_MACHINE, share.id, "refuse", "other")
    house.use.shares.appeal(owner.id, share.video_id, "please")
    with pytest.raises(ForbiddenError, match="You refused"):
        house.use.reviews.appeal(AT_THE_MACHINE, share.id, "approve", "fine")


def test_the_team_takes_a_public_video_back(house: House) -> None:
    owner, reviewer = house.member(), house.member(Role.REVIEWER)
    share = asked(house, owner)
    with pytest.raises(ConflictError):
        house.use.reviews.withdraw(reviewer, share.id, "not yet public")
    house.use.reviews.decide(reviewer, share.id, "approve")
    assert len(files(house)) == 3
    done = house.use.reviews.withdraw(reviewer, share.id, "a name can be read in it")
    assert (done.state, done.withdrawn_by) == ("withdrawn", reviewer.id)
    assert files(house) == []
    assert "a name can be read" in house.use.notices.list(owner.id)[0].text
    assert records(house, "reviews.withdraw")[-1].outcome == "done"


def test_after_the_team_took_it_back_no_policy_approves_it_again(house: House) -> None:
    house.rules(review="none")
    owner, reviewer = house.member(), house.member(Role.REVIEWER)
    share = asked(house, owner)
    assert (share.state, share.decided_by) == ("approved", "policy")
    house.use.reviews.withdraw(reviewer, share.id, "no")
    assert house.use.shares.ask(owner.id, share.video_id).state == "asked"


def test_of_two_decisions_at_once_one_holds_with_its_files(house: House) -> None:
    owner = house.member()
    reviewers = [house.member(Role.REVIEWER) for _ in range(3)]
    for _ in range(4):
        share = asked(house, owner)
        together = threading.Barrier(len(reviewers))
        done: list[bool] = []

        def decide(
            actor: Actor,
            share_id: str = share.id,
            together: threading.Barrier = together,
            done: list[bool] = done,
        ) -> None:
            together.wait()
            try:
                house.use.reviews.decide(actor, share_id, "approve")
                done.append(True)
            except ConflictError:
                done.append(False)

        threads = [threading.Thread(target=decide, args=(actor,)) for actor in reviewers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(done) == [False, False, True]
        shown = house.use.gallery.get(share.id)
        assert sorted(item.key for item in shown.files) == sorted(
            house.use.storage.list(f"shared/{share.id}")
        )


def test_what_is_deleted_expired_or_in_quarantine_is_not_approved(house: House) -> None:
    owner, reviewer = house.member(), house.member(Role.REVIEWER)
    shares = [asked(house, owner) for _ in range(3)]
    set_video(house, shares[0].video_id, quarantined_at=1.0)
    house.use.videos.delete(owner.id, shares[1].video_id)
    for item in house.use.storage.list(f"videos/{shares[2].video_id}"):
        house.use.storage.delete(item)
    for share, words in zip(shares, ("quarantine", "deleted", "expired"), strict=True):
        with pytest.raises(ConflictError, match=words):
            house.use.reviews.decide(reviewer, share.id, "approve")
    assert files(house) == []
    with pytest.raises(ConflictError, match="deleted"):
        house.use.reviews.decide(reviewer, shares[1].id, "refuse", "other")


def test_an_approval_that_cannot_be_kept_leaves_no_copies(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, reviewer = house.member(), house.member(Role.REVIEWER)
    share = asked(house, owner)

    def full(self: Reviews, *_: object) -> None:
        raise StorageError("no room for pay")

    monkeypatch.setattr(house.use.reviews, "approved", full)
    with pytest.raises(PleinairError, match="no room"):
        house.use.reviews.decide(reviewer, share.id, "approve")
    assert house.use.desk.get(share.id).share.state == "asked"
    assert files(house) == []


def test_an_approval_whose_head_cannot_be_kept_outside_keeps_its_files(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, reviewer = house.member(), house.member(Role.REVIEWER)
    share = asked(house, owner)

    def fail(head: Head) -> None:
        raise StorageError("the disk went")

    monkeypatch.setattr(house.use.powers.anchor, "keep", fail)
    with pytest.raises(StorageError, match="the disk went"):
        house.use.reviews.decide(reviewer, share.id, "approve")
    assert house.use.desk.get(share.id).share.state == "approved"
    assert len(files(house)) == 3


def test_pay_is_told_of_each_approval_in_its_transaction(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(house.use.reviews, "approved", lambda _, share: told.append(share.id))
    owner, reviewer = house.member(), house.member(Role.REVIEWER)
    first, second = asked(house, owner), asked(house, owner)
    house.use.reviews.decide(reviewer, first.id, "approve")
    house.use.reviews.decide(reviewer, second.id, "refuse", "other")
    house.rules(review="none")
    third = asked(house, owner)
    assert told == [first.id, third.id]


def test_who_approves_has_seen_what_the_checks_found(house: House) -> None:
    owner, reviewer = house.member(), house.member(Role.REVIEWER)
    video_id = film(house.use, owner)
    flag(house.use.database, video_id, hold=True)
    share = house.use.shares.ask(owner.id, video_id)
    house.use.reviews.decide(reviewer, share.id, "approve")
    with house.use.database.read() as session:
        assert session.scalars(select(Flag.cleared_by)).all() == [reviewer.id]
        assert session.scalars(select(Publication.variant)).all()
    assert house.use.videos.artifacts(owner.id, video_id)
