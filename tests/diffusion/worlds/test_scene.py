"""Scenes: an endless series, true to its own rules, with combinations kept back."""

from pleinair.diffusion.worlds.scene import (
    CAMERAS,
    GREY_LOOKS,
    HOURS,
    KINDS,
    LOOKS,
    PLACES,
    WEATHERS,
    is_held_out,
    may_stand,
    sample_scene,
)

SCENES = [sample_scene(0, index) for index in range(3000)]


def test_a_scene_is_decided_by_seed_and_index() -> None:
    assert sample_scene(1, 7) == sample_scene(1, 7)
    assert sample_scene(1, 7) != sample_scene(1, 8)
    assert sample_scene(1, 7) != sample_scene(2, 7)


def test_every_value_occurs() -> None:
    assert {scene.place for scene in SCENES} == set(PLACES)
    assert {scene.hour for scene in SCENES} == set(HOURS)
    assert {scene.weather for scene in SCENES} == set(WEATHERS)
    assert {scene.camera for scene in SCENES} == set(CAMERAS)
    assert {scene.look for scene in SCENES} == set(LOOKS)
    assert {thing.kind for scene in SCENES for thing in scene.things} == set(KINDS)


def test_things_keep_their_rules() -> None:
    for scene in SCENES:
        for thing in scene.things:
            rule = KINDS[thing.kind]
            assert may_stand(thing.kind, scene.place, scene.hour, scene.weather)
            assert 1 <= thing.count <= rule.most
            assert (thing.colour is not None) is (rule.coloured and scene.look not in GREY_LOOKS)
            assert (thing.direction is not None) is rule.moving


def test_training_never_sees_what_is_held_out() -> None:
    assert not any(is_held_out(scene) for scene in SCENES)
    kept_back = [sample_scene(0, index, held_out=True) for index in range(200)]
    assert all(is_held_out(scene) for scene in kept_back)
    both = [sample_scene(0, index, held_out=None) for index in range(500)]
    assert {is_held_out(scene) for scene in both} == {True, False}
