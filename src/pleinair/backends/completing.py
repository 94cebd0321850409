"""A model that is told more than was said: prompts are completed before it reads them."""

from dataclasses import replace

from pleinair.backends.base import Backend, Generation, Materials, Preview, Progress
from pleinair.diffusion.worlds.completion import complete
from pleinair.request import MOST_SEED, VideoRequest


class Completing:
    """A backend whose vocabulary is that of captions, with prompts completed where asked.

    Each variation is completed by its own seed, so that it is what this seed alone would give.

    Args:
        backend: draws.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.id, self.sizes, self.fps = backend.id, backend.sizes, backend.fps

    def generate(
        self,
        request: VideoRequest,
        progress: Progress | None = None,
        *,
        materials: Materials | None = None,
        preview: Preview | None = None,
    ) -> Generation:
        """Make the videos; see `Backend.generate`."""
        if not request.complete:
            return self.backend.generate(request, progress, materials=materials, preview=preview)
        added, made = [], []
        for i in range(request.variations):
            seed = (request.seed + i) % (MOST_SEED + 1)
            completed = complete(request.prompt, seed)
            one = replace(request, prompt=completed.prompt, seed=seed, variations=1, complete=False)
            report = progress and _part(progress, i, request.variations)
            made.append(self.backend.generate(one, report, preview=preview))
            added.append(completed.added)
        return _joined(request, made, tuple(added))


def _part(progress: Progress, number: int, count: int) -> Progress:
    """Progress of one variation as that of all of them."""

    def report(done: int, total: int, stage: str) -> None:
        progress(number * total + done, count * total, stage)

    return report


def _joined(request: VideoRequest, made: list[Generation], added: tuple[str, ...]) -> Generation:
    """Variations that were made one by one as one generation."""
    first, seconds = made[0].metadata, dict[str, float]()
    for one in made:
        for stage, spent in one.metadata.seconds.items():
            seconds[stage] = seconds.get(stage, 0.0) + spent
    metadata = replace(
        first,
        request=request,
        completed=added,
        cut=max(one.metadata.cut for one in made),
        seconds=seconds,
    )
    clips = tuple(clip for one in made for clip in one.clips)
    return Generation(clips, made[0].fps, metadata)
