"""The workers of a command with many patients: processes on this machine, each with one task at a time.

A worker that a task kills is replaced, and the task is tried once more; one that takes longer than it may is ended. The
command goes on without that patient.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.parallel.process_pool import started_pool

ATTEMPTS = 2
"""A worker may die of somebody else's need for memory; one that dies twice over a patient dies of the patient."""
MEMORY_PER_WORKER_MB = 3500
"""What generating and preparing a patient takes at most, and some to spare."""


@dataclass(frozen=True)
class WorkerDied:
    """In place of a result: the task's worker died every time that it was tried, or was ended."""

    reason: str
    timed_out: bool = False


DIED = WorkerDied("The worker died twice over this patient (killed, or out of memory).")
OUT_OF_MEMORY = WorkerDied("The memory did not suffice for this patient, twice.")
TIMED_OUT = WorkerDied("This patient took longer than it may.", timed_out=True)


class WorkerPool(Protocol):
    """Whoever does the work: `LocalPool`, `dask_pool.DaskPool`."""

    @property
    def busy(self) -> int:
        """How many tasks have been submitted and not finished."""
        ...

    @property
    def has_idle_worker(self) -> bool:
        """Whether a task submitted now would begin at once: what waits here can still be changed or left."""
        ...

    def submit(self, tag: Any, function: Callable[..., Any], *arguments: Any) -> None:
        """Let a worker do `function(*arguments)`; `tag` comes back with the result."""
        ...

    def next_finished(self) -> tuple[Any, Any]:
        """Wait for the next task to finish: its tag, and its result or WorkerDied.

        Raises what the task raised, but for a MemoryError that comes once.
        """
        ...


class LocalPool:
    """Processes on this machine. Each has a pool of its own, so that one that dies takes no other's task with it."""

    def __init__(self, workers: int, time_limit_s: float | None = None) -> None:
        self._time_limit_s = time_limit_s
        self._idle = [_Worker() for _ in range(workers)]
        self._tasks: dict[Future[Any], _Task] = {}

    @property
    def busy(self) -> int:
        return len(self._tasks)

    @property
    def has_idle_worker(self) -> bool:
        return bool(self._idle)

    def submit(self, tag: Any, function: Callable[..., Any], *arguments: Any) -> None:
        self._begin(_Task(tag, function, arguments, self._idle.pop()))

    def next_finished(self) -> tuple[Any, Any]:
        while True:
            finished, _ = wait(self._tasks, timeout=self._time_left_s(), return_when=FIRST_COMPLETED)
            if not finished:
                future = min(self._tasks, key=lambda one: self._tasks[one].began)
                task = self._tasks.pop(future)
                self._idle.append(task.worker.replaced())
                return task.tag, TIMED_OUT
            future = finished.pop()
            task = self._tasks.pop(future)
            task.attempts += 1
            try:
                result = future.result()
            except BrokenProcessPool:
                task.worker = task.worker.replaced()
                result = DIED
            except MemoryError:
                result = OUT_OF_MEMORY
            except BaseException:
                self._idle.append(task.worker)
                raise
            if isinstance(result, WorkerDied) and task.attempts < ATTEMPTS:
                self._begin(task)
                continue
            self._idle.append(task.worker)
            return task.tag, result

    def close(self) -> None:
        """End all workers, whatever they are doing: their files appear whole or not at all."""
        for worker in [*self._idle, *(task.worker for task in self._tasks.values())]:
            worker.close()

    def _time_left_s(self) -> float | None:
        """Of the task that began first."""
        if self._time_limit_s is None:
            return None
        first = min(task.began for task in self._tasks.values())
        return max(0.0, first + self._time_limit_s - time.monotonic())

    def _begin(self, task: _Task) -> None:
        try:
            future = task.worker.pool.submit(task.function, *task.arguments)
        except BrokenProcessPool:
            # Killed while it was idle: not by this task.
            task.worker = task.worker.replaced()
            future = task.worker.pool.submit(task.function, *task.arguments)
        task.began = time.monotonic()
        self._tasks[future] = task


class _Worker:
    """One process."""

    def __init__(self) -> None:
        others = set(multiprocessing.active_children())
        self.pool: ProcessPoolExecutor = started_pool(1)
        self._processes = set(multiprocessing.active_children()) - others

    def replaced(self) -> _Worker:
        """A new one for this one, which died."""
        self.close()
        return _Worker()

    def close(self) -> None:
        for process in self._processes:
            process.kill()
        self.pool.shutdown(cancel_futures=True)


@dataclass
class _Task:
    tag: Any
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    worker: _Worker
    attempts: int = 0
    began: float = 0.0


@contextmanager
def local_pool(workers: int | None = None, time_limit_s: float | None = None) -> Iterator[LocalPool]:
    """Processes on this machine; as many as it has processors and memory for, unless told.

    time_limit_s: of one task.
    """
    pool = LocalPool(workers or default_workers(), time_limit_s)
    try:
        yield pool
    finally:
        pool.close()


def default_workers() -> int:
    """A worker per processor, and no more than the memory is good for. Raises InputError where psutil is missing."""
    try:
        import psutil
    except ImportError as error:
        raise InputError(
            "Nothing tells how much memory there is; say how many processes shall work with --workers N, or install "
            "psutil."
        ) from error

    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(processors, int(psutil.virtual_memory().total / 1e6 / MEMORY_PER_WORKER_MB)))
