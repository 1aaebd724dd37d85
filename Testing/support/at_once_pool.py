"""An experiment's work done at once in the test's own process: no second for another Python to start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class AtOncePool:
    """A `WorkerPool` of one, which works when it is asked for a result."""

    def __init__(self) -> None:
        self._task: tuple[Any, Callable[..., Any], tuple[Any, ...]] | None = None

    @property
    def busy(self) -> int:
        return int(self._task is not None)

    @property
    def has_idle_worker(self) -> bool:
        return self._task is None

    def submit(self, tag: Any, function: Callable[..., Any], *arguments: Any) -> None:
        self._task = tag, function, arguments

    def next_finished(self) -> tuple[Any, Any]:
        assert self._task is not None
        (tag, function, arguments), self._task = self._task, None
        return tag, function(*arguments)


@contextmanager
def at_once_pool(workers: int | None = None) -> Iterator[AtOncePool]:
    """In the place of `worker_pool.local_pool`."""
    yield AtOncePool()
