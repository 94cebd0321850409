"""Light that leaves water: no more than arrives, dark below, bright at the horizon, and surf."""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from pleinair.light.shore import Shore
from pleinair.light.sky import Lamp
from pleinair.light.water import Column, Glance, shade_water
from pleinair.light.waves import Waves, sea_of
from pleinair.scenes.scene import Land, Scene, Water, Weather

CPU = torch.device("cpu")
NIGHT = Lamp(torch.tensor([0.0, 1.0, 0.0]), torch.zeros(3))


def scene(wind: float = 8, place: str = "sea", **water: float) -> Scene:
    return Scene(land=Land(place=place), water=Water(**water), weather=Weather(wind_mps=wind))


def glance(count: int = 4000, high: float = 5.0, low: float = 2e-3) -> Glance:
    """Rays that look north from a height, from the horizon down to the feet."""
    down = torch.logspace(math.log10(low), 2, count)
    turn = torch.linspace(-0.5, 0.5, count)
    level = torch.rsqrt(1 + down * down)
    ray = torch.stack((turn.sin() * level, -down * level, turn.cos() * level))
    distance = high / (down * level)
    x, z = ray[0] * distance, ray[2] * distance
    one = torch.ones(count)
    return Glance(ray, x, z, distance, distance * 1e-3, one * 500, None, one)


def white(direction: Tensor, variance: Tensor) -> Tensor:
    return torch.ones_like(direction)


def lamp(high: float, toward: float = 0.0, strength: float = 100.0) -> Lamp:
    e = math.radians(high)
    direction = (math.cos(e) * math.sin(toward), math.sin(e), math.cos(e) * math.cos(toward))
    return Lamp(torch.tensor(direction), torch.full((3,), strength))


@pytest.mark.parametrize("wind", [0.0, 3.0, 12.0, 30.0])
def test_water_gives_back_no_more_than_it_gets(wind: float) -> None:
    made = scene(wind)
    light = shade_water(
        made, Waves(made, CPU).at(2.0), glance(), white, NIGHT, torch.full((3,), math.pi)
    )
    assert float(light.max()) <= 1.0
    assert float(light.min()) >= 0.0


def test_still_water_mirrors_as_fresnel_says() -> None:
    made = scene(0.0, clarity_m=60)
    seen = glance()
    light = shade_water(made, Waves(made, CPU).at(0.0), seen, white, NIGHT, torch.zeros(3))[0]
    cosine = -seen.ray[1]
    inside = (1 - (1 - cosine**2) / 1.333**2).sqrt()
    s = ((cosine - 1.333 * inside) / (cosine + 1.333 * inside)).square()
    p = ((1.333 * cosine - inside) / (1.333 * cosine + inside)).square()
    assert float((light - (s + p) / 2).abs().max()) < 0.06


def test_glitter_throws_back_what_fresnel_lets_it() -> None:
    """Of the sun overhead, seen from everywhere above, as much as level water mirrors."""
    made = scene(6.0)
    surface = Waves(made, CPU).at(1.0)
    total, count = 0.0, 60
    for order in range(count):  # rings of equal projected solid angle
        sine = math.sqrt((order + 0.5) / count)
        turn = torch.linspace(0, 2 * math.pi, 241)[:-1]
        ray = torch.stack(
            (sine * turn.sin(), torch.full_like(turn, -math.sqrt(1 - sine**2)), sine * turn.cos())
        )
        one = torch.ones_like(turn)
        seen = Glance(ray, one, one, one * 1e5, one * 1e4, one * 500, None, one)
        dark = lambda direction, variance: torch.zeros_like(direction)  # noqa: E731
        with_sun, without = (
            shade_water(made, surface, seen, dark, sun, torch.zeros(3))
            for sun in (lamp(89.9), NIGHT)
        )
        total += float((with_sun - without)[0].mean()) * math.pi / count
    own = Column.of(made).reflectance[0] * 100
    assert total - own == pytest.approx(2.0, rel=0.25)  # two hundredths of 100 klx


def test_sea_is_darker_than_the_sky_at_the_horizon() -> None:
    """Facets turned to the eye mirror the sky higher up, where it is darker."""
    made = scene(10.0)

    def haze(direction: Tensor, variance: Tensor) -> Tensor:
        return (1 - direction[1:2].clamp(0, 1)).expand(3, -1) ** 2

    seen = glance(low=1e-3)
    light = shade_water(made, Waves(made, CPU).at(1.0), seen, haze, NIGHT, torch.ones(3))
    assert float(light[0, :200].mean()) < 0.75


def test_clear_water_is_blue_and_stained_water_is_not() -> None:
    clear, lake = (Column.of(scene(clarity_m=clarity)) for clarity in (50, 1.5))
    assert clear.reflectance[2] > 3 * clear.reflectance[1] > 6 * clear.reflectance[0]
    assert lake.reflectance[1] > lake.reflectance[2]
    assert all(0 < part < 0.2 for part in (*clear.reflectance, *lake.reflectance))


def test_the_bed_is_seen_where_it_is_shallow() -> None:
    made = scene(1.0, clarity_m=10)
    seen = glance(high=2.0, low=1.0)
    surface = Waves(made, CPU).at(0.0)
    brightness = []
    for depth in (0.1, 1.0, 10.0):
        at = Glance(
            seen.ray, seen.x, seen.z, seen.distance, seen.footprint,
            torch.full_like(seen.x, depth), torch.ones(3, len(seen.x)), seen.shade,
        )  # fmt: skip
        light = shade_water(made, surface, at, white, lamp(50), torch.full((3,), 20.0))
        brightness.append(float(light[0].mean()))
    assert brightness[0] > brightness[1] > brightness[2]


def test_light_does_not_depend_on_the_pixels_around() -> None:
    made = scene(9.0)
    surface = Waves(made, CPU).at(3.0)
    seen = glance(3000)
    whole, part = (
        shade_water(made, surface, at, white, lamp(30), torch.full((3,), 20.0))
        for at in (seen, seen.part(slice(1000, 2000)))
    )
    away = (whole[:, 1000:2000] - part).abs().mean() / part.mean()
    assert float(away) < 0.01  # but for a second look along footprints


@pytest.mark.parametrize("wind", [0.0, 45.0])
@pytest.mark.parametrize("high", [-10.0, 0.0, 90.0])
def test_extremes_stay_finite(wind: float, high: float) -> None:
    made = scene(wind, clarity_m=0.1, depth_m=0.2)
    seen = glance(low=1e-6)
    seen = Glance(
        seen.ray, seen.x, seen.z, seen.distance, seen.footprint, seen.depth * 0,
        torch.ones(3, len(seen.x)), seen.shade, seen.x * 0, torch.zeros(2, len(seen.x)),
    )  # fmt: skip
    light = shade_water(
        made, Waves(made, CPU).at(1e6), seen, white, lamp(high), torch.full((3,), 20.0)
    )
    assert bool(light.isfinite().all())
    assert float(light.min()) >= 0


def shore(**water: float) -> Shore:
    made = scene(5.0, "beach", **water)
    return Shore(made, sea_of(made), CPU)


def test_breakers_run_toward_the_shore() -> None:
    surf = shore(swell_m=1.0, swell_period_s=9)
    off = torch.arange(1.0, 25, 0.05)  # m from the shore
    x, ground = torch.zeros_like(off), -off * surf.floor
    places = []
    for order in range(40):
        level = surf.look(x, off, ground, 30 + order * 0.1).level
        places.append(float(off[level.argmax()]))
    steps = [after - before for before, after in pairwise(places)]
    assert sum(step <= 0 for step in steps) >= 36  # but for where another becomes the highest


def test_no_breaker_is_higher_than_its_depth_lets_it() -> None:
    surf = shore(swell_m=2.0, swell_period_s=10)
    depth = torch.linspace(0.05, surf.deepest, 2000)
    for seconds in range(20):
        level = surf.look(depth * 9, depth, -depth, seconds * 1.3).level
        assert bool((level <= 0.8 * depth + surf.runup).all())


def test_swash_wets_sand_that_dries_again() -> None:
    surf = shore(swell_m=1.0, swell_period_s=9)
    one = torch.ones(1)
    wet, level = [], []
    for seconds in range(0, 240):
        seen = surf.look(one, one, one * 0.7 * surf.runup, seconds * 0.5)
        wet.append(float(seen.wet))
        level.append(float(seen.level))
        assert 0 <= float(seen.foam) <= 1
    assert max(wet) == 1.0
    assert min(wet) < 0.9
    assert max(level) > 0.7 * surf.runup  # water or a film lies on it


def test_sand_above_the_swash_stays_dry() -> None:
    surf = shore()
    ground = torch.full((50,), surf.highest * 1.01)
    for seconds in range(30):
        seen = surf.look(ground, ground, ground, float(seconds))
        assert float(seen.level.max()) == 0
