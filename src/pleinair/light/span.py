"""What of the world a film shows: for what its tables need to be fine."""

import math
from dataclasses import dataclass

from pleinair.light.camera import SENSOR_MM, pose_at
from pleinair.scenes.scene import Scene


@dataclass(frozen=True)
class Span:
    """What of the world a film shows: for what its tables need to be fine.

    Attributes:
        low, high: azimuths of what comes into view, rad.
        pixel_angle: of the finest pixel, rad.
        nearest: least distance of the eye from the ground, m.
        first_s, last_s: scene time, s.
    """

    low: float
    high: float
    pixel_angle: float
    nearest: float
    first_s: float
    last_s: float


def span_of(scene: Scene, width: int, height: int, seconds: float) -> Span:
    """What a film of a scene shows."""
    camera, time = scene.camera, scene.time
    poses = [pose_at(camera, scene.seed, seconds * part / 16) for part in range(17)]
    headings = [math.radians(pose.heading_deg) for pose in poses]
    widest = min(pose.lens_mm for pose in poses)
    longest = max(pose.lens_mm for pose in poses)
    diagonal = math.hypot(width, height) / max(width, height)
    half = math.atan(diagonal * SENSOR_MM / 2 / widest)
    steepest = max(abs(math.radians(pose.pitch_deg)) for pose in poses)
    slack = math.radians(6 * camera.shake)
    if steepest + half > 1.3 or max(headings) - min(headings) + 2 * half > 5.5:
        low, high = headings[0] - math.pi, headings[0] + math.pi
    else:
        half = math.asin(min(1.0, math.sin(half) / math.cos(steepest)))
        low, high = min(headings) - half - slack, max(headings) + half + slack
    ends = (time.start_s, time.start_s + time.pace * seconds)
    return Span(
        low=low,
        high=high,
        pixel_angle=SENSOR_MM / longest / max(width, height),
        nearest=min(pose.height_m for pose in poses),
        first_s=min(ends),
        last_s=max(ends),
    )
