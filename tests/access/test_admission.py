"""Who is let in, and what they are told who are not."""

from collections.abc import Callable

import httpx

from pleinair.access.actor import Role
from pleinair.access.keys import mint
from tests.access.conftest import Open

Ask = Callable[..., httpx.Response]


def test_a_member_comes_with_a_key_and_nobody_without(open_house: Open, ask: Ask) -> None:
    _, client = open_house.as_role()
    assert ask(client).status_code == 200
    for stranger in (open_house.client(), open_house.client(mint()), open_house.client("pa_x")):
        answer = ask(stranger)
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "invalid_api_key"


def test_a_route_for_others_says_for_whom_it_is(open_house: Open) -> None:
    _, client = open_house.as_role(Role.DEVELOPER)
    answer = client.post("/v1/webhook_endpoints", json={})
    assert answer.status_code == 400
