"""The device as the panel names it."""

from __future__ import annotations

import os


def core_count() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_description() -> str:
    """ "CPU, 4 cores": those that this process may use."""
    cores = core_count()
    return f"CPU, {cores} core" + ("" if cores == 1 else "s")
