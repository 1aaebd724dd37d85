"""Processes that draw samples while the network trains."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.parallel.process_pool import NUMPY_THREADS, started_pool

AHEAD_PER_WORKER = 2
"""Pieces of work that wait finished, or are under way: enough that no worker is ever idle."""

InOrder = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]


@contextmanager
def sample_workers(count: int, ahead: int = 0) -> Iterator[InOrder]:
    """A `map` whose work is done by `count` processes, `ahead` pieces and more before they are asked for, in order.

    count: 0 for the plain `map`, in this process.
    """
    if count == 0:
        yield map
        return
    pool = started_pool(count, (*NUMPY_THREADS, "NUMBA_NUM_THREADS"))
    try:
        yield lambda function, pieces: _in_order(pool, function, pieces, ahead + AHEAD_PER_WORKER * count)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _in_order(
    pool: ProcessPoolExecutor, function: Callable[[Any], Any], pieces: Iterable[Any], ahead: int
) -> Iterator[Any]:
    waiting: deque[Future[Any]] = deque()
    try:
        for piece in pieces:
            waiting.append(pool.submit(function, piece))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise InputError(
            "A process that draws samples died (killed, or out of memory); run the same command again, with fewer"
            " workers."
        ) from error
