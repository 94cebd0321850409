"""Makes the radiances that the sky is held against: Hosek and Wilkie's, as Mitsuba gives them.

Run with a Python that has Mitsuba 3.9.1 (`pip install mitsuba==3.9.1`), which nothing else needs:

    python scripts/sky_reference.py tests/light/data/sky_reference.json

It writes numbers only: for each turbidity and height of the sun the radiance in 60 directions of
the upper hemisphere and in 9 around the sun, in W/m²/sr/nm by Mitsuba's count, red, green and blue
of linear sRGB.
"""

import json
import math
import sys
from pathlib import Path

TURBIDITIES = (2.0, 3.0, 4.0, 6.0)
HEIGHTS = (3, 10, 20, 40, 60)
ALBEDO = 0.15
COUNT = 60


def directions() -> list[tuple[float, float]]:
    """Azimuth from the sun's and elevation in degrees: even over the sky from 5° up."""
    least = math.sin(math.radians(5))
    spiral = []
    for n in range(COUNT):
        up = least + (1 - least) * (n + 0.5) / COUNT
        spiral.append((round(n * 137.50776 % 360, 2), round(math.degrees(math.asin(up)), 2)))
    return spiral


def around(height: float) -> list[tuple[float, float]]:
    """The same at 2, 5 and 10° from the sun: above it and on both sides, rising a little."""
    near: list[tuple[float, float]] = []
    for away in (2, 5, 10):
        side = round(0.94 * away / math.cos(math.radians(height)), 2)
        near += [(0, height + away), (side, height + 0.3 * away), (-side, height + 0.3 * away)]
    return [(a, round(e, 2)) for a, e in near if e >= 3]


def radiance(
    turbidity: float, height: float, where: list[tuple[float, float]]
) -> list[list[float]]:
    """Radiance in each of the directions."""
    import mitsuba as mi  # type: ignore[import-not-found]

    mi.set_variant("scalar_rgb")
    sun = math.radians(height)
    sky = mi.load_dict(
        {
            "type": "sunsky",
            "sun_direction": [0, math.cos(sun), math.sin(sun)],
            "sun_scale": 0.0,
            "turbidity": turbidity,
            "albedo": {"type": "rgb", "value": [ALBEDO] * 3},
        }
    )
    found = []
    for azimuth, elevation in where:
        a, e = math.radians(azimuth), math.radians(elevation)
        looked = mi.SurfaceInteraction3f()
        looked.wi = -mi.Vector3f(math.cos(e) * math.sin(a), math.cos(e) * math.cos(a), math.sin(e))
        found.append([float(f"{float(part):.4g}") for part in sky.eval(looked)])
    return found


def main(path: str) -> None:
    """Writes the file."""
    skies = [
        {
            "turbidity": t,
            "sun_elevation_deg": h,
            "radiance": radiance(t, h, directions()),
            "around": around(h),
            "radiance_around": radiance(t, h, around(h)),
        }
        for t in TURBIDITIES
        for h in HEIGHTS
    ]
    document = {"directions": directions(), "albedo": ALBEDO, "skies": skies}
    text = json.dumps(document).replace('{"turb', '\n{"turb')
    Path(path).write_text(text + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
