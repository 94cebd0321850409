import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pleinair
from pleinair.backends.inputs import Inputs, read_inputs
from pleinair.errors import InputError, MediaError
from pleinair.media.codec import write_video
from pleinair.media.sheet import write_picture
from tests.conftest import moving_card


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    write_picture(tmp_path / "a.png", moving_card(1, 64, 48)[0])
    return tmp_path / "a.png"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    write_video(tmp_path / "a.mp4", moving_card(12, 64, 48), 12)
    return tmp_path / "a.mp4"


def test_files_are_known_by_the_digest_of_their_bytes(picture: Path, clip: Path) -> None:
    found = read_inputs(Inputs(image=picture, edit=str(clip), strength=0.4))
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (picture, clip)]
    assert [(item.role, item.sha256) for item in found.given] == list(
        zip(("frame", "edit"), digests, strict=True)
    )
    assert found.given[1].strength == 0.4
    assert np.array_equal(found.materials[digests[0]].frames, moving_card(1, 64, 48))
    assert found.materials[digests[1]].frames.shape == (12, 48, 64, 3)
    assert found.materials[digests[1]].fps == 12
    assert found.sources == dict(zip(digests, (picture, clip), strict=True))


def test_nothing_given_is_nothing() -> None:
    found = read_inputs(Inputs())
    assert (found.given, found.materials, found.sources, found.seconds) == ((), {}, {}, 4)


def test_the_length_follows_from_what_is_given(picture: Path, clip: Path) -> None:
    def given(seconds: float | None = None, **inputs: Any) -> tuple[float, list[float]]:  # noqa: ANN401
        found = read_inputs(Inputs(**inputs), seconds, 24)
        return found.seconds, [item.at for item in found.given]

    assert given(edit=clip) == (1, [0])
    assert given(3, edit=clip) == (3, [0])
    assert given(extend=clip, before=clip) == (4, [0, 0])
    assert given(retake=clip, span=(0.25, 0.75)) == (0.5, [0.25])
    assert given(still=True) == (1 / 24, [])
    assert given(3, keyframes={1.5: picture, "end": picture}) == (3, [1.5, 3])
    assert given(edit=clip, keyframes={"end": picture}) == (1, [0, 1])


@pytest.mark.parametrize(
    ("inputs", "seconds", "field"),
    [
        ({"span": (0, 1)}, None, "span"),
        ({"retake": "a.mp4"}, None, "span"),
        ({"retake": "a.mp4", "span": (1, 1)}, None, "span"),
        ({"retake": "a.mp4", "span": (0, 1)}, 2, "seconds"),
        ({"keyframes": {"middle": "a.png"}}, None, "keyframe"),
        ({"still": True}, 1, "seconds"),
        ({"still": True, "extend": "a.mp4"}, None, "still"),
    ],
)
def test_what_does_not_go_together_is_refused(
    inputs: dict[str, Any], seconds: float | None, field: str
) -> None:
    with pytest.raises(InputError) as caught:
        read_inputs(Inputs(**inputs), seconds)
    assert caught.value.field == field


def test_what_cannot_be_read_or_is_not_allowed_is_told(clip: Path) -> None:
    for missing in (Path("none.png"), clip):
        with pytest.raises(MediaError, match=missing.name):
            read_inputs(Inputs(image=missing))
    with pytest.raises(MediaError, match=r"none\.mp4"):
        read_inputs(Inputs(extend=Path("none.mp4")))
    with pytest.raises(InputError, match="strength"):
        read_inputs(Inputs(edit=clip, strength=0))


def test_the_public_door_takes_them(picture: Path, clip: Path) -> None:
    card: dict[str, Any] = {"model": "test-card", "width": 64, "height": 48, "fps": 12, "seed": 7}
    made = pleinair.generate("a", before=clip, keyframes={0: picture}, seconds=0.5, **card)
    assert len(made.frames) == 6 + 12
    assert np.array_equal(made.frames[0], moving_card(1, 64, 48)[0])
    assert made.kept == (0, 12)
    assert len(pleinair.generate("a", retake=str(clip), span=(0.5, 0.75), **card).frames) == 12
    assert pleinair.generate("a", still=True, **card).frames.shape == (1, 48, 64, 3)
    assert pleinair.generate("a", loop=True, seconds=1, **card).metadata.request.loop
    with pytest.raises(InputError, match="option: got 'given'"):
        pleinair.generate("a", given=())
