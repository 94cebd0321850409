import httpx
from playwright.sync_api import expect

from pleinair.access.actor import Role
from tests.studio.conftest import Studio


def test_what_is_not_there_is_told_as_it_was_asked_for(studio: Studio) -> None:
    api = httpx.get(f"{studio.url}/v1/nothing")
    assert (api.status_code, api.json()["error"]["type"]) == (404, "invalid_request_error")
    assert httpx.put(f"{studio.url}/v1/videos").status_code == 405
    page = studio.person()
    answer = page.goto("/nothing")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
    page.get_by_role("link", name="Back to the studio").click()
    expect(page.get_by_role("heading", name="Create")).to_be_visible()


def test_a_page_may_load_nothing_from_elsewhere(studio: Studio) -> None:
    answer = httpx.get(studio.url)
    policy = dict(
        part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert all("*" not in allowed and "http" not in allowed for allowed in policy.values())
    assert policy["frame-ancestors"] == "'none'"
    assert answer.headers["cache-control"] == "no-store"


def test_somebody_elses_video_is_a_page_that_is_closed(programme: Studio) -> None:
    house = programme.members
    ann, bob = house.member(), house.member()
    _, secret = house.key(bob)
    body = {"prompt": "a lake", "seconds": "1", "size": "64x48"}
    headers = {"authorization": f"Bearer {secret}"}
    made = httpx.post(f"{programme.url}/v1/videos", json=body, headers=headers).json()
    page = programme.person(ann)
    page.goto(f"/videos/{made['id']}")
    expect(page.get_by_text("No video has the id")).to_be_visible()
    expect(page.get_by_text("a lake")).to_have_count(0)


def test_who_is_not_signed_in_signs_in_and_comes_back(programme: Studio) -> None:
    ann = programme.members.member(Role.TESTER)
    page = programme.person()
    page.goto("/library")
    expect(page).to_have_url(f"{programme.url}/sign-in?next=/library")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_label("Address").fill("nobody@example.org")
    page.get_by_label("Password").fill("not the password")
    page.keyboard.press("Enter")
    expect(
        page.get_by_role("alert").get_by_text("The address or the password is wrong")
    ).to_be_visible()
    signed_in = programme.person(ann)
    signed_in.goto("/library")
    expect(signed_in.get_by_role("heading", name="Library")).to_be_visible()
    programme.members.use.accounts.sign_out(ann.id, None)
    signed_in.goto("/library")
    expect(signed_in.get_by_role("heading", name="Sign in")).to_be_visible()
