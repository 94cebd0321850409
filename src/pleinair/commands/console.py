"""What a person sees: notes and progress on stderr, so that stdout stays for results."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pleinair.backends.base import Progress as Report

notes = Console(stderr=True, highlight=False)


@contextmanager
def progress_bar(*, quiet: bool = False) -> Iterator[Report]:
    """A bar with the stage, steps done and time left, as a function to report to."""
    columns = (
        TextColumn("{task.description:>10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    hidden = quiet or not notes.is_terminal  # elsewhere all it would write is an empty line
    with Progress(*columns, console=notes, transient=True, disable=hidden) as bar:
        task = bar.add_task("load", total=None)
        stage = "load"

        def report(done: int, total: int, name: str) -> None:
            nonlocal stage
            if name != stage:  # a stage has its own pace: its time left must not mix with others
                stage = name
                bar.reset(task, total=total, description=name)
            bar.update(task, completed=done, total=total)

        yield report
