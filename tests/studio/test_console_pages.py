"""What holds for every page of the console: it can be used by all, on a phone, and in French."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page, expect

from pleinair.access.actor import Actor, Role
from pleinair.access.authority import RULES
from pleinair.access.leaks import BOUNDS, Score
from pleinair.studio import console
from pleinair.studio.console import words
from pleinair.studio.console.evidence import said_of
from pleinair.studio.tongue import LANGUAGES, Tongue
from tests.studio.conftest import PHONE, WIDE, Studio
from tests.studio.test_console import EVIDENCE

SOURCE = Path(console.__file__).parent


def lived_in(programme: Studio, boss: Actor) -> list[str]:
    """Something on every page; their paths."""
    house, use = programme.members, programme.members.use
    house.rules(pay_report=20_000_000)
    ann = house.member(Role.RED_TEAMER)
    key_id, _ = house.key(ann)
    house.key(house.member())
    use.incidents.stop(key_id, Score(13.5, EVIDENCE, 0.0))
    use.keys.issue(boss, None, "in the old wiki")
    use.switchboard.off(boss, "role", "developer", "We look into it.", hours=6)
    use.switchboard.on(boss, use.switchboard.off(boss, "model", "test-card", "A test.")[0].id)
    use.invitations.create(boss, "tester", house.programme.id, email="dora@example.org")
    paid = use.contributions.create(ann.id, "report", "Likeness", "It can be had.")
    use.contributions.decide(boss, paid.id, "accept")
    use.contributions.create(ann.id, "report", "Mirror writing", "It gets around the list.")
    incident = use.incidents.list()[0]
    return [
        *words.PLACES,
        f"/console/programmes/{house.programme.id}",
        f"/console/members/{ann.id}",
        f"/console/incidents/{incident.id}",
    ]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_page_is_for_everybody(programme: Studio, dark: bool) -> None:
    boss = programme.members.member(Role.ADMINISTRATOR)
    paths = lived_in(programme, boss)
    page = programme.person(boss, size=PHONE if dark else WIDE, dark=dark)
    for path in paths:
        page.goto(path)
        expect(page.get_by_role("navigation", name="Console")).to_be_visible()
        assert page.locator(".rooms [aria-current=page]").count() == 1, path
        assert bad(page) == [], path
    page.goto("/console/keys")
    page.get_by_role("button", name="Stop", exact=True).first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert bad(page) == [], "a question before an act"


def bad(page: Page) -> list[str]:
    """What a page lacks for those who do not see, or see little."""
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {node['html']}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


def test_no_page_is_wider_than_a_phone(programme: Studio) -> None:
    boss = programme.members.member(Role.ADMINISTRATOR)
    paths = lived_in(programme, boss)
    page = programme.person(boss, size=PHONE, language="fr-FR")
    for path in paths:
        page.goto(path)
        expect(page.get_by_role("navigation", name="Console")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0], path
    page.goto("/console/switches")
    expect(page.get_by_role("heading", name="Coupures", level=1)).to_be_visible()
    expect(page.get_by_text("Toute personne au rôle de développeur")).to_be_visible()


def said() -> Iterator[str]:
    """Every English text that the console says."""
    for name, table in vars(words).items():
        if name.isupper() and isinstance(table, dict):
            yield from table.values()
    for path in SOURCE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                for text in spoken(node):
                    yield from texts(text)


def spoken(call: ast.Call) -> list[ast.expr]:
    """What a call says, if it is one of the tongue's."""
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    if name in ("t", "tongue"):
        return call.args[:1]
    if name == "count" and isinstance(call.func, ast.Attribute):
        return call.args[1:3]
    return []


def texts(node: ast.expr) -> Iterator[str]:
    """A text, or the two of which one is said."""
    if isinstance(node, ast.IfExp):
        yield from texts(node.body)
        yield from texts(node.orelse)
    elif isinstance(node, ast.Constant):
        assert isinstance(node.value, str)
        yield node.value


def test_all_that_the_console_says_is_said_in_french() -> None:
    french = LANGUAGES["fr"]
    assert sorted({text for text in said() if text not in french}) == []
    places = {text for text in said() if set_of(text) != set_of(french[text])}
    assert sorted(places) == [], "what is filled in is filled in in both"


def set_of(text: str) -> set[str]:
    """What is filled into a text."""
    return {part.split("}")[0] for part in text.split("{")[1:]}


def test_evidence_is_told_in_the_language_of_the_page() -> None:
    t = Tongue("fr")
    assert said_of(t, "30 new networks in ten minutes") == "30 nouveaux réseaux en dix minutes"
    assert said_of(t, "72% of the words in prompts were not there before").startswith(
        "72% des mots"
    )
    assert said_of(t, "3 and 12 or fewer") == "3 et 12 ou moins"
    assert said_of(t, "something new") == "something new"


def test_every_feature_and_every_act_has_a_name() -> None:
    assert set(BOUNDS) <= set(words.FEATURES)
    powers = {rule.act for rule in RULES if rule.power}
    assert powers <= set(words.ACTS)
