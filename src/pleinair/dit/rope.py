"""Rotary positions in time, height and width."""

from functools import lru_cache

import torch
from torch import Tensor


@lru_cache(maxsize=16)  # the same at every step
def rotations(
    frames: int, height: int, width: int, head: int, *, device: torch.device | None = None
) -> Tensor:
    """Cosines and sines for tokens in the order frame, row, column.

    The head's dimensions are shared between the three axes as in Wan: with ``d = head``,
    ``2·(d // 6)`` for rows, as many for columns and the rest for frames.
    Su et al., RoFormer, arXiv 2104.09864.

    Returns:
        (2, frames · height · width, head / 2), float32.
    """
    side = 2 * (head // 6)
    angles = [
        _angles(length, dims, device)
        for length, dims in ((frames, head - 2 * side), (height, side), (width, side))
    ]
    shape = (frames, height, width, -1)
    grid = torch.cat(
        [
            angles[0][:, None, None].expand(shape),
            angles[1][None, :, None].expand(shape),
            angles[2][None, None, :].expand(shape),
        ],
        -1,
    ).flatten(0, 2)
    return torch.stack([grid.cos(), grid.sin()]).float()


def rotate(x: Tensor, turns: Tensor) -> Tensor:
    """Rotate pairs of neighbouring dimensions of (B, N, heads, head) by (2, N, head / 2)."""
    cos, sin = turns[:, :, None].unbind(0)  # N 1 head/2
    pairs = x.float().unflatten(-1, (-1, 2))  # B N heads head/2 2
    if not torch.compiler.is_compiling():  # in one pass, which a compiler makes of what follows
        return torch.view_as_real(torch.view_as_complex(pairs) * torch.complex(cos, sin)).flatten(
            -2
        )
    even, odd = pairs.unbind(-1)
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(-2)


def _angles(length: int, dims: int, device: torch.device | None) -> Tensor:
    speed = 10_000 ** -(torch.arange(0, dims, 2, dtype=torch.float64, device=device) / dims)
    return torch.arange(length, dtype=torch.float64, device=device)[:, None] * speed
