"""Still pictures of clips: a thumbnail, a contact sheet, a grid of many clips with captions."""

import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps, UnidentifiedImageError

from pleinair.errors import InputError, MediaError
from pleinair.media.clip import spread
from pleinair.media.encoder import replacing
from pleinair.media.frames import Frames, Picture, resize_picture
from pleinair.media.stills import Seen, pictures_of

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


def read_picture(path: Path) -> Picture:
    """Read a still picture, upright; raises MediaError when there is none in the file."""
    try:
        with Image.open(path) as opened:
            picture: Picture = np.array(ImageOps.exif_transpose(opened).convert("RGB"))
    except UnidentifiedImageError as error:
        raise MediaError(f"cannot read {path}: it is no picture that Pillow knows") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = getattr(error, "strerror", None) or error
        raise MediaError(f"cannot read {path}: {reason}") from error
    return picture


def thumbnail(frames: Seen, width: int = 320) -> Picture:
    """The middle frame at most ``width`` pixels wide, aspect kept."""
    _, h, w, _ = frames.shape
    width = min(width, w)
    [middle] = pictures_of(frames, [len(frames) // 2])
    return resize_picture(middle, width, max(1, round(h * width / w)))


def spritesheet(frames: Seen, columns: int = 5, rows: int = 5, width: int = 160) -> Picture:
    """Frames evenly spread from the first to the last, edge to edge and without words.

    Args:
        frames: (T, H, W, 3); a clip of fewer frames than cells shows some of them again.
        columns, rows: of cells, filled row by row.
        width: pixels of one cell; its height keeps the aspect.

    Returns:
        One picture (rows · height, columns · width, 3).
    """
    _, h, w, _ = frames.shape
    height = max(1, round(h * width / w))
    chosen = np.linspace(0, len(frames) - 1, columns * rows).round().astype(int)
    pictures = pictures_of(frames, map(int, chosen))
    cells = [resize_picture(picture, width, height) for picture in pictures]
    table = np.stack(cells).reshape(rows, columns, height, width, 3)
    sheet: Picture = table.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, 3)
    return sheet


def contact_sheet(frames: Seen, fps: float, *, columns: int = 4, rows: int = 3) -> Picture:
    """Frames evenly spread from the first to the last, each with its time in seconds."""
    chosen = spread(columns * rows, len(frames))
    labels = [f"{i / fps:.2f} s" for i in chosen]
    clips = [picture[None] for picture in pictures_of(frames, chosen)]
    return grid(clips, labels, columns=columns, width=240)


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
        for k, frame in enumerate(_moments(clip, moments)):
            picture = Image.fromarray(resize_picture(frame, width, height))
            sheet.paste(picture, (x + k * width, y))
        for k, line in enumerate(text):
            draw.text((x, y + height + 3 + k * (_TEXT + 4)), line, _INK, font)
    whole: Picture = np.asarray(sheet)
    return whole


def _moments(clip: Frames, moments: int) -> Frames:
    return clip[len(clip) // 2 :][:1] if moments == 1 else _spread(clip, moments)


def _spread(clip: Frames, count: int) -> Frames:
    chosen: Frames = clip[np.linspace(0, len(clip) - 1, count).round().astype(int)]
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
