from dataclasses import FrozenInstanceError

import pytest

from pleinair.diffusion.model.autoencoder import SPATIAL
from pleinair.diffusion.training.recipes import RECIPES, recipe_named
from pleinair.errors import TrainingError


@pytest.mark.parametrize("name", RECIPES)
def test_the_parts_of_a_recipe_fit_each_other(name: str) -> None:
    recipe = recipe_named(name)
    assert recipe.frames % 4 == 1
    assert recipe.crop_frames % 4 == 1
    assert recipe.crop_frames <= recipe.frames
    assert recipe.autoencoder.channels == recipe.transformer.channels
    assert recipe.transformer.dim % recipe.transformer.heads == 0
    assert recipe.clips % recipe.block == 0
    assert recipe.crop % SPATIAL == 0
    for width, height in recipe.sizes:
        assert width % SPATIAL == height % SPATIAL == 0
        assert recipe.crop <= min(width, height)


def test_recipes_do_not_change() -> None:
    assert recipe_named("laptop") == recipe_named("laptop")
    with pytest.raises(FrozenInstanceError):
        recipe_named("laptop").clips = 3  # type: ignore[misc]  # that is the point


def test_an_unknown_recipe_is_refused() -> None:
    with pytest.raises(TrainingError, match=r"'huge'.*laptop"):
        recipe_named("huge")
