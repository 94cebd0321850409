"""Measures of clips that need no trained judge: distances, motion, flicker, intervals.

A clip here is a float tensor (B, 3, T, H, W) in [-1, 1].
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from pleinair.diffusion.worlds.view import FPS

Interval = tuple[float, float]


def wilson(right: int, total: int, z: float = 1.96) -> Interval:
    """Interval of 95 % for the share that ``right`` of ``total`` came from (Wilson 1927)."""
    if total == 0:
        return 0.0, 1.0
    share = right / total
    middle = share + z * z / (2 * total)
    reach = z * ((share * (1 - share) + z * z / (4 * total)) / total) ** 0.5
    scale = 1 + z * z / total
    return max(0.0, (middle - reach) / scale), min(1.0, (middle + reach) / scale)


def frechet(a: Tensor, b: Tensor) -> float:
    """Fréchet distance of the normal distributions fitted to (N, D) and (M, D) features.

    |mean difference|² + tr(A + B − 2 (A B)^½), Dowson and Landau 1982. It is not comparable with
    a distance on other features, only with the floor between two sets of real clips.
    """
    a, b = a.double(), b.double()
    difference = a.mean(0) - b.mean(0)
    cov_a, cov_b = torch.cov(a.T), torch.cov(b.T)
    root_a = _root(cov_a)
    # (A B)^½ has the trace of (A^½ B A^½)^½, which is symmetric and so safe to take apart.
    cross = torch.linalg.eigvalsh(root_a @ cov_b @ root_a).clamp(min=0).sqrt().sum()
    distance: Tensor = difference.square().sum() + cov_a.trace() + cov_b.trace() - 2 * cross
    return max(0.0, float(distance))


def _root(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    root: Tensor = vectors * values.clamp(min=0).sqrt() @ vectors.T
    return root


def nearest(queries: Tensor, references: Tensor) -> tuple[Tensor, Tensor]:
    """Distance (N,) of each query (N, D) to its nearest reference (M, D), and its index (N,)."""
    distance, index = torch.cdist(queries.float(), references.float()).min(1)
    return distance, index


def psnr(a: Tensor, b: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each clip in decibels (B,), for values over a range of 2."""
    error = (a - b).square().flatten(1).mean(1)
    return 10 * torch.log10(4 / error.clamp(min=1e-10))


def ssim(a: Tensor, b: Tensor, window: int = 11, spread: float = 1.5) -> Tensor:
    """Mean structural similarity of the brightness of each clip's frames (B,), Wang et al. 2004."""
    offsets = torch.arange(window, device=a.device, dtype=torch.float32) - window // 2
    line = torch.exp(-offsets.square() / (2 * spread * spread))
    line = line / line.sum()

    def smooth(image: Tensor) -> Tensor:
        return F.conv2d(F.conv2d(image, line.view(1, 1, 1, -1)), line.view(1, 1, -1, 1))

    clips = a.shape[0]
    x, y = (luma(clip.float()).flatten(0, 1)[:, None] for clip in (a, b))  # (B*T, 1, H, W)
    mean_x, mean_y = smooth(x), smooth(y)
    var_x = smooth(x * x) - mean_x.square()
    var_y = smooth(y * y) - mean_y.square()
    cov = smooth(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2
    score = (2 * mean_x * mean_y + c1) * (2 * cov + c2)
    score = score / ((mean_x.square() + mean_y.square() + c1) * (var_x + var_y + c2))
    return score.reshape(clips, -1).mean(1)


def flicker(video: Tensor) -> Tensor:
    """How much each clip (B,) trembles from frame to frame, in [0, 1] of the full range.

    The mean size of the second difference in time: steady change has none, a pixel that goes up
    and down with every frame has the most.
    """
    middle = video[:, :, 1:-1]
    tremble = (video[:, :, :-2] - 2 * middle + video[:, :, 2:]).abs()
    return tremble.flatten(1).mean(1) / 4


def sharpness(video: Tensor) -> Tensor:
    """Mean step of brightness between neighbouring pixels of each clip (B,), of the full range."""
    light = luma(video)
    across, down = light.diff(dim=-1).abs(), light.diff(dim=-2).abs()
    return (across.flatten(1).mean(1) + down.flatten(1).mean(1)) / 4


def luma(video: Tensor) -> Tensor:
    """Brightness (B, T, H, W) of clips (B, 3, T, H, W), by the weights of BT.709."""
    return 0.2126 * video[:, 0] + 0.7152 * video[:, 1] + 0.0722 * video[:, 2]


def gradients(light: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Derivatives along x, y and time of (B, T, H, W), each (B, T - 1, H - 2, W - 2)."""
    pair = (light[:, 1:] + light[:, :-1]) / 2
    along_x = (pair[:, :, 1:-1, 2:] - pair[:, :, 1:-1, :-2]) / 2
    along_y = (pair[:, :, 2:, 1:-1] - pair[:, :, :-2, 1:-1]) / 2
    along_t = (light[:, 1:] - light[:, :-1])[:, :, 1:-1, 1:-1]
    return along_x, along_y, along_t


def picture_motion(video: Tensor, rounds: int = 3) -> Tensor:
    """How the picture moves, (B, 3): right, down (in short sides) and growth, each a second.

    One shift and one growth for the whole picture are fitted to each pair of frames by their
    gradients (Lucas and Kanade 1981), warped and fitted again; the clip's motion is the median
    over time. A camera that pans left moves the picture right, one that zooms in makes it grow.
    A picture without texture has motion 0.
    """
    light = luma(video.float())
    light = F.avg_pool2d(light, 4, ceil_mode=True)
    clips, frames, height, width = light.shape
    first, second = light[:, :-1].flatten(0, 1), light[:, 1:].flatten(0, 1)  # (B*(T-1), h, w)
    short = min(height, width) / 2
    x = ((torch.arange(width, device=video.device) + 0.5 - width / 2) / short)[None, :]
    y = ((torch.arange(height, device=video.device) + 0.5 - height / 2) / short)[:, None]
    motion = torch.zeros(first.shape[0], 3, device=video.device)
    for _ in range(rounds):
        moved = _pull_back(second, motion, x, y)
        gx, gy, gt = (g[:, 0] for g in gradients(torch.stack((first, moved), 1)))
        basis = torch.stack((gx, gy, gx * x[:, 1:-1] + gy * y[1:-1]), -1).flatten(1, 2)
        normal = basis.mT @ basis + 1e-4 * torch.eye(3, device=video.device)
        step = torch.linalg.solve(normal, -(basis.mT @ gt.flatten(1)[..., None]))
        motion = motion + step[..., 0] / short
    a_second = FPS * torch.tensor([0.5, 0.5, 1.0], device=video.device)
    return motion.view(clips, frames - 1, 3).median(1).values * a_second


def _pull_back(image: Tensor, motion: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The image (N, h, w) as it was before ``motion`` (N, 3), in units of half the short side."""
    right, down, growth = (motion[:, i, None, None] for i in range(3))
    from_x = (x + right + growth * x) / -x[:, :1]
    from_y = (y + down + growth * y) / -y[:1]
    # The outermost pixel centres are at the ends, as align_corners says.
    grid = torch.stack((from_x + 0 * from_y, from_y + 0 * from_x), -1)
    return F.grid_sample(image[:, None], grid, padding_mode="border", align_corners=True)[:, 0]
