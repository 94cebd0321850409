"""Landscapes by the physics of light behind the public door: a prompt or a scene in, frames out."""

import threading
import time
from dataclasses import replace

from pleinair.backends.base import Generation, Materials, Metadata, Preview, Progress
from pleinair.backends.device import device_of, within_memory
from pleinair.backends.ranges import Ranges
from pleinair.light.renderer import Renderer
from pleinair.media.clip import Drawn
from pleinair.media.frames import Picture
from pleinair.request import MOST_SEED, VideoRequest
from pleinair.scenes.draft import Draft, draft
from pleinair.scenes.scene import Scene
from pleinair.settings import Settings, processors


class Landscapes:
    """``pleinair-2``: composes a scene and computes what a camera would see of it.

    It draws at the delivered size and rate itself, and each frame only when that is wanted: what
    `generate` returns are clips of `Drawn`, so that a long video is never held in memory. A scene
    that is given is drawn as it is, with the request's seed; otherwise the prompt is composed into
    one. Variation i is what seed + i alone would give. The scene that was drawn last stays warm.
    """

    id = "pleinair-2"
    sizes: tuple[tuple[int, int], ...] = ()  # any
    fps = VideoRequest.fps

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.device = device_of(settings.device)
        self.threads = settings.threads or processors()
        self._lock = threading.Lock()
        self._warm: tuple[object, Renderer] | None = None

    def generate(
        self,
        request: VideoRequest,
        progress: Progress | None = None,
        *,
        materials: Materials | None = None,
        preview: Preview | None = None,
    ) -> Generation:
        """Compose the scenes and set up the first; see `Backend.generate`.

        Frames are drawn when the clips are read, and previews are taken there.
        """
        started = time.perf_counter()
        if progress:
            progress(0, 1, "scene")
        drafts = [compose(request, i) for i in range(request.variations)]
        within_memory(request, self.device, lambda: self._renderer(drafts[0].scene, request))
        if progress:
            progress(1, 1, "scene")
        metadata = Metadata(
            request=request,
            native_width=request.width,
            native_height=request.height,
            native_fps=request.fps,
            native_frames=request.frames,
            unknown=dict.fromkeys(word for one in drafts for word in one.unknown),
            notes=tuple(dict.fromkeys(note for one in drafts for note in one.notes)),
            scenes=tuple(one.scene for one in drafts),
            said=drafts[0].said,
            device=self.device,
            seconds={"scene": time.perf_counter() - started},
        )
        clips = tuple(self._clip(one.scene, request, i) for i, one in enumerate(drafts))
        return Generation(clips, request.fps, metadata)

    def _clip(self, scene: Scene, request: VideoRequest, variation: int) -> Drawn:
        def draw(number: int) -> Picture:
            return within_memory(
                request, self.device, lambda: self._renderer(scene, request).draw(number)
            )

        spread = self.settings.ranges > 1
        return Drawn(
            draw,
            request.frames,
            request.height,
            request.width,
            threads=self.threads,
            elsewhere=Ranges(request, variation, self.settings) if spread else None,
        )

    def _renderer(self, scene: Scene, request: VideoRequest) -> Renderer:
        """What draws this scene; one at a time is kept, as each holds a whole land."""
        wanted = (scene, request.width, request.height, request.fps, request.frames)
        with self._lock:
            if self._warm is None or self._warm[0] != wanted:
                self._warm = None  # let go of the old one first
                made = Renderer(
                    scene,
                    width=request.width,
                    height=request.height,
                    fps=request.fps,
                    frames=request.frames,
                    device=self.device,
                )
                self._warm = (wanted, made)
            return self._warm[1]


def compose(request: VideoRequest, variation: int = 0) -> Draft:
    """The scene of one variation: the one that was given, or what the prompt is composed into."""
    seed = (request.seed + variation) % (MOST_SEED + 1)
    if request.scene is not None:
        return Draft(replace(request.scene, seed=seed), (), (), ())
    return draft(
        request.prompt, seed, aspect=request.width / request.height, seconds=request.seconds
    )
