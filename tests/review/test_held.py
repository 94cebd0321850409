"""What nobody gets before a person has looked."""

import pytest
from sqlalchemy import select

from pleinair.access.actor import Actor, Role
from pleinair.errors import ConflictError, ForbiddenError, NotFoundError, WithheldError
from pleinair.request import Given, VideoRequest
from pleinair.service.programme_tables import Flag, Member
from pleinair.service.tables import Artifact, Video
from pleinair.service.videos import Draft
from tests.access.conftest import House
from tests.review.films import film, flag
from tests.review.test_shares import set_video


def create(
    house: House, owner: str, prompt: str, origin: str | None = None, given: tuple[Given, ...] = ()
) -> Video:
    request = VideoRequest(prompt, model="test-card", seconds=1.0, width=64, height=48, given=given)
    draft = Draft("create", "test-card", request, 1.0, remixed_from=origin)
    return house.use.videos.create(owner, draft).video


def flags(house: House, video_id: str) -> list[Flag]:
    with house.use.database.read() as session:
        return list(session.scalars(select(Flag).where(Flag.video_id == video_id)))


def test_a_prompt_is_flagged_in_the_transaction_that_queues(house: House) -> None:
    owner = house.member()
    video = create(house, owner.id, "a massacre in the style of Goya")
    found = flags(house, video.id)
    assert sorted((item.source, item.label, item.hold) for item in found) == [
        ("words", "rights", False),
        ("words", "violence", False),
    ]
    assert house.use.held.list() == []
    assert flags(house, create(house, owner.id, "a lake").id) == []


def test_a_held_prompt_is_made_and_told_to_the_team(house: House) -> None:
    owner = house.member()
    video = create(house, owner.id, "a nude child")
    (held,) = house.use.held.list()
    assert (held.video.id, held.video.state) == (video.id, "queued")
    (notice,) = house.use.notices.list(None)
    assert (notice.kind, notice.subject) == ("video.held", video.id)


def test_without_a_programme_nothing_is_flagged(house: House) -> None:
    assert flags(house, create(house, "local", "a massacre, a nude child").id) == []


def test_a_held_video_is_withheld_from_its_owner_until_the_team_clears_it(house: House) -> None:
    owner, reviewer = house.member(), house.member(Role.REVIEWER)
    video_id = film(house.use, owner)
    assert house.use.videos.artifacts(owner.id, video_id)
    flag(house.use.database, video_id, hold=True)
    with pytest.raises(WithheldError, match="a person will look"):
        house.use.videos.artifacts(owner.id, video_id)
    assert house.use.held.artifact(reviewer, video_id, "video", 0).video_id == video_id
    house.use.held.clear(reviewer, video_id, "a false alarm")
    assert house.use.videos.artifacts(owner.id, video_id)
    assert house.use.notices.list(owner.id)[0].kind == "video.released"
    with pytest.raises(ConflictError, match="is not held"):
        house.use.held.clear(reviewer, video_id)
    with pytest.raises(NotFoundError):
        house.use.held.artifact(reviewer, video_id, "video", 0)


def test_what_is_only_flagged_is_its_owners(house: House) -> None:
    owner, reviewer = house.member(), house.member(Role.REVIEWER)
    video_id = film(house.use, owner)
    flag(house.use.database, video_id)
    assert house.use.videos.artifacts(owner.id, video_id)
    with pytest.raises(NotFoundError):  # and not the team's, as nobody asked them
        house.use.held.artifact(reviewer, video_id, "video", 0)


def test_clearing_releases_from_quarantine(house: House) -> None:
    owner, reviewer = house.member(), house.member(Role.REVIEWER)
    video_id = film(house.use, owner)
    set_video(house, video_id, quarantined_at=1.0)
    assert [item.video.id for item in house.use.held.list()] == [video_id]
    with pytest.raises(WithheldError):
        house.use.videos.artifacts(owner.id, video_id)
    house.use.held.clear(reviewer, video_id)
    assert house.use.videos.artifacts(owner.id, video_id)
    assert house.use.held.list() == []


def test_nobody_clears_or_looks_at_their_own(house: House) -> None:
    owner = house.member()
    video_id = film(house.use, owner)
    flag(house.use.database, video_id, hold=True)
    with house.use.database.write() as session:
        session.get_one(Member, owner.id).role = Role.REVIEWER
    reviewer = Actor(owner.id, Role.REVIEWER, "session")
    with pytest.raises(ForbiddenError, match="is yours"):
        house.use.held.clear(reviewer, video_id)
    with pytest.raises(ForbiddenError, match="is yours"):
        house.use.held.artifact(reviewer, video_id, "video", 0)


def test_what_is_made_from_a_held_video_is_held(house: House) -> None:
    owner, reviewer = house.member(), house.member(Role.REVIEWER)
    video_id = film(house.use, owner)
    with house.use.database.read() as session:
        sha = session.get_one(Artifact, (video_id, "video", 0)).sha256
    clip = (Given("character", sha, name="Ann"),)
    flag(house.use.database, video_id, hold=True)
    by_name = create(house, owner.id, "a lake", origin=video_id)
    by_clip = create(house, owner.id, "a lake with Ann", given=clip)
    for made in (by_name, by_clip):
        assert [(item.source, item.hold) for item in flags(house, made.id)] == [("origin", True)]
    house.use.held.clear(reviewer, video_id)
    assert flags(house, create(house, owner.id, "a lake", origin=video_id).id) == []


def test_a_programme_may_keep_downloads_until_approval(house: House) -> None:
    house.rules(own_download=False)
    owner, reviewer = house.member(), house.member(Role.REVIEWER)
    video_id = film(house.use, owner)
    share = house.use.shares.ask(owner.id, video_id)
    with pytest.raises(WithheldError, match="once the team has approved"):
        house.use.videos.artifacts(owner.id, video_id)
    house.use.reviews.decide(reviewer, share.id, "approve")
    assert house.use.videos.artifacts(owner.id, video_id)
    house.use.shares.withdraw(owner.id, video_id)
    with pytest.raises(WithheldError):
        house.use.videos.artifacts(owner.id, video_id)
