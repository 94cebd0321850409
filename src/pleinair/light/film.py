"""What becomes of the light: exposure, glare, tone curve, grain and 8-bit colour.

A frame arrives as linear light (3, H, W) in kcd/m². It leaves as sRGB bytes (H, W, 3). Between the
two lie the steps of a photographer: meter, expose, dodge and burn, develop, print. Middle grey is
0.18 after the exposure.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pleinair.light.looks import PAINTERS, STOCKS, Stock
from pleinair.light.seeds import generator
from pleinair.scenes.scene import Film

GREY = 0.18
LUMA = (0.2126, 0.7152, 0.0722)
_ROD_WEIGHTS = (0.0, 0.60, 0.40)  # how rods see red, green and blue; Ferwerda et al. 1996
_ROD_TINT = (0.62, 0.96, 1.62)  # the blue of moonlight to a mind that sees with its rods
_PROFILE = (  # skies less purple and sunsets less yellow, as camera makers tune theirs; grey stays
    (1.06, 0.0, -0.06),
    (-0.07, 1.0, 0.07),
    (-0.02, 0.0, 1.02),
)
_INSET = (  # mixes the channels before the curve, so that bright colours go to white as dyes do;
    (0.842479, 0.078434, 0.079224),  # Sobotka's AgX for Rec. 709
    (0.042328, 0.878469, 0.079166),
    (0.042376, 0.078434, 0.879143),
)
_SHARP = 8  # bits of a float's mantissa that the curve's table tells apart
_TILE = 1024


# --- metering ---------------------------------------------------------------------------------


def meter(image: Tensor) -> float:
    """The exposure that a photographer would choose, in log2 units (EV).

    Centre-weighted mean of the log luminance, held back where it would burn the lights. Bright
    snow and pale fog are kept bright, dusk and night are kept dark, though never black.

    Args:
        image: (3, H, W) linear light, kcd/m²; a small frame does (64×36).

    Returns:
        EV to pass to `develop`: the image times 2^EV has its middle tones near 0.18.
    """
    image = torch.nan_to_num(image, nan=0.0, posinf=1e6).clamp(1e-9, 1e6)
    height, width = image.shape[1:]
    light = (_column(LUMA, image.device) * image).sum(0)  # (H, W)
    x = torch.linspace(-1, 1, width, device=image.device)
    y = torch.linspace(-1, 1, height, device=image.device)[:, None]
    weight = torch.exp(-0.9 * (x * x + (y - 0.1) ** 2))
    weight = weight / weight.sum()
    level = light.clamp(max=float(light.flatten().quantile(0.985))).log2()
    middle = float((weight * level).sum())
    spread = float((weight * (level - middle) ** 2).sum().sqrt())
    top = float(light.flatten().quantile(0.97).log2())
    colour = float((weight * (image.amax(0) - image.amin(0)) / image.amax(0)).sum())

    night = min(0.0, 0.115 * (middle + 4))  # darker than 60 cd/m²: brought up only partly
    day = min(max(middle / 4 + 1.5, 0.0), 1.0)
    snow = min(max(0.65 * (middle - 2.3), 0.0), 1.0)
    fog = 1.1 * day * _ramp(spread, 1.1, 0.45) * _ramp(colour, 0.35, 0.15)
    wanted = math.log2(0.26) - middle + night + max(snow, fog)
    most = math.log2(1.9) - top + 0.6 * night  # the lights stay below the shoulder
    return most - _softplus(most - wanted)


@dataclass(frozen=True)
class Exposure:
    """The exposure along a film: slow, smooth and a function of time alone.

    Attributes:
        times: film times in rising order, s; at least one.
        readings: what `meter` said then, EV.
    """

    times: tuple[float, ...]
    readings: tuple[float, ...]

    def at(self, film_s: float) -> float:
        """EV at a moment of the film.

        The readings are blurred over about 1.5 s and small deviations from their mean are damped,
        as a cameraman leaves the aperture alone while the light changes little.
        """
        near = [math.exp(-0.5 * ((film_s - time) / self._reach) ** 2) for time in self.times]
        total = sum(near)
        if total < 1e-12:  # far outside the keys
            return self.readings[0 if film_s < self.times[0] else -1]
        mean = sum(self.readings) / len(self.readings)
        off = sum(w * ev for w, ev in zip(near, self.readings, strict=True)) / total - mean
        return mean + off * (0.4 + abs(off)) / (1 + abs(off))

    @property
    def _reach(self) -> float:
        spacing = (self.times[-1] - self.times[0]) / max(len(self.times) - 1, 1)
        return max(1.0, spacing)


# --- development ------------------------------------------------------------------------------


def develop(
    image: Tensor,
    film: Film,
    exposure_ev: float,
    frame: int,
    seed: int,
    *,
    light: Tensor | None = None,
    depth: Tensor | None = None,
    normal: Tensor | None = None,
    identity: Tensor | None = None,
) -> np.ndarray:
    """Turn linear light into a picture.

    Args:
        image: (3, H, W) linear light, kcd/m²; what is not finite is taken as black or white.
        film: how it is printed.
        exposure_ev: metered exposure and the camera's correction together, EV.
        frame: number of the frame; grain and dither change with it.
        seed: of the scene.
        light: (3,) irradiance of sun and sky together, any unit: the white balance goes part of
            the way from daylight to it. None is daylight.
        depth: (H, W) m; normal: (3, H, W) unit: what the painted looks draw their lines from;
            without them they use the light alone. The other looks need none.
        identity: (H, W) what is seen; not used yet.

    Returns:
        (H, W, 3) uint8, sRGB.
    """
    picture = tones(image, film, exposure_ev, frame, seed, light=light)
    if film.look in PAINTERS:
        picture = PAINTERS[film.look](picture, seed, depth, normal)
    height, width = picture.shape[1:]
    dither = _noise(seed, "dither", frame, height, width, picture.device)
    picture = picture.add(dither).clamp_(0, 255.99).to(torch.uint8)
    return picture.permute(1, 2, 0).contiguous().cpu().numpy()


def tones(
    image: Tensor,
    film: Film,
    exposure_ev: float,
    frame: int,
    seed: int,
    *,
    light: Tensor | None = None,
) -> Tensor:
    """`develop` without paint and bytes: (3, H, W), sRGB-encoded, 0 to 255 and a little beyond."""
    stock = STOCKS[film.look]
    height, width = image.shape[1:]
    device = image.device
    image = image.clamp(0, 1e9).nan_to_num_(0.0)
    if film.bloom:
        image = glare(image, film.bloom, exposure_ev)
    gain = dodge(image, exposure_ev)  # (H, W)
    gain *= _vignette(height, width, film.vignette, device)
    amount = 0.14 * (film.grain + stock.grain) * math.sqrt(min(height / 1080, 1.0))
    if amount and film.look not in PAINTERS:
        gain *= _noise(seed, "grain", frame, height, width, device).mul(amount).add_(1)
    expose, mix = _matrices(film, stock, exposure_ev, light)
    exposed = torch.mm(expose.to(device), image.view(3, -1))  # (3, P)
    exposed.mul_(gain.view(-1)).clamp_(2.0**-14, 2.0**7)
    # a float's own bits are a logarithmic scale: exponent and the mantissa's first bits
    step = exposed.view(torch.int32).bitwise_right_shift_(23 - _SHARP)
    curves = _curves(film.look, film.contrast, device)
    printed = torch.empty(step.shape, device=device)
    for channel, curve in enumerate(curves):
        torch.index_select(curve, 0, step[channel], out=printed[channel])
    return torch.mm(mix.to(device), printed).view(3, height, width)


def glare(image: Tensor, bloom: float, exposure_ev: float) -> Tensor:
    """Light scattered by lens and film: what it takes from a pixel it spreads around it.

    A pyramid of ever wider kernels falls off about as 1/r³, as the eye's and a lens' glare do
    (Spencer et al. 1995). The share that scatters is fixed, so the sum of the light is kept.

    Args:
        image: (3, H, W) linear light.
        bloom: 0..1.
        exposure_ev: light more than 8 EV above middle grey does not scatter more.
    """
    height, width = image.shape[1:]
    share = 0.10 * bloom
    bright = image.clamp(max=GREY * 2.0 ** (8 - exposure_ev))
    levels = [_quarter(bright)]  # (3, 1, h, w)
    while min(levels[-1].shape[2:]) >= 8:
        levels.append(F.avg_pool2d(levels[-1], 4, stride=2, padding=1, count_include_pad=False))
    spread = levels.pop()
    for finer in reversed(levels):
        wider = F.interpolate(spread, size=finer.shape[2:], mode="bilinear")
        spread = wider.lerp_(finer, 0.45)
    glow = F.interpolate(spread, scale_factor=4, mode="bilinear")[:, 0, :height, :width]
    return torch.sub(image, bright, alpha=share).add_(glow, alpha=share)


def dodge(image: Tensor, exposure_ev: float, strength: float = 0.26) -> Tensor:
    """Dodging and burning: bright regions are held back, dark ones brought up, detail is kept.

    A guided filter (He, Sun & Tang 2010) of the log luminance tells regions from detail without
    halos; it is computed small and applied in full size.

    Returns:
        (H, W) factor for the light.
    """
    height, width = image.shape[1:]
    luma = torch.tensor([LUMA], device=image.device)
    light = torch.mm(luma, image.reshape(3, -1)).view(1, 1, height, width)
    least, most = (GREY * 2.0 ** (ev - exposure_ev) for ev in (-7, 5))
    level = light.clamp_(least, most).log2_()
    small = F.interpolate(_quarter(level[0]), size=(48, 64), mode="area")
    mean = _mean(small)
    variance = (_mean(small * small) - mean * mean).clamp(min=0)
    slope = variance / (variance + 1.0)  # (1, 1, 48, 64): edges of more than about 1 EV are kept
    flat = _mean(torch.cat([slope, (1 - slope) * mean]))
    slope, flat = F.interpolate(flat, size=(height, width), mode="bilinear").unbind(0)
    base = level[0].mul_(slope).add_(flat).sub_(mean.mean())
    return base.mul_(-strength).exp2_()[0]


def _quarter(image: Tensor) -> Tensor:
    """Means of 4 × 4 pixels; (C, H, W) to (C, 1, H/4, W/4), the border repeated where needed."""
    height, width = image.shape[1:]
    if height % 4 or width % 4:
        image = F.pad(image[None], (0, -width % 4, 0, -height % 4), mode="replicate")[0]
    height, width = image.shape[1] // 4, image.shape[2] // 4
    rows = image.view(-1, height, 4, 4 * width).sum(2).view(-1, height, width, 4)
    sums = (rows[..., 0] + rows[..., 1]) + (rows[..., 2] + rows[..., 3])
    return sums.mul_(1 / 16)[:, None]


def _mean(small: Tensor) -> Tensor:
    """Means of about 9 × 9 neighbours; (…, h, w)."""
    height, width = small.shape[-2:]
    down, across = _window(height, small.device), _window(width, small.device)
    return torch.matmul(torch.matmul(down, small), across.t())


@lru_cache(maxsize=8)
def _window(size: int, device: torch.device) -> Tensor:
    """A matrix that takes the mean of each element and four on either side."""
    place = torch.arange(size, device=device)
    near = ((place[:, None] - place).abs() <= 4).float()
    return near / near.sum(1, keepdim=True)


def _matrices(
    film: Film, stock: Stock, exposure_ev: float, light: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The two (3, 3) mixes of channels, before and after the curve."""
    luma = torch.tensor(LUMA, dtype=torch.float64)
    warm = film.warmth + stock.warmth
    balance = torch.tensor([1 + 0.20 * warm, 1 + 0.02 * warm, 1 - 0.28 * warm]).double()
    if light is not None:  # a weak tint is taken away by half, a sunset's by little
        lamp = light.detach().cpu().double().clamp(min=1e-12)
        tint = (lamp / (luma @ lamp)).log()
        balance = balance * torch.exp(-0.5 * tint / (1 + 2 * tint.abs().max()))
    balance = balance / (luma @ balance)
    eye = torch.eye(3, dtype=torch.float64)
    rods = torch.outer(torch.tensor(_ROD_TINT).double(), torch.tensor(_ROD_WEIGHTS).double())
    night = torch.lerp(eye, rods, 0.55 * _ramp(exposure_ev, 8, 15))
    profile, inset, layers = (
        torch.tensor(rows, dtype=torch.float64) for rows in (_PROFILE, _INSET, stock.filter)
    )
    expose = inset @ layers @ night @ profile @ torch.diag(balance) * 2.0**exposure_ev
    saturation = film.saturation * stock.saturation
    mix = torch.lerp(luma.expand(3, 3), eye, saturation) @ inset.inverse()
    return expose.float(), mix.float()


@lru_cache(maxsize=8)
def _curves(look: str, contrast: float, device: torch.device) -> tuple[Tensor, ...]:
    """The tone curve of each channel as a table over the leading bits of a float.

    A straight part in log exposure with a toe and a shoulder that end at black and white.
    """
    stock = STOCKS[look]
    bits = torch.arange(((127 + 7) << _SHARP) + 1, dtype=torch.int32) << (23 - _SHARP)
    middle = bits.view(torch.float32).double() * (1 + 0.5 / (1 << _SHARP))
    ev = (middle.clamp(min=2.0**-15) / GREY).log2()
    slope = 0.215 * contrast * stock.contrast  # of the encoded value to an EV
    rise = slope * ev
    start = 0.46
    up = _knee(rise.clamp(min=0), 1 - start, slope * 4.7, 1.9)
    down = _knee(-rise.clamp(max=0), start, slope * 8.5, 1.8)
    printed = (start + up - down).clamp(0, 1)
    return tuple(
        ((low + (high - low) * printed**gamma) * 255).float().to(device)
        for low, high, gamma in zip(stock.black, stock.white, stock.gamma, strict=True)
    )


def _knee(rise: Tensor, height: float, reach: float, power: float) -> Tensor:
    """Starts with slope 1 and bends to meet ``height`` where ``rise`` is ``reach``."""
    if reach <= height * 1.02:  # so soft that it hardly needs a bend
        return rise * (height / reach)
    scale = (height**-power - reach**-power) ** (-1 / power)
    bent: Tensor = rise * (1 + (rise / scale) ** power) ** (-1 / power)
    return bent


@lru_cache(maxsize=8)
def _vignette(height: int, width: int, strength: float, device: torch.device) -> Tensor:
    x = (torch.arange(width, device=device) + 0.5) * 2 / width - 1
    y = (torch.arange(height, device=device) + 0.5) * 2 / height - 1
    wide = width / math.hypot(width, height)
    tall = height / math.hypot(width, height)
    radius2 = (x * wide) ** 2 + ((y * tall) ** 2)[:, None]
    return torch.pow(1 + 0.6 * strength * radius2, -2)


@lru_cache(maxsize=8)
def _tile(seed: int, kind: str, grain_px: float, device: torch.device) -> Tensor:
    """Noise that repeats every `_TILE` pixels: normal for grain, uniform 0..1 for dither."""
    made = generator(seed, kind)
    if kind == "dither":
        return torch.rand(_TILE, _TILE, generator=made).to(device)
    noise = torch.randn(_TILE, _TILE, generator=made)
    f = torch.fft.fftfreq(_TILE)
    soft = torch.exp(-2 * (math.pi * 0.5 * grain_px) ** 2 * (f[:, None] ** 2 + f**2))
    soft_noise: Tensor = torch.fft.ifft2(torch.fft.fft2(noise) * soft).real
    return (soft_noise / soft_noise.std()).clamp(-3, 3).to(device)


def _noise(
    seed: int, kind: str, frame: int, height: int, width: int, device: torch.device
) -> Tensor:
    """The noise of one frame, (H, W): the tile, moved by a random step."""
    tile = _tile(seed, kind, round(1.2 * max(height / 1080, 0.4), 2), device)
    y, x = torch.randint(_TILE, (2,), generator=generator(seed, kind, frame)).tolist()
    rows = torch.arange(y, y + height, device=device) % _TILE
    columns = torch.arange(x, x + width, device=device) % _TILE
    return tile.index_select(0, rows).index_select(1, columns)


def _column(values: tuple[float, ...], device: torch.device) -> Tensor:
    return torch.tensor(values, device=device)[:, None, None]


def _ramp(value: float, start: float, end: float) -> float:
    """0 at ``start``, 1 at ``end``, smooth between; ``end`` may be the smaller."""
    part = min(max((value - start) / (end - start), 0.0), 1.0)
    return part * part * (3 - 2 * part)


def _softplus(value: float) -> float:
    return max(value, 0.0) + math.log2(1 + 2.0 ** (-2 * abs(value))) / 2
