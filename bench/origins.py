"""Whether copies of videos, changed in nine ways, are found by looks alone, and no others."""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from pleinair.diffusion.worlds.render import render
from pleinair.diffusion.worlds.scene import sample_scene
from pleinair.figures import Cell, write_figure
from pleinair.media import codec, encoder
from pleinair.media.fingerprint import fingerprint
from pleinair.media.frames import Frames, resize, to_frames
from pleinair.media.glimpse import glimpse
from pleinair.service.db import Database
from pleinair.service.origin_tables import Origin
from pleinair.service.origins import Origins
from pleinair.service.tables import COMPLETED, Video

SEED, STRANGE = 21, 22
WIDTH, HEIGHT, FRAMES = 320, 180, 9


def clip(seed: int, index: int) -> Frames:
    """A render, (9, 180, 320, 3)."""
    return resize(to_frames(render([sample_scene(seed, index)], frames=FRAMES)[0]), WIDTH, HEIGHT)


def recoded(frames: Frames, folder: Path, crf: int) -> Frames:
    options = {"crf": str(crf), "preset": "veryfast"}
    form = encoder.Format("mp4", "libx264", "yuv420p", options)
    path = folder / "a.mp4"
    encoder.encode(path, encoder.colour(frames), WIDTH, HEIGHT, Fraction(24), form)
    return codec.read_video(path).frames


def captioned(frames: Frames) -> Frames:
    written = []
    for frame in frames:
        picture = Image.fromarray(frame)
        draw = ImageDraw.Draw(picture)
        draw.rectangle((20, HEIGHT - 32, WIDTH - 20, HEIGHT - 8), (0, 0, 0))
        draw.text((30, HEIGHT - 27), "somebody else made this, they say", (255, 255, 255))
        written.append(np.asarray(picture))
    return np.stack(written)


def copies(frames: Frames, folder: Path) -> Iterator[tuple[str, Frames]]:
    """The same video after each attack, by name."""
    for crf in (23, 28, 34):
        yield f"H.264, CRF {crf}", recoded(frames, folder, crf)
    y, x = HEIGHT // 20, WIDTH // 20
    yield "crop to 90 %", frames[:, y : HEIGHT - y, x : WIDTH - x]
    yield "scale to 50 %", resize(frames, WIDTH // 2, HEIGHT // 2)
    yield "mirrored", np.ascontiguousarray(frames[:, :, ::-1])
    yield "brighter, more contrast", np.clip(frames * 1.25 + 10, 0, 255).astype(np.uint8)
    yield "caption", captioned(frames)
    yield "one frame", frames[FRAMES // 2 :][:1]


def fill(database: Database, count: int) -> None:
    """Rows of finished videos, named by their index."""
    common = {"owner": "a", "kind": "create", "state": COMPLETED, "model": "m", "backend": "m"}
    plain = {"prompt": "", "size": "", "seconds": "", "request": {}, "digest": "", "cost": 0.0}
    for index in range(count):
        bits, colours = fingerprint(glimpse(clip(SEED, index))).to_bytes()
        with database.write() as session:
            session.add(Video(id=str(index), created_at=1.0, **common, **plain))
            session.flush()
            row = {"owner": "a", "mark": None, "bits": bits, "colours": colours}
            session.add(Origin(video_id=str(index), number=0, created_at=1.0, **row))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=1000, help="videos that are known")
    parser.add_argument("--queries", type=int, default=200, help="videos copied, and strange ones")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of figures")
    options = parser.parse_args(arguments)
    tally: dict[str, list[tuple[bool, int, int]]] = {}
    spent = []
    with tempfile.TemporaryDirectory(prefix="pleinair-bench-") as name:
        folder = Path(name)
        database = Database(f"sqlite:///{folder / 'a.db'}")
        database.migrate()
        fill(database, options.repeats)
        origins = Origins(database, b"the secret of this measurement")
        for index in range(min(options.queries, options.repeats)):
            for attack, copy in copies(clip(SEED, index), folder):
                seen = glimpse(copy)
                start = time.perf_counter()
                found = [item.video_id for item in origins.alike(seen)]
                spent.append(time.perf_counter() - start)
                first, right = found[:1] == [str(index)], found.count(str(index))
                tally.setdefault(attack, []).append((first, right, len(found)))
        for index in range(options.queries):
            found = [item.video_id for item in origins.alike(glimpse(clip(STRANGE, index)))]
            tally.setdefault("not known", []).append((False, 0, len(found)))
        database.close()
    rows: list[list[Cell]] = []
    for attack, results in tally.items():
        n, told = len(results), sum(count for _, _, count in results)
        right = sum(count for _, count, _ in results)
        best = sum(hit for hit, _, _ in results)
        strange = attack == "not known"
        rows.append(
            [
                attack,
                None if strange else f"{right} of {n}",
                None if strange else f"{best} of {n}",
                right / told if told else None,
                told - right,
            ]
        )
    write_figure(
        "reverse-search",
        title="Copies found by their looks alone",
        columns=["copy", "found", "found first", "precision", "wrong videos told of"],
        rows=rows,
        n=options.repeats,
        seeds=[SEED, STRANGE],
        notes=f"Among {options.repeats} renders of {FRAMES} frames, {WIDTH}×{HEIGHT}, drawn by one "
        f"renderer and so like one another; {options.queries} of them copied, as many of other "
        f"scenes. A search takes {1000 * float(np.median(spent)):.0f} ms in the middle.",
        out=options.out,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
