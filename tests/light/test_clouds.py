"""Clouds: how much of the sky they cover, what they let through, and how the wind moves them."""

import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from pleinair.light.clouds import CloudLayers
from pleinair.light.sky import Sky, sky_at
from pleinair.scenes.scene import Camera, Clouds, Scene, Weather
from pleinair.scenes.scene import Sky as SkyPart

CPU = torch.device("cpu")
PIXEL = 0.008
SPAN = (-0.6, 0.6)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with torch.inference_mode():
        yield


def scene(*layers: Clouds, sun: float = 45.0, wind: float = 6.0, from_deg: float = 270) -> Scene:
    return Scene(
        seed=5,
        sky=SkyPart(sun_elevation_deg=sun, sun_azimuth_deg=120),
        weather=Weather(clouds=layers, wind_mps=wind, wind_from_deg=from_deg),
        camera=Camera(pitch_deg=15),
    )


def clouds(made: Scene, pixel: float = PIXEL) -> tuple[CloudLayers, Sky]:
    sky = sky_at(made, 0, CPU)
    return CloudLayers(made, sky, span=SPAN, pixel_angle=pixel, device=CPU), sky


def ahead(columns: int = 160, rows: int = 64) -> Tensor:
    """Directions of a window of the sky, 2 to 35° high."""
    azimuth = torch.linspace(-0.5, 0.5, columns)
    elevation = torch.linspace(math.radians(35), math.radians(2), rows)[:, None]
    flat = elevation.cos()
    up = elevation.sin().expand(-1, columns)
    return torch.stack((flat * azimuth.sin(), up, flat * azimuth.cos())).flatten(1)


@pytest.mark.parametrize("kind", ["cumulus", "stratus", "cirrus", "storm"])
def test_light_is_finite_and_transmittance_a_share(kind: str) -> None:
    made, _ = clouds(scene(Clouds(kind, 0.6, 1500, 900)), pixel=0.016)
    light, through = made.seen(ahead(), 3.0)
    assert bool(torch.isfinite(light).all())
    assert float(light.min()) >= 0
    assert 0 <= float(through.min()) < 0.8
    assert float(through.max()) <= 1


def test_a_moment_has_one_look() -> None:
    made = scene(Clouds("cumulus", 0.4, 1500, 900))
    first, _ = clouds(made)
    first.seen(ahead(), 100.0)
    second, _ = clouds(made)
    for one, other in zip(first.seen(ahead(), 3.0), second.seen(ahead(), 3.0), strict=True):
        assert torch.equal(one, other)


def test_more_cover_hides_more_of_the_sky() -> None:
    shares = []
    for cover in (0.1, 0.3, 0.5, 0.8, 1.0):
        made, _ = clouds(scene(Clouds("stratus", cover, 1500, 400)), pixel=0.02)
        dome = made.dome(0, whole=True)
        solid = 1 - dome.table[0, 3, 1:-1, 1:-1]
        angle = dome.grid.angles(CPU)
        high = dome.grid.rays(CPU)[1] > math.sin(math.radians(20))
        shares.append(float((solid * angle)[high].sum() / angle[high].sum()))
    assert shares == sorted(shares)
    assert shares[0] < 0.25
    assert 0.3 < shares[2] < 0.8
    assert shares[-1] > 0.95


def test_fair_weather_leaves_clear_sky_between() -> None:
    made, _ = clouds(scene(Clouds("cumulus", 0.35, 1500, 900)))
    _, through = made.seen(ahead(), 0.0)
    assert 0.1 < float((through < 0.5).float().mean()) < 0.7
    assert float((through > 0.99).float().mean()) > 0.2


def test_a_place_lies_in_shadow_where_the_sun_is_hidden() -> None:
    made, sky = clouds(scene(Clouds("cumulus", 0.5, 1500, 900)))
    towards = sky.key.direction
    shares, seen = [], []
    for seconds in torch.arange(0, 1600, 128.0).tolist():  # clouds drift over the eye
        zero = torch.zeros(1)
        shares.append(float(made.shadow(zero, zero, seconds)))
        seen.append(float(made.seen(towards[:, None], seconds)[1]))
    both = torch.corrcoef(torch.tensor([shares, seen]))
    assert float(both[0, 1]) > 0.6


def test_shadows_drift_with_the_wind() -> None:
    made, _ = clouds(scene(Clouds("cumulus", 0.4, 1500, 900), wind=5, from_deg=270))
    x = torch.arange(0, 12000, 10.0)
    now = made.shadow(x, torch.zeros_like(x), 0.0)
    later = made.shadow(x, torch.zeros_like(x), 40.0)
    errors = [float((later[n:] - now[: len(x) - n]).abs().mean()) for n in range(60)]
    moved = min(range(60), key=errors.__getitem__) * 10
    assert 5 * 40 <= moved <= 13 * 40  # faster aloft than at 10 m
    assert errors[moved // 10] < 0.3 * errors[0]


def test_clouds_cross_the_sky_as_fast_as_their_height_tells() -> None:
    made, _ = clouds(scene(Clouds("stratus", 0.6, 1500, 100), wind=5, from_deg=270), pixel=0.004)
    elevation = math.radians(28)
    azimuth = torch.linspace(-0.4, 0.4, 801)
    flat = math.cos(elevation)
    up = torch.full_like(azimuth, math.sin(elevation))
    direction = torch.stack((flat * azimuth.sin(), up, flat * azimuth.cos()))
    now, later = (made.seen(direction, s)[0].sum(0) for s in (2.0, 6.0))
    errors = [float((later[n:] - now[: len(now) - n]).abs().mean()) for n in range(60)]
    moved = min(range(60), key=errors.__getitem__) * 0.001
    wind = 5 * (1550 / 10) ** 0.12
    expected = wind * 4 / (1540 / math.tan(elevation))
    assert moved == pytest.approx(expected, rel=0.3)


def test_no_seam_behind() -> None:
    made, _ = clouds(scene(Clouds("cumulus", 0.5, 1500, 900)))
    elevation = torch.linspace(0.1, 1.4, 50)
    for angle in (math.pi, math.pi / 3):
        sides = []
        for azimuth in (angle - 1e-4, -angle + 1e-4 if angle == math.pi else angle + 1e-4):
            flat = elevation.cos()
            side = torch.stack(
                (flat * math.sin(azimuth), elevation.sin(), flat * math.cos(azimuth))
            )
            sides.append(made.seen(side, 3.0)[0])
        assert torch.allclose(sides[0], sides[1], atol=0.02 * float(sides[0].max()))


def test_overcast_is_darker_and_without_direction() -> None:
    level = torch.tensor([[0.0, 1.0, -1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    deck, sky = clouds(scene(Clouds("stratus", 1.0, 700, 500)))
    under, east, west = deck.irradiance(level).sum(0).tolist()
    lamp = sky.key.irradiance * sky.key.direction[1]
    clear = float((sky.irradiance(level)[:, 0] + lamp).sum())
    assert deck.sun_share < 0.1
    assert 0.05 * clear < under < 0.6 * clear
    assert abs(east - west) < 0.3 * east


def test_clouds_glow_after_sunset_and_melt_into_the_horizon() -> None:
    made, sky = clouds(scene(Clouds("cirrus", 0.6, 9000, 600), sun=-2))
    light, through = made.seen(ahead(), 0.0)
    colour = (light * (1 - through)).sum(1)
    assert float(colour[0]) > float(colour[2])  # red
    low = torch.tensor([[0.0], [0.001], [1.0]])
    light, through = made.seen(low, 0.0)
    assert float(through) > 0.98
    assert float(light.sum()) < 0.05 * float(sky.along(low).sum())


def test_lightning_lights_the_clouds_around_it() -> None:
    made, _ = clouds(scene(Clouds("storm", 0.9, 900, 7000), sun=-30))
    azimuth = torch.tensor([0.0, 0.5])
    direction = torch.stack((0.95 * azimuth.sin(), torch.full((2,), 0.312), 0.95 * azimuth.cos()))
    lit = made.flash(direction, direction[:, 0], 0.05).sum(0)
    assert float(lit.min()) >= 0
    assert float(lit[0]) > 2 * float(lit[1])
