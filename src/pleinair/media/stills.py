"""A small copy of some frames of a clip, for what looks at it again once it is written.

Thumbnails, sheets and fingerprints look at a few frames, and need them small. A clip that is drawn
on its way into a file would have to be drawn twice for them; so these frames are kept as they pass.
"""

from collections.abc import Iterable, Mapping
from typing import TypeAlias, overload

import numpy as np

from pleinair.media.clip import Clip, Drawn, spread
from pleinair.media.frames import Frames, Picture, resize_picture

SIDE, WIDTH = 180, 320
"""Pixels of the shorter side, and of the width, that a small copy has at least."""
COUNTS = (48, 25, 12)
"""How many frames are looked at, evenly spread: by fingerprints, sprite sheets, contact sheets."""


class Stills:
    """The small copy; it has the length and the aspect of the clip, and of its frames some.

    Args:
        length: frames of the clip.
        kept: (h, w, 3) by number, at least one.
    """

    def __init__(self, length: int, kept: Mapping[int, Picture]) -> None:
        self._kept = dict(kept)
        self._numbers = np.array(sorted(kept))
        height, width, _ = self._kept[int(self._numbers[0])].shape
        self.shape = (length, height, width, 3)

    def __len__(self) -> int:
        return self.shape[0]

    @overload
    def __getitem__(self, index: int) -> Picture: ...

    @overload
    def __getitem__(self, index: slice) -> Frames: ...

    def __getitem__(self, index: int | slice) -> Picture | Frames:
        """The kept frame that is nearest, or those nearest to a slice's."""
        numbers = range(len(self))[index]
        if isinstance(numbers, int):
            return self._kept[int(self._numbers[np.abs(self._numbers - numbers).argmin()])]
        return np.stack([self[i] for i in numbers])


Seen: TypeAlias = Clip | Stills
"""A clip, or the small copy that stands for it where it is only looked at."""


def chosen(length: int) -> list[int]:
    """Numbers of the frames that are kept of a clip, in order."""
    return sorted({length // 2, *(i for count in COUNTS for i in spread(count, length))})


def small(picture: Picture) -> Picture:
    """A frame as small as its copy is; one that is smaller stays as it is."""
    height, width, _ = picture.shape
    scale = min(1.0, max(SIDE / min(width, height), WIDTH / width))
    if scale == 1:
        return picture
    return resize_picture(picture, max(1, round(width * scale)), max(1, round(height * scale)))


def pictures_of(seen: Seen, numbers: Iterable[int]) -> list[Picture]:
    """Frames by their numbers; of a clip that is drawn, several at once."""
    return list(seen.some(numbers)) if isinstance(seen, Drawn) else [seen[i] for i in numbers]
