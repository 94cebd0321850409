"""What is put into the frames of a video on their way into a file: an invisible mark, a label."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pleinair.media.clip import Clip, Mark
from pleinair.media.frames import Frames, Picture
from pleinair.media.glimpse import glimpse, luma
from pleinair.media.stills import Seen
from pleinair.media.watermark import LEAST_SIDE, Layer, Watermark, add
from pleinair.settings import Settings

LABEL = "made with Pleinair"
PUBLIC = b"pleinair"
"""The key of whoever has no secret: anybody can find its marks."""

_INK, _PLATE, _OPACITY = (255, 255, 255), (0, 0, 0), 0.55


@dataclass(frozen=True)
class Marking:
    """What is put into frames.

    Attributes:
        key: of the invisible mark.
        invisible: whether there is one.
        visible: whether there is a label in the corner.
    """

    key: bytes = PUBLIC
    invisible: bool = True
    visible: bool = False

    @classmethod
    def read(cls, settings: Settings, key: bytes = PUBLIC) -> "Marking":
        """What the settings say."""
        return cls(key, settings.watermark == "invisible", settings.visible_mark == "on")

    def of(self, frames: Clip, name: str, kept: tuple[int, int] = (0, 0)) -> Mark | None:
        """What marks the frames of one clip, or None where nothing is to be marked.

        Args:
            frames: (T, H, W, 3). With a shorter side below 180 there is no invisible mark.
            name: what the mark stands for.
            kept: how many frames at its start and at its end come from clips that were given.
                Where such a clip has a mark of this key already, its frames are left as they are:
                marks laid on one another would be seen in time.
        """
        watermark = Watermark(self.key)
        invisible = self.is_invisible_in(frames)
        if not invisible and not self.visible:
            return None
        first, last = kept[0], len(frames) - kept[1]
        if not (invisible and first and self._marked(watermark, frames[:first])):
            first = 0
        if not (invisible and kept[1] and self._marked(watermark, frames[last:])):
            last = len(frames)
        layer = watermark.layer(frames[first:last], watermark.mark_of(name)) if invisible else None
        return _Laid(range(first, last), layer, self.visible)

    def is_invisible_in(self, frames: Seen) -> bool:
        """Whether there is an invisible mark in frames (T, H, W, 3) of this size."""
        return self.invisible and min(frames.shape[1:3]) >= LEAST_SIDE

    @staticmethod
    def _marked(watermark: Watermark, frames: Clip) -> bool:
        return watermark.read(luma(glimpse(frames))).found


@dataclass(frozen=True)
class _Laid:
    """The mark of one clip; it can be handed to other processes."""

    numbers: range
    layer: Layer | None
    visible: bool

    def __call__(self, i: int, picture: Picture) -> Picture:
        if i not in self.numbers:
            return picture
        marked = picture if self.layer is None else add(picture, self.layer)
        return labelled(marked) if self.visible else marked


def labelled(picture: Picture) -> Picture:
    """A picture (H, W, 3) with `LABEL` in its lower right corner.

    Drawn again over itself, the label gets no darker than its plate.
    """
    height, width, _ = picture.shape
    label, opacity = _label(max(9, round(min(width, height) / 24)))
    h, w = min(height, len(label)), min(width, label.shape[1])
    corner = picture[height - h :, width - w :]
    blended = corner + (label[:h, :w] - corner.astype(np.float32)) * opacity[:h, :w]
    made = picture.copy()
    made[height - h :, width - w :] = blended.round().astype(np.uint8)
    return made


@cache
def _label(size: int) -> tuple[Frames, np.typing.NDArray[np.float32]]:
    """The label's pixels (h, w, 3) and how opaque each is (h, w, 1); plate and letters."""
    font = ImageFont.load_default(size)
    left, top, right, bottom = (int(side) for side in font.getbbox(LABEL))
    pad = size // 2
    plate = Image.new("L", (right - left + 2 * pad, bottom - top + 2 * pad), 0)
    ImageDraw.Draw(plate).text((pad - left, pad - top), LABEL, 255, font)
    ink = np.asarray(plate, np.float32)[..., None] / 255
    colours = ink * np.array(_INK, np.float32) + (1 - ink) * np.array(_PLATE, np.float32)
    opacity = (_OPACITY * (0.6 + 0.4 * ink)).astype(np.float32)
    return colours.round().astype(np.uint8), opacity
