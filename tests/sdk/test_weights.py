"""The shipped weights behind the SDK: a short life with the real model."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from openai import OpenAI

from tests.sdk.conftest import KEY, Served, decoded, looks_red, served

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")
SMALL: dict[str, Any] = {"seconds": "1", "size": "96x64"}
FAST = {"seed": 3, "steps": 4, "fps": 8}


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("real"), threads="1") as server:
        yield server


def test_the_real_model_creates_begins_from_a_picture_and_extends(
    real: Served, picture: bytes, tmp_path: Path
) -> None:
    def shown(video_id: str) -> np.ndarray[Any, Any]:
        return decoded(client.videos.download_content(video_id).read(), tmp_path).frames

    with OpenAI(base_url=real.url, api_key=KEY, max_retries=0) as client:
        made = client.videos.create_and_poll(
            prompt="a red balloon over a green hill", extra_body=FAST, **SMALL
        )
        assert made.status == "completed", made.error
        assert made.model == "sora-2"
        frames = shown(made.id)
        assert frames.shape == (8, 64, 96, 3)
        assert frames.std() > 5

        again = client.videos.create_and_poll(
            prompt="a red balloon over a green hill", extra_body=FAST, **SMALL
        )
        assert np.array_equal(shown(again.id), frames)

        reference: Any = ("red.png", picture, "image/png")
        square = {**SMALL, "size": "64x48"}
        begun = client.videos.create_and_poll(
            prompt="a hill", input_reference=reference, extra_body=FAST, **square
        )
        assert begun.status == "completed", begun.error
        first = decoded(client.videos.download_content(begun.id).read(), tmp_path)
        assert looks_red(first)

        longer = client.post(
            "/videos/extensions",
            body={"prompt": "it flies on", "seconds": 1, "video": {"id": made.id}},
            cast_to=type(made),
        )
        done = client.videos.poll(longer.id)
        assert (done.status, done.seconds) == ("completed", "2")
        assert len(shown(done.id)) == 16
