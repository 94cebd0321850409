"""The same land and sky by `pleinair-2` and path-traced by Mitsuba 3.9.1, side by side.

    python bench/path_traced.py --mitsuba /path/to/a/python/with/mitsuba

The ground's mesh, its reflectance, the sky's light and the sun go to Mitsuba as they are; it knows
nothing of the rest. The air between is added to both by the same law, and what is finer than the
mesh is left out of both.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pleinair.figures import Cell, write_figure
from pleinair.light.atlas import Atlas, Level
from pleinair.light.detail import Detail
from pleinair.light.frame import SKY
from pleinair.light.moment import moment_at
from pleinair.light.renderer import Renderer
from pleinair.light.sweep import EARTH_M, Fan
from pleinair.scenes.draft import draft
from pleinair.scenes.scene import Scene

PROMPTS = (
    "mountains by day",
    "mountains at golden hour",
    "a valley by day",
    "desert dunes at golden hour",
    "hills by day",
    "a volcano by day",
)
SIZE = (480, 270)
COLUMNS = 2400
REACH_M = 30_000.0
SEED = 7

TRACE = """
import sys, time
import numpy as np
import mitsuba as mi
mi.set_variant("scalar_rgb")
folder, samples = sys.argv[1], int(sys.argv[2])
told = np.load(folder + "/scene.npz")
to_world = mi.ScalarTransform4f(told["to_world"].tolist())
scene = {
    "type": "scene",
    "integrator": {"type": "path", "max_depth": 4},
    "sensor": {
        "type": "perspective", "fov": float(told["fov"]), "fov_axis": "x", "to_world": to_world,
        "near_clip": 0.1, "far_clip": 1e6,
        "film": {"type": "hdrfilm", "width": int(told["size"][0]), "height": int(told["size"][1]),
                 "rfilter": {"type": "box"}, "component_format": "float32"},
        "sampler": {"type": "independent", "sample_count": samples},
    },
    "land": {
        "type": "ply", "filename": folder + "/land.ply", "face_normals": False,
        "bsdf": {"type": "twosided", "nested": {"type": "diffuse",
                 "reflectance": {"type": "mesh_attribute", "name": "vertex_color"}}},
    },
    "sky": {"type": "envmap", "bitmap": mi.Bitmap(told["sky"]),
            "to_world": mi.ScalarTransform4f().rotate([0, 1, 0], float(told["turn"]))},
    "sun": {"type": "directional", "direction": told["down"].tolist(),
            "irradiance": {"type": "rgb", "value": told["sun"].tolist()}},
}
loaded = mi.load_dict(scene)
start = time.perf_counter()
picture = np.array(mi.render(loaded, spp=samples))
print(time.perf_counter() - start)
np.save(folder + "/picture.npy", picture[..., :3])
"""


def export(renderer: Renderer, folder: Path) -> None:
    """Writes the mesh of the ground and what lights it."""
    view = renderer.view(0.0)
    moment = moment_at(renderer.world, view)
    eye = view.eye.tolist()
    lengths = renderer.world.distances
    lengths = lengths[lengths < REACH_M]
    fan = Fan(-np.pi, 2 * np.pi / COLUMNS, COLUMNS, True, lengths)
    x, z = fan.places(eye[0], eye[2])
    gaps = renderer.world.gaps[: len(lengths)]
    height = moment.heights(x, z, gaps, lengths) - lengths * lengths * (0.5 / EARTH_M)
    middle = renderer.world.middle(eye[0], eye[2])
    grids = renderer.world.grids(*middle)
    albedo = Atlas([Level(g.albedo, g.x0, g.z0, g.cell) for g in grids], *middle)
    scale = albedo.scale(gaps * 0.5, lengths).expand(x.shape).reshape(-1)
    colour = albedo.look(x.reshape(-1), z.reshape(-1), scale).T.reshape(*x.shape, 3)
    points = torch.stack((x, height, z), -1)
    vertices = torch.cat((points, colour), -1).reshape(-1, 6).numpy().astype("<f4")
    count = len(lengths)
    i, j = np.meshgrid(np.arange(COLUMNS), np.arange(count - 1), indexing="ij")
    a, b = i * count + j, (i + 1) % COLUMNS * count + j
    faces = np.stack((np.stack((a, b, a + 1), -1), np.stack((b, b + 1, a + 1), -1)), 2)
    rows = np.empty(faces.reshape(-1, 3).shape[0], dtype=[("n", "u1"), ("v", "<i4", 3)])
    rows["n"], rows["v"] = 3, faces.reshape(-1, 3)
    head = "ply\nformat binary_little_endian 1.0\n"
    head += f"element vertex {len(vertices)}\n"
    head += "".join(f"property float {name}\n" for name in ("x", "y", "z", "r", "g", "b"))
    head += f"element face {len(rows)}\nproperty list uchar int vertex_indices\nend_header\n"
    (folder / "land.ply").write_bytes(head.encode() + vertices.tobytes() + rows.tobytes())

    sky = moment.sky
    elevation = (0.5 - (torch.arange(512) + 0.5) / 512) * np.pi
    azimuth = ((torch.arange(1024) + 0.5) / 1024 - 0.5) * 2 * np.pi
    e, a2 = torch.meshgrid(elevation, azimuth, indexing="ij")
    light = sky.radiance(a2.reshape(-1), e.reshape(-1)).view(3, 512, 1024)
    light = torch.where(e > 0, light, torch.zeros(()))
    right, up, ahead = view.basis
    to_world = np.eye(4)
    to_world[:3, 0], to_world[:3, 1] = -right.numpy(), up.numpy()
    to_world[:3, 2], to_world[:3, 3] = ahead.numpy(), eye
    np.savez(
        folder / "scene.npz",
        to_world=to_world,
        fov=np.degrees(2 * np.arctan(view.width / 2 / view.focal)),
        size=np.array([view.width, view.height]),
        sky=light.permute(1, 2, 0).numpy().astype(np.float32),
        turn=TURN_DEG,
        down=-sky.key.direction.numpy(),
        sun=sky.key.irradiance.numpy(),
    )


TURN_DEG = 0.0
"""By how much Mitsuba's map of the sky is turned so that its middle faces north."""


def traced(renderer: Renderer, samples: int, python: str) -> tuple[Tensor, float]:
    """Mitsuba's radiance of the ground, (3, H, W), and the seconds that it took."""
    with tempfile.TemporaryDirectory() as name, torch.inference_mode():
        export(renderer, Path(name))
        call = [python, "-c", TRACE, name, str(samples)]
        done = subprocess.run(call, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr)
        picture = np.load(Path(name) / "picture.npy")
    return torch.from_numpy(picture).permute(2, 0, 1), float(done.stdout.split()[-1])


def seconds_of_mitsuba(scene: Scene, size: tuple[int, int], samples: int, python: str) -> float:
    """Seconds that Mitsuba takes for a frame of a scene's land and sky."""
    renderer = Renderer(scene, width=size[0], height=size[1], fps=24, frames=2)
    return traced(renderer, samples, python)[1]


def bare(prompt: str) -> Scene:
    """A scene without clouds, water and what is finer than a mesh holds."""
    scene = draft(prompt, SEED).scene
    weather = replace(scene.weather, clouds=(), mist=0.0, visibility_m=100_000.0)
    return replace(scene, weather=weather, camera=replace(scene.camera, moves=()))


def toned(light: Tensor, exposure: float) -> Tensor:
    """(3, H, W) from 0 to 1, as eyes judge it."""
    x = light * 2**exposure
    x = x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14)
    return x.clamp(0, 1) ** (1 / 2.2)


def ssim(a: Tensor, b: Tensor) -> float:
    """Structural similarity of two pictures' luminance (Wang et al. 2004), 11-pixel Gaussian."""
    line = torch.exp(-((torch.arange(11) - 5.0) ** 2) / (2 * 1.5**2))
    kernel = (line[:, None] * line / line.sum() ** 2)[None, None]
    weights = torch.tensor([0.2126, 0.7152, 0.0722]).view(3, 1, 1)
    x, y = ((p * weights).sum(0)[None, None] for p in (a, b))
    mean: Callable[[Tensor], Tensor] = lambda p: F.conv2d(p, kernel)  # noqa: E731
    mx, my = mean(x), mean(y)
    vx, vy, cov = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    found = (2 * mx * my + c1) * (2 * cov + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2))
    return float(found.mean())


def compared(prompt: str, samples: int, python: str, pictures: Path | None) -> list[Cell]:
    """One row of the figure."""
    nothing = lambda self, x, *rest: torch.zeros(2, len(x))  # noqa: E731
    with mock.patch.object(Detail, "look", nothing):
        renderer = Renderer(bare(prompt), width=SIZE[0], height=SIZE[1], fps=24, frames=2)
        start = time.perf_counter()
        frame = renderer.frame(0)
        ours = time.perf_counter() - start
    ground, theirs = traced(renderer, samples, python)
    view = frame.view
    with torch.inference_mode():
        moment = moment_at(renderer.world, view)
        ray, depth = view.rays().view(3, -1), frame.depth.view(-1)
        solid = depth.isfinite().nonzero()[:, 0]
        light = frame.light.clone().view(3, -1)
        end = view.eye[1] + ray[1] * depth
        part = [p.index_select(-1, solid) for p in (ground.reshape(3, -1), ray, depth, end)]
        seen = moment.aired(part[0], part[1], part[2], float(view.eye[1]), part[3])
        light.index_copy_(1, solid, seen)
    exposure = renderer.exposure.at(0)
    a, b = toned(frame.light, exposure), toned(light.view_as(frame.light), exposure)
    if pictures:
        from PIL import Image

        both = (torch.cat((a, b), 2).permute(1, 2, 0) * 255).round().byte().numpy()
        pictures.mkdir(parents=True, exist_ok=True)
        Image.fromarray(both).save(pictures / f"{prompt.replace(' ', '-')}.png")
    land = float((frame.identity != SKY).float().mean())
    return [prompt, ssim(a, b), f"{land:.0%}", ours, theirs]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mitsuba", default=sys.executable, help="a Python that has Mitsuba")
    parser.add_argument("--repeats", type=int, default=len(PROMPTS), help="how many scenes")
    parser.add_argument("--samples", type=int, default=64, help="a pixel")
    parser.add_argument("--pictures", type=Path, help="folder for both pictures of each scene")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of figures")
    options = parser.parse_args(arguments)
    rows = [
        compared(prompt, options.samples, options.mitsuba, options.pictures)
        for prompt in PROMPTS[: options.repeats]
    ]
    write_figure(
        "landscapes-path-traced",
        title="The same land and sky, path-traced by Mitsuba",
        columns=["scene", "SSIM", "of the picture is land", "our seconds", "Mitsuba's seconds"],
        rows=rows,
        n=len(rows),
        seeds=[SEED],
        notes=f"{SIZE[0]}×{SIZE[1]}, no clouds, no water, scalar_rgb at {options.samples} samples "
        "a pixel, 4 bounces; tone-mapped luminance. Goal: SSIM 0.9.",
        out=options.out,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
