"""Processes that work for this one: each computes with one thread, none hears Ctrl-C, and none outlives us."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess

NUMPY_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Environment variables that set how many threads numpy's libraries compute with."""
HELD = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


def started_pool(count: int, one_thread: Sequence[str] = NUMPY_THREADS) -> ProcessPoolExecutor:
    """A pool whose `count` processes have been started.

    one_thread: environment variables that are 1 in them. They are deaf to Ctrl-C (a terminal sends it to all processes,
    and whoever started them ends them in order), and end by themselves when this process is gone.
    """
    # A process that is forked from one with threads of PyTorch or numba may stand still for ever.
    pool = ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), initializer=_begin)
    with _inherited(one_thread):
        for _ in range(count):
            pool.submit(_nothing)
    return pool


def _begin() -> None:
    """In a new process: ends it when the one that started it is gone, even if that was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


def _nothing() -> None:
    """Starts a process by giving it something to do."""


@contextmanager
def _inherited(one_thread: Sequence[str]) -> Iterator[None]:
    """What processes started in this block begin with: one thread, and no ear for signals (not so on Windows)."""
    before = {name: os.environ.get(name) for name in one_thread}
    os.environ.update(dict.fromkeys(one_thread, "1"))
    if hasattr(signal, "pthread_sigmask"):
        # Its start would let the signals through again.
        resource_tracker.ensure_running()
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
    else:
        mask = None
    try:
        yield
    finally:
        if mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
