"""Progress of a command: a bar in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar

from DeepIterRegLib.common.progress import Progress, ProgressCallback

PLAIN_LINE_EVERY = 0.25
"""Of the whole: how far a stage goes on before another plain line tells of it."""
COUNTED_LINE_EVERY = 0.05
"""Of many pieces of work."""


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


@contextmanager
def counting_display(
    console: Console, what: str, planned: int, begin: str = ""
) -> Iterator[Callable[[str, str], None]]:
    """A function to call after each of `planned` pieces of work: how they stand ("12 of 40 succeeded"), and what is
    wrong with this one, or "". It shows them with the time that the rest will take.

    begin: shown before the first.
    """
    if not console.is_terminal:
        yield _counted_lines(console, planned)
        return
    columns = (
        TextColumn("{task.description}"), BarColumn(bar_width=None), MofNCompleteColumn(),
        TextColumn("{task.fields[standing]}"), TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Bar(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False) as bar:
        task = bar.add_task(what, total=planned, standing=begin)

        def show(standing: str, wrong: str) -> None:
            bar.update(task, advance=1, standing=standing)
            if wrong:
                bar.console.print(wrong, markup=False, highlight=False, soft_wrap=True)

        yield show


def _counted_lines(console: Console, planned: int) -> Callable[[str, str], None]:
    """A line for every twentieth of the work, and for everything that is wrong."""
    start, done, told = time.monotonic(), 0, 0.0

    def tell(standing: str, wrong: str) -> None:
        nonlocal done, told
        done += 1
        if done / planned - told < COUNTED_LINE_EVERY and not wrong and done != planned:
            return
        told = done / planned
        seconds = (time.monotonic() - start) / done * (planned - done)
        left = f", {seconds / 60:.0f} min left" if seconds > 90 else ""
        line = f"[{told:4.0%}] {standing}{left}" + (f"; {wrong}" if wrong else "")
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    return tell
