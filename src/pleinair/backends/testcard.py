"""A backend without a model: colour bars that move and a clock, for trials of the service."""

import hashlib
import os
import re
import signal
import time
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pleinair.backends.base import (
    Generation,
    Materials,
    Metadata,
    Preview,
    Progress,
    memory_full,
)
from pleinair.backends.given import Beginning, begin, ends_of, kept
from pleinair.backends.ranges import Ranges
from pleinair.errors import ModelError
from pleinair.media.clip import Clip, Drawn
from pleinair.media.frames import Frames, Picture, at_rate, resize_picture
from pleinair.request import VideoRequest
from pleinair.settings import Settings

_BARS = [(r, g, b) for r in (16, 235) for g in (16, 235) for b in (16, 235)]
_STEPS = 12
_SMALL = 160  # pixels of a preview's width


class TestCard:
    """``test-card``: takes steps like a model and shows bars, the time and the frame's number.

    The order and pace of the bars follow from the prompts and the seed, the same ones for the same
    request anywhere; guidance has no effect. A picture that is given stands in its frame, a clip
    to edit comes back tinted, and before, after and between clips stands the card. In a loop the
    bars go once around, or several times.

    Words in the prompt try how the service takes trouble, which comes at the middle step:

    - ``drawn``: the clip is drawn on its way into its file, frame by frame, which are its steps.
    - ``slow N``: every step takes N milliseconds more.
    - ``stall N``: one step takes N seconds more.
    - ``fail``: ModelError.
    - ``memory``: asks for more memory than any machine has, and so MemoryFullError.
    - ``crash``: the process kills itself, as the kernel would, with SIGKILL.

    Args:
        delay: seconds that each step takes.
        settings: by how many processes a clip is drawn that is ``drawn``.
    """

    id = "test-card"
    sizes: tuple[tuple[int, int], ...] = ((640, 360),)  # and any other
    fps = 24

    def __init__(self, delay: float = 0.0, settings: Settings | None = None) -> None:
        self.delay = delay
        self.settings = settings or Settings()

    def generate(
        self,
        request: VideoRequest,
        progress: Progress | None = None,
        *,
        materials: Materials | None = None,
        preview: Preview | None = None,
    ) -> Generation:
        """Draw the card at the size and rate asked for; see `Backend.generate`."""
        started = time.perf_counter()
        beginning = begin(request, materials)
        report = progress or (lambda done, total, stage: None)
        steps = request.steps or _STEPS
        total = steps * request.variations
        report(0, total, "draw")
        ends = ends_of(request, beginning)
        clips: list[Clip] = []
        try:
            for i in range(request.variations):
                draw = _drawing(request, request.seed + i, beginning)
                if "drawn" in request.prompt.split():
                    clips.append(self._drawn(request, i, draw))
                    continue
                for step in range(steps):
                    self._step(request, step, steps)
                    report(i * steps + step + 1, total, "draw")
                    if preview:
                        preview(_look(draw, step * request.frames // steps))
                clips.append(_clip(request, draw, ends))
        except MemoryError as error:
            raise memory_full(request, error) from error
        spent = {"draw": time.perf_counter() - started}
        made = Metadata(
            request=request,
            native_width=request.width,
            native_height=request.height,
            native_fps=request.fps,
            native_frames=request.frames,
            steps=steps,
            guidance=request.guidance,
            notes=beginning.notes,
            seconds=spent,
        )
        return Generation(tuple(clips), request.fps, made, kept(request, beginning))

    def _drawn(self, request: VideoRequest, i: int, draw: Callable[[int], Picture]) -> Drawn:
        """The card alone, as a clip that is drawn when it is read."""

        def drawn(number: int) -> Picture:
            self._step(request, number, request.frames)
            return draw(number)

        elsewhere = Ranges(request, i, self.settings) if self.settings.ranges > 1 else None
        size = request.frames, request.height, request.width
        return Drawn(drawn, *size, elsewhere=elsewhere)

    def _step(self, request: VideoRequest, step: int, steps: int) -> None:
        """One step, with what the prompt's words make of it."""
        time.sleep(self.delay + _number("slow", request.prompt) / 1000)
        if step != steps // 2:
            return
        time.sleep(_number("stall", request.prompt))
        words = re.findall(r"\w+", request.prompt)
        if "fail" in words:
            raise ModelError("the prompt said fail")
        if "memory" in words:
            np.empty(1 << 50, np.uint8)  # a petabyte: beyond what a process can address
        if "crash" in words:
            os.kill(os.getpid(), signal.SIGKILL)


def _number(word: str, prompt: str) -> float:
    found = re.search(rf"\b{word} (\d+(?:\.\d+)?)", prompt)
    return float(found[1]) if found else 0.0


def _drawing(request: VideoRequest, seed: int, beginning: Beginning) -> Callable[[int], Picture]:
    """What draws frame i of one variation, (H, W, 3)."""
    width, height = request.width, request.height
    text = f"{request.prompt}\0{request.negative_prompt}"
    said = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
    rng = np.random.default_rng([seed, said])
    bars = np.array(_BARS, np.uint8)[rng.permutation(len(_BARS))]
    row = bars[np.arange(width) * len(bars) // width]  # (W, 3)
    pace = float(rng.uniform(0.1, 0.5)) * width / request.fps  # pixels a frame
    if request.loop:
        pace = max(1, round(pace * request.frames / width)) * width / request.frames
    shown = {
        min(round(at * request.fps), request.frames - 1): resize_picture(picture, width, height)
        for at, picture in beginning.pictures.items()
    }
    edit = beginning.edit
    clip = None if edit is None else at_rate(edit.frames, edit.fps, request.fps, request.frames)

    def draw(i: int) -> Picture:
        if i in shown:
            return shown[i]
        card = np.broadcast_to(np.roll(row, round(i * pace), 0), (height, width, 3))
        if clip is not None:
            tint = bars[0] * (beginning.strength / 2)
            scaled = resize_picture(clip[i], width, height) * (1 - beginning.strength / 2)
            tinted: Picture = (scaled + tint).astype(np.uint8)
            return tinted
        return _with_clock(card, f"{i / request.fps:05.2f}  {i}")

    return draw


def _with_clock(card: Picture, text: str) -> Picture:
    picture = Image.fromarray(np.ascontiguousarray(card))
    height = max(8, picture.height // 6)
    draw = ImageDraw.Draw(picture)
    middle = (picture.width // 2, picture.height // 2)
    font = ImageFont.load_default(height)
    draw.rectangle(draw.textbbox(middle, text, font, anchor="mm"), (0, 0, 0))
    draw.text(middle, text, (255, 255, 255), font, anchor="mm")
    whole: Picture = np.array(picture)
    return whole


def _look(draw: Callable[[int], Picture], i: int) -> Callable[[], Frames]:
    def look() -> Frames:
        picture = draw(i)
        height, width, _ = picture.shape
        return resize_picture(picture, _SMALL, max(1, round(height * _SMALL / width)))[None]

    return look


def _clip(
    request: VideoRequest, draw: Callable[[int], Picture], ends: tuple[Frames | None, Frames | None]
) -> Frames:
    """The frames of the request, between those of clips that it stands between."""
    before, after = (() if end is None else end for end in ends)
    first, last = len(before), len(before) + request.frames
    frames = np.empty((last + len(after), request.height, request.width, 3), np.uint8)
    for start, clip in ((0, before), (last, after)):
        for i, frame in enumerate(clip, start):
            frames[i] = resize_picture(frame, request.width, request.height)
    for i in range(request.frames):
        frames[first + i] = draw(i)
    return frames
