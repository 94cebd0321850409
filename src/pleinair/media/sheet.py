"""Still pictures of clips: a thumbnail, a contact sheet, a grid of many clips with captions."""

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from pleinair.errors import InputError
from pleinair.media.codec import replacing
from pleinair.media.frames import Frames, resize

Picture: TypeAlias = npt.NDArray[np.uint8]
"""One picture: (H, W, 3), red, green, blue, 0–255."""

PICTURES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
_PAPER, _INK, _GAP = (250, 249, 246), (40, 40, 44), 8
_TEXT = 13  # pixels
_PLAIN = {"œ": "oe", "’": "'", "–": "-", "—": "-", "×": "x"}


def check_picture_name(path: Path) -> None:
    """Raise InputError when a picture cannot have that name."""
    if path.suffix.lower() not in PICTURES:
        raise InputError("output", str(path), "names ending in " + ", ".join(PICTURES))


def write_picture(path: Path, picture: Picture) -> None:
    """Write PNG, JPEG or WebP by suffix; raises InputError or MediaError."""
    check_picture_name(path)
    with replacing(path) as scratch:
        Image.fromarray(picture).save(scratch, PICTURES[path.suffix.lower()], quality=90)


def thumbnail(frames: Frames, width: int = 320) -> Picture:
    """The middle frame at most ``width`` pixels wide, aspect kept."""
    _, h, w, _ = frames.shape
    width = min(width, w)
    middle = len(frames) // 2
    picture: Picture = resize(frames[middle : middle + 1], width, max(1, round(h * width / w)))[0]
    return picture


def contact_sheet(frames: Frames, fps: float, *, columns: int = 4, rows: int = 3) -> Picture:
    """Frames evenly spread from the first to the last, each with its time in seconds."""
    count = min(columns * rows, len(frames))
    chosen = np.linspace(0, len(frames) - 1, count).round().astype(int)
    labels = [f"{i / fps:.2f} s" for i in chosen]
    return grid([frames[i : i + 1] for i in chosen], labels, columns=columns, width=240)


def grid(
    clips: Sequence[Frames],
    captions: Sequence[str] | None = None,
    *,
    columns: int = 4,
    width: int = 288,
    moments: int = 1,
) -> Picture:
    """Clips side by side, each with its caption below.

    Args:
        clips: each (T, H, W, 3); every cell has the shape of the first clip.
        captions: one for each clip.
        width: pixels of one frame in the grid.
        moments: frames shown of each clip: one is the middle one, more run from first to last.

    Returns:
        One picture (H, W, 3).
    """
    _, h, w, _ = clips[0].shape
    height = round(h * width / w)
    across = width * moments
    font = ImageFont.load_default(_TEXT)
    texts = [_wrap(caption, font, across) for caption in captions or [""] * len(clips)]
    columns = min(columns, len(clips))
    rows = (texts[i : i + columns] for i in range(0, len(clips), columns))
    lines = [max(map(len, row)) for row in rows]
    row_heights = [height + (line * (_TEXT + 4) + 4 if line else 0) + _GAP for line in lines]
    size = (columns * (across + _GAP) + _GAP, sum(row_heights) + _GAP)
    sheet = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    for i, (clip, text) in enumerate(zip(clips, texts, strict=True)):
        x = _GAP + i % columns * (across + _GAP)
        y = _GAP + sum(row_heights[: i // columns])
        for k, frame in enumerate(resize(_moments(clip, moments), width, height)):
            sheet.paste(Image.fromarray(frame), (x + k * width, y))
        for k, line in enumerate(text):
            draw.text((x, y + height + 3 + k * (_TEXT + 4)), line, _INK, font)
    picture: Picture = np.asarray(sheet)
    return picture


def _moments(clip: Frames, moments: int) -> Frames:
    edges = (len(clip) // 2,) * 2 if moments == 1 else (0, len(clip) - 1)
    chosen: Frames = clip[np.linspace(*edges, moments).round().astype(int)]
    return chosen


def _plain(text: str) -> str:
    """The text in ASCII: the font that comes with Pillow has no accented letters."""
    for mark, plain in _PLAIN.items():
        text = text.replace(mark, plain)
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def _wrap(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> list[str]:
    lines: list[str] = []
    for word in _plain(text).split():
        if lines and font.getlength(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
