"""Videos signed and checked, single bits turned over in them, chains of extension and remix."""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import TypeVar

from pleinair.backends.base import open_backend
from pleinair.figures import Cell, write_figure
from pleinair.media.codec import read_video, write_video
from pleinair.media.digest import digest
from pleinair.media.manifest import TAMPERED, VALID, Report, verify
from pleinair.media.provenance import Origin, Signer, signer_of
from pleinair.media.sheet import write_picture
from pleinair.request import Given, VideoRequest
from pleinair.settings import Settings

T = TypeVar("T")
CARD = VideoRequest("a card", model="test-card", seconds=1.0, width=320, height=180, fps=24, seed=1)
CHAINS = 10
SMALL = {
    "clip.mp4": "MP4",
    "clip.gif": "GIF",
    "clip.webp": "animated WebP",
    "clip.webm": "WebM",
    "still.png": "PNG",
    "still.jpg": "JPEG",
    "still.webp": "WebP",
}


class Bench:
    """Makes videos in a folder, signs them and notes what that took."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        signer = signer_of(Settings(), folder / "home")
        assert isinstance(signer, Signer)
        self.signer = signer
        self.spent: dict[str, list[float]] = {"write": [], "sign": [], "check": []}

    def make(
        self, name: str, request: VideoRequest, before: Path | None = None
    ) -> tuple[Path, int]:
        """A signed video, and the bytes that its manifest and XMP are."""
        sources = {digest(before): before} if before else {}
        clips = {sha: read_video(path) for sha, path in sources.items()}
        made = open_backend("test-card", Settings()).generate(request, materials=clips)
        path = self.folder / name
        self._clock("write", lambda: write_video(path, made.frames, made.fps))
        size = path.stat().st_size
        self._clock("sign", lambda: self.signer.sign(path, Origin(request, sources=sources)))
        return path, path.stat().st_size - size

    def check(self, path: Path) -> Report:
        """What a file says of itself to this signer."""
        return self._clock("check", lambda: verify(path, self.signer.root))

    def _clock(self, what: str, act: Callable[[], T]) -> T:
        start = time.perf_counter()
        done = act()
        self.spent[what].append(time.perf_counter() - start)
        return done


def caught(path: Path, places: Iterable[int], looked_at: Path, root: bytes) -> list[bool]:
    """Whether a file is found out when one bit of that byte is turned over, for each place.

    Args:
        path: what is changed and put back: the file, or the manifest beside it.
        places: of the bytes; which of the eight bits it is goes round with them.
        looked_at: the file.
        root: whose signature is believed.
    """
    data, found = path.read_bytes(), []
    for at in places:
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :])
        found.append(verify(looked_at, root).standing == TAMPERED)
    path.write_bytes(data)
    return found


def head_of(path: Path) -> tuple[int, int]:
    """Where the file type of a signed video ends, and where the manifest after it does."""
    data = path.read_bytes()
    header = int.from_bytes(data[:4], "big")
    return header, header + int.from_bytes(data[header : header + 4], "big")


def flips(path: Path, root: bytes, count: int, stride: int) -> dict[str, list[bool]]:
    """Whether each flip is caught, by the part of the video that it falls on."""
    size, (header, manifest) = path.stat().st_size, head_of(path)
    parts: dict[str, list[int]] = {"video": [], "manifest": [], "file type": []}
    for at in ((2 * i + 1) * size // (2 * count) for i in range(count)):
        part = "file type" if at < header else "manifest" if at < manifest else "video"
        parts[part].append(at)
    found = {part: caught(path, places, path, root) for part, places in parts.items()}
    every = range(0, manifest, stride)
    return found | {"file type and manifest, one in each byte": caught(path, every, path, root)}


def small(bench: Bench, stride: int) -> dict[str, list[bool]]:
    """The same for every byte of a tiny file of each type, and of what is beside a WebM."""
    card = open_backend("test-card", Settings()).generate(CARD).frames[:3, :16, :16]
    found = {}
    for name in SMALL:
        path = bench.folder / name
        if name.startswith("still"):
            write_picture(path, card[0])
        else:
            write_video(path, card, CARD.fps)
        beside = bench.signer.sign(path, Origin(CARD))
        for changed in (path, beside):
            if changed:
                places = range(0, changed.stat().st_size, stride)
                title = "manifest beside the " * (changed is beside) + f"small {SMALL[name]}"
                found[f"{title}, one in each byte"] = caught(
                    changed, places, path, bench.signer.root
                )
    return found


def chained(bench: Bench, number: int) -> tuple[bool, int, int]:
    """Whether an extension and its remix name all before them; the bytes added to both."""
    seed = replace(CARD, seed=number)
    first, _ = bench.make("first.mp4", seed)
    longer = replace(seed, given=(Given("extend", digest(first)),))
    second, more = bench.make("second.mp4", longer, first)
    anew = replace(seed, seconds=2.0, given=(Given("edit", digest(second)),))
    third, most = bench.make("third.mp4", anew, second)
    found, standings = bench.check(third), []
    while True:
        standings.append((found.standing, found.request))
        if not found.sources or found.sources[0].made is None:
            break
        found = found.sources[0].made
    asked = [request.digest for request in (anew, longer, seed)]
    return standings == [(VALID, digest) for digest in asked], more, most


def measure(folder: Path, count: int, places: int, chains: int, stride: int) -> dict[str, Cell]:
    bench = Bench(folder)
    valid, added = 0, []
    found: dict[str, list[bool]] = {}
    for i in range(count):
        path, more = bench.make("video.mp4", replace(CARD, seed=i))
        added.append(more)
        valid += bench.check(path).standing == VALID
        if i == 0:
            found = flips(path, bench.signer.root, places, stride)
    times = {name: 1000 * median(spent) for name, spent in bench.spent.items()}
    links = [chained(bench, i) for i in range(chains)]
    return {
        "videos signed": count,
        "of these valid": valid,
        **_counted(found | small(bench, stride)),
        "chains of an extension and its remix": chains,
        "of these told whole": sum(fine for fine, _, _ in links),
        "ms to sign, median": times["sign"],
        "times as long as to encode": times["sign"] / times["write"],
        "ms to check, median": times["check"],
        "bytes added to a video": int(median(added)),
        "to an extension": int(median(more for _, more, _ in links)),
        "to the remix of that": int(median(most for _, _, most in links)),
    }


def _counted(found: Mapping[str, list[bool]]) -> dict[str, Cell]:
    rows: dict[str, Cell] = {}
    for part, caught in found.items():
        if caught:
            rows[f"bits flipped in the {part}"] = len(caught)
            rows[f"of these caught, in the {part}"] = sum(caught)
    return rows


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=200, help="videos that are signed")
    parser.add_argument("--flips", type=int, default=100, help="bits, spread over one of them")
    parser.add_argument("--chains", type=int, default=CHAINS, help="of extension and remix")
    parser.add_argument("--stride", type=int, default=1, help="1 for every byte, 2 for every other")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of figures")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder), options.repeats, options.flips, options.chains, options.stride)
    write_figure(
        "provenance",
        title="Where videos come from, signed into them",
        columns=["what", "figure"],
        rows=[[name, value] for name, value in rows.items()],
        n=options.repeats,
        seeds=[CARD.seed],
        notes=f"The test card at {CARD.width}×{CARD.height}, {CARD.seconds:g} s; small files are "
        "three frames, or one, of 16×16 pixels of it. Which of the eight bits of a byte is flipped "
        "goes round with the bytes. Without a time stamp.",
        out=options.out,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
