"""Sharing and reviewing through the routes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from pleinair.access.actor import Actor, Role
from pleinair.api.app import create_app
from pleinair.service.programme_tables import Member
from pleinair.service.tables import Preview, Video
from pleinair.settings import ServiceSettings
from tests.access.conftest import Open
from tests.review.films import bytes_of, film, flag

FEED = "application/feed+json"


def shared(
    open_house: Open, title: str = "A lake", *, variations: int = 1
) -> tuple[Actor, str, str]:
    """A public video: its owner, its id, and that of its share."""
    use, house = open_house.live.services, open_house.house
    owner = house.member()
    video_id = film(use, owner, variations=variations)
    share = use.shares.ask(owner.id, video_id, title)
    use.reviews.decide(house.member(Role.REVIEWER), share.id, "approve")
    return owner, video_id, share.id


def test_a_video_goes_the_whole_way(open_house: Open, ask: Callable[..., httpx.Response]) -> None:
    owner, mine = open_house.as_role(Role.TESTER)
    _, desk = open_house.as_role(Role.REVIEWER)
    video_id = ask(mine).json()["id"]
    assert mine.post(f"/v1/videos/{video_id}/share", json={}).status_code == 409
    open_house.live.finish(video_id)
    share = mine.post(f"/v1/videos/{video_id}/share", json={"title": "A lake"}).json()
    assert (share["state"], share["url"]) == ("asked", None)
    link = f"/v1/videos/{video_id}/link"
    assert mine.get(link).status_code == 403
    assert mine.get(link).json()["error"]["code"] == "withheld"
    (case,) = desk.get("/admin/v1/reviews").json()["data"]
    assert (case["id"], case["prompt"], case["owner"]) == (share["id"], "a lake", owner.id)
    address = f"/admin/v1/reviews/{share['id']}"
    film_of = desk.get(f"{address}/content").content
    assert film_of == mine.get(f"/v1/videos/{video_id}/content").content
    part = desk.get(f"{address}/content", headers={"range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, film_of[:4])
    picture = desk.get(f"{address}/content", params={"variant": "thumbnail"})
    assert picture.headers["content-type"] == "image/webp"
    done = desk.post(f"{address}/decision", json={"decision": "approve"}).json()
    assert (done["state"], done["history"]) == ("approved", {"approved": 1})
    now = mine.get(f"/v1/videos/{video_id}/share").json()
    nobody = open_house.client()
    assert nobody.get(now["url"]).status_code == 200
    told = mine.get(link).json()
    assert told["expires_at"] is None
    assert nobody.get(told["url"]).content == film_of
    sheet = mine.get(link, params={"variant": "spritesheet"}).json()["url"]
    assert nobody.get(sheet).headers["content-type"] == "image/jpeg"
    assert mine.get(link, params={"index": 3}).status_code == 404
    assert mine.delete(f"/v1/videos/{video_id}/share").json()["state"] == "withdrawn"
    for url in (now["url"], told["url"], sheet):
        assert nobody.get(url).status_code == 404
    assert mine.get("/v1/shares").json()["data"][0]["id"] == share["id"]
    assert mine.get(link).status_code == 403


def test_an_appeal_goes_to_somebody_else(open_house: Open) -> None:
    owner, mine = open_house.as_role(Role.CREATIVE_PARTNER)
    _, first = open_house.as_role(Role.REVIEWER)
    _, second = open_house.as_role(Role.ADMINISTRATOR)
    video_id = film(open_house.live.services, owner)
    share_id = mine.post(f"/v1/videos/{video_id}/share", json={}).json()["id"]
    address = f"/admin/v1/reviews/{share_id}"
    bad = first.post(f"{address}/decision", json={"decision": "refuse", "reason": "mood"})
    assert bad.json()["error"]["param"] == "reason"
    body = {"decision": "refuse", "reason": "quality", "words": "too dark"}
    assert first.post(f"{address}/decision", json=body).status_code == 200
    told = mine.get(f"/v1/videos/{video_id}/share").json()
    assert (told["state"], told["reason"], told["words"]) == ("refused", "quality", "too dark")
    assert "decided_by" not in told
    mine.post(f"/v1/videos/{video_id}/share/appeal", json={"words": "it is dusk"})
    answer = {"decision": "approve", "words": "so it is"}
    assert first.post(f"{address}/appeal", json=answer).status_code == 403
    assert second.post(f"{address}/appeal", json=answer).json()["state"] == "approved"
    back = second.post(f"{address}/withdraw", json={"words": "a name can be read"})
    assert back.json()["state"] == "withdrawn"


def test_a_reviewer_sees_who_made_it_and_what_was_decided_before(open_house: Open) -> None:
    use = open_house.live.services
    owner, mine = open_house.as_role()
    refuser, first = open_house.as_role(Role.REVIEWER)
    _, second = open_house.as_role(Role.REVIEWER)
    ids = [film(use, owner, prompt=prompt) for prompt in ("fog", "rain", "snow")]
    with use.database.write() as session:
        session.get_one(Video, ids[2]).remixed_from = ids[1]
        session.get_one(Video, ids[1]).remixed_from = ids[0]
    shares = [mine.post(f"/v1/videos/{one}/share", json={"title": one}).json() for one in ids]
    body = {"decision": "refuse", "reason": "quality", "words": "too dark"}
    for share in shares[:2]:
        first.post(f"/admin/v1/reviews/{share['id']}/decision", json=body)
    mine.post(f"/v1/videos/{ids[0]}/share/appeal", json={"words": "it is fog"})

    def case(desk: httpx.Client, number: int) -> dict[str, Any]:
        told: dict[str, Any] = desk.get(f"/admin/v1/reviews/{shares[number]['id']}").json()
        return told

    appealed, waiting = case(first, 0), case(first, 2)
    assert (appealed["decided_by"], appealed["may_decide"]) == (refuser.id, False)
    assert appealed["decided_by_name"].startswith("reviewer")
    assert case(second, 0)["may_decide"] is True
    assert case(second, 1)["may_decide"] is False, "nobody asks"
    assert waiting["may_decide"] is True
    assert waiting["earlier_prompts"] == ["fog", "rain"]
    maker = waiting["maker"]
    assert (maker["id"], maker["asked"], maker["approved"], maker["refused"]) == (owner.id, 3, 0, 2)
    assert [one["prompt"] for one in maker["refusals"]] == ["rain", "fog"]
    assert {one["reason"] for one in maker["refusals"]} == {"quality"}
    assert [one["prompt"] for one in appealed["maker"]["refusals"]] == ["rain"]
    listed = first.get("/admin/v1/reviews").json()["data"]
    assert {one["id"]: one["may_decide"] for one in listed} == {
        shares[0]["id"]: False,
        shares[2]["id"]: True,
    }
    won = {"decision": "approve", "words": "so it is"}
    second.post(f"/admin/v1/reviews/{shares[0]['id']}/appeal", json=won)
    maker = case(second, 2)["maker"]
    assert (maker["approved"], maker["refused"]) == (1, 2)


def test_many_are_judged_each_on_its_own(open_house: Open) -> None:
    use = open_house.live.services
    owner, other = open_house.house.member(), open_house.house.member()
    reviewer, desk = open_house.as_role(Role.REVIEWER)
    asked = [use.shares.ask(actor.id, film(use, actor)).id for actor in (owner, other, owner)]
    with use.database.write() as session:  # who asked is of the team now
        session.get_one(Member, other.id).role = Role.REVIEWER
    use.shares.withdraw(owner.id, use.desk.get(asked[2]).share.video_id)
    body = {"share_ids": [*asked, "share_none"], "decision": "approve"}
    told = desk.post("/admin/v1/reviews/decisions", json=body).json()["data"]
    assert [item["done"] for item in told] == [True, True, False, False]
    assert [item["code"] for item in told] == [None, None, "conflict", "not_found"]
    own = open_house.client(open_house.house.key(Actor(other.id, Role.REVIEWER))[1])
    mine = use.shares.ask(other.id, film(use, other)).id
    answer = own.post("/admin/v1/reviews/decisions", json={**body, "share_ids": [mine]})
    assert answer.json()["data"][0]["code"] == "permission_denied"
    assert use.desk.get(mine).share.state == "asked"
    for wrong in ({**body, "share_ids": []}, {**body, "decision": "perhaps"}):
        assert desk.post("/admin/v1/reviews/decisions", json=wrong).status_code == 400
    assert reviewer.role == Role.REVIEWER


def test_the_desk_filters_and_pages_the_soonest_due_first(open_house: Open) -> None:
    use = open_house.live.services
    owner = open_house.house.member()
    _, desk = open_house.as_role(Role.REVIEWER)
    ids = [use.shares.ask(owner.id, film(use, owner)).id for _ in range(3)]
    first = desk.get("/admin/v1/reviews", params={"limit": 2}).json()["data"]
    rest = desk.get("/admin/v1/reviews", params={"after": first[-1]["id"]}).json()["data"]
    assert [case["id"] for case in first + rest] == ids
    assert desk.get("/admin/v1/reviews", params={"state": "approved"}).json()["data"] == []
    elsewhere = {"programme_id": "prog_none"}
    assert desk.get("/admin/v1/reviews", params=elsewhere).json()["data"] == []
    for wrong in ({"state": "odd"}, {"after": "share_none"}):
        assert desk.get("/admin/v1/reviews", params=wrong).status_code == 400
    assert desk.get("/admin/v1/reviews/share_none").status_code == 404


def test_the_desk_lists_what_was_decided_the_last_first(open_house: Open) -> None:
    use, reviewer = open_house.live.services, open_house.house.member(Role.REVIEWER)
    owner, other = open_house.house.member(), open_house.house.member()
    _, desk = open_house.as_role(Role.REVIEWER)
    ids = [use.shares.ask(one.id, film(use, one)).id for one in (owner, other, owner, owner)]
    for share_id, decision in zip(ids[:3], ("refuse", "approve", "changes"), strict=True):
        reason = None if decision == "approve" else "quality"
        use.reviews.decide(reviewer, share_id, decision, reason)

    def listed(**asked: str | int) -> list[str]:
        params: dict[str, str | int] = {"state": "decided", **asked}
        told = desk.get("/admin/v1/reviews", params=params)
        return [case["id"] for case in told.json()["data"]]

    assert listed() == [ids[2], ids[1], ids[0]]
    assert listed(limit=1) == [ids[2]]
    assert listed(after=ids[2]) == [ids[1], ids[0]]
    assert listed(owner=owner.id) == [ids[2], ids[0]]
    use.shares.appeal(owner.id, use.desk.get(ids[0]).video.id, "Look again.")
    assert listed() == [ids[2], ids[1]]
    somebody_else = open_house.house.member(Role.REVIEWER)
    use.reviews.appeal(somebody_else, ids[0], "refuse", "It stays.")
    assert listed() == [ids[0], ids[2], ids[1]]


def test_a_reviewer_sees_nothing_of_what_was_not_asked_or_is_taken_back(open_house: Open) -> None:
    use = open_house.live.services
    owner = open_house.house.member()
    _, desk = open_house.as_role(Role.REVIEWER)
    video_id = film(use, owner)
    assert desk.get(f"/v1/videos/{video_id}/content").status_code == 404
    assert desk.get(f"/admin/v1/held/{video_id}/content").status_code == 404
    share = use.shares.ask(owner.id, video_id)
    assert desk.get(f"/admin/v1/reviews/{share.id}/content").status_code == 200
    use.shares.withdraw(owner.id, video_id)
    assert desk.get(f"/admin/v1/reviews/{share.id}/content").status_code == 404


def test_a_held_video_through_the_routes(open_house: Open) -> None:
    use = open_house.live.services
    owner, mine = open_house.as_role()
    _, desk = open_house.as_role(Role.REVIEWER)
    video_id = film(use, owner)
    flag(use.database, video_id, hold=True)
    assert mine.get(f"/v1/videos/{video_id}/content").status_code == 403
    (held,) = desk.get("/admin/v1/held").json()["data"]
    assert (held["video_id"], held["flags"][0]["label"]) == (video_id, "violence")
    address = f"/admin/v1/held/{video_id}"
    assert desk.get(f"{address}/content").content == bytes_of(owner.id, "video")
    assert mine.post(f"{address}/clear", json={}).status_code == 403
    assert desk.post(f"{address}/clear", json={"words": "fine"}).json()["video_id"] == video_id
    assert mine.get(f"/v1/videos/{video_id}/content").status_code == 200
    assert desk.post("/admin/v1/held/video_none/clear", json={}).status_code == 404


def test_public_files_have_ranges_tags_and_variations(open_house: Open) -> None:
    owner, _, share_id = shared(open_house, variations=2)
    nobody = open_house.client()
    whole = bytes_of(owner.id, "video")
    for params in ({}, {"index": 1}):
        got = nobody.get(f"/shared/{share_id}/video.mp4", params=params)
        assert (got.status_code, got.content) == (200, whole)
        assert got.headers["cache-control"] == "no-cache"
        assert got.headers["content-type"] == "video/mp4"
    part = nobody.get(f"/shared/{share_id}/video.mp4", headers={"range": "bytes=5-8"})
    assert (part.status_code, part.content) == (206, whole[5:9])
    tag = got.headers["etag"]
    again = nobody.get(f"/shared/{share_id}/video.mp4", headers={"if-none-match": tag})
    assert again.status_code == 304
    head = nobody.head(f"/shared/{share_id}/thumbnail.webp")
    assert head.headers["content-length"] == str(len(bytes_of(owner.id, "thumbnail")))
    for path in (f"{share_id}/video.mp4?index=2", f"{share_id}/other.mp4"):
        assert nobody.get(f"/shared/{path}").status_code == 404


def test_what_was_never_there_and_what_is_gone_look_the_same(open_house: Open) -> None:
    use = open_house.live.services
    owner, video_id, share_id = shared(open_house)
    asked = use.shares.ask(owner.id, film(use, owner)).id
    tag = open_house.client().get(f"/shared/{share_id}/video.mp4").headers["etag"]
    use.shares.withdraw(owner.id, video_id)
    deleted_owner, deleted, deleted_share = shared(open_house)
    use.videos.delete(deleted_owner.id, deleted)
    _, quarantined, quarantined_share = shared(open_house)
    with use.database.write() as session:
        session.get_one(Video, quarantined).quarantined_at = 1.0
    nobody = open_house.client()
    for end in ("", "/embed", "/video.mp4", "/thumbnail.webp", "/spritesheet.jpg"):
        answers = set()
        for one in (share_id, asked, deleted_share, quarantined_share, "share_never"):
            got = nobody.get(f"/shared/{one}{end}", headers={"if-none-match": tag})
            answers.add((got.status_code, got.text, got.headers["content-type"]))
        assert len(answers) == 1
        assert next(iter(answers))[0] == 404
    assert nobody.get("/shared/feed.json").json()["items"] == []


def test_the_page_shows_a_title_and_a_maker_and_no_prompt(open_house: Open) -> None:
    title = '<b>Lake</b> & "sea"'
    owner, _, share_id = shared(open_house, title)
    nobody = open_house.client()
    page = nobody.get(f"/shared/{share_id}")
    assert page.status_code == 200
    assert "<b>" not in page.text
    assert "&lt;b&gt;Lake&lt;/b&gt; &amp; &#34;sea&#34;" in page.text
    assert 'property="og:video"' in page.text
    assert f"/shared/{share_id}/video.mp4" in page.text
    assert "a lake" not in page.text
    assert "by tester" in page.text
    assert "by a person" in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "<script" not in page.text
    embed = nobody.get(f"/shared/{share_id}/embed")
    assert "frame-ancestors *" in embed.headers["content-security-policy"]
    assert f"/shared/{share_id}/video.mp4" in embed.text
    assert owner.id not in page.text + embed.text


def test_the_page_says_that_the_file_is_signed_if_it_is(open_house: Open) -> None:
    _, _, share_id = shared(open_house, "Lake")
    page, words = f"/shared/{share_id}", "each file holds a C2PA manifest of this server"
    assert words not in open_house.client().get(page).text
    with open_house.live.services.database.write() as session:
        session.execute(update(Video).values(made={"signed": True}))
    assert words in open_house.client().get(page).text


def test_the_style_of_pages_is_the_one_that_their_policy_allows(open_house: Open) -> None:
    import base64
    import hashlib

    page = open_house.client().get("/transparency")
    style = page.text.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in page.headers["content-security-policy"]
    assert "prefers-color-scheme: dark" in style
    assert "http" not in style


def test_the_feed_is_paged_the_newest_first(open_house: Open) -> None:
    ids = [shared(open_house, f"number {number}")[2] for number in range(5)]
    nobody = open_house.client()
    first = nobody.get("/shared/feed.json", params={"limit": 2})
    assert first.headers["content-type"].startswith(FEED)
    feed, seen = first.json(), []
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    while True:
        seen += [item["id"] for item in feed["items"]]
        if "next_url" not in feed:
            break
        feed = nobody.get(feed["next_url"]).json()
    assert seen == ids[::-1]
    item = nobody.get("/shared/feed.json").json()["items"][0]
    assert item["title"] == "number 4"
    assert item["authors"][0]["name"].startswith("tester")
    for url in (item["url"], item["image"], item["attachments"][0]["url"]):
        assert nobody.get(url).status_code == 200
    assert nobody.get("/shared/feed.json", params={"after": "x"}).status_code == 400


def test_links_made_before_the_programme_are_dead(open_house: Open) -> None:
    use = open_house.live.services
    owner, _, share_id = shared(open_house)
    nobody = open_house.client()
    keys = [*use.storage.list("videos"), *use.storage.list("shared")]
    assert len(keys) == 6
    for key in keys:
        link = use.storage.link(
            key, 600, open_house.live.url.removesuffix("/v1"), content_type="x/y", filename="f"
        )
        assert nobody.get(link).status_code == 403
        assert nobody.get(f"/media/{key}").status_code == 403
    assert owner.id
    assert nobody.get(f"/shared/{share_id}").status_code == 200


def test_pictures_in_the_stream_are_withheld_like_the_video(
    open_house: Open, ask: Callable[..., httpx.Response]
) -> None:
    _, mine = open_house.as_role()
    database = open_house.live.services.database
    for own_download in (False, True):
        open_house.house.rules(own_download=own_download)
        video_id = ask(mine).json()["id"]
        with database.write() as session:
            session.get_one(Video, video_id).state = "in_progress"
            session.get_one(Video, video_id).lease_until = 1e12
            session.add(Preview(video_id=video_id, attempt=0, number=1, picture=b"jpeg"))
        told = ""
        with mine.stream("GET", f"/v1/videos/{video_id}/events") as stream:
            for line in stream.iter_lines():
                told += line
                if line.startswith("data:") and '"status"' in line:
                    break
        assert ("preview" in told) == own_download


def test_transparency_is_for_everybody(open_house: Open) -> None:
    shared(open_house)
    use = open_house.live.services
    reason = "sold <keys>"
    use.members.suspend(
        open_house.house.member(Role.ADMINISTRATOR), shared(open_house)[0].id, reason
    )
    nobody = open_house.client()
    found = nobody.get("/transparency.json").json()
    assert found["decided"]["approved"] == 2
    assert found["suspensions_by_cause"] == {reason: 1}
    assert found["audit"]["number"] == 3
    page = nobody.get("/transparency")
    assert found["audit"]["digest"] in page.text
    assert "sold &lt;keys&gt;" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.REVIEWER, Role.ADMINISTRATOR])
def test_sharing_is_for_artists(open_house: Open, role: Role) -> None:
    owner, mine = open_house.as_role(role)
    video_id = film(open_house.live.services, owner)
    assert mine.post(f"/v1/videos/{video_id}/share", json={}).status_code == 403


def test_a_server_without_members_links_as_before(tmp_path: Path) -> None:
    from starlette.testclient import TestClient

    settings = ServiceSettings(home=tmp_path / "home", models=("test-card",), rate=0)
    with TestClient(create_app(settings)) as client:
        use = client.app.state.services  # type: ignore[attr-defined]
        video_id = film(use, Actor("local", via="local"))
        told = client.get(f"/v1/videos/{video_id}/link").json()
        assert told["expires_at"] > 0
        assert client.get(told["url"]).content == bytes_of("local", "video")
        assert client.post(f"/v1/videos/{video_id}/share", json={}).status_code == 403
        assert client.get("/shared/feed.json").json()["items"] == []
        assert json.loads(client.get("/transparency.json").text)["asked"] == 0
