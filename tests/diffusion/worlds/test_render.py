"""What the renderer draws agrees with the scene it was given."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from pleinair.diffusion.worlds.render import render
from pleinair.diffusion.worlds.scene import (
    CAMERAS,
    COLOURS,
    HOURS,
    KINDS,
    LOOKS,
    PLACES,
    WEATHERS,
    Scene,
    Thing,
    sample_scene,
)
from pleinair.errors import InputError

PLAIN = Scene("snow field", "day", "overcast", "static", "photo", (), seed=5)


def draw(scene: Scene, frames: int = 1, width: int = 72, height: int = 40) -> Tensor:
    """(3, T, H, W) in [0, 1]."""
    return render([scene], frames=frames, width=width, height=height)[0] / 2 + 0.5


def changed_by(thing: Thing, frames: int = 1, scene: Scene = PLAIN) -> tuple[Tensor, Tensor]:
    """The clip with the thing, and the (T, H, W) mask of what it changed."""
    empty, full = draw(scene, frames), draw(replace(scene, things=(thing,)), frames)
    return full, (full - empty).abs().amax(0) > 0.08


def middle(mask: Tensor) -> tuple[float, float]:
    """Mean column and row of a (H, W) mask."""
    rows, columns = mask.nonzero().float().mean(0).tolist()
    return columns, rows


def test_same_scene_same_clip_alone_or_in_a_batch() -> None:
    scenes = [sample_scene(3, index) for index in range(4)]
    together = render(scenes, frames=5, width=48, height=32)
    assert together.shape == (4, 3, 5, 32, 48)
    assert together.min() >= -1
    assert together.max() <= 1
    for index, scene in enumerate(scenes):
        alone = render([scene], frames=5, width=48, height=32)
        assert torch.equal(alone, render([scene], frames=5, width=48, height=32))
        assert (alone[0] - together[index]).abs().mean() < 1e-6


@pytest.mark.parametrize("size", [(144, 80), (80, 144), (112, 112), (7, 5)])
def test_any_size(size: tuple[int, int]) -> None:
    width, height = size
    assert render([PLAIN], frames=2, width=width, height=height).shape == (1, 3, 2, height, width)


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("place", PLACES)
def test_every_place_hour_and_weather_draws_something(place: str, look: str) -> None:
    for hour in HOURS:
        for weather in WEATHERS:
            picture = draw(
                Scene(place, hour, weather, "static", look, (), seed=1), width=36, height=24
            )
            assert picture.isfinite().all()
            assert picture.std() > 0.01


@pytest.mark.parametrize("camera", CAMERAS)
def test_only_a_static_camera_leaves_the_land_where_it_is(camera: str) -> None:
    scene = Scene("mountains", "day", "clear", camera, "photo", (), seed=2)
    first, last = draw(scene, frames=9).permute(1, 0, 2, 3)[[0, 8]]
    moved = float((first - last).abs().mean())
    assert (moved < 0.004) is (camera == "static"), moved


def test_night_is_darker_than_day() -> None:
    for place in PLACES:
        day, night = (
            draw(Scene(place, hour, "clear", "static", "photo", (), seed=4)).mean()
            for hour in ("day", "night")
        )
        assert night < 0.5 * day


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_of_thing_can_be_seen(kind: str) -> None:
    rule = KINDS[kind]
    scene = replace(PLAIN, place=rule.places[0], hour=rule.hours[0], weather=rule.weathers[0])
    thing = Thing(kind, 1, "red" if rule.coloured else None, "right" if rule.moving else None)
    _, mask = changed_by(thing, frames=9, scene=scene)
    assert mask.any(0).float().mean() > 0.002


@pytest.mark.parametrize("kind", ["balloon", "bird"])
def test_things_head_where_they_are_told(kind: str) -> None:
    colour = "red" if KINDS[kind].coloured else None
    for direction, sign in (("left", -1), ("right", 1)):
        _, mask = changed_by(Thing(kind, 1, colour, direction), frames=9)
        assert sign * (middle(mask[8])[0] - middle(mask[0])[0]) > 1


def test_balloons_have_the_colour_and_number_asked() -> None:
    pure = {"red": (0,), "green": (1,), "blue": (2,), "yellow": (0, 1)}
    for colour, strong in pure.items():
        assert colour in COLOURS
        clip, mask = changed_by(Thing("balloon", 1, colour, "left"))
        red, green, blue = (clip[channel][mask].mean() for channel in range(3))
        tones = torch.stack((red, green, blue))
        weak = [channel for channel in range(3) if channel not in strong]
        assert tones[list(strong)].min() > tones[weak].max()
    one, three = (changed_by(Thing("balloon", n, "red", "left"))[1].sum() for n in (1, 3))
    assert three > 1.8 * one


def test_grey_looks_have_no_colour() -> None:
    picture = draw(replace(PLAIN, look="black and white"))
    assert float((picture - picture.mean(0)).abs().max()) < 1e-5


@pytest.mark.parametrize("field", ["frames", "width", "height"])
def test_refuses_sizes_below_one(field: str) -> None:
    sizes = {"frames": 1, "width": 4, "height": 4} | {field: 0}
    with pytest.raises(InputError, match=field):
        render([PLAIN], frames=sizes["frames"], width=sizes["width"], height=sizes["height"])
    with pytest.raises(InputError, match="scenes"):
        render([])
