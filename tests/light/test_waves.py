"""Waves as water makes them: their speed, height and steepness, and what a pixel hides."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from pleinair.light.foam import coverage
from pleinair.light.spectrum import GRAVITY, Sea
from pleinair.light.waves import Surface, Waves
from pleinair.scenes.scene import Scene, Water, Weather

CPU = torch.device("cpu")


def waves(wind: float = 8, **water: float) -> Waves:
    return Waves(Scene(water=Water(**water), weather=Weather(wind_mps=wind)), CPU)


def places(count: int, wide: float = 900) -> tuple[Tensor, Tensor]:
    made = torch.Generator().manual_seed(3)
    return (torch.rand(count, generator=made) - 0.5) * wide, torch.rand(
        count, generator=made
    ) * wide


@pytest.fixture(scope="module")
def breeze() -> Surface:
    return waves().at(3.0)


@pytest.mark.parametrize("depth", [4.0, 4000.0])
def test_swell_runs_as_fast_as_dispersion_has_it(depth: float) -> None:
    made = waves(0, depth_m=depth, swell_m=0.4, swell_period_s=9, swell_from_deg=180)
    line = torch.arange(512) * 6.0
    z, x = torch.meshgrid(line, line, indexing="ij")
    window = torch.hann_window(512)[:, None] * torch.hann_window(512)
    step = 0.4
    before, after = (
        torch.fft.fft2(made.at(seconds).height(x, z, torch.full_like(x, 0.01)) * window)
        for seconds in (20.0, 20.0 + step)
    )
    kz, kx = torch.meshgrid(*[torch.fft.fftfreq(512, 6.0) * 2 * math.pi] * 2, indexing="ij")
    k = torch.hypot(kx, kz)
    power = before.abs().square() * (kz > 0)  # the half that runs north, e^{i (k z − ω t)}
    power = power * (power > 0.01 * power.max())
    turned = -(after * before.conj()).angle() / step  # rad/s
    due = (GRAVITY * k * torch.tanh(k * depth)).sqrt()
    assert float((power * turned).sum() / (power * due).sum()) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("wind", [5.0, 9.0, 15.0, 24.0])
def test_waves_are_as_high_as_jonswap_has_them(wind: float) -> None:
    made = waves(wind, depth_m=500)
    x, z = places(40_000, 6000)
    height = made.at(11.0).height(x, z, torch.full_like(x, 0.01))
    assert 4 * float(height.std()) == pytest.approx(made.sea.height, rel=0.1)


def test_a_grown_sea_is_as_high_as_tables_say() -> None:
    sea = Sea(wind=10, toward=0, fetch=2e6, depth=5000)
    assert sea.height == pytest.approx(0.0246 * 10**2, rel=0.15)  # Pierson and Moskowitz


@pytest.mark.parametrize("wind", [4.0, 8.0, 14.0, 20.0])
def test_slopes_are_as_steep_as_cox_and_munk_saw(wind: float) -> None:
    x, z = places(40_000)
    sx, sz, hidden, _ = waves(wind).at(2.0).slopes(x, z, torch.full_like(x, 1e-3))
    found = float((sx * sx + sz * sz + hidden).mean())
    assert found == pytest.approx(0.003 + 0.00512 * wind, rel=0.25)


@pytest.mark.parametrize("footprint", [0.003, 0.03, 0.3, 1.0, 3.0, 30.0, 1000.0])
def test_what_is_not_drawn_is_handed_on(breeze: Surface, footprint: float) -> None:
    x, z = places(40_000)
    sx, sz, hidden, _ = breeze.slopes(x, z, torch.full_like(x, footprint))
    found = float((sx * sx + sz * sz + hidden).mean())
    assert found == pytest.approx(0.044, rel=0.1)


def test_a_small_footprint_shows_more(breeze: Surface) -> None:
    x, z = places(4000)
    sizes = [breeze.slopes(x, z, torch.full_like(x, f))[0].std() for f in (0.01, 0.1, 1, 10, 100)]
    assert sizes == sorted(sizes, reverse=True)


def test_slopes_are_those_of_the_height(breeze: Surface) -> None:
    x, z = places(2000, 100)
    footprint = torch.full_like(x, 2.0)
    step = 0.1
    east = breeze.height(x + step, z, footprint) - breeze.height(x - step, z, footprint)
    sx = breeze.slopes(x, z, footprint)[0]
    found = torch.corrcoef(torch.stack((east / (2 * step), sx)))[0, 1]
    assert float(found) > 0.95


def test_any_moment_comes_out_the_same_by_itself() -> None:
    x, z = places(1000)
    footprint = torch.full_like(x, 0.1)
    made = waves(12)
    made.at(0.0), made.at(9.0)
    again = waves(12).at(5.5)
    for first, second in zip(
        made.at(5.5).slopes(x, z, footprint), again.slopes(x, z, footprint), strict=True
    ):
        assert torch.equal(first, second)
    assert torch.equal(
        made.at(5.5).height(x, z, footprint)[100:200],
        again.height(x[100:200], z[100:200], footprint[100:200]),
    )


def test_another_seed_is_another_sea() -> None:
    x, z = places(100)
    scene = Scene(seed=1)
    other = replace(scene, seed=2)
    first, second = (Waves(s, CPU).at(0).height(x, z, x * 0 + 0.1) for s in (scene, other))
    assert not torch.allclose(first, second)


@pytest.mark.parametrize("wind", [8.0, 12.0, 18.0])
def test_the_wind_makes_as_much_foam_as_is_seen(wind: float) -> None:
    x, z = places(60_000, 5000)
    foam = waves(wind).at(4.0).slopes(x, z, torch.full_like(x, 0.05))[3]
    assert 0.3 < float(foam.mean()) / coverage(wind) < 3


def test_a_breeze_makes_no_foam() -> None:
    x, z = places(10_000)
    assert float(waves(3).at(1.0).slopes(x, z, torch.full_like(x, 0.05))[3].max()) < 1e-6


def test_nothing_rises_above_the_lift() -> None:
    made = waves(18, swell_m=3)
    x, z = places(60_000, 4000)
    height = made.at(1.0).height(x, z, torch.full_like(x, 0.01))
    assert float(height.max()) < made.lift


@pytest.mark.parametrize("wind", [0.0, 0.3, 45.0])
@pytest.mark.parametrize("depth", [0.2, 6000.0])
def test_extremes_stay_finite(wind: float, depth: float) -> None:
    made = waves(wind, depth_m=depth, swell_m=15, swell_period_s=25, fetch_m=2e6)
    x, z = places(3000, 1e5)
    footprint = torch.logspace(-4, 4, 3000)
    for seconds in (-1e7, 0.0, 1e7):
        surface = made.at(seconds)
        values = (*surface.slopes(x, z, footprint), surface.height(x, z, footprint))
        assert all(bool(value.isfinite().all()) for value in values)


def test_still_air_leaves_a_mirror() -> None:
    x, z = places(5000)
    sx, sz, hidden, _ = waves(0.2).at(0.0).slopes(x, z, torch.full_like(x, 0.01))
    assert float((sx * sx + sz * sz + hidden).mean()) < 1e-4
