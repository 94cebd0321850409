from itertools import pairwise
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from pleinair.light.erosion import Carving, carve
from pleinair.light.land import CELLS, Grid, Land
from pleinair.light.noise import Noise, Window, resample
from pleinair.scenes.scene import PLACES, Scene
from pleinair.scenes.scene import Land as Ground

CPU = torch.device("cpu")
SIZE = 192  # smaller squares than a film's: the same land, less of it
USUAL: dict[str, dict[str, Any]] = {
    "sea": {"relief_m": 0.0},
    "beach": {"relief_m": 150.0, "distance_m": 3000.0},
    "cliffs": {"relief_m": 60.0, "distance_m": 700.0},
    "islands": {"relief_m": 180.0, "distance_m": 2500.0},
    "desert": {"relief_m": 70.0, "distance_m": 700.0},
    "badlands": {"relief_m": 120.0, "distance_m": 1200.0},
    "canyon": {"relief_m": 450.0, "distance_m": 1500.0},
    "volcano": {"relief_m": 1200.0, "distance_m": 4000.0},
    "hills": {"relief_m": 220.0, "distance_m": 1800.0},
    "forest": {"relief_m": 250.0, "distance_m": 1500.0},
    "meadow": {"relief_m": 250.0, "distance_m": 3000.0},
}
_known: dict[tuple[str, int], tuple[Land, tuple[Grid, ...]]] = {}


def scene(place: str, seed: int = 1, **land: float | str) -> Scene:
    return Scene(seed=seed, land=Ground(**{"place": place} | USUAL.get(place, {}) | land))


def around(place: str, seed: int = 1) -> tuple[Land, tuple[Grid, ...]]:
    """A place's land and its squares, made once."""
    if (place, seed) not in _known:
        land = Land(scene(place, seed), CPU, SIZE)
        _known[place, seed] = land, land.grids(0, 0)
    return _known[place, seed]


def at(grids: tuple[Grid, ...], x: float, z: float) -> float:
    """Height at a point of the finest square that has it."""
    for grid in grids:
        column, row = round((x - grid.x0) / grid.cell), round((z - grid.z0) / grid.cell)
        if min(column, row) >= 0 and max(column, row) < grid.height.shape[0]:
            return float(grid.height[row, column])
    raise ValueError(x, z)


def plane(grid: Grid) -> tuple[torch.Tensor, torch.Tensor]:
    line = torch.arange(grid.height.shape[0]) * grid.cell
    return (line + grid.x0)[None, :], (line + grid.z0)[:, None]


@pytest.mark.parametrize("place", PLACES)
def test_every_place_has_whole_squares(place: str) -> None:
    _, grids = around(place)
    assert [grid.cell for grid in grids] == list(CELLS)
    for grid in grids:
        size = grid.height.shape[0]
        assert grid.height.shape == (size, size)
        assert grid.albedo.shape == (3, size, size)
        for share in (grid.albedo, grid.leaf, grid.snow):
            assert share.min() >= 0
            assert share.max() <= 1
        assert grid.height.isfinite().all()


@pytest.mark.parametrize("place", PLACES)
def test_the_viewer_stands_well(place: str) -> None:
    land, grids = around(place)
    stand = land.ground(0, 0)
    if place == "sea":
        assert stand < 0
        return
    assert stand > 0.2
    x, z = plane(grids[0])
    near = (x * x + z * z) < 30**2
    assert float((grids[0].height - stand)[near].max()) < 1.7


@pytest.mark.parametrize("place", ["mountains", "beach", "desert"])
def test_the_same_scene_makes_the_same_bits(place: str) -> None:
    _, first = around(place)
    again = Land(scene(place), CPU, SIZE).grids(0, 0)
    for one, other in zip(first, again, strict=True):
        assert torch.equal(one.height, other.height)
        assert torch.equal(one.albedo, other.albedo)


@pytest.mark.parametrize("place", ["mountains", "lake"])
def test_another_seed_is_another_place(place: str) -> None:
    _, first = around(place)
    _, other = around(place, 2)
    far = (first[4].height - other[4].height).abs().mean()
    assert far > 10


@pytest.mark.parametrize("place", ["mountains", "river", "desert"])
def test_the_land_stays_where_the_camera_goes(place: str) -> None:
    land, here = around(place)
    there = land.grids(4, 8)
    for n, (one, other) in enumerate(zip(here[:2], there[:2], strict=True)):
        x = round((other.x0 - one.x0) / one.cell)
        z = round((other.z0 - one.z0) / one.cell)
        margin = 8
        shared = one.height[z + margin : -margin, x + margin : -margin]
        moved = other.height[margin : -z - margin, margin : -x - margin]
        off = (shared - moved).abs()
        assert off.quantile(0.99 if n else 1.0) < (0.1 if n else 0.01)  # n: partly averaged


@pytest.mark.parametrize("place", ["mountains", "canyon", "beach"])
def test_a_coarser_square_is_the_finer_one_averaged(place: str) -> None:
    _, grids = around(place)
    for fine, coarse in pairwise(grids):
        mean = F.avg_pool2d(fine.height[None, None, 2:-2, 2:-2], 4)[0, 0]
        first = round((fine.x0 + 4 * fine.cell - coarse.x0) / coarse.cell)
        count = mean.shape[0]
        same = coarse.height[first : first + count, first : first + count]
        inner = slice(12, -12)
        rise = (mean - mean.roll(1, 0)).abs().mean() + 0.02
        assert (mean - same)[inner, inner].abs().mean() < rise


def test_ground_is_the_finest_square_without_its_plants() -> None:
    land, grids = around("desert")
    middle = grids[0].height.shape[0] // 2
    assert land.ground(0, 0) == pytest.approx(float(grids[0].height[middle, middle]), abs=0.05)


def test_the_sea_is_open() -> None:
    _, grids = around("sea")
    assert all(grid.height.max() < 0 for grid in grids)


def test_a_beach_has_its_waterline_ahead_and_land_behind() -> None:
    for seed in (1, 2, 3):
        _, grids = around("beach", seed)
        x, z = plane(grids[2])
        ahead = (z > 0) & (x.abs() < z)
        assert 0.05 < float((grids[2].height < 0)[ahead].float().mean()) < 0.95
        assert float((grids[2].height > 0)[(z < -250).expand(SIZE, SIZE)].float().mean()) > 0.4


def test_cliffs_stand_steeply_over_the_sea() -> None:
    _, grids = around("cliffs")
    height = grids[2].height
    fall = (height - height.roll(8, 1)).abs()[:, 8:]  # over 32 m
    assert fall.max() > 25
    assert float((height < 0).float().mean()) > 0.2


def test_a_lake_lies_ahead_and_heights_beyond() -> None:
    for seed in (1, 2):
        _, grids = around("lake", seed)
        assert all(at(grids, 0, z) < 0 for z in (100, 400, 900))
        beyond = grids[4].height[SIZE // 2 + 40 :]
        assert beyond.max() > 400


def test_a_river_is_water_all_the_way() -> None:
    _, grids = around("river")
    water = grids[2].height < 0  # (N, N): rows go north
    rows = water[SIZE // 2 :].any(1)
    assert rows.all()
    columns = torch.arange(SIZE)
    middle = [float(columns[row].float().mean()) for row in water[SIZE // 2 :]]
    steps = torch.tensor(middle).diff().abs()
    assert steps.max() < 30  # texels: it never leaps


def test_dunes_are_steeper_in_the_lee() -> None:
    land, grids = around("desert")
    east, north = land.place.prevailing  # type: ignore[attr-defined]
    height = grids[2].height
    rise_east = (height - height.roll(1, 1))[1:, 1:] / 4
    rise_north = (height - height.roll(1, 0))[1:, 1:] / 4
    along = rise_east * east + rise_north * north
    lee, stoss = -along[along < -0.05], along[along > 0.05]
    assert lee.quantile(0.9) > 1.3 * stoss.quantile(0.9)
    assert lee.quantile(0.99) < 1.1  # sand comes to rest


def test_a_canyon_has_walls_and_a_river() -> None:
    land, grids = around("canyon")
    assert land.ground(0, 0) > 350
    x, z = plane(grids[3])
    ahead = grids[3].height[(z > 0) & (z < 3000) & (x.abs() < 1500)]
    assert ahead.min() < 0
    assert ahead.max() > 400


def test_a_volcano_is_highest_at_its_rim_round_a_crater() -> None:
    land, grids = around("volcano")
    east, north = land.place.site.subject
    x, z = plane(grids[4])
    off = torch.sqrt((x - east) ** 2 + (z - north) ** 2)
    height = grids[4].height
    rim = height.max()
    assert float(off.view(-1)[height.argmax()]) < 500
    assert float(height.view(-1)[off.argmin()]) < rim - 30


def test_islands_rise_from_the_sea_ahead() -> None:
    land, grids = around("islands")
    east, north = land.place.site.subject
    assert at(grids, east, north) > 20
    assert at(grids, 0, 60) < 0


def test_snow_lies_above_its_line_alone() -> None:
    land = Land(scene("mountains", relief_m=2000.0, snow_line_m=1000.0), CPU, SIZE)
    grid = land.grids(0, 0)[4]
    assert grid.snow[grid.height < 900].max() == 0
    assert grid.snow[grid.height > 1200].mean() > 0.25


def test_woods_keep_their_distance_and_follow_the_share() -> None:
    few = Land(scene("hills", forest=0.1), CPU, SIZE).grids(0, 0)[2]
    many = Land(scene("hills", forest=0.9), CPU, SIZE).grids(0, 0)[2]
    assert (many.albedo[1] < 0.05).float().mean() > (few.albedo[1] < 0.05).float().mean() + 0.2
    grids = Land(scene("forest", forest=1.0), CPU, SIZE).grids(0, 0)
    x, z = plane(grids[1])
    smooth = F.avg_pool2d(grids[1].height[None], 5, 1, 2)[0]
    bumps = (grids[1].height - smooth).abs()
    assert bumps[(x * x + z * z) < 60**2].max() < 1.5


def test_autumn_is_redder_than_spring() -> None:
    spring, autumn = (
        Land(scene("forest", forest=0.9, season=season), CPU, SIZE).grids(0, 0)[2].albedo
        for season in ("spring", "autumn")
    )
    assert (autumn[0] / autumn[1]).median() > 1.2 * (spring[0] / spring[1]).median()


def test_noise_is_the_same_in_any_window() -> None:
    noise = Noise(3, CPU)
    wide = noise.octave(Window(-64, -64, 128, 2.0, CPU), 40, 7)
    part = noise.octave(Window(-20, 10, 32, 2.0, CPU), 40, 7)
    assert torch.allclose(wide[74:106, 44:76], part, atol=1e-5)
    assert 0.7 < float(wide.std()) < 1.4


def test_resampling_keeps_a_plane() -> None:
    source, target = Window(-8, -8, 32, 4.0, CPU), Window(0, 0, 40, 1.0, CPU)
    x, z = source.plane()
    found = resample(2 * x - z + 5, source, target)
    x, z = target.plane()
    assert torch.allclose(found, 2 * x - z + 5, atol=1e-3)


def test_rivers_carve_valleys_that_all_drain() -> None:
    noise = Noise(5, CPU)
    window = Window(-64, -64, 128, 64.0, CPU)
    x, z = window.plane()
    uplift = torch.exp(-(x * x + z * z) / 2500**2) - 0.1
    height = carve(uplift.clamp(min=0), noise.fractal(window, 1000, 3, 1), Carving())
    assert height.max() == 1
    assert height[uplift <= 0].max() == 0
    lowest = -F.max_pool2d(-height[None], 3, 1, 1)[0]
    pits = (height <= lowest) & (uplift > 0.01)
    assert pits.float().mean() < 0.01
