"""One frame: every ray of the camera to ground, water or sky, and the air on its way."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from pleinair.light.aurora import aurora
from pleinair.light.camera import View
from pleinair.light.lightning import bolt
from pleinair.light.mirror import Mirror
from pleinair.light.moment import Moment
from pleinair.light.precipitation import precipitation
from pleinair.light.rainbow import rainbow
from pleinair.light.stars import stars
from pleinair.light.water import Glance, Reflect

SKY, LAND, WATER = 0, 1, 2
BAND = 1 << 15
"""Pixels that are drawn together: what is worked out for them stays in the processor's cache."""
STARS_FROM = -0.05
"""Sine of the sun's height below which stars are drawn: about −3°."""


@dataclass(frozen=True)
class Frame:
    """What one frame holds.

    Attributes:
        light: (3, H, W) radiance, kcd/m² of linear sRGB.
        depth: (H, W) distance from the eye, m; infinite in the sky.
        identity: (H, W) uint8: what is seen there, `SKY`, `LAND` or `WATER`.
        view: its camera.
    """

    light: Tensor
    depth: Tensor
    identity: Tensor
    view: View


def draw(moment: Moment, view: View) -> Frame:
    """The light that reaches the camera.

    Args:
        moment: the scene as it is at that time.
        view: the camera; its time is the moment's.
    """
    height, width = view.height, view.width
    fan = moment.fan(view)
    horizon = moment.horizon(view, fan)
    mirror = Lazy(lambda: Mirror(moment, view, fan))
    beyond = _beyond(moment, view)
    ray = view.rays().view(3, -1)  # (3, H W)
    light = torch.empty_like(ray)
    identity = torch.zeros(height * width, dtype=torch.uint8, device=ray.device)
    depth, slope, front = (torch.empty_like(ray[0]) for _ in range(3))
    for start in range(0, height * width, BAND):
        part = slice(start, start + BAND)
        some = ray[:, part]
        level = torch.rsqrt(
            (some[0] * some[0]).addcmul_(some[2], some[2]).clamp_(min=1e-12)
        )  # (P,) length of a ray over its horizontal length
        torch.mul(some[1], level, out=slope[part])
        run, front[part] = horizon.meet(torch.atan2(some[0], some[2]), slope[part])
        torch.mul(run, level, out=depth[part])
        solid = run.isfinite()
        below, above = solid.nonzero()[:, 0], solid.logical_not().nonzero()[:, 0]
        if below.numel():
            down, flat, far = (t.index_select(-1, below) for t in (some, level, run))
            radiance, kind = _ground(moment, view, mirror, down, flat, far)
            light[:, part].index_copy_(1, below, radiance)
            identity[part].index_copy_(0, below, kind)
        if above.numel():
            stars = None if beyond is None else beyond[:, part].index_select(1, above)
            sky = moment.heaven(some.index_select(1, above), view, stars)
            light[:, part].index_copy_(1, above, sky)
    picture = _edges(light.view(3, height, width), slope, front)
    picture = weathered(moment, view, picture, ray, depth.view(height, width))
    return Frame(picture, depth.view(height, width), identity.view(height, width), view)


class Lazy:
    """Something that is made when it is first asked for."""

    def __init__(self, make: Callable[[], Mirror]) -> None:
        self._make = make

    @cached_property
    def reflect(self) -> Reflect:
        """What water mirrors; see `Mirror.reflect`."""
        return self._make().reflect


def _beyond(moment: Moment, view: View) -> Tensor | None:
    """Stars and aurora, (3, H W) kcd/m²; None while the sky outshines them."""
    scene = moment.scene
    if float(moment.sky.sun.direction[1]) > STARS_FROM:
        return None
    light = stars(scene, view, (view.height, view.width))
    if scene.sky.aurora:
        curtains = aurora(scene, view.scene_s, view.rays().view(3, -1))
        light += curtains.view_as(light)
    return light.view(3, -1)


def weathered(moment: Moment, view: View, light: Tensor, ray: Tensor, depth: Tensor) -> Tensor:
    """The picture with what falls, glows and flashes in the air before it, (3, H, W).

    Args:
        moment, view: as in `draw`.
        light: (3, H, W) without them.
        ray: (3, P) directions.
        depth: (H, W) m.
    """
    scene, weather = moment.scene, moment.scene.weather
    if weather.rainbow and float(moment.sky.sun.direction[1]) > 0:
        bow = rainbow(scene, moment.sky.sun, ray, depth.view(-1))
        share = moment.open * moment.sky.sun.irradiance
        light = torch.addcmul(light, bow.view_as(light), share.view(3, 1, 1))
    if weather.lightning_per_min:
        light = light + bolt(view, scene, depth)
    ambient = moment.ambient
    for _, flash in moment.flashes:
        ambient = ambient + flash * 0.3
    lamp = replace(moment.lamp, irradiance=moment.lamp.irradiance * moment.open)
    return precipitation(light, depth, scene, view, ambient, lamp)


def _ground(
    moment: Moment, view: View, mirror: Lazy, ray: Tensor, flat: Tensor, run: Tensor
) -> tuple[Tensor, Tensor]:
    """Light and kind of what rays meet on the way down, (3, P) and (P,).

    Args:
        moment, view: as in `draw`.
        mirror: what water mirrors.
        ray: (3, P) directions.
        flat: (P,) length of a ray over its horizontal length.
        run: (P,) horizontal distance, m.
    """
    across = run * flat  # unit horizontal direction times distance is ray times this
    x = torch.addcmul(view.eye[0], ray[0], across)
    z = torch.addcmul(view.eye[2], ray[2], across)
    length = across  # along the ray, m
    footprint = length * view.pixel_angle
    scale = moment.atlas.scale(footprint, run)
    height = moment.ground(x, z, scale)  # (P,)
    shade = moment.shade(x, z)  # share of the lamp's light under the clouds
    surface = moment.level(x, z, footprint, height)
    wet = (height < surface).nonzero()[:, 0]
    bare = (height > surface - moment.world.clear).nonzero()[:, 0]
    radiance = torch.zeros_like(ray)
    if bare.numel():
        e, n, s, h, far, lit = (
            part.index_select(0, bare) for part in (x, z, scale, height, length, shade)
        )
        radiance.index_copy_(1, bare, moment.matt(e, n, s, h, far, lit, view.pixel_angle))
    kind = torch.full_like(run, LAND, dtype=torch.uint8)
    if wet.numel():
        surface = surface.index_select(0, wet)
        e, n, far, wide, lit, bottom, fine = (
            part.index_select(0, wet) for part in (x, z, length, footprint, shade, height, scale)
        )
        seen = Glance(
            ray=ray.index_select(1, wet),
            x=e,
            z=n,
            distance=far,
            footprint=wide,
            depth=surface - bottom,
            bed=radiance.index_select(1, wet),
            shade=moment.afloat(e, n, far, wide).mul_(lit),
            ground=bottom,
            rise=moment.rise(e, n, bottom, fine),
        )
        kind.index_fill_(0, wet, WATER)
        height.index_copy_(0, wet, surface)
        radiance.index_copy_(1, wet, moment.wet(seen, mirror.reflect))
    return moment.aired(radiance, ray, length, float(view.eye[1]), height), kind


def _edges(light: Tensor, slope: Tensor, front: Tensor) -> Tensor:
    """Edges of near ground against what lies behind, each pixel by the share that they cover.

    An edge lies somewhere between the middles of two pixels, one above the other. Up to halfway
    the lower one takes what is left of it from the upper one, beyond that the other way round.

    Args:
        light: (3, H, W).
        slope: (H W,) of each pixel's ray.
        front: (H W,) slope of the edge below it; see `Horizon.meet`.
    """
    shape = light.shape[1:]
    slope, front = slope.view(shape), front.view(shape)
    step = (slope[:-1] - slope[1:]).abs_().clamp_(min=1e-6)  # rise from pixel to pixel
    place = (front[:-1] - slope[1:]).div_(step).sub_(0.5).clamp_(-0.5, 0.5)
    place.masked_fill_(front[:-1].isinf(), 0)  # −0.5 at the lower middle, 0.5 at the upper one
    down = light[:, 1:] - light[:, :-1]  # (3, H - 1, W)
    light = light.clone()
    light[:, :-1].addcmul_(down, place.clamp(min=0))
    light[:, 1:].addcmul_(down, place.clamp(max=0))
    return light
