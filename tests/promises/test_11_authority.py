"""Promise 11: nobody reaches another's thing or an administrator's act.

Every route is called as each of seven actors, with what is theirs and with what is another's, and
what comes back is compared with the grid below. The grid says again, by hand, what
`pleinair.access.authority` says: who changes one must change the other.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from pleinair.access.actor import DEFAULT_SCOPES, SCOPES, Role
from pleinair.access.authority import RULES, Rule, rule_of
from pleinair.access.notices import tell
from pleinair.api import app as module
from pleinair.api import body as bodies
from pleinair.api import media
from pleinair.service.tables import Character
from tests.access.conftest import Open
from tests.access.conftest import ask as ask
from tests.access.conftest import house_settings as house_settings
from tests.access.conftest import open_house as open_house
from tests.promises.figure import publish

ACTORS = ("nobody", *Role)
# a: administrator, r: reviewer, t: tester, e: red teamer, c: creative partner, d: developer,
# n: nobody known.
GRID = """
probe                   n a r t e c d
media.get               n a r t e c d
shared.get              n a r t e c d
gallery.get             n a r t e c d
transparency.get        n a r t e c d
letter.get              n a r t e c d
letter.sign             n a r t e c d
sign_in                 n a r t e c d
oidc                    n a r t e c d
invitation.get          n a r t e c d
invitation.accept       n a r t e c d
scan                    n a r t e c d
videos.create             a r t e c d
videos.read               a r t e c d
videos.end                a r t e c d
videos.keep               a r t e c d
boards.read               a r t e c d
boards.write              a r t e c d
boards.end                a r t e c d
files                     a r t e c d
origins.find              a r t e c d
webhooks                  a r t e c d
account.read              a r t e c d
account.write             a r t e c d
members.leave             a r t e c d
keys.read                 a r t e c d
keys.create               a r t e c d
keys.revoke               a r t e c d
share.ask                     t e c
share.read                    t e c
share.withdraw                t e c
contributions.read            t e c
contributions.create          t e c
reviews.read              a r
reviews.decide            a r
reviews.appeal            a r
reviews.withdraw          a r
flags.clear               a r
programmes.read           a
programmes.create         a
programmes.update         a
members.read              a
members.create            a
members.update            a
members.suspend           a
members.reinstate         a
invitations.read          a
invitations.create        a
invitations.revoke        a
keys.list                 a
keys.issue                a
keys.stop                 a
switches.read             a
switches.off              a
switches.on               a
incidents.read            a
incidents.close           a
signatures.list           a
signatures.remove         a
contributions.list        a
contributions.decide      a
ledger.read               a
ledger.pay                a
audit.read                a
"""
LETTERS = {"nobody": "n", "administrator": "a", "reviewer": "r", "tester": "t"} | {
    "red_teamer": "e",
    "creative_partner": "c",
    "developer": "d",
}
PRIVILEGED = (
    *("id", "owner", "member_id", "role", "state", "programme_id", "key_id", "made_by"),
    *("decided_by", "share", "cost", "price", "is_admin", "scopes", "quarantined_at", "approved"),
)
HIDDEN = (
    *("video_id", "file_id", "batch_id", "storyboard_id", "character_id"),
    "webhook_endpoint_id",
)


def grid() -> dict[str, set[str]]:
    """Letters of those who may, by act."""
    rows = [line.split() for line in GRID.strip().splitlines()]
    return {row[0]: set(row[1:]) for row in rows}


def every_route() -> set[tuple[str, str]]:
    """Method and path of every route of the app."""
    routers = [router for noun in (*module.NOUNS, *module.PROGRAMME) for router in _routers(noun)]
    found = {("GET", "/v1/openapi.json")}
    for router in (*routers, media.router, module.probes):
        for route in router.routes:
            assert isinstance(route, APIRoute)
            found |= {(method, route.path) for method in route.methods or ()}
    return found


def _routers(noun: Any) -> list[Any]:  # noqa: ANN401  # a module
    return [thing for thing in vars(noun).values() if type(thing).__name__ == "APIRouter"]


def test_every_route_has_one_row_and_every_row_its_routes() -> None:
    listed = [tuple(route.split(" ", 1)) for rule in RULES for route in rule.routes]
    assert len(listed) == len(set(listed))
    assert set(listed) == every_route()


def test_the_table_is_the_grid() -> None:
    wanted = grid()
    assert {rule.act for rule in RULES} == wanted.keys()
    for rule in RULES:
        letters = {LETTERS[role] for role in rule.who} | ({*"nartecd"} if rule.public else set())
        assert letters == wanted[rule.act], rule.act


def test_what_is_power_is_on_record_and_scopes_exist() -> None:
    for rule in RULES:
        writes = any(not route.startswith(("GET", "HEAD")) for route in rule.routes)
        if any("/admin/v1/" in route for route in rule.routes):
            notes_only = rule.act == "reviews.read"
            assert rule.power is (writes and not notes_only), rule.act
        assert rule.public or rule.scope in SCOPES, rule.act


@dataclass
class Person:
    """A caller, and what is theirs."""

    name: str
    client: httpx.Client
    things: Mapping[str, str]


NOTHING = {
    "share_id": "share_none",
    "file": "video.mp4",
    "token": "none",
    "model_id": "test-card",
    "key": "none",
    "programme_id": "prog_none",
    "member_id": "mem_none",
    "invitation_id": "inv_none",
    "switch_id": "off_none",
    "incident_id": "inc_none",
    "contribution_id": "con_none",
    "signature_id": "sig_none",
}


@pytest.fixture
def people(open_house: Open, ask: Any) -> dict[str, Person]:  # noqa: ANN401
    """One of each, with a thing of each kind that is theirs."""
    use, made = open_house.live.services, {}
    for role in Role:
        actor, client = open_house.as_role(role)
        video_id = ask(client).json()["id"]
        open_house.live.finish(video_id)
        line = '{"custom_id": "a", "method": "POST", "url": "/v1/videos", "body": {}}'
        file = client.post(
            "/v1/files", data={"purpose": "batch"}, files={"file": ("a.jsonl", line.encode())}
        ).json()
        batch = {"input_file_id": file["id"], "endpoint": "/v1/videos", "completion_window": "24h"}
        with use.database.write() as session:
            notice = tell(session, actor.id, "hello", "Hello.")
            character = Character(
                id=f"char_{actor.id}", owner=actor.id, name="Zoé", sha256="0" * 64, created_at=1.0
            )
            session.add(character)
        hook = {"name": "h", "url": "https://a.example/", "event_types": ["video.failed"]}
        made[role.value] = Person(
            role,
            client,
            {
                "video_id": video_id,
                "file_id": file["id"],
                "batch_id": client.post("/v1/batches", json=batch).json()["id"],
                "storyboard_id": client.post("/v1/storyboards", json={"title": "b"}).json()["id"],
                "character_id": character.id,
                "webhook_endpoint_id": client.post("/v1/webhook_endpoints", json=hook).json()["id"],
                "notice_id": notice.id,
                "key_id": open_house.house.key(actor)[0],
            },
        )
    made["nobody"] = Person("nobody", open_house.client(), {})
    return made


def _call(
    client: httpx.Client, method: str, path: str, things: Mapping[str, str]
) -> httpx.Response:
    """Call a route with these things in its path, and a body that no route takes."""
    known = {**NOTHING, **things}
    address = re.sub(r"\{(\w+)(:path)?\}", lambda match: known.get(match[1], "none"), path)
    told = {"json": {"nonsense": 1}} if method == "POST" else {}
    if path.endswith("/events"):
        with client.stream(method, address) as answer:
            if answer.status_code != 200:
                answer.read()
            return answer
    return client.request(method, address, follow_redirects=False, **told)  # type: ignore[arg-type]


def test_every_cell_is_as_the_grid_says(people: dict[str, Person]) -> None:
    wanted, cells, wrong = grid(), 0, []
    for method, path in sorted(every_route()):
        rule = rule_of(method, path)
        assert rule is not None
        for actor in ACTORS:
            person = people[str(actor)]
            for whose in ("own", "other"):
                things = person.things if whose == "own" else _others(people, person.name)
                if _ends_the_actor(method, path) and whose == "own":
                    things = {}
                answer = _call(person.client, method, path, things)
                cells += 1
                said = _as_it_should(rule, method, path, person, whose, answer, wanted)
                if said:
                    wrong.append(f"{person.name} {whose} {method} {path}: {said}")
    assert not wrong, wrong
    publish(
        "promise-11",
        "Every route, as seven actors, with what is theirs and what is another's",
        {
            "routes": len(every_route()),
            "actors": len(ACTORS),
            "cells": cells,
            "wrong cells": len(wrong),
            "routes without a row": sum(rule_of(*route) is None for route in every_route()),
        },
        n=cells,
    )


def _others(people: Mapping[str, Person], name: str) -> Mapping[str, str]:
    other = "tester" if name != "tester" else "red_teamer"
    return people[other].things


def _ends_the_actor(method: str, path: str) -> bool:
    """Whether a call would take away what the next calls need."""
    return method == "DELETE" or path.endswith("/rotate")


def _as_it_should(
    rule: Rule,
    method: str,
    path: str,
    person: Person,
    whose: str,
    answer: httpx.Response,
    wanted: Mapping[str, set[str]],
) -> str:
    """What is wrong with an answer; nothing, if it is as the grid says."""
    status = answer.status_code
    may = LETTERS[person.name] in wanted[rule.act]
    if status >= 500 and status != 503:
        return f"{status}"
    if not may:
        refused = 401 if person.name == "nobody" else 403
        return "" if status == refused else f"{status} instead of {refused}"
    if rule.public:
        return ""
    code = "" if status < 400 or method == "HEAD" else _code(answer)
    if status in (401, 403) and code in ("permission_denied", "invalid_api_key"):
        return f"{status} {code}, but it is for them"
    secret = whose == "other" and rule.own and any(f"{{{name}}}" in path for name in HIDDEN)
    takes_nonsense = method != "POST" or _has_no_body(path)
    if secret and takes_nonsense and status != 404:
        return f"{status} instead of 404 for what is another's"
    return ""


def _code(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["code"])
    except (ValueError, KeyError, httpx.ResponseNotRead):
        return ""


def _has_no_body(path: str) -> bool:
    return path.endswith(("/cancel", "/restore", "/render"))


def test_what_is_another_s_stays_as_it_was(people: dict[str, Person]) -> None:
    """A stranger with the same rights deletes and changes all they can name."""
    owner, stranger = people["tester"], people["creative_partner"]
    for method, path in sorted(every_route()):
        rule = rule_of(method, path)
        if rule is not None and rule.own and method in ("POST", "DELETE"):
            _call(stranger.client, method, path, owner.things)
    for place in (
        *("videos/{video_id}", "files/{file_id}", "batches/{batch_id}"),
        "storyboards/{storyboard_id}",
        *("videos/characters/{character_id}", "webhook_endpoints/{webhook_endpoint_id}"),
    ):
        answer = _call(owner.client, "GET", f"/v1/{place}", owner.things)
        assert answer.status_code == 200, place
    kept = owner.client.get("/access/v1/keys").json()["data"]
    assert {key["state"] for key in kept} == {"active"}


def test_no_body_takes_a_field_of_power(people: dict[str, Person]) -> None:
    """Whoever sends fields that only the server or the team may set is refused, by every route."""
    boss, tried = people["administrator"], 0
    named = _named_bodies()
    for (method, path), name in sorted(named.items()):
        if not any(part in path for part in ("/v1/", "/access/")) or rule_of(method, path) is None:
            continue
        rule = rule_of(method, path)
        assert rule is not None
        client = boss.client if Role.ADMINISTRATOR in rule.who else people["red_teamer"].client
        fields = bodies.BODIES[name].model_fields
        for field in PRIVILEGED:
            if field in fields:
                continue
            sent = {other: "x" for other, info in fields.items() if info.is_required()}
            address = re.sub(r"\{(\w+)\}", lambda match: boss.things.get(match[1], "none"), path)
            answer = client.post(address, json={**sent, field: "x"})
            assert answer.status_code == 400, (path, field, answer.text)
            tried += 1
    assert tried > 200


def _named_bodies() -> dict[tuple[str, str], str]:
    found = {}
    for noun in (*module.NOUNS, *module.PROGRAMME):
        for router in _routers(noun):
            for route in router.routes:
                extra = getattr(route, "openapi_extra", None) or {}
                content = extra.get("requestBody", {}).get("content", {})
                place = content.get("application/json", {}).get("schema", {}).get("$ref")
                if place:
                    found[("POST", route.path)] = place.rpartition("/")[2]
    return found


def test_a_key_does_what_its_scopes_say_and_no_more(open_house: Open) -> None:
    actor = open_house.house.member(Role.ADMINISTRATOR)
    clients = {
        scope: open_house.client(open_house.house.key(actor, scopes=(scope,))[1])
        for scope in SCOPES
    }
    for method, path in sorted(every_route()):
        rule = rule_of(method, path)
        if rule is None or rule.public or Role.ADMINISTRATOR not in rule.who:
            continue
        if path.endswith(("/sign-out", "/leave")):
            continue
        for scope, client in clients.items():
            answer = _call(client, method, path, {})
            refused = answer.status_code == 403 and (
                method == "HEAD" or "lacks the scope" in answer.text
            )
            assert refused is (scope != rule.scope), (scope, method, path, answer.status_code)
    assert not {"admin", "review", "account"} & set(DEFAULT_SCOPES)


def test_a_server_without_members_has_no_programme(tmp_path: Path, open_house: Open) -> None:
    """Before the first member the one user makes videos, and nothing of the programme is there."""
    client = open_house.client()
    assert client.get("/v1/videos").status_code == 200
    for method, path in sorted(every_route()):
        rule = rule_of(method, path)
        if rule is not None and not rule.local:
            answer = _call(client, method, path, {})
            assert answer.status_code == 403, (method, path)
            assert "pleinair admin init" in answer.text
