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


def leave_a_core_free() -> None:
    """Let numpy's matrix products use all cores but one, which draws the application; before numpy is imported.

    OpenBLAS's threads wait by turning: where another process has a core, they hold each other up. Measured on two
    cores, both busy: a registration of remembered images takes 1.5 s with one thread, 2.2 to 6.2 s with two.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", str(max(1, core_count() - 1)))
