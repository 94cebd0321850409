import hashlib
from pathlib import Path

import numpy as np
import pytest

from pleinair.commands.given import read_given
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
    given, materials = read_given(image=picture, edit=clip, strength=0.4, extend=None)
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (picture, clip)]
    assert [(item.role, item.sha256) for item in given] == list(
        zip(("frame", "edit"), digests, strict=True)
    )
    assert given[1].strength == 0.4
    assert np.array_equal(materials[digests[0]].frames, moving_card(1, 64, 48))
    assert materials[digests[1]].frames.shape == (12, 48, 64, 3)
    assert materials[digests[1]].fps == 12


def test_nothing_given_is_nothing() -> None:
    assert read_given(image=None, edit=None, strength=0.5, extend=None) == ((), {})


def test_what_cannot_be_read_or_is_not_allowed_is_told(picture: Path, clip: Path) -> None:
    for missing in (Path("none.png"), clip):
        with pytest.raises(MediaError, match=missing.name):
            read_given(image=missing, edit=None, strength=0.5, extend=None)
    with pytest.raises(MediaError, match=r"none\.mp4"):
        read_given(image=None, edit=None, strength=0.5, extend=Path("none.mp4"))
    with pytest.raises(InputError, match="strength"):
        read_given(image=None, edit=clip, strength=0, extend=None)
