"""Decoding in overlapping squares, for clips whose frames are too large for the memory."""

from collections.abc import Callable

import torch
from torch import Tensor

from pleinair.errors import InputError


def decode_tiles(
    decode: Callable[[Tensor], Tensor],
    latents: Tensor,
    shape: tuple[int, ...],
    tile: int,
    overlap: int,
) -> Tensor:
    """Decode square by square and blend the overlaps linearly.

    Args:
        decode: latents to video, any height and width.
        latents: (B, C, F, h, w).
        shape: of the whole video, (B, 3, T, H, W).
        tile: side of a square, in latents.
        overlap: of two neighbours, in latents; more hides the seams better.

    Returns:
        (B, 3, T, H, W).

    Raises:
        InputError: the tile is not positive, or the overlap is not smaller than it.
    """
    if tile < 1:
        raise InputError("tile", tile, "1 or more latents")
    if not 0 <= overlap < tile:
        raise InputError("overlap", overlap, f"0 to {tile - 1}, less than the tile")
    height, width = latents.shape[3:]
    if max(height, width) <= tile:
        return decode(latents)
    scale = shape[-1] // width
    video, weight = latents.new_zeros(shape), latents.new_zeros(shape[3:])
    for y in _starts(height, tile, overlap):
        for x in _starts(width, tile, overlap):
            part = decode(latents[..., y : y + tile, x : x + tile])  # B 3 T H' W'
            H, W = part.shape[3:]
            rows = _ramp(H, overlap * scale, y > 0, y + tile < height)
            columns = _ramp(W, overlap * scale, x > 0, x + tile < width)
            ramp = (rows[:, None] * columns).to(part)  # H' W'
            at = (..., slice(y * scale, y * scale + H), slice(x * scale, x * scale + W))
            video[at] += part * ramp
            weight[at] += ramp
    return video / weight


def _starts(size: int, tile: int, overlap: int) -> list[int]:
    """Where tiles begin; the last one ends at the edge, so that all are full."""
    last = max(size - tile, 0)
    return [*range(0, last, tile - overlap), last]


def _ramp(size: int, overlap: int, before: bool, after: bool) -> Tensor:
    """Weights that rise over the overlap with a tile before and fall over that with one after."""
    ones = torch.ones(size)
    rise = ((torch.arange(size) + 0.5) / max(overlap, 1)).clamp(max=1)
    return (rise if before else ones) * (rise.flip(0) if after else ones)
