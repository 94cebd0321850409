"""What a person sees of a run: a log, a progress bar, sheets of pictures."""

import json
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from pleinair.diffusion.training.data import to_bytes

_QUIET = 20.0  # seconds between lines where there is no terminal


class Report:
    """Logs one stage to ``log.jsonl`` and shows it: a bar on a terminal, plain lines elsewhere."""

    def __init__(self, folder: Path, stage: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._stage = stage
        self._file = (folder / "log.jsonl").open("a", encoding="utf-8")
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[values]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._plain = not console.is_terminal
        self._task = self._bar.add_task(stage, total=None, values="")
        self._began = self._said = time.monotonic()
        self._first: int | None = None

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()
        self._file.close()

    def step(self, step: int, total: int, **values: float) -> None:
        """Report that `step` of `total` is done, with figures such as the loss."""
        line = {"stage": self._stage, "step": step, "total": total, **values}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        text = "  ".join(f"{name} {value:.4g}" for name, value in values.items())
        self._bar.update(self._task, completed=step, total=total, values=text)
        now = time.monotonic()
        if self._first is None:
            self._first, self._began = step, now
        if self._plain and (now - self._said > _QUIET or step == total):
            self._said = now
            pace = (now - self._began) / max(1, step - self._first)
            left = (total - step) * pace / 60
            print(f"{self._stage} {step}/{total}  {text}  {left:.1f} min left", flush=True)


def save_sheet(path: Path, rows: list[Tensor], frames: int = 5) -> None:
    """Write a PNG: a row for each clip (3, T, H, W) in [-1, 1], up to `frames` of its frames."""
    from PIL import Image  # only where sheets are asked for

    height = max(clip.shape[2] for clip in rows)
    width = max(clip.shape[3] for clip in rows)
    sheet = torch.zeros(len(rows) * height, frames * width, 3, dtype=torch.uint8)
    for row, clip in enumerate(rows):
        times = torch.linspace(0, clip.shape[1] - 1, frames).round().long().unique()
        for column, time_ in enumerate(times.tolist()):
            picture = to_bytes(clip[:, time_].float().cpu()).permute(1, 2, 0)
            top, left = row * height, column * width
            sheet[top : top + clip.shape[2], left : left + clip.shape[3]] = picture
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet.numpy()).save(path)
