"""Pictures made by hand: watercolour, and ink on paper.

Paper, granulation, hatching and the tremble of the hand are fixed to the sheet and the strokes
follow what is painted, so nothing boils from frame to frame.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from pleinair.light.seeds import generator

_LINES = 300  # rows at which brush strokes are laid; they grow with the picture
_LUMA = (0.2126, 0.7152, 0.0722)


@dataclass(frozen=True)
class Sheet:
    """A sheet of paper, the size of the picture.

    Attributes:
        tooth: (H, W) roughness of the paper, mean 0, about −1 to 1.
        flow: (H, W) how pigment pools in a wash, mean 0, about −1 to 1.
        tremble: (1, H, W, 2) where the brush lands instead, as `F.grid_sample` counts.
        painted: (H, W) 1 where the brush went, 0 on the bare border.
        rim: (H, W) where the wash dried at its border, 0 to 1.
    """

    tooth: Tensor
    flow: Tensor
    tremble: Tensor
    painted: Tensor
    rim: Tensor


def watercolour(picture: Tensor, seed: int, depth: Tensor | None, normal: Tensor | None) -> Tensor:
    """Washes of transparent pigment over a faint pencil drawing.

    Regions are flattened with their edges kept (a Kuwahara filter with soft sectors, after
    Papari et al. 2007); the pigment's density then varies with the wash, the paper's tooth and the
    edges where water dried (Bousseau et al. 2006).

    Args:
        picture: (3, H, W) sRGB, 0 to 255.
        seed: of the scene: another seed, another sheet.
        depth: (H, W) m, for the pencil. normal: not used.

    Returns:
        (3, H, W), 0 to 255.
    """
    height, width = picture.shape[1:]
    sheet = _sheet(seed, height, width, picture.device)
    flat = _flattened(picture)
    layers = torch.cat([flat, _steepness(_grey(flat))[None]])
    brushed = F.grid_sample(layers[None], sheet.tremble, padding_mode="border", align_corners=False)
    colour, edge = brushed[0, :3], brushed[0, 3]
    light = _grey(colour)
    colour = torch.lerp(colour, colour * (_washes(light, sheet.flow, 7) / light), 0.6)
    colour = colour.mul_(1.02).add_(0.085).clamp_(0.02, 1)
    dense = edge.mul(3.2).clamp_(max=0.8)
    dense = dense + sheet.flow * 0.34 + sheet.tooth * 0.24 + sheet.rim * 0.5
    colour = colour - (colour - colour * colour) * dense
    colour = colour.mul_(sheet.painted).add_(1 - sheet.painted)
    if depth is not None:
        pencil = _outline(depth, 0.5) * (0.55 + 0.5 * sheet.tooth).clamp(0, 1)
        colour *= 1 - 0.5 * pencil * sheet.painted
    white = torch.tensor([252.0, 248.0, 238.0], device=picture.device)[:, None, None]
    return colour.clamp_(0, 1).mul_(1 + 0.035 * sheet.tooth).mul_(white)


def ink(picture: Tensor, seed: int, depth: Tensor | None, normal: Tensor | None) -> Tensor:
    """Brush lines, hatching in three tones and washes of grey.

    Lines come from edges of depth and, by difference of Gaussians (Winnemöller 2011), of light;
    they swell where the form is near. Hatching lies on the sheet and fills what is dark.

    Args, Returns: as for `watercolour`.
    """
    height, width = picture.shape[1:]
    device = picture.device
    sheet = _sheet(seed, height, width, device)
    flat = _flattened(picture)
    tone = F.grid_sample(
        _grey(flat)[None, None], sheet.tremble, padding_mode="border", align_corners=False
    )[0, 0]
    tone = _stretched(tone)
    wash = _washes(tone.clamp(0.02, 1), sheet.flow, 4)
    wash = 1 - (1 - wash) * 0.68
    wash = wash - (wash - wash * wash) * (sheet.flow * 0.5 + sheet.tooth * 0.25 + sheet.rim)

    drawn = torch.zeros_like(tone)
    scale = height / 360
    for level, angle, gap in ((0.40, 0.75, 5.0), (0.20, -0.70, 6.0), (0.09, 0.1, 5.0)):
        hatch = _hatching(seed, height, width, angle, gap * max(scale, 0.8), device)
        dark = ((level - tone) * 9).clamp_(0, 1)
        drawn = torch.maximum(drawn, dark * (hatch - 0.55 + 0.25 * dark).mul(5).clamp_(0, 1) * 0.6)
    grey = _grey(picture).div_(255)
    fine, broad = _blurred(grey, 0.9 * scale), _blurred(grey, 2.4 * scale)
    lines = (broad - fine).div_(broad + 0.08).sub_(0.045).mul_(9).clamp_(0, 1)
    if depth is not None:
        near = 1 / (1 + depth.clamp(max=1e6) / 600)  # strokes swell in front
        outline = _outline(depth, 0.45)
        swollen = F.max_pool2d(outline[None, None], 3, stride=1, padding=1)[0, 0]
        lines = torch.maximum(lines, torch.lerp(outline, swollen, 0.25 + 0.75 * near))
    dry = (1.05 + 0.9 * sheet.tooth + 0.5 * sheet.flow).clamp_(0, 1)
    drawn = torch.maximum(drawn, lines * dry) * sheet.painted
    wash = torch.lerp(torch.ones_like(wash), wash, sheet.painted)
    shade = (wash * (1 - 0.86 * drawn)).clamp_(0.05, 1) * (1 + 0.03 * sheet.tooth)
    white = torch.tensor([247.0, 241.0, 227.0], device=device)[:, None, None]
    black = torch.tensor([24.0, 26.0, 34.0], device=device)[:, None, None]
    return torch.lerp(black.expand(3, height, width), white, shade)


# --- brush ------------------------------------------------------------------------------------


def _flattened(picture: Tensor) -> Tensor:
    """The picture in flat regions, (3, h, w), 0..1, about `_LINES` rows high."""
    factor = max(1, round(picture.shape[1] / _LINES))
    small = F.avg_pool2d(picture[None], factor, ceil_mode=True)[0].div_(255).clamp_(0, 1)
    return _kuwahara(_kuwahara(small, 3), 2)


def _kuwahara(image: Tensor, reach: int) -> Tensor:
    """Each pixel becomes the mean of the smoothest discs beside it; (3, h, w)."""
    grey = _grey(image)
    both = torch.cat([image, (grey * grey)[None]])[:, None]
    size = 2 * (reach // 2) + 1
    for _ in range(2):
        both = F.avg_pool2d(both, size, 1, size // 2, count_include_pad=False)
    variance = (both[3, 0] - _grey(both[:3, 0]) ** 2).clamp_(min=0)
    weight = 1 / (variance + 2e-4) ** 2
    both = torch.cat([both[:3, 0] * weight, weight[None]])
    padded = F.pad(both[None], (reach,) * 4, mode="replicate")[0]
    height, width = grey.shape
    total = torch.zeros_like(both)
    for sector in range(8):
        dx = round(reach * math.cos(sector * math.pi / 4))
        dy = round(reach * math.sin(sector * math.pi / 4))
        top, left = reach + dy, reach + dx
        total += padded[:, top : top + height, left : left + width]
    return total[:3] / total[3]


def _washes(light: Tensor, flow: Tensor, count: int) -> Tensor:
    """Light in soft steps, as washes are laid one over another; the steps wander with the flow."""
    level = light * count + flow * 0.35
    step = level.floor()
    part = ((level - step - 0.5) * 3).clamp_(-0.5, 0.5).add_(0.5)
    part = part * part * (3 - 2 * part)
    return (step + part + 0.5 - flow * 0.35).div_(count + 0.5).clamp_(0.01, 1)


def _stretched(tone: Tensor) -> Tensor:
    """Ink has the whole range of the paper."""
    return ((tone - 0.06) / 0.74).clamp_(0, 1)


def _steepness(grey: Tensor) -> Tensor:
    across = F.pad(grey[:, 2:] - grey[:, :-2], (1, 1))
    down = F.pad(grey[2:] - grey[:-2], (0, 0, 1, 1))
    steep = (across * across + down * down).sqrt_()
    soft: Tensor = F.avg_pool2d(steep[None, None], 3, 1, 1)
    return soft[0, 0]


def _outline(depth: Tensor, threshold: float) -> Tensor:
    """Lines where the depth jumps, (H, W), 0 to 1; drawn on the nearer side."""
    level = depth.clamp(0.1, 1e5).log()
    padded = F.pad(level[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
    bent = padded[1:-1, :-2] + padded[1:-1, 2:] + padded[:-2, 1:-1] + padded[2:, 1:-1] - 4 * level
    return bent.sub_(threshold * 0.5).div_(threshold).clamp_(0, 1)


def _blurred(grey: Tensor, sigma: float) -> Tensor:
    reach = max(1, math.ceil(2.5 * sigma))
    off = torch.arange(-reach, reach + 1, device=grey.device)
    kernel = torch.exp(-0.5 * (off / sigma) ** 2)
    kernel = (kernel / kernel.sum()).view(1, 1, 1, -1)
    padded = F.pad(grey[None, None], (reach,) * 4, mode="replicate")
    soft: Tensor = F.conv2d(F.conv2d(padded, kernel), kernel.transpose(2, 3))
    return soft[0, 0]


def _grey(image: Tensor) -> Tensor:
    luma = torch.tensor([_LUMA], device=image.device)
    return (luma @ image.reshape(3, -1)).view(image.shape[1:])


# --- paper ------------------------------------------------------------------------------------


@lru_cache(maxsize=2)
def _sheet(seed: int, height: int, width: int, device: torch.device) -> Sheet:
    scale = height / 360
    tooth = _noise(seed, "tooth", height, width, 1.1 * max(scale, 0.6), 14 * scale)
    flow = _noise(seed, "flow", height, width, 20 * scale, 150 * scale)
    off = [_noise(seed, f"tremble {axis}", height, width, 7 * scale, 40 * scale) for axis in "xy"]
    x = (torch.arange(width) + 0.5).expand(height, width)
    y = (torch.arange(height) + 0.5)[:, None].expand(height, width)
    border = torch.minimum(torch.minimum(x, width - x), torch.minimum(y, height - y)) / scale
    border = border - 9 + 1.6 * off[0] + 5 * flow + 0.8 * tooth
    tremble = torch.stack(
        [(x + 1.3 * scale * off[0]) * 2 / width - 1, (y + 1.3 * scale * off[1]) * 2 / height - 1],
        -1,
    )
    return Sheet(
        tooth=tooth.to(device),
        flow=flow.to(device),
        tremble=tremble[None].to(device),
        painted=(border / 2).clamp(0, 1).to(device),
        rim=torch.exp(-((border - 2) ** 2) / 6).to(device),
    )


@lru_cache(maxsize=8)
def _hatching(
    seed: int, height: int, width: int, angle: float, gap: float, device: torch.device
) -> Tensor:
    """Parallel strokes, (H, W), 0 between and 1 in the middle of one; a hand's, not a ruler's."""
    wander = _noise(seed, f"hatch {angle}", height, width, 6 * gap, 40 * gap)
    press = _noise(seed, f"press {angle}", height, width, 2 * gap, 12 * gap)
    x, y = torch.arange(width), torch.arange(height)[:, None]
    along = x * math.cos(angle) + y * math.sin(angle) + 0.7 * gap * wander
    wave = 0.5 + 0.5 * torch.cos(along * (2 * math.pi / gap))
    return (wave + 0.22 * press).to(device)


def _noise(seed: int, name: str, height: int, width: int, finest: float, coarsest: float) -> Tensor:
    """Pink noise between two sizes in pixels, (H, W), standard deviation 0.5."""
    made = torch.randn(height, width, generator=generator(seed, "paper", name))
    fy, fx = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)
    f = (fy * fy + fx * fx).sqrt()
    shape = torch.exp(-((f * finest) ** 2)) / (f + 1 / coarsest)
    shape[0, 0] = 0
    noise: Tensor = torch.fft.irfft2(torch.fft.rfft2(made) * shape, s=(height, width))
    return (noise / noise.std()).mul_(0.5).clamp_(-1.5, 1.5)
