"""Who may ask where a file comes from, and what they are told."""

import io
from collections.abc import Callable

import httpx
from PIL import Image

from pleinair.access.actor import Role
from tests.access.conftest import Open
from tests.access.conftest import ask as ask
from tests.access.conftest import house_settings as house_settings
from tests.access.conftest import open_house as open_house

Ask = Callable[..., httpx.Response]


def find(client: httpx.Client, data: bytes) -> httpx.Response:
    return client.post("/v1/origins", files={"file": ("x", data)})


def test_owners_and_the_team_find_a_video_and_nobody_else(open_house: Open, ask: Ask) -> None:
    _, owner = open_house.as_role(Role.TESTER)
    _, stranger = open_house.as_role(Role.RED_TEAMER)
    _, reviewer = open_house.as_role(Role.REVIEWER)
    video_id = ask(owner, size="320x180").json()["id"]
    open_house.live.finish(video_id)
    data = owner.get(f"/v1/videos/{video_id}/content").content
    mine = find(owner, data).json()
    assert [(item["video_id"], item["certainty"]) for item in mine["data"]] == [
        (video_id, "certain")
    ]
    assert mine["data"][0]["evidence"] == ["watermark", "perceptual"]
    assert mine["data"][0]["owner"] is None
    assert mine["watermark"] is None
    assert find(stranger, data).json() == {"object": "list", "data": [], "watermark": None}
    seen = find(reviewer, data).json()
    assert seen["watermark"] is True
    assert seen["data"][0]["owner"] == open_house.live.video(video_id).owner


def test_what_cannot_be_decoded_is_refused(open_house: Open) -> None:
    _, client = open_house.as_role(Role.REVIEWER)
    assert find(client, b"no picture").status_code == 400
    picture = io.BytesIO()
    Image.new("RGB", (64, 64)).save(picture, "PNG")
    answer = find(client, picture.getvalue())
    assert answer.json() == {"object": "list", "data": [], "watermark": False}
