"""What a kind of place says of its land: what rises, how it is carved, how it meets the water."""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from pleinair.light.erosion import Carving
from pleinair.light.noise import Noise, Window, smoothstep
from pleinair.light.seeds import generator
from pleinair.scenes.scene import Scene

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Palette:
    """What the ground is made of; colours are linear reflectances.

    Attributes:
        rock, rock_dark: light and dark beds of the rock, or its patches.
        soil: bare earth and scree.
        sand: of beaches, dunes and banks.
        grass, dry: lush and withered.
        meadow: 0..1, share of the flat ground that plants cover.
        strata_m: thickness of the beds, m; 0 where none show.
        strata: 0..1, how much they differ.
        bare: slopes (tangent) where rock begins and where nothing else is left.
        sand_top_m: height above the water up to which there is sand; 0 for none.
        trees: 0..1, how fit the place is for trees.
        tree_line_m: where they end.
        stones: 0..1, how many stones lie about.
        flowers: 0..1.
    """

    rock: Colour = (0.185, 0.172, 0.155)
    rock_dark: Colour = (0.078, 0.073, 0.068)
    soil: Colour = (0.17, 0.14, 0.105)
    sand: Colour = (0.40, 0.34, 0.25)
    grass: Colour = (0.058, 0.082, 0.026)
    dry: Colour = (0.17, 0.135, 0.062)
    meadow: float = 0.9
    strata_m: float = 0.0
    strata: float = 0.0
    bare: tuple[float, float] = (0.6, 0.95)
    sand_top_m: float = 0.0
    trees: float = 1.0
    tree_line_m: float = 1700.0
    stones: float = 0.15
    flowers: float = 0.3


@dataclass(frozen=True)
class Site:
    """A scene's land seen by its place: noise, chance and where the subject lies.

    Attributes:
        scene: whose land it is.
        noise: of its seed.
        device: where tensors live.
    """

    scene: Scene
    noise: Noise
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    def chance(self, *names: str, low: float = 0.0, high: float = 1.0) -> float:
        """A number of this seed for a purpose."""
        made = generator(self.scene.seed, "land", *names)
        return low + (high - low) * float(torch.rand((), generator=made))

    @property
    def side(self) -> float:
        """−1 or 1: on which side of the picture the subject is."""
        return 1.0 if self.chance("side") < 0.5 else -1.0

    @property
    def subject(self) -> tuple[float, float]:
        """Where the main heights lie, m east and north."""
        angle = math.radians(self.side * self.chance("angle", low=6, high=19))
        distance = self.scene.land.distance_m
        return distance * math.sin(angle), distance * math.cos(angle)

    def wind(self) -> tuple[float, float]:
        """Unit vector toward which the wind blows, east and north."""
        angle = math.radians(self.scene.weather.wind_from_deg + 180)
        return math.sin(angle), math.cos(angle)


class Place:
    """A kind of place; the others override what they do otherwise.

    Attributes:
        palette: what its ground is made of.
        carving: how rivers carve its heights.
        rough: height of a wave of the ground against its length, where it is flat and where steep.
        gullied: the same of the ribs between gullies, for each unit of slope.
        wet: whether the place is at a water, whose edge is wet.
    """

    palette = Palette()
    carving = Carving()
    rough = (0.006, 0.06)
    gullied = 0.13
    wet = False

    def __init__(self, site: Site) -> None:
        self.site = site
        self.noise = site.noise
        self.land = site.scene.land
        self.distance = self.land.distance_m
        self.relief = self.land.relief_m
        self.cell = self.choose_cell()

    def choose_cell(self) -> float:
        """Cell of the grid of 512² on which rivers carve, m: a level's, or twice that."""
        for cell in (8.0, 16.0, 32.0):
            if self.distance * 2.2 < cell * 256:
                return cell
        return 64.0

    def plain(self, window: Window) -> Tensor:
        """Height of the ground from which the heights rise, (N, N), m."""
        return 20 + 2.0 * self.noise.fractal(window, 900, 3, 11)

    def uplift(self, window: Window) -> Tensor:
        """How fast the ground rises, (N, N), about 0 to 1; 0 where rivers end."""
        return torch.zeros(window.size, window.size, device=window.device)

    def raised(self, window: Window, carved: Tensor) -> Tensor:
        """Metres above the plain from the carved height of 0 to 1, (N, N)."""
        return carved * self.relief

    def sculpt(self, window: Window, height: Tensor) -> Tensor:
        """The ground as it is, from the smooth land that carving and noise left, (N, N), m."""
        return dry(height)

    def paint(self, window: Window, ground: Tensor) -> tuple[Tensor, Tensor] | None:
        """What only this place has on the ground: its share (N, N) and its colour (3, N, N)."""
        return None

    def away(self, window: Window) -> Tensor:
        """Distance from the middle of the world, (N, N), m."""
        x, z = window.plane()
        return torch.sqrt(x * x + z * z)

    def swell(self, window: Window, wavelength: float, low: float = 0.2) -> Tensor:
        """Slow change of how much rises, (N, N), about ``low`` to 1.3."""
        return (0.65 + 0.32 * self.noise.fractal(window, wavelength, 3, 31)).clamp(low, 1.3)


class Shore(Place):
    """A place with a coast: `coast` decides where, `profile` how the ground goes under."""

    wet = True
    rise_m = 90.0

    def coast(self, window: Window) -> Tensor:
        """Distance inland from the waterline, negative in the water, (N, N), m."""
        raise NotImplementedError

    def profile(self, inland: Tensor, window: Window) -> Tensor:
        """Height of a gentle shore that far inland, negative under water, (N, N), m."""
        deep = self.site.scene.water.depth_m
        under = deep * (torch.exp(inland.clamp(max=0) * (0.12 / deep)) - 1)
        return under + 1.4 * (1 - torch.exp(inland.clamp(min=0) * -0.07))

    def sculpt(self, window: Window, height: Tensor) -> Tensor:
        """The land, let down to the water at the coast."""
        inland = self.coast(window)
        return dry(height) * smoothstep(0, self.rise_m, inland) + self.profile(inland, window)


def dry(height: Tensor) -> Tensor:
    """Lifts what lies below the water, smoothly, to just above it."""
    return 0.5 * (height + torch.sqrt(height * height + 1)) + 0.2


def bump(x: Tensor, z: Tensor, at: tuple[float, float], wide: float, deep: float) -> Tensor:
    """A round hill of height 1, (N, N), with half axes along x and z, m."""
    dx, dz = (x - at[0]) / wide, (z - at[1]) / deep
    return torch.exp(-(dx * dx + dz * dz))


def terraced(level: Tensor, cliff: float = 0.2, tall: float = 0.7) -> Tensor:
    """Steps of beds of rock: of each unit of ``level``, the share ``cliff`` climbs ``tall``."""
    whole = level.floor()
    part = level - whole
    steep = (part * (tall / cliff)).clamp(max=tall)
    gentle = ((part - cliff) * ((1 - tall) / (1 - cliff))).clamp(min=0)
    return whole + steep + gentle
