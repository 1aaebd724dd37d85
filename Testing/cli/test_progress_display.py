"""The progress of a command, in a terminal and in a log."""

from __future__ import annotations

import io

from rich.console import Console

from DeepIterRegLib.cli.progress import progress_display
from DeepIterRegLib.common.progress import Progress, part_of


def shown(terminal: bool) -> str:
    text = io.StringIO()
    console = Console(file=text, force_terminal=terminal, width=120)
    with progress_display(console, "cpu") as show:
        for step in range(101):
            show(Progress("Refining on masks", step / 100, 0.2 + step / 200))
    return text.getvalue()


def test_a_log_gets_a_few_lines_with_stage_device_and_rising_similarity():
    lines = shown(terminal=False).splitlines()
    assert len(lines) == 5  # at the start and every quarter
    assert lines[0].startswith("[  0%] Refining on masks on cpu, similarity 0.200")
    assert lines[-1].startswith("[100%] Refining on masks on cpu, similarity 0.700")
    assert not any("\x1b" in line for line in lines)


def test_a_terminal_gets_a_bar_with_stage_device_and_similarity():
    text = shown(terminal=True)
    for part in ("Refining on masks", "100%", "similarity 0.700", "cpu"):
        assert part in text


def test_a_part_of_the_work_fills_its_part_of_the_bar():
    seen: list[Progress] = []
    part = part_of(seen.append, 0.25, 0.75)
    for fraction in (0.0, 0.5, 1.0, 1.5):
        part(Progress("x", fraction, 0.3))
    assert [progress.fraction for progress in seen] == [0.25, 0.5, 0.75, 0.75]
    assert seen[1].similarity == 0.3
