"""Which model makes what: the default makes what it can, and hands on the rest."""

from dataclasses import replace

import pytest

from pleinair.backends.assigning import assigned
from pleinair.errors import InputError, ModelError
from pleinair.request import Given, VideoRequest
from pleinair.scenes.scene import Scene
from pleinair.settings import DEFAULT_MODEL

PLAIN = VideoRequest("a lake", seed=1)
BEYOND = {
    "given": replace(PLAIN, given=(Given("frame", "a" * 64),)),
    "loop": replace(PLAIN, loop=True),
    "negative_prompt": replace(PLAIN, negative_prompt="snow"),
    "complete": replace(PLAIN, complete=True),
    "steps": replace(PLAIN, steps=4),
    "guidance": replace(PLAIN, guidance=3.0),
}


def test_the_default_makes_what_it_can() -> None:
    assert PLAIN.model == DEFAULT_MODEL
    for request in (PLAIN, replace(PLAIN, scene=Scene()), replace(PLAIN, variations=3)):
        assert assigned(request) is request


@pytest.mark.parametrize("field", BEYOND)
def test_what_it_cannot_do_goes_to_another_and_says_so(field: str) -> None:
    made = assigned(BEYOND[field])
    assert made.model == "pleinair-1"
    assert made.handover.startswith(f"{DEFAULT_MODEL} ")
    assert made.handover.endswith(": pleinair-1 made this")
    assert VideoRequest.from_dict(made.as_dict()) == made


@pytest.mark.parametrize("field", BEYOND)
def test_whoever_names_it_is_told_what_it_cannot_do(field: str) -> None:
    with pytest.raises(InputError, match=field):
        assigned(BEYOND[field], by_name=True)
    with pytest.raises(InputError, match=field):
        assigned(BEYOND[field], offered=(DEFAULT_MODEL, "test-card"))


def test_what_nobody_can_do_is_refused() -> None:
    with pytest.raises(InputError, match="scene: got 'a scene'; allowed: none with this model"):
        assigned(replace(PLAIN, scene=Scene(), loop=True))
    with pytest.raises(InputError, match="scene"):
        assigned(replace(PLAIN, model="test-card", scene=Scene()))
    with pytest.raises(ModelError, match="sora-9"):
        assigned(replace(PLAIN, model="sora-9"))
