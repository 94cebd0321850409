"""The life of a video by an old Python SDK: run in a process that finds that one and no other.

Usage: ``python life.py URL KEY PICTURE``; prints what it saw as JSON.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import openai

SMALL: dict[str, Any] = {"seconds": "0.5", "size": "64x48"}


def live(url: str, key: str, picture: Path) -> dict[str, Any]:
    """Everything that these SDKs can do with videos."""
    client = openai.OpenAI(base_url=url, api_key=key, max_retries=0)
    videos = client.videos
    made = videos.create(prompt="a lake", **SMALL)
    done = videos.poll(made.id, poll_interval_ms=50)
    seen: dict[str, Any] = {"version": openai.__version__, "made": made.status, "id": made.id}
    seen["done"] = [done.status, done.size, done.seconds, done.progress]
    seen["bytes"] = {
        variant: videos.download_content(made.id, variant=variant).read()[:12].hex()
        for variant in ("video", "thumbnail", "spritesheet")
    }
    references: dict[str, Any] = {
        "path": picture,
        "bytes": picture.read_bytes(),
        "tuple": ("red.png", picture.read_bytes(), "image/png"),
    }
    seen["pictures"] = {}
    for name, reference in references.items():
        shown = videos.create_and_poll(
            prompt="a lake", input_reference=reference, poll_interval_ms=50, **SMALL
        )
        seen["pictures"][name] = [shown.id, shown.status]
    remix = videos.remix(made.id, prompt="at night")
    seen["remix"] = [remix.remixed_from_video_id, remix.size, remix.seconds]
    videos.poll(remix.id, poll_interval_ms=50)
    seen["listed"] = [video.id for video in videos.list(limit=2)]
    seen["async"] = asyncio.run(_async_life(url, key))
    seen["deleted"] = videos.delete(made.id).to_dict()
    try:
        videos.retrieve(made.id)
    except openai.NotFoundError as error:
        seen["gone"] = [error.status_code, error.code, str(error.request_id)[:4]]
    try:
        videos.create(prompt="a lake", **{**SMALL, "seconds": "0"})
    except openai.BadRequestError as error:
        seen["refused"] = [error.param, error.code]
    return seen


async def _async_life(url: str, key: str) -> list[Any]:
    client = openai.AsyncOpenAI(base_url=url, api_key=key, max_retries=0)
    done = await client.videos.create_and_poll(prompt="b", poll_interval_ms=50, **SMALL)
    content = await client.videos.download_content(done.id)
    return [done.status, (await content.aread())[4:8].decode()]


if __name__ == "__main__":
    address, secret, file = sys.argv[1:]
    print(json.dumps(live(address, secret, Path(file))))
