import pytest
import torch

from pleinair.light.atlas import Atlas, Level, snapped


def plane(size: int, cell: float) -> Level:
    """A map of x and z themselves."""
    start = -size * cell / 2 + cell / 2
    line = start + torch.arange(size) * cell
    values = torch.stack((line[None, :].expand(size, size), line[:, None].expand(size, size)))
    return Level(values, start, start, cell)


def test_a_lookup_finds_the_place_at_every_scale() -> None:
    atlas = Atlas([plane(64, 1.0), plane(64, 4.0), plane(64, 16.0)], 0.0, 0.0)
    x = torch.tensor([0.3, -7.2, 11.9, 90.0, -200.0])
    z = torch.tensor([5.5, 2.2, -9.1, -70.0, 150.0])
    scale = atlas.scale(torch.tensor([1.0, 2.0, 3.0, 1.0, 1.0]), torch.hypot(x, z))
    found = atlas.look(x, z, scale)
    assert found[0].tolist() == pytest.approx(x.tolist(), abs=0.01)
    assert found[1].tolist() == pytest.approx(z.tolist(), abs=0.01)


def test_far_places_are_looked_up_in_squares_that_hold_them() -> None:
    atlas = Atlas([plane(64, 1.0), plane(64, 4.0)], 0.0, 0.0)
    near, far = atlas.scale(torch.tensor([0.1, 0.1]), torch.tensor([1.0, 40.0]))
    assert near == 0
    assert far >= 2


def test_scale_filters() -> None:
    noise = torch.randn(1, 64, 64, generator=torch.Generator().manual_seed(1))
    atlas = Atlas([Level(noise, -31.5, -31.5, 1.0), plane_of(0.0)], 0.0, 0.0)
    x, z = torch.rand(2, 500, generator=torch.Generator().manual_seed(2)) * 20 - 10
    sharp = atlas.look(x, z, torch.zeros(500)).std()
    soft = atlas.look(x, z, torch.ones(500)).std()
    assert soft < sharp * 0.75


def plane_of(value: float) -> Level:
    return Level(torch.full((1, 64, 64), value), -126.0, -126.0, 4.0)


def test_rows_of_places_are_looked_up_like_single_ones() -> None:
    atlas = Atlas([plane(64, 1.0), plane(64, 4.0), plane(64, 16.0)], 0.0, 0.0)
    distance = torch.linspace(1, 300, 50)
    scale = atlas.scale(distance * 0.01, distance)
    x = distance[None] * torch.tensor([[0.3], [0.9]])
    z = distance[None] * torch.tensor([[0.8], [-0.2]])
    rows = atlas.fan(x, z, scale)
    single = atlas.look(x.reshape(-1), z.reshape(-1), scale.repeat(2))[0].view(2, 50)
    assert torch.allclose(rows, single, atol=0.02)


def test_snapping_goes_to_the_nearest_step() -> None:
    assert [snapped(value, 4.0) for value in (1.9, 2.1, -2.1, 8.0)] == [0.0, 4.0, -4.0, 8.0]
