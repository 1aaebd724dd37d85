"""Progress of a command: a bar in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from DeepIterRegLib.common.progress import Progress, ProgressCallback

PLAIN_LINE_EVERY = 0.25
"""Of the whole: how far a stage goes on before another plain line tells of it."""


@contextmanager
def progress_display(console: Console, device: str) -> Iterator[ProgressCallback]:
    """A callback that shows the stage's name, the device and the similarity on `console`."""
    if not console.is_terminal:
        yield _plain_lines(console, device)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TaskProgressColumn(),
        TextColumn("{task.fields[similarity]}"),
        TextColumn("{task.fields[device]}", style="cyan"),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False) as bar:
        task = bar.add_task("Starting", total=1.0, similarity="", device=device)

        def show(progress: Progress) -> None:
            bar.update(
                task,
                description=progress.stage,
                completed=progress.fraction,
                similarity="" if progress.similarity is None else f"similarity {progress.similarity:.3f}",
            )

        yield show


def _plain_lines(console: Console, device: str) -> ProgressCallback:
    """One line when a stage begins, and one whenever it has come another quarter of the way."""
    start = time.monotonic()
    shown_stage, shown_fraction = "", 0.0

    def show(progress: Progress) -> None:
        nonlocal shown_stage, shown_fraction
        if progress.stage == shown_stage and progress.fraction - shown_fraction < PLAIN_LINE_EVERY:
            return
        shown_stage, shown_fraction = progress.stage, progress.fraction
        similarity = "" if progress.similarity is None else f", similarity {progress.similarity:.3f}"
        seconds = time.monotonic() - start
        console.print(
            f"[{progress.fraction:4.0%}] {progress.stage} on {device}{similarity} ({seconds:.1f} s)",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )

    return show
