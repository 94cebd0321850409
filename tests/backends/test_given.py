from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from pleinair.backends.given import begin
from pleinair.errors import ModelError
from pleinair.media.codec import Video
from pleinair.request import Given, VideoRequest
from tests.conftest import moving_card

ONE, TWO, THREE = ("1" * 64, "2" * 64, "3" * 64)
MATERIALS = {
    digest: Video(moving_card(5, 48, 32, seed=seed), Fraction(24))
    for seed, digest in enumerate((ONE, TWO, THREE))
}
REQUEST = VideoRequest("Ana meets Émile and Susana, ana-like, by Anatole's lake", seed=4)


def test_pictures_and_clips_are_sorted_by_their_use() -> None:
    given = (Given("frame", ONE), Given("frame", TWO, at=1.5), Given("edit", THREE, strength=0.4))
    found = begin(replace(REQUEST, given=given), MATERIALS)
    assert list(found.pictures) == [0, 1.5]
    assert np.array_equal(found.pictures[1.5], MATERIALS[TWO].frames[0])
    assert found.edit is MATERIALS[THREE]
    assert found.strength == 0.4
    assert found.extend is None
    assert found.prompt == REQUEST.prompt
    assert found.notes == ()


def test_a_missing_material_is_named_by_its_digest() -> None:
    request = replace(REQUEST, given=(Given("extend", "ab" * 32),))
    for materials in (None, {}, MATERIALS):
        with pytest.raises(ModelError, match=r"extend abababababab…"):
            begin(request, materials)


def test_characters_open_and_close_a_video_that_nothing_else_begins() -> None:
    given = tuple(Given("character", digest, name="Ana") for digest in (ONE, TWO, THREE))
    found = begin(replace(REQUEST, given=given), MATERIALS)
    assert list(found.pictures) == [0, REQUEST.seconds]
    assert np.array_equal(found.pictures[0], MATERIALS[ONE].frames[2])
    assert np.array_equal(found.pictures[4], MATERIALS[TWO].frames[2])
    assert "Ana opens" in found.notes[0]
    assert "Ana closes" in found.notes[1]
    assert "no identities" in found.notes[2]


@pytest.mark.parametrize("role", ["frame", "edit", "extend"])
def test_characters_leave_a_beginning_alone(role: str) -> None:
    given = (Given(role, ONE), Given("character", TWO, name="Ana"))
    found = begin(replace(REQUEST, given=given), MATERIALS)
    assert len(found.pictures) == (role == "frame")
    assert len(found.notes) == 1


def test_names_are_taken_out_of_the_prompt_and_nothing_else_is() -> None:
    given = (Given("character", ONE, name="Ana"), Given("character", TWO, name=" émile "))
    found = begin(replace(REQUEST, given=given), MATERIALS)
    assert " ".join(found.prompt.split()) == "meets and Susana, -like, by Anatole's lake"
    plain = (Given("character", ONE),)
    assert begin(replace(REQUEST, given=plain), MATERIALS).prompt == REQUEST.prompt


def test_a_picture_where_a_clip_goes_on_has_no_effect_and_says_so() -> None:
    given = (Given("extend", ONE), Given("frame", TWO), Given("frame", THREE, at=2))
    found = begin(replace(REQUEST, given=given), MATERIALS)
    assert list(found.pictures) == [2]
    assert "no effect" in found.notes[0]
