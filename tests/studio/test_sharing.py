"""From an invitation to a video that everybody may see."""

import httpx
from playwright.sync_api import Page, expect
from sqlalchemy import select

from pleinair.access.actor import Actor, Role
from pleinair.service.programme_tables import Share
from tests.studio.conftest import Studio


def invite(programme: Studio) -> str:
    """The page of a new invitation."""
    house = programme.members
    boss = house.member(Role.ADMINISTRATOR)
    _, token = house.use.invitations.create(
        boss, Role.CREATIVE_PARTNER, programme_id=house.programme.id
    )
    return f"/invitations/{token}"


def join(programme: Studio) -> Page:
    """The browser of somebody who has just come by invitation."""
    page = programme.person()
    page.goto(invite(programme))
    expect(page.get_by_text("To Early access, as creative partner.")).to_be_visible()
    page.get_by_label("Your name").fill("Ann")
    page.get_by_label("Address").fill("ann@example.org")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Join").click()
    expect(page.get_by_text("Please accept the terms first.")).to_be_visible()
    page.get_by_label("I have read the terms").check()
    page.get_by_role("button", name="Join").click()
    expect(page.get_by_role("heading", name="Create")).to_be_visible()
    return page


def desk(programme: Studio, who: Actor) -> Page:
    """The review desk of a member of the team."""
    page = programme.person(who)
    page.goto("/review")
    expect(page.locator(".case").get_by_role("heading", name="Dawn")).to_be_visible()
    return page


def share_of(programme: Studio) -> str:
    """The id of the one share there is."""
    with programme.members.use.database.read() as session:
        return session.scalars(select(Share.id)).one()


def test_an_invited_artist_shares_a_video_after_a_refusal_and_an_appeal(programme: Studio) -> None:
    house = programme.members
    first, second = house.member(Role.REVIEWER), house.member(Role.REVIEWER)
    page = join(programme)
    page.get_by_label("What is to be seen").fill("a lake at dawn")
    page.get_by_label("Seconds").fill("1")
    page.get_by_role("button", name="Create", exact=True).click()
    page.get_by_role("link", name="Details").click()
    expect(page.get_by_text("Only you see it.")).to_be_visible()
    page.get_by_label("Title, which everybody sees").fill("Dawn")
    page.get_by_role("button", name="Ask to share it").click()
    expect(page.get_by_text("Asked; the team decides.")).to_be_visible()
    share = share_of(programme)
    assert httpx.get(f"{programme.url}/shared/{share}").status_code == 404
    refuser = desk(programme, first)
    refuser.keyboard.press("r")
    asking = refuser.get_by_role("dialog", name="Refuse: Dawn")
    asking.get_by_label("Reason").select_option("quality")
    asking.get_by_label("Words to the owner").fill("Dim.")
    refuser.keyboard.press("Enter")
    expect(refuser.locator(".newsroom").get_by_text("Refused: Dawn")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Refused.")).to_be_visible()
    expect(page.get_by_text("Dim.")).to_be_visible()
    page.get_by_role("button", name="Appeal").click()
    expect(page.get_by_text("Say why.")).to_be_visible()
    page.get_by_label("Why it should not stay refused").fill("It is dawn.")
    page.get_by_role("button", name="Appeal").click()
    expect(page.get_by_text("Appealed; another person decides.")).to_be_visible()
    refuser.get_by_role("button", name="Refresh").click()
    not_theirs = "You refused this video; somebody else decides about the appeal."
    expect(refuser.locator(".acts").get_by_text(not_theirs)).to_be_visible()
    decider = desk(programme, second)
    decider.keyboard.press("a")
    asking = decider.get_by_role("dialog", name="Approve after the appeal: Dawn")
    asking.get_by_label("Answer to the owner").fill("So it is.")
    decider.keyboard.press("Enter")
    expect(decider.locator(".newsroom").get_by_text("public now: Dawn")).to_be_visible()
    page.reload()
    expect(page.get_by_text("So it is.")).to_be_visible()
    page.get_by_role("link", name="Its public page").click()
    expect(page.get_by_role("heading", name="Dawn")).to_be_visible()
    stranger = programme.person()
    stranger.goto(f"/shared/{share}")
    played = "v.ontimeupdate = () => v.currentTime > 0.2 && done()"
    stranger.locator("video").evaluate(
        f"v => new Promise(done => {{ v.muted = true; {played}; v.play() }})"
    )
    page.go_back()
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_text("Withdrawn.")).to_be_visible()
    assert httpx.get(f"{programme.url}/shared/{share}/video.mp4").status_code == 404


def test_new_terms_wait_on_every_page_until_they_are_accepted(programme: Studio) -> None:
    house = programme.members
    page = programme.person(Role.TESTER)
    house.rules(terms="Be kind, and careful.", terms_version=2)
    page.goto("/library")
    page.get_by_role("link", name="Read and accept them").click()
    expect(page.get_by_text("Be kind, and careful.")).to_be_visible()
    page.get_by_role("button", name="Accept", exact=True).click()
    expect(page.get_by_role("button", name="Accept", exact=True)).to_have_count(0)
    page.goto("/library")
    expect(page.get_by_text("The terms of your programme have changed.")).to_have_count(0)


def test_access_goes_off_and_on_while_a_job_runs(programme: Studio) -> None:
    house = programme.members
    boss = house.member(Role.ADMINISTRATOR)
    page = programme.person(Role.TESTER)
    page.goto("/")
    page.get_by_label("What is to be seen").fill("a long lake, slow 20")
    page.get_by_label("Seconds").fill("8")
    page.get_by_text("More", exact=True).click()
    page.get_by_label("Steps").fill("200")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.locator(".at-work progress")).to_be_visible()
    off, _ = house.use.switchboard.off(boss, "everyone", "", "We look into something.")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.locator(".newsroom").get_by_text("We look into something.")).to_be_visible()
    house.use.switchboard.on(boss, off.id)
    film = page.locator(".stage .screen video")
    expect(film).to_be_visible(timeout=120_000)  # what was begun was finished, and nothing lost
    page.get_by_label("Steps").fill("2")
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("listitem").get_by_text("a long lake, slow 20")).to_have_count(2)


def test_a_leaked_key_is_shown_and_replaced(programme: Studio) -> None:
    house = programme.members
    ann = house.member()
    key_id, secret = house.key(ann)
    house.use.keys.stop(house.member(Role.ADMINISTRATOR), key_id, "it was found in public")
    page = programme.person(ann)
    page.goto("/account")
    expect(page.get_by_text("it was found in public").first).to_be_visible()
    page.get_by_role("button", name="Make a new one").click()
    fresh = page.locator("dialog .secret")
    expect(fresh).to_be_visible()
    new = fresh.inner_text()
    headers = {"authorization": f"Bearer {new}"}
    assert httpx.get(f"{programme.url}/v1/videos", headers=headers).status_code == 200
    old = {"authorization": f"Bearer {secret}"}
    assert httpx.get(f"{programme.url}/v1/videos", headers=old).status_code == 401
    page.get_by_role("button", name="I have it").click()
    expect(fresh).to_be_hidden()
    page.reload()
    expect(page.get_by_text(new)).to_have_count(0)
