"""The newest Python SDK, unmodified: the whole life of videos, sync and async."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI, NotFoundError, OpenAI
from openai.types import Video
from PIL import Image

from tests.sdk.conftest import KEY, SIZE, Served, decoded, looks_red

# What the SDK says of its own methods since OpenAI's server was switched off.
pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")
SMALL: dict[str, Any] = {"seconds": "0.5", "size": SIZE}


@pytest.fixture(scope="module")
def finished(server: Served) -> str:
    """Id of a finished video of one second."""
    with OpenAI(base_url=server.url, api_key=KEY) as client:
        return finish(client, client.videos.create(prompt="a lake", seconds="1", size=SIZE)).id  # type: ignore[arg-type]


def finish(client: OpenAI, video: Video) -> Video:
    done = client.videos.poll(video.id, poll_interval_ms=50)
    assert done.status == "completed", done.error
    return done


def test_a_life_from_create_to_delete(client: OpenAI, tmp_path: Path) -> None:
    made = client.videos.create(prompt="a lake at dusk", model="sora-2", **SMALL)
    assert (made.object, made.status, made.progress) == ("video", "queued", 0)
    assert (made.model, made.size, made.seconds) == ("sora-2", SIZE, "0.5")
    assert (made.prompt, made.error, made.completed_at) == ("a lake at dusk", None, None)

    done = finish(client, made)
    assert (done.id, done.progress) == (made.id, 100)
    assert done.completed_at is not None
    assert done.expires_at is not None
    assert done.created_at <= done.completed_at < done.expires_at
    assert client.videos.retrieve(made.id).to_dict() == done.to_dict()

    content = client.videos.download_content(made.id)
    content.write_to_file(tmp_path / "video.mp4")
    assert (tmp_path / "video.mp4").read_bytes() == content.read()
    video = decoded(content.read(), tmp_path)
    assert video.frames.shape == (12, 48, 64, 3)

    assert client.videos.delete(made.id).to_dict() == {
        "id": made.id,
        "object": "video.deleted",
        "deleted": True,
    }
    with pytest.raises(NotFoundError):
        client.videos.retrieve(made.id)
    with pytest.raises(NotFoundError):
        client.videos.download_content(made.id)


def test_create_and_poll_waits_as_the_server_tells(client: OpenAI) -> None:
    done = client.videos.create_and_poll(prompt="a lake", **SMALL)
    assert done.status == "completed"


def test_an_async_life(server: Served, tmp_path: Path) -> None:
    async def live() -> None:
        async with AsyncOpenAI(base_url=server.url, api_key=KEY, max_retries=0) as client:
            one, two = await asyncio.gather(
                client.videos.create_and_poll(prompt="a", poll_interval_ms=50, **SMALL),
                client.videos.create_and_poll(prompt="b", poll_interval_ms=50, **SMALL),
            )
            assert (one.status, two.status) == ("completed", "completed")
            content = await client.videos.download_content(one.id)
            assert decoded(await content.aread(), tmp_path).frames.shape[0] == 12
            remix = await client.videos.remix(one.id, prompt="at night")
            remix = await client.videos.poll(remix.id, poll_interval_ms=50)
            assert (remix.status, remix.remixed_from_video_id) == ("completed", one.id)
            listed = [video.id async for video in await client.videos.list(limit=2)]
            assert {one.id, two.id, remix.id} <= set(listed)
            for video in (one, two, remix):
                assert (await client.videos.delete(video.id)).deleted

    asyncio.run(live())


def test_pictures_of_a_video_are_what_they_say(client: OpenAI, finished: str) -> None:
    for variant, kind in (("thumbnail", "WEBP"), ("spritesheet", "JPEG")):
        content = client.videos.download_content(finished, variant=variant)  # type: ignore[arg-type]
        assert content.response.headers["content-type"] == f"image/{kind.lower()}"
        with Image.open(BytesIO(content.read())) as image:
            image.load()
            assert image.format == kind


def test_parts_of_a_file_make_the_whole(client: OpenAI, finished: str) -> None:
    whole = client.videos.download_content(finished).read()
    assert b"".join(client.videos.download_content(finished).iter_bytes(1000)) == whole
    middle = len(whole) // 2
    parts = []
    for asked in (f"bytes=0-{middle - 1}", f"bytes={middle}-"):
        part = client.videos.download_content(finished, extra_headers={"Range": asked})
        assert part.response.status_code == 206
        parts.append(part.read())
    assert b"".join(parts) == whole


def test_a_link_needs_no_key(client: OpenAI, finished: str) -> None:
    link = client.get(f"/videos/{finished}/link", cast_to=dict[str, Any])
    assert httpx.get(link["url"]).content == client.videos.download_content(finished).read()
    assert httpx.get(link["url"].replace("signature=", "signature=a")).status_code == 401


def test_listing_walks_through_all_pages(client: OpenAI) -> None:
    made = [client.videos.create(prompt=f"lake {i}", **SMALL).id for i in range(5)]
    newest = [video.id for video in client.videos.list(limit=2)]
    assert newest[:5] == made[::-1]
    oldest = [video.id for video in client.videos.list(limit=2, order="asc")]
    assert oldest == newest[::-1]
    page = client.videos.list(limit=2, after=made[-1])
    assert [video.id for video in page.data] == [made[-2], made[-3]]
    assert client.videos.list(limit=0).data == []
    for video_id in made:
        client.videos.delete(video_id)


def test_strict_validation_takes_every_answer(server: Served) -> None:
    with OpenAI(
        base_url=server.url, api_key=KEY, max_retries=0, _strict_response_validation=True
    ) as client:
        for size in ("720x1280", "1280x720", "1024x1792", "1792x1024"):
            video = client.videos.create(prompt="a lake", seconds="4", size=size)
            assert (video.size, video.seconds) == (size, "4")
            assert client.videos.retrieve(video.id).id == video.id
            assert client.videos.list(limit=1).data[0].id == video.id
            assert client.videos.delete(video.id).deleted


def _forms_of_picture(picture: bytes, folder: Path) -> dict[str, dict[str, Any]]:
    """What a caller may write to give a picture, beside prompt, seconds and size."""
    path = folder / "red.png"
    path.write_bytes(picture)
    at = {"image_url": f"data:image/png;base64,{b64encode(picture).decode()}"}
    return {
        "bytes": {"input_reference": picture},
        "path": {"input_reference": path},
        "open file": {"input_reference": path.open("rb")},
        "tuple": {"input_reference": ("red.png", picture, "image/png")},
        "json part": {"input_reference": (None, json.dumps(at).encode(), "application/json")},
        "empty file": {"input_reference": b"", "extra_body": {"input_reference": at}},
        "extra body": {"extra_body": {"input_reference": at}},
        "json": {
            "extra_body": {"input_reference": at},
            "extra_headers": {"Content-Type": "application/json"},
        },
    }


def test_a_picture_becomes_the_first_frame_however_it_is_sent(
    client: OpenAI, picture: bytes, tmp_path: Path
) -> None:
    forms = _forms_of_picture(picture, tmp_path)
    file = client.files.create(file=("red.png", picture), purpose="vision")
    forms["file"] = {"extra_body": {"input_reference": {"file_id": file.id}}}
    made = {
        name: client.videos.create(prompt="a lake", **SMALL, **form) for name, form in forms.items()
    }
    at = {"file_id": file.id}
    made["post"] = client.post(
        "/videos", body={"prompt": "a lake", **SMALL, "input_reference": at}, cast_to=Video
    )
    for name, video in made.items():
        finish(client, video)
        shown = decoded(client.videos.download_content(video.id).read(), tmp_path)
        assert looks_red(shown), name
        assert not looks_red(shown, -1), name
    forms["open file"]["input_reference"].close()


By = Callable[..., Video]


def _ways(client: OpenAI, method: By, path: str, by: dict[str, str]) -> dict[str, By]:
    """How a caller may name a video by id: the three ways round what the SDK refuses."""
    part: Any = (None, json.dumps(by).encode(), "application/json")
    return {
        "json part": lambda **fields: method(video=part, **fields),
        "empty file": lambda **fields: method(video=b"", extra_body={"video": by}, **fields),
        "post": lambda **fields: client.post(path, body={"video": by, **fields}, cast_to=Video),
    }


def test_an_edit_keeps_length_and_size(
    client: OpenAI, finished: str, clip: Path, tmp_path: Path
) -> None:
    ways = _ways(client, client.videos.edit, "/videos/edits", {"id": finished})
    for way in ways.values():
        done = finish(client, way(prompt="in autumn"))
        assert (done.seconds, done.size) == ("1", SIZE)
        assert done.remixed_from_video_id == finished
    for upload in (clip, clip.read_bytes(), ("clip.mp4", clip.read_bytes(), "video/mp4")):
        done = finish(client, client.videos.edit(video=upload, prompt="in autumn"))
        shown = decoded(client.videos.download_content(done.id).read(), tmp_path)
        assert shown.frames.shape == (12, 48, 64, 3)
        assert done.remixed_from_video_id is None


def test_an_extension_is_the_whole_and_what_comes_after(
    client: OpenAI, finished: str, clip: Path, tmp_path: Path
) -> None:
    ways = _ways(client, client.videos.extend, "/videos/extensions", {"id": finished})
    for way in ways.values():
        done = finish(client, way(prompt="it goes on", seconds="0.5"))
        assert done.seconds == "1.5"
        shown = decoded(client.videos.download_content(done.id).read(), tmp_path)
        assert len(shown.frames) == 36
    extended: Any = {"prompt": "it goes on", "seconds": "1"}
    done = finish(client, client.videos.extend(video=clip, **extended))
    shown = decoded(client.videos.download_content(done.id).read(), tmp_path)
    assert (done.seconds, len(shown.frames)) == ("2", 24)
    assert looks_red(shown)
    assert looks_red(shown, 11)
    assert not looks_red(shown, -1)


def test_a_character_is_kept_and_named_in_prompts(client: OpenAI, clip: Path) -> None:
    made = client.videos.create_character(name="Mossy", video=clip)
    assert made.id is not None
    assert made.name == "Mossy"
    assert client.videos.get_character(made.id).to_dict() == made.to_dict()
    cast = {"characters": [{"id": made.id}]}
    video = client.videos.create(prompt="Mossy walks by a lake", extra_body=cast, **SMALL)
    assert finish(client, video).status == "completed"
    with pytest.raises(NotFoundError):
        client.videos.get_character("char_nobody")
