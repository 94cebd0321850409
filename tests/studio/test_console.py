"""What an administrator does in the console, and what others notice of it."""

import httpx
from playwright.sync_api import Page, expect
from sqlalchemy import text

from pleinair.access.actor import Actor, Role
from pleinair.access.leaks import Score
from pleinair.service.seals import broken
from tests.studio.conftest import Studio

EVIDENCE = {
    "networks": {"seen": "30 new networks in ten minutes", "usual": "2 or fewer", "adds": 4.0},
    "clients": {"seen": "7 new programs in ten minutes", "usual": "1.0 or fewer", "adds": 9.5},
}
VIDEO = {"prompt": "a lake", "seconds": "1", "size": "64x48", "model": "test-card"}


def create(programme: Studio, secret: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {secret}"}
    return httpx.post(f"{programme.url}/v1/videos", json=VIDEO, headers=headers, timeout=60)


def administrator(programme: Studio, path: str) -> tuple[Actor, Page]:
    actor = programme.members.member(Role.ADMINISTRATOR)
    page = programme.person(actor)
    page.goto(path)
    return actor, page


def test_an_invitation_made_here_leads_to_its_page_until_it_is_revoked(programme: Studio) -> None:
    _, page = administrator(programme, "/console/invitations")
    page.get_by_label("Address").fill("dora@example.org")
    page.get_by_label("Days until it expires").fill("0")
    page.get_by_role("button", name="Invite", exact=True).click()
    expect(page.get_by_label("Days until it expires")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Days until it expires").fill("7")
    page.get_by_role("button", name="Invite", exact=True).click()
    told = page.get_by_role("dialog", name="The invitation").locator(".secret")
    expect(told).to_contain_text("/invitations/pa_invite_")
    address = told.inner_text()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".secret")).to_have_count(0)
    row = page.get_by_role("row", name="dora@example.org")
    expect(row.get_by_text("waiting")).to_be_visible()

    guest = programme.person()
    guest.goto(address)
    expect(guest.get_by_role("heading", name="You are invited")).to_be_visible()

    row.get_by_role("button", name="Revoke").click()
    page.get_by_role("button", name="Revoke it").click()
    expect(row.get_by_text("revoked")).to_be_visible()
    guest.reload()
    expect(guest.get_by_role("heading", name="no longer good")).to_be_visible()


def test_a_switch_says_whom_it_stops_and_stops_them_until_it_is_on(programme: Studio) -> None:
    house = programme.members
    (ann, _), (_, page) = (house.member(), house.member()), administrator(programme, "/console")
    _, secret = house.key(ann)
    expect(page.get_by_text("Nothing needs you now.")).to_be_visible()
    page.get_by_role("link", name="Switches").click()
    page.get_by_label("What", exact=True).select_option("role")
    page.get_by_label("Which one").select_option("tester")
    page.get_by_role("button", name="Put off…").click()
    expect(page.get_by_role("alert").get_by_text("Say what people will hear.")).to_be_visible()
    page.get_by_label("Message").fill("We look into a leak.")
    page.get_by_label("Hours until it is on again").fill("6")
    page.get_by_role("button", name="Put off…").click()
    asked = page.get_by_role("dialog", name="Put off: Everybody with the role tester?")
    expect(asked.get_by_text("It stops 2 people and 1 key.")).to_be_visible()
    expect(asked.get_by_text("We look into a leak.")).to_be_visible()
    assert create(programme, secret).status_code == 200
    asked.get_by_role("button", name="Put it off").click()
    card = page.locator(".sheet.off")
    expect(card.get_by_role("heading", name="Everybody with the role tester")).to_be_visible()
    refused = create(programme, secret)
    assert refused.status_code == 403
    assert refused.json()["error"]["message"].startswith("We look into a leak. (until ")

    page.get_by_role("link", name="Overview").click()
    page.get_by_role("link", name="1 switch is off").click()
    card.get_by_role("button", name="Put on again").click()
    page.get_by_role("button", name="Put it on").click()
    expect(page.get_by_text("Nothing is off.")).to_be_visible()
    assert create(programme, secret).status_code == 200


def test_a_leak_shows_its_evidence_and_is_closed_with_words(programme: Studio) -> None:
    house = programme.members
    ann = house.member()
    key_id, _ = house.key(ann)
    house.use.incidents.stop(key_id, Score(13.5, EVIDENCE, 0.0))
    _, page = administrator(programme, "/console")
    page.get_by_role("link", name="1 open leak").click()
    row = page.get_by_role("row").filter(has_text="used by strangers")
    expect(row.get_by_text("stopped")).to_be_visible()
    row.get_by_role("rowheader").get_by_role("link").click()
    said = page.get_by_text("7 new programs in ten minutes; usual for this key: 1.0 or fewer.")
    expect(said).to_be_visible()
    networks = page.get_by_role("row", name="New networks")
    expect(networks.get_by_role("cell", name="30 new networks in ten minutes")).to_be_visible()
    expect(networks.get_by_role("cell", name="4.0")).to_be_visible()
    expect(page.get_by_text("The score is 13.5.")).to_be_visible()
    expect(page.get_by_text("The owner and the team were told.")).to_be_visible()
    page.get_by_role("button", name="It was honest use").click()
    asked = page.get_by_role("dialog", name="Close it as honest use?")
    expect(asked.get_by_text("The key stays stopped, to be safe")).to_be_visible()
    asked.get_by_label("Words").fill("A conference.")
    asked.get_by_role("button", name="Close it").click()
    expect(page.get_by_role("blockquote")).to_have_text("A conference.")
    assert house.use.incidents.list()[0].verdict == "honest"
    assert "A conference." in house.use.notices.list(ann.id)[0].text


def test_the_audit_says_whether_it_is_whole(programme: Studio) -> None:
    boss, page = administrator(programme, "/console/audit")
    house = programme.members
    house.use.members.suspend(boss, house.member().id, "Sold their key.")
    page.reload()
    expect(page.get_by_role("row").filter(has_text="suspended a member")).to_have_count(1)
    page.get_by_label("What", exact=True).select_option("keys.stop")
    expect(page.get_by_text("Nothing is on record here.")).to_be_visible()
    verify = page.get_by_role("button", name="Verify all of it")
    verify.click()
    expect(page.get_by_text("The record is whole: 1 record")).to_be_visible()
    expect(page.get_by_text("1 digest is kept outside the database")).to_be_visible()
    with house.use.database.write() as session, broken(session):
        session.execute(text("UPDATE audit SET outcome = 'never'"))
    verify.click()
    expect(page.get_by_text("The record is not whole: 1 thing")).to_be_visible()
    expect(page.get_by_role("cell", name="was changed after it was written")).to_be_visible()


def test_a_programme_pauses_and_opens(programme: Studio) -> None:
    house = programme.members
    _, secret = house.key(house.member())
    _, page = administrator(programme, "/console/programmes")
    row = page.get_by_role("row", name="Early access")
    row.get_by_role("button", name="Pause").click()
    page.get_by_role("dialog").get_by_role("button", name="Pause it").click()
    expect(row.get_by_text("paused")).to_be_visible()
    assert create(programme, secret).status_code == 403
    row.get_by_role("button", name="Open again").click()
    page.get_by_role("dialog").get_by_role("button", name="Open it").click()
    expect(row.get_by_text("open", exact=True)).to_be_visible()
    assert create(programme, secret).status_code == 200


def test_what_of_a_programme_changes_is_asked_first_and_blamed_by_field(programme: Studio) -> None:
    house = programme.members
    _, page = administrator(programme, f"/console/programmes/{house.programme.id}")
    change = page.get_by_role("button", name="Change", exact=True)
    rate = page.get_by_label("Videos asked for in a minute, each member")
    rate.fill("many")
    change.click()
    expect(page.get_by_role("alert").get_by_text("A number, please.")).to_be_visible()
    rate.fill("-1")
    change.click()
    page.get_by_role("button", name="Change it").click()
    expect(rate).to_have_attribute("aria-invalid", "true")
    rate.fill("20")
    page.get_by_label("For an hour of feedback").fill("12.50")
    page.get_by_label("Terms").fill("Be kind, and be careful.")
    change.click()
    asked = page.get_by_role("dialog", name="Change Early access?")
    expect(asked.get_by_text("each member: no limit → 20")).to_be_visible()
    expect(asked.get_by_text("New terms: members must accept them")).to_be_visible()
    asked.get_by_role("button", name="Change it").click()
    expect(page.get_by_role("status").get_by_text("Changed.")).to_be_visible()
    found = house.use.programmes.get(house.programme.id)
    assert (found.rate, found.pay_hour, found.terms_version) == (20, 12_500_000, 2)
    rate.fill("")
    change.click()
    page.get_by_role("button", name="Change it").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert house.use.programmes.get(house.programme.id).rate is None


def test_a_member_is_found_suspended_and_let_in_again(programme: Studio) -> None:
    house = programme.members
    ann, _ = house.member(), house.member(Role.REVIEWER)
    name = house.use.members.get(ann.id).name
    _, page = administrator(programme, "/console/members")
    expect(page.get_by_text("4 members")).to_be_visible()
    page.get_by_label("Search").fill(name.upper())
    expect(page.get_by_text("1 member", exact=True)).to_be_visible()
    page.get_by_role("link", name=name).click()
    page.get_by_role("button", name="Suspend", exact=True).click()
    asked = page.get_by_role("dialog")
    asked.get_by_role("button", name="Suspend them").click()
    expect(asked.get_by_label("Why")).to_have_attribute("aria-invalid", "true")
    asked.get_by_label("Why").fill("Sold their key.")
    asked.get_by_role("button", name="Suspend them").click()
    expect(page.get_by_role("definition").get_by_text("Sold their key.")).to_be_visible()
    assert house.use.members.get(ann.id).state == "suspended"
    page.get_by_role("button", name="Reinstate", exact=True).click()
    page.get_by_role("button", name="Reinstate them").click()
    expect(page.get_by_role("button", name="Suspend", exact=True)).to_be_visible()
    page.get_by_label("Role").select_option("creative_partner")
    page.get_by_role("button", name="Change", exact=True).click()
    expect(page.get_by_text("Role: tester → creative partner")).to_be_visible()
    page.get_by_role("button", name="Change it").click()
    expect(page.get_by_role("definition").get_by_text("creative partner")).to_be_visible()
    expect(page.get_by_role("cell", name="reinstated a member")).to_be_visible()


def test_a_key_is_stopped_and_a_decoy_is_told_once(programme: Studio) -> None:
    house = programme.members
    _, secret = house.key(house.member())
    _, page = administrator(programme, "/console/keys")
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_label("Why").fill("Found in a talk.")
    page.get_by_role("button", name="Stop it").click()
    expect(page.get_by_role("cell", name="Found in a talk.")).to_be_visible()
    refused = create(programme, secret)
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "key_stopped")
    page.get_by_label("Name").fill("in the old wiki")
    page.get_by_role("button", name="Make it").click()
    decoy = page.get_by_role("dialog", name="The decoy").locator(".secret").inner_text()
    assert decoy.startswith("pa_")
    assert create(programme, decoy).status_code == 401
    page.goto("/console/incidents")
    page.get_by_role("link", name="in the old wiki").click()
    expect(page.get_by_text("The decoy was used from 127.0.0.0/24.")).to_be_visible()


def test_a_contribution_is_accepted_and_paid(programme: Studio) -> None:
    house = programme.members
    house.rules(pay_report=20_000_000)
    ann = house.member(Role.RED_TEAMER)
    name = house.use.members.get(ann.id).name
    house.use.contributions.create(ann.id, "report", "Mirror writing", "It gets around the list.")
    house.use.contributions.create(ann.id, "report", "Nothing", "Nothing.")
    _, page = administrator(programme, "/console")
    page.get_by_role("link", name="2 contributions wait for a decision").click()
    cards = page.locator(".sheets .sheet")
    card = cards.filter(has_text="Mirror writing")
    card.get_by_role("button", name="Accept", exact=True).click()
    page.get_by_role("button", name="Accept it").click()
    expect(card).to_have_count(0)
    cards.get_by_role("button", name="Refuse", exact=True).click()
    page.get_by_role("button", name="Refuse it").click()
    expect(page.get_by_label("Answer")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Answer").fill("It says nothing.")
    page.get_by_role("button", name="Refuse it").click()
    expect(page.get_by_text("Nothing waits for a decision.")).to_be_visible()
    row = page.get_by_role("row", name=name).first
    expect(row.get_by_text("20.00 EUR")).to_be_visible()
    row.get_by_role("button", name="Pay out").click()
    page.get_by_label("Amount in EUR").fill("25")
    page.get_by_label("Reference of the transfer").fill("transfer 17")
    page.get_by_role("button", name="Note it").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("is owed 20.00 EUR")
    page.get_by_label("Amount in EUR").fill("15.50")
    page.get_by_role("button", name="Note it").click()
    expect(page.get_by_role("row", name=name).first.get_by_text("4.50 EUR")).to_be_visible()
    expect(page.get_by_role("rowheader", name="Paid out")).to_be_visible()


def test_the_console_is_closed_to_everybody_else(programme: Studio) -> None:
    for role in (Role.REVIEWER, Role.TESTER):
        page = programme.person(role)
        for path in ("/console", "/console/members", "/console/audit"):
            page.goto(path)
            expect(page.get_by_role("heading", name="This page is closed to you")).to_be_visible()
        expect(page.get_by_role("link", name="Console")).to_have_count(0)
