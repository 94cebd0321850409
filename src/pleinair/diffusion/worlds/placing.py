"""Where the things of a scene stand: spread out, in view at mid-clip, nearest last."""

import random
from dataclasses import dataclass

from pleinair.diffusion.worlds.scene import COLOURS, Scene
from pleinair.diffusion.worlds.things import PAINTERS


@dataclass(frozen=True)
class Placed:
    """One thing in its place.

    Attributes:
        azimuth, elevation: radians at mid-clip; elevation counts for what flies only.
        distance: in heights of the camera.
        size: radians.
        speed: radians a second, > 0 to the right; 0 for what stands.
    """

    kind: str
    azimuth: float
    elevation: float
    distance: float
    size: float
    speed: float
    colour: str
    phase: float
    flies: bool


# kind -> (smallest, largest size in radians), (nearest, farthest), speed in radians a second
_SIZES: dict[str, tuple[tuple[float, float], tuple[float, float], float]] = {
    "sailboat": ((0.24, 0.32), (5.5, 8.0), 0.085),
    "balloon": ((0.26, 0.38), (9.0, 12.0), 0.07),
    "bird": ((0.075, 0.10), (9.0, 12.0), 0.21),
    "lighthouse": ((0.46, 0.58), (7.0, 9.0), 0.0),
    "pine": ((0.34, 0.46), (3.9, 5.5), 0.0),
    "cabin": ((0.27, 0.33), (4.5, 6.0), 0.0),
    "windmill": ((0.46, 0.56), (5.5, 7.5), 0.0),
    "campfire": ((0.15, 0.19), (3.3, 4.2), 0.0),
}
_SPREAD = 0.40  # radians either side of the middle
# On the coast and by a lake, what stands needs ground under it: near the camera.
_SHORE = (2.7, 3.1)


def place_things(scene: Scene) -> list[Placed]:
    """Every single thing of the scene that has a place, farthest first."""
    rng = random.Random(scene.seed ^ 0x5EED)
    wanted = [thing for thing in scene.things if thing.kind in PAINTERS]
    flying = [thing for thing in wanted if thing.kind in ("balloon", "bird")]
    standing = [thing for thing in wanted if thing not in flying]
    placed = []
    for group in (standing, flying):
        count = sum(thing.count for thing in group)
        slots = [(slot + 0.5) / count * 2 - 1 for slot in range(count)]
        rng.shuffle(slots)
        for thing in group:
            (small, large), (nearest, farthest), speed = _SIZES[thing.kind]
            if scene.place in ("coast", "lake") and thing.kind not in ("sailboat", "lighthouse"):
                nearest, farthest = (nearest, farthest) if thing in flying else _SHORE
            crowd = 1.0 if count < 4 else 0.84
            for _ in range(thing.count):
                azimuth = _SPREAD * (slots.pop() + rng.uniform(-0.6, 0.6) / count)
                placed.append(
                    Placed(
                        kind=thing.kind,
                        azimuth=azimuth if count > 1 else _SPREAD * rng.uniform(-0.7, 0.7),
                        elevation=rng.uniform(0.16, 0.44),
                        distance=rng.uniform(nearest, farthest),
                        size=rng.uniform(small, large) * crowd,
                        speed=speed * {"right": 1, "left": -1, None: 0}[thing.direction],
                        colour=thing.colour or rng.choice(COLOURS),
                        phase=rng.random(),
                        flies=thing in flying,
                    )
                )
    return sorted(placed, key=lambda one: -one.distance)
