"""Which videos a person looks at before they are public."""

import pytest

from pleinair.access.actor import Role
from pleinair.errors import StorageError
from pleinair.service.programme_tables import Share
from pleinair.service.storage import Storage
from tests.access.conftest import House
from tests.review.films import film, flag


def ask(house: House, owner_id: str, video_id: str) -> Share:
    return house.use.shares.ask(owner_id, video_id)


@pytest.mark.parametrize(
    ("policy", "plain", "flagged", "held"),
    [
        ("all", "asked", "asked", "asked"),
        ("new", "asked", "asked", "asked"),
        ("flagged", "approved", "asked", "asked"),
        ("none", "approved", "approved", "asked"),
    ],
)
def test_what_each_policy_leaves_to_nobody(
    house: House, policy: str, plain: str, flagged: str, held: str
) -> None:
    house.rules(review=policy)
    owner = house.member()
    video_ids = [film(house.use, owner) for _ in range(3)]
    flag(house.use.database, video_ids[1])
    flag(house.use.database, video_ids[2], hold=True)
    states = [ask(house, owner.id, video_id).state for video_id in video_ids]
    assert states == [plain, flagged, held]


def test_a_member_is_new_until_so_many_were_approved(house: House) -> None:
    house.rules(review="new", new_videos=2)
    owner, reviewer = house.member(), house.member(Role.REVIEWER)
    for decided in ("approve", "approve"):
        share = ask(house, owner.id, film(house.use, owner))
        assert share.state == "asked"
        house.use.reviews.decide(reviewer, share.id, decided)
    third = ask(house, owner.id, film(house.use, owner))
    assert (third.state, third.decided_by) == ("approved", "policy")
    video_id = film(house.use, owner)
    flag(house.use.database, video_id)
    assert ask(house, owner.id, video_id).state == "asked"
    assert ask(house, (other := house.member()).id, film(house.use, other)).state == "asked"


def test_a_policy_counts_for_the_video_in_whose_programme_it_was_made(house: House) -> None:
    house.rules(review="none")
    owner = house.member()
    video_id = film(house.use, owner)
    moved = house.member(Role.ADMINISTRATOR)
    elsewhere = house.use.programmes.create(moved, {"name": "Elsewhere", "review": "all"})
    house.use.members.update(moved, owner.id, programme_id=elsewhere.id)
    assert ask(house, owner.id, video_id).state == "approved"


def test_a_policy_that_cannot_publish_leaves_it_to_a_person(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.rules(review="none")
    owner = house.member()
    video_id = film(house.use, owner)

    def full(self: Storage, source: str, target: str) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(Storage, "copy", full)
    assert ask(house, owner.id, video_id).state == "asked"


def test_what_a_policy_approved_is_on_record_as_the_servers(house: House) -> None:
    house.rules(review="none")
    owner = house.member()
    share = ask(house, owner.id, film(house.use, owner))
    assert house.use.transparency.figures().by_policy == 1
    assert house.use.notices.list(owner.id)[0].subject == share.id
