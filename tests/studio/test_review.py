"""The review desk, as the people of the team see it."""

import re
from collections.abc import Iterator

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Locator, Page, expect

from pleinair.access.actor import Actor, Role
from pleinair.service.programme_tables import Share
from tests.review.films import flag
from tests.studio.conftest import PHONE, Studio


class Artist:
    """A member who makes videos and asks for sharing, through the API."""

    def __init__(self, programme: Studio, role: Role = Role.TESTER) -> None:
        self.programme = programme
        self.actor = programme.members.member(role)
        _, secret = programme.members.key(self.actor)
        headers = {"authorization": f"Bearer {secret}"}
        self.client = httpx.Client(base_url=programme.url, headers=headers, timeout=60)

    def make(self, prompt: str, **fields: object) -> str:
        """A finished video; its id."""
        body = {"prompt": prompt, "seconds": "1", "size": "64x48", "model": "test-card"}
        answer = self.client.post("/v1/videos", json=body | fields)
        video_id = str(answer.raise_for_status().json()["id"])
        self.client.get(f"/v1/videos/{video_id}/events").raise_for_status()  # until it has ended
        return video_id

    def ask(self, title: str, **fields: object) -> tuple[str, str]:
        """A video that waits for the team: its id, and that of its share."""
        video_id = self.make(f"{title}, seen from afar", **fields)
        share = self.client.post(f"/v1/videos/{video_id}/share", json={"title": title})
        return video_id, str(share.raise_for_status().json()["id"])

    def appeal(self, video_id: str, words: str) -> None:
        """Appeal a refusal."""
        route = f"/v1/videos/{video_id}/share/appeal"
        self.client.post(route, json={"words": words}).raise_for_status()


@pytest.fixture
def artist(programme: Studio) -> Iterator[Artist]:
    made = Artist(programme)
    yield made
    made.client.close()


def desk(programme: Studio, person: Role | Actor = Role.REVIEWER, **how: object) -> Page:
    page = programme.person(person, **how)  # type: ignore[arg-type]
    page.goto("/review")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    return page


def in_hand(page: Page, title: str) -> None:
    """Wait until a case is drawn."""
    expect(page.locator(".case").get_by_role("heading", name=title, exact=True)).to_be_visible()


def dialog(page: Page, name: str) -> Locator:
    found = page.get_by_role("dialog", name=name)
    expect(found).to_be_visible()
    return found


def told(page: Page, message: str) -> None:
    expect(page.locator(".newsroom").get_by_text(message)).to_be_visible()


def rows(page: Page) -> Locator:
    return page.locator(".queue .case-title")


def test_a_video_is_approved_by_keyboard_alone_and_then_public(
    programme: Studio, artist: Artist
) -> None:
    _, first = artist.ask("A lake at dawn")
    artist.ask("A village in snow")
    page = desk(programme)
    expect(rows(page)).to_have_text(["A lake at dawn", "A village in snow"])
    in_hand(page, "A lake at dawn")
    page.wait_for_function("document.querySelector('.case video').currentTime > 0.1")
    page.keyboard.press("Space")
    page.wait_for_function("document.querySelector('.case video').paused")
    page.keyboard.press("p")
    page.wait_for_function("!document.querySelector('.case video').paused")
    page.keyboard.press("j")
    in_hand(page, "A village in snow")
    page.keyboard.press("k")
    in_hand(page, "A lake at dawn")
    page.keyboard.press("a")
    dialog(page, "Approve: A lake at dawn")
    page.keyboard.press("Enter")
    told(page, "Approved, and public now: A lake at dawn")
    in_hand(page, "A village in snow")  # the next one, by itself
    expect(rows(page)).to_have_text(["A village in snow"])
    shared = httpx.get(f"{programme.url}/shared/{first}")
    assert shared.status_code == 200
    assert "A lake at dawn" in shared.text
    page.keyboard.press("?")
    expect(dialog(page, "Keys").get_by_role("row", name="Shift+A")).to_be_visible()


def test_what_is_known_of_a_case_stands_beside_it(programme: Studio, artist: Artist) -> None:
    video_id, share_id = artist.ask("A lake at dawn", n=2)
    flag(programme.members.use.database, video_id)
    with programme.members.use.database.write() as session:
        session.get_one(Share, share_id).due_at -= 30 * 86_400
    page = desk(programme)
    expect(page.get_by_role("heading", name="1 video · 1 overdue")).to_be_visible()
    in_hand(page, "A lake at dawn")
    case = page.locator(".case")
    expect(case.get_by_text("overdue", exact=True)).to_be_visible()
    expect(case.locator(".flags").get_by_text("violence")).to_be_visible()
    expect(case.locator(".flags").get_by_text("a word")).to_be_visible()
    expect(case.get_by_text("A lake at dawn, seen from afar", exact=True)).to_be_visible()
    expect(case.get_by_text("test-card · 64x48 · 1 s · 2 variations")).to_be_visible()
    expect(case.get_by_text("waiting: 1")).to_be_visible()
    page.get_by_role("group", name="Variation").get_by_role("radio", name="2").check()
    expect(case.locator("video")).to_have_attribute("src", _ends("variant=video&index=1"))
    sheet = case.get_by_role("img", name="25 frames from the first to the last")
    page.wait_for_function("document.querySelector('.case .frames').naturalWidth > 0")
    sheet.click(position={"x": 2, "y": 2})
    page.wait_for_function("document.querySelector('.case video').currentTime === 0")


def test_a_refusal_is_appealed_and_decided_by_somebody_else(
    programme: Studio, artist: Artist
) -> None:
    video_id, share_id = artist.ask("Fog")
    refuser = programme.members.member(Role.REVIEWER)
    page = desk(programme, refuser)
    in_hand(page, "Fog")
    page.keyboard.press("r")
    asking = dialog(page, "Refuse: Fog")
    expect(asking.get_by_label("Reason")).to_be_focused()
    page.keyboard.press("Enter")
    expect(asking.get_by_text("Choose a reason.")).to_be_visible()
    asking.get_by_label("Reason").select_option("quality")
    asking.get_by_label("Words to the owner").fill("Nothing is to be seen.")
    page.keyboard.press("Enter")
    told(page, "Refused: Fog")
    expect(page.get_by_text("Nothing waits here.")).to_be_visible()
    share = artist.client.get(f"/v1/videos/{video_id}/share").json()
    assert (share["state"], share["reason"]) == ("refused", "quality")
    assert share["words"] == "Nothing is to be seen."

    artist.appeal(video_id, "It is meant to be dim.")
    page.get_by_role("button", name="Refresh").click()
    in_hand(page, "Fog")
    not_theirs = "You refused this video; somebody else decides about the appeal."
    expect(page.locator(".acts").get_by_text(not_theirs)).to_be_visible()
    for name in ("Approve", "Refuse"):
        expect(page.locator(".acts").get_by_role("button", name=name)).to_be_disabled()
    page.keyboard.press("a")
    expect(page.locator("dialog[open]")).to_have_count(0)

    other = desk(programme, Role.ADMINISTRATOR)
    other.get_by_role("radio", name="Appeals").check()
    expect(other).to_have_url(re.compile("show=appeal"))  # once the case is drawn anew
    in_hand(other, "Fog")
    expect(other.locator(".case").get_by_text("It is meant to be dim.")).to_be_visible()
    expect(other.locator(".case").get_by_text("Nothing is to be seen.")).to_be_visible()
    other.keyboard.press("a")
    asking = dialog(other, "Approve after the appeal: Fog")
    other.keyboard.press("Enter")
    expect(asking.get_by_text("Say it in words: they are told to the owner.")).to_be_visible()
    asking.get_by_label("Answer to the owner").fill("Seen on a better screen, it is fine.")
    other.keyboard.press("Enter")
    told(other, "Approved, and public now: Fog")
    assert httpx.get(f"{programme.url}/shared/{share_id}").status_code == 200

    page.get_by_role("button", name="Refresh").click()
    told(page, "Somebody else has decided about this one.")
    answer = page.locator(".case").get_by_text("Seen on a better screen, it is fine.")
    expect(answer).to_be_visible()


def test_changes_are_asked_for_and_what_is_public_is_withdrawn(
    programme: Studio, artist: Artist
) -> None:
    video_id, _ = artist.ask("Snow")
    _, public = artist.ask("A lake")
    page = desk(programme)
    in_hand(page, "Snow")
    page.keyboard.press("c")
    dialog(page, "Ask for changes: Snow").get_by_label("Reason").select_option("other")
    page.keyboard.press("Enter")
    told(page, "Sent back for changes: Snow")
    assert artist.client.get(f"/v1/videos/{video_id}/share").json()["state"] == "changes_asked"
    in_hand(page, "A lake")
    page.locator(".acts").get_by_role("button", name="Approve").click()
    dialog(page, "Approve: A lake").get_by_role("button", name="Approve").click()
    told(page, "Approved, and public now: A lake")
    page.get_by_role("radio", name="Decided").check()
    expect(rows(page)).to_have_text(["A lake", "Snow"])  # the last decided first
    in_hand(page, "A lake")
    page.get_by_text("Earlier cases of this member").click()
    expect(page.locator(".earlier").get_by_role("link", name="Snow")).to_be_visible()
    page.locator(".acts").get_by_role("button", name="Withdraw").click()
    dialog(page, "Withdraw: A lake").get_by_label("Words to the owner").fill("A claim came in.")
    page.keyboard.press("Enter")
    told(page, "Withdrawn, its address is dead: A lake")
    expect(page.locator(".case").get_by_text("It is withdrawn")).to_be_visible()
    assert httpx.get(f"{programme.url}/shared/{public}").status_code == 404


def test_three_are_approved_at_once_and_of_each_is_told_what_came_of_it(
    programme: Studio, artist: Artist
) -> None:
    titles = ["A lake", "Snow", "Fog"]
    asked = [artist.ask(title) for title in titles]
    page = desk(programme)
    for title in titles:
        in_hand(page, title)
        page.keyboard.press("x")
        expect(page.get_by_role("checkbox", name=f"Select {title}")).to_be_checked()
        page.keyboard.press("j")
    expect(page.get_by_text("3 videos selected")).to_be_visible()
    artist.client.delete(f"/v1/videos/{asked[1][0]}/share").raise_for_status()  # meanwhile
    page.keyboard.press("Shift+A")
    asking = dialog(page, "Approve 3 videos")
    expect(asking.get_by_role("listitem")).to_have_text(titles)
    page.keyboard.press("Enter")
    told(page, "2 videos are decided")
    results = page.locator(".results li")
    expect(results.nth(0)).to_contain_text("A lakeapproved")
    expect(results.nth(1)).to_contain_text("is withdrawn, not asked")
    expect(results.nth(2)).to_contain_text("Fogapproved")
    expect(page.get_by_text("Nothing waits here.")).to_be_visible()
    states = [httpx.get(f"{programme.url}/shared/{share}").status_code for _, share in asked]
    assert states == [200, 404, 200]


def test_a_held_video_is_seen_and_let_go(programme: Studio, artist: Artist) -> None:
    video_id = artist.make("a lake")
    flag(programme.members.use.database, video_id, hold=True)
    assert artist.client.get(f"/v1/videos/{video_id}/content").status_code == 403
    page = desk(programme)
    page.get_by_role("radio", name="Held by checks").check()
    in_hand(page, "a lake")
    page.wait_for_function("document.querySelector('.case video').videoWidth === 64")
    expect(page.locator(".flags").get_by_text("holds the video")).to_be_visible()
    page.keyboard.press("a")
    asking = dialog(page, "Let it go: a lake")
    asking.get_by_label("What you saw, for the record").fill("A lake and nothing else.")
    page.keyboard.press("Enter")
    told(page, "Let go: a lake")
    expect(page.get_by_text("Nothing waits here.")).to_be_visible()
    assert artist.client.get(f"/v1/videos/{video_id}/content").status_code == 200


def test_the_own_video_is_for_somebody_else(programme: Studio, artist: Artist) -> None:
    _, share_id = artist.ask("A lake")
    owner = programme.members.member(Role.REVIEWER)  # who was a tester when they asked
    with programme.members.use.database.write() as session:
        session.get_one(Share, share_id).owner = owner.id
    page = desk(programme, owner)
    in_hand(page, "A lake")
    mine = page.locator(".acts").get_by_text("This video is yours; somebody else decides about it.")
    expect(mine).to_be_visible()
    expect(page.locator(".acts").get_by_role("button", name="Approve")).to_be_disabled()
    expect(page.locator(".case video")).to_have_count(0)
    expect(page.get_by_role("checkbox", name="Select A lake")).to_have_count(0)


def test_the_desk_is_closed_to_who_is_not_of_the_team(programme: Studio, artist: Artist) -> None:
    page = programme.person(artist.actor)
    page.goto("/review")
    expect(page.get_by_role("heading", name="This page is closed to you")).to_be_visible()


@pytest.mark.parametrize("dark", [False, True])
def test_nothing_stands_in_the_way_of_anybody(
    programme: Studio, artist: Artist, dark: bool
) -> None:
    video_id, _ = artist.ask("A lake", n=2)
    flag(programme.members.use.database, video_id)
    artist.ask("Snow")
    page = desk(programme, Role.ADMINISTRATOR, dark=dark)
    in_hand(page, "A lake")
    page.keyboard.press("x")
    expect(page.get_by_text("1 video selected")).to_be_visible()
    _accessible(page)
    page.keyboard.press("r")
    dialog(page, "Refuse: A lake")
    _accessible(page)
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)
    page.keyboard.press("?")
    dialog(page, "Keys")
    _accessible(page)


def test_the_desk_speaks_french(programme: Studio, artist: Artist) -> None:
    artist.ask("Un lac")
    page = desk(programme, language="fr-FR")
    expect(page.get_by_role("heading", name="Validation", level=1)).to_be_visible()
    in_hand(page, "Un lac")
    page.keyboard.press("r")
    asking = dialog(page, "Refuser : Un lac")
    asking.get_by_label("Motif").select_option("qualité")
    page.keyboard.press("Enter")
    told(page, "Refusée : Un lac")
    expect(page.get_by_text("Rien n’attend ici.")).to_be_visible()


def test_on_a_phone_the_queue_is_above_and_the_buttons_are_in_reach(
    programme: Studio, artist: Artist
) -> None:
    artist.ask("A lake")
    artist.ask("Snow")
    page = desk(programme, size=PHONE)
    in_hand(page, "A lake")
    queue, case = page.locator(".queue").bounding_box(), page.locator(".case").bounding_box()
    assert queue is not None
    assert case is not None
    assert queue["y"] + queue["height"] <= case["y"]
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
    page.get_by_role("button", name="Snow").click()
    in_hand(page, "Snow")
    page.locator(".case h2").first.scroll_into_view_if_needed()
    approve = page.locator(".acts").get_by_role("button", name="Approve")
    expect(approve).to_be_in_viewport()
    approve.click()
    dialog(page, "Approve: Snow").get_by_role("button", name="Approve").click()
    told(page, "Approved, and public now: Snow")
    in_hand(page, "A lake")


def _accessible(page: Page) -> None:
    found = Axe().run(page).response["violations"]
    grave = [one for one in found if one["impact"] in ("serious", "critical")]
    assert grave == [], [(one["id"], [n["html"] for n in one["nodes"]]) for one in grave]


def _ends(text: str) -> "re.Pattern[str]":
    return re.compile(re.escape(text) + "$")
