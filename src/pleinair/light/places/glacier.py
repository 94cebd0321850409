"""A glacier: a tongue of ice between its moraines, down from the peaks."""

import torch
from torch import Tensor

from pleinair.light.noise import Window, smoothstep
from pleinair.light.places.heights import Valley
from pleinair.light.places.place import Palette, dry


class Glacier(Valley):
    """A valley whose floor is a tongue of ice."""

    palette = Palette(
        rock=(0.19, 0.18, 0.17), soil=(0.16, 0.145, 0.13), meadow=0.25, trees=0.0, stones=0.9
    )
    rough = (0.012, 0.06)

    def plain(self, window: Window) -> Tensor:
        """The floor rises from where the ice ends."""
        _, z = window.plane()
        return super().plain(window) + 0.1 * (z - 0.11 * self.distance).clamp(min=0)

    def along(self, window: Window) -> tuple[Tensor, Tensor]:
        """Distance upstream of the tongue's end and off its middle, (N, N) each, m."""
        x, z = window.plane()
        wide = self.distance
        east, north = self.site.subject
        bend = self.noise.fractal(window, wide * 0.5, 3, 121) * wide * 0.02
        return z - 0.11 * wide, x - z * (east / north) + bend

    def ice(self, window: Window) -> tuple[Tensor, Tensor]:
        """Thickness of the ice, m, and its place across, −1 to 1 at the edges, (N, N) each."""
        up, off = self.along(window)
        half = self.distance * (0.075 + 0.05 * smoothstep(0, self.distance, up))
        ragged = self.noise.fractal(window, 140, 5, 127)
        across = off / (half * (1 + 0.05 * ragged))
        front = 1 - torch.exp((up + 9 * ragged - 0.1 * off.abs()).clamp(min=0) / -90)
        thick = front * (1 - across * across).clamp(min=0).sqrt()
        return thick * min(0.024 * self.relief, 48), across

    def sculpt(self, window: Window, height: Tensor) -> Tensor:
        """Ice with crevasses over the floor, ridges of rubble beside it."""
        up, _ = self.along(window)
        thick, across = self.ice(window)
        bow = 70 * across * across  # crevasses bow downstream
        bend = self.noise.fractal(window, 150, 4, 131, gain=0.45)
        phase = (up + bow) / 38 + 0.8 * bend
        gap = (phase - phase.round()).abs() * 2  # 0 in a crevasse
        broken = smoothstep(-0.6, 0.9, self.noise.fractal(window, 420, 3, 137))
        crevasse = (1 - smoothstep(0.0, 0.35, gap)) * broken
        blocks = self.noise.octave(window, 24, 139).abs()
        full = smoothstep(2, 14, thick)
        surface = thick - full * (11 * crevasse + 3 * blocks)
        moraine = torch.exp(-(((across.abs() - 1.12) / 0.07) ** 2)) * smoothstep(-60, 60, up)
        return dry(height + surface + 9 * moraine)

    def paint(self, window: Window, ground: Tensor) -> tuple[Tensor, Tensor]:
        """Ice: white where it crumbles, blue in its depths, with bands of rubble."""
        up, _ = self.along(window)
        thick, across = self.ice(window)
        share = smoothstep(0.5, 3, thick)
        dirt = self.noise.fractal(window, 90, 6, 141, gain=0.6)
        bands = torch.exp(-(((across - 0.28) / 0.035) ** 2)) + smoothstep(0.82, 1.0, across.abs())
        bands = (bands + smoothstep(90, 0, up) * 0.5 + 0.22 * dirt).clamp(0, 1)
        blue = smoothstep(-0.4, 1.4, self.noise.fractal(window, 30, 5, 147))
        clean = torch.tensor((0.62, 0.7, 0.74), device=window.device).view(3, 1, 1)
        deep = torch.tensor((0.3, 0.5, 0.6), device=window.device).view(3, 1, 1)
        rubble = torch.tensor((0.17, 0.16, 0.15), device=window.device).view(3, 1, 1)
        colour = torch.lerp(clean, deep, 0.6 * blue)
        return share, torch.lerp(
            colour, rubble.expand_as(colour), 0.85 * smoothstep(0.2, 0.9, bands)
        )
