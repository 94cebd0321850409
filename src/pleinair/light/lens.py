"""What lens and shutter do to a frame: motion blur and depth of field.

Both gather from neighbours that, by their own movement or circle of confusion, reach the pixel.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from pleinair.light.camera import SENSOR_MM

_TILE = 16


def motion_blur(
    image: Tensor, motion: Tensor, shutter_deg: float, depth: Tensor | None = None
) -> Tensor:
    """Blur along the true motion while the shutter is open.

    Where the motion is smooth each pixel is averaged along its own; at edges the tile's longest
    motion leads and depth decides who covers whom (McGuire et al. 2012).

    Args:
        image: (3, H, W) linear light.
        motion: (2, H, W) px to the right and down from this frame to the next.
        shutter_deg: 360 is open all the time.
        depth: (H, W) m; without it all lies equally far.

    Returns:
        (3, H, W); the image itself where nothing moves by more than 0.7 px.
    """
    height, width = image.shape[1:]
    path = motion * (shutter_deg / 360)  # (2, H, W)
    length = _length(path)
    longest = float(length.max())
    if not longest > 0.7:
        return image
    most = max(height, width) / 12
    if longest > most:
        path = path * (most / length.clamp(min=most))
        length = length.clamp(max=most)
    taps = min(max(math.ceil(0.7 * min(longest, most)) + 1, 3), 11)
    steps = [(tap + 0.5) / taps - 0.5 for tap in range(taps)]
    here = _positions(height, width, image.device)
    uneven = float(_uneven(path))
    if depth is None or uneven < 1.0:
        unit = _units(path)
        total = torch.zeros_like(image)
        for step in steps:
            total += _sample(image, torch.add(here, unit, alpha=step))
        return total.div_(taps)

    led = _units(_dilated(path, length))  # (1, H, W, 2)
    reach = _length(_dilated(path, length))  # (H, W) px
    layered = torch.cat([image, depth.clamp(1e-2, 1e7).log()[None], length[None] * 0.5])
    total, weights = image * 0.05, torch.full_like(depth, 0.05)
    for step in steps:
        sample = _sample(layered, torch.add(here, led, alpha=step))
        off = reach * abs(step) - 1.0
        before = torch.sub(layered[3], sample[3]).mul_(10).add_(0.5).clamp_(0, 1)
        own = torch.lerp(layered[4], sample[4], before)  # whose motion counts
        weight = own.sub_(off).clamp_(1e-3, 1)
        total.addcmul_(sample[:3], weight)
        weights += weight
    return total.div_(weights)


def circle_of_confusion(
    depth: Tensor, lens_mm: float, f_number: float, focus_m: float, width: int
) -> Tensor:
    """Diameter of the disc that a point becomes, px; negative before the focus (thin lens).

    Args:
        depth: m, any shape.
        lens_mm, f_number, focus_m: of the camera.
        width: the picture's longer side, px, that is `SENSOR_MM` wide.
    """
    focal = lens_mm / 1000
    focus = max(focus_m, 2 * focal)
    scale = focal * focal / (f_number * (focus - focal)) * width / (SENSOR_MM / 1000)
    return scale * (1 - focus / depth.clamp(min=0.05))


def depth_of_field(
    image: Tensor, depth: Tensor, lens_mm: float, f_number: float, focus_m: float
) -> Tensor:
    """Blur what is out of focus into discs.

    Scatter as gather: a neighbour adds its light, spread over its own disc, where that disc
    reaches the pixel. What lies before the pixel covers it, also beyond its outline; what lies
    behind does not bleed over what is sharp (Jimenez 2014).

    Args:
        image: (3, H, W) linear light.
        depth: (H, W) m.
        lens_mm, f_number, focus_m: of the camera.

    Returns:
        (3, H, W); the image itself if no disc is wider than 1.2 px.
    """
    height, width = depth.shape
    coc = circle_of_confusion(depth, lens_mm, f_number, focus_m, max(height, width))
    radius = coc.abs().mul_(0.5).clamp_(max=height / 16)  # (H, W) px
    widest = float(radius.max())
    if not widest > 0.6:
        return image
    scale = 2 if widest > 2.5 else 1
    small = _shrunk(torch.cat([image, depth.clamp(1e-2, 1e7).log()[None], radius[None]]), scale)
    blurred, cover = _gather_discs(small, scale)
    if scale == 1:
        return blurred
    both = torch.cat([blurred, cover[None]])
    both = F.interpolate(both[:, None], scale_factor=2, mode="bilinear")[:, 0, :height, :width]
    soft = torch.maximum(both[3], radius.sub(0.5).div_(1.2)).clamp_(0, 1)
    return torch.lerp(image, both[:3], soft)


def _gather_discs(small: Tensor, scale: int) -> tuple[Tensor, Tensor]:
    """Blurred image and how far what lies in front covers each pixel; `small` is (5, h, w)."""
    image, level, radius = small[:3], small[3], small[4] / scale
    height, width = level.shape
    widest = float(radius.max())
    taps = min(max(int(3 * widest * widest), 12), 36)
    tile = max(math.ceil(widest), 1)
    # before the focus discs reach over the outline: look as far as any near neighbour's does
    wide = F.max_pool2d(radius[None, None], 2 * tile + 1, stride=1, padding=tile)[0, 0]
    search = wide.clamp(min=0.5)
    here = _positions(height, width, level.device)
    scaled = torch.cat([image, level[None], radius[None]])
    pixel = torch.tensor([2 / width, 2 / height], device=level.device)
    behind_weight = (radius * radius).clamp_(min=0.3).mul_(math.pi).reciprocal_()
    behind = image * behind_weight
    front, cover = torch.zeros_like(image), torch.zeros_like(level)
    area = search * search / taps  # of a tap, over π
    for tap in range(taps):
        part = math.sqrt((tap + 0.5) / taps)
        angle = tap * math.pi * (3 - math.sqrt(5))
        off = search * part
        step = torch.tensor([math.cos(angle), math.sin(angle)], device=level.device) * pixel
        sample = _sample(scaled, here + off[None, ..., None] * step)
        before = torch.sub(level, sample[3]).mul_(8).sub_(0.3).clamp_(0, 1)
        own = torch.minimum(sample[4], torch.maximum(radius, sample[4] * before))
        reach = (own - off).add_(0.75).clamp_(0, 1)
        weight = reach.mul_(area).div_((own * own).clamp_(min=0.3))
        near = weight * before
        cover += near
        front.addcmul_(sample[:3], near)
        weight -= near
        behind_weight += weight
        behind.addcmul_(sample[:3], weight)
    behind /= behind_weight
    front /= cover.clamp(min=1e-6)
    cover = cover.clamp_(0, 1)
    return torch.lerp(behind, front, cover), cover


def _positions(height: int, width: int, device: torch.device) -> Tensor:
    """Where `F.grid_sample` finds each pixel, (1, H, W, 2)."""
    x = (torch.arange(width, device=device) + 0.5) * 2 / width - 1
    y = (torch.arange(height, device=device) + 0.5) * 2 / height - 1
    return torch.stack([x.expand(height, width), y[:, None].expand(height, width)], -1)[None]


def _units(path: Tensor) -> Tensor:
    """Pixels, (2, H, W), to the units of `_positions`, (1, H, W, 2)."""
    height, width = path.shape[1:]
    return torch.stack([path[0] * (2 / width), path[1] * (2 / height)], -1)[None]


def _sample(image: Tensor, at: Tensor) -> Tensor:
    sampled: Tensor = F.grid_sample(
        image[None], at, mode="bilinear", padding_mode="border", align_corners=False
    )
    return sampled[0]


def _length(path: Tensor) -> Tensor:
    return torch.addcmul(path[0] * path[0], path[1], path[1]).sqrt_()


def _uneven(path: Tensor) -> Tensor:
    """The largest difference of motion between neighbours four pixels apart, px."""
    coarse = path[:, ::4, ::4]
    across = (coarse[:, :, 1:] - coarse[:, :, :-1]).abs().max()
    return torch.maximum(across, (coarse[:, 1:] - coarse[:, :-1]).abs().max())


def _dilated(path: Tensor, length: Tensor) -> Tensor:
    """The longest motion around each pixel, (2, H, W), without steps between tiles."""
    height, width = length.shape
    _, index = F.max_pool2d(length[None, None], _TILE, ceil_mode=True, return_indices=True)
    tiles = path.reshape(2, -1)[:, index.view(-1)].view(1, 2, *index.shape[2:])
    size = _length(tiles[0])[None, None]
    _, index = F.max_pool2d(size, 3, stride=1, padding=1, return_indices=True)
    tiles = tiles.view(2, -1)[:, index.view(-1)].view(2, 1, *index.shape[2:])
    wide = F.interpolate(tiles, scale_factor=_TILE, mode="bilinear")[:, 0, :height, :width]
    return wide.contiguous()


def _shrunk(image: Tensor, scale: int) -> Tensor:
    if scale == 1:
        return image
    pooled: Tensor = F.avg_pool2d(image[None], scale, ceil_mode=True)
    return pooled[0]
