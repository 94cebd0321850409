"""Clips: frames in order, all in memory or each drawn when it is wanted."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, TypeAlias, overload

import numpy as np

from pleinair.media.frames import Frames, Picture

Mark: TypeAlias = Callable[[int, Picture], Picture]
"""Makes of frame i of a clip the frame as it is delivered; see `pleinair.media.mark`."""

_REMEMBERED = 8  # frames that were asked for one by one


class Elsewhere(Protocol):
    """Encodes segments of a clip in other processes."""

    def __call__(self, folder: Path, missing: list[int], mark: Mark | None) -> Iterator[int]:
        """Put segments of these numbers into a folder, as `pleinair.media.segments` does.

        Yields from time to time how many more frames are done, which may be none.
        """
        ...


class Drawn:
    """A clip that is never held whole: every frame is drawn from its number alone.

    It stands wherever an array (T, H, W, 3) does that is read frame by frame: it has a shape and a
    length, it is iterated over, and it gives single frames and contiguous slices.

    Args:
        draw: draws the frame of a number, (H, W, 3); the same one whenever and in whichever
            thread it is called.
        frames, height, width: of the clip.
        threads: frames that are drawn at once.
        elsewhere: what draws and encodes parts of it in other processes, if they shall.
    """

    def __init__(
        self,
        draw: Callable[[int], Picture],
        frames: int,
        height: int,
        width: int,
        *,
        threads: int = 1,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self.draw = draw
        self.shape = (frames, height, width, 3)
        self.threads = threads
        self.elsewhere = elsewhere
        self._remembered: dict[int, Picture] = {}

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[Picture]:
        """All frames in order, the next ones under way while one is looked at."""
        return self.some(range(len(self)))

    @overload
    def __getitem__(self, index: int) -> Picture: ...

    @overload
    def __getitem__(self, index: slice) -> "Drawn": ...

    def __getitem__(self, index: int | slice) -> "Picture | Drawn":
        """One frame, or the clip of some in a row."""
        if isinstance(index, slice):
            first, last, step = index.indices(len(self))
            if step != 1:
                raise IndexError("a clip that is drawn gives frames in a row")
            if (first, last) == (0, len(self)):
                return self
            return Drawn(
                lambda i: self._one(first + i),
                max(0, last - first),
                *self.shape[1:3],
                threads=self.threads,
            )
        (picture,) = self.some([range(len(self))[index]])
        return picture

    def __array__(self, dtype: object = None, copy: object = None) -> Frames:
        """All frames in memory, (T, H, W, 3) uint8, for whoever wants an array after all."""
        whole = np.empty(self.shape, np.uint8)
        for i, picture in enumerate(self):
            whole[i] = picture
        return whole

    def some(self, numbers: Iterable[int]) -> Iterator[Picture]:
        """Frames of these numbers, in that order; those after are drawn meanwhile."""
        with ThreadPoolExecutor(self.threads, "draw") as pool:
            waiting: deque[Future[Picture]] = deque()
            try:
                for number in numbers:
                    waiting.append(pool.submit(self._one, number))
                    if len(waiting) > self.threads:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:  # nobody looks any more
                for future in waiting:
                    future.cancel()

    def look(self, numbers: Iterable[int]) -> dict[int, Picture]:
        """Frames of these few numbers, remembered so that none is drawn again."""
        numbers = list(numbers)[:_REMEMBERED]
        self._remembered = dict(zip(numbers, self.some(numbers), strict=True))
        return self._remembered

    def _one(self, number: int) -> Picture:
        known = self._remembered.get(number)
        return self.draw(number) if known is None else known


Clip: TypeAlias = Frames | Drawn
"""Frames in order: (T, H, W, 3) in memory, or drawn when they are wanted."""


def spread(count: int, length: int) -> list[int]:
    """Numbers of at most ``count`` frames, evenly from the first of ``length`` to the last."""
    chosen = np.linspace(0, length - 1, min(count, length)).round().astype(int)
    return [int(i) for i in chosen]
