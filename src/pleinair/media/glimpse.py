"""A clip made small: what marks and fingerprints look at, the same for a file and for frames."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

from pleinair.errors import MediaError
from pleinair.media.clip import spread
from pleinair.media.frames import Frames, Picture
from pleinair.media.stills import Seen, pictures_of

SIDE = 180  # pixels of the shorter side; what is smaller is left as it is
MOST = 48  # frames, evenly spread


def glimpse(frames: Seen) -> Frames:
    """A few frames of a clip, small.

    Args:
        frames: (T, H, W, 3), or the small copy of it.

    Returns:
        (at most 48, h, w, 3), the shorter side 180 or what it was.
    """
    _, height, width, _ = frames.shape
    size = _size(width, height)
    chosen = spread(MOST, len(frames))
    return np.stack([_small(picture, size) for picture in pictures_of(frames, chosen)])


def read_glimpse(path: Path) -> Frames:
    """The same of a file, a clip or a still picture, which is never held whole.

    Raises:
        MediaError: the file has no picture that can be read.
    """
    try:
        return _still(path)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        pass  # it is no picture; a clip, perhaps
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise MediaError(f"cannot read {path}: there is no picture in it")
            kept = _spread(_shrunk(container.decode(container.streams.video[0])))
    except (OSError, av.FFmpegError) as error:
        raise MediaError(f"cannot read {path}: {error.strerror or error}") from error
    if not kept:
        raise MediaError(f"cannot read {path}: there is no frame in it")
    return np.stack(kept)


def luma(frames: Frames) -> npt.NDArray[np.float32]:
    """Brightness of each pixel, BT.709: (T, H, W), 0–255."""
    weights = np.array([0.2126, 0.7152, 0.0722], np.float32)
    bright: npt.NDArray[np.float32] = frames.astype(np.float32) @ weights
    return bright


def _still(path: Path) -> Frames:
    with Image.open(path, formats=["PNG", "JPEG", "WEBP"]) as image:
        if getattr(image, "n_frames", 1) > 1:
            pictures = []
            for i in spread(MOST, image.n_frames):  # type: ignore[attr-defined]
                image.seek(i)
                pictures.append(_small(np.asarray(image.convert("RGB")), _size(*image.size)))
            return np.stack(pictures)
        return _small(np.asarray(image.convert("RGB")), _size(*image.size))[None]


def _size(width: int, height: int) -> tuple[int, int]:
    scale = min(1.0, SIDE / min(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _small(picture: Picture, size: tuple[int, int]) -> Picture:
    image = Image.fromarray(np.ascontiguousarray(picture))
    small: Picture = np.asarray(image.resize(size, Image.Resampling.BICUBIC))
    return small


def _shrunk(pictures: Iterable[av.VideoFrame]) -> Iterator[Picture]:
    for picture in pictures:
        width, height = _size(picture.width, picture.height)
        small = picture.reformat(width, height, "rgb24").to_ndarray()
        yield small.astype(np.uint8, copy=False)


def _spread(pictures: Iterable[Picture]) -> list[Picture]:
    """At most `MOST`, evenly spread, without knowing how many there will be."""
    kept: list[Picture] = []
    stride = 1
    for i, picture in enumerate(pictures):
        if i % stride:
            continue
        kept.append(picture)
        if len(kept) > 2 * MOST:
            kept, stride = kept[::2], stride * 2
    return [kept[i] for i in spread(MOST, len(kept))]
