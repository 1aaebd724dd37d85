"""Processes that draw samples while the network trains."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any

from DeepIterRegLib.common.errors import InputError

AHEAD_PER_WORKER = 2
"""Pieces of work that wait finished, or are under way: enough that no worker is ever idle."""
ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
HELD = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))

InOrder = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]


@contextmanager
def sample_workers(count: int, ahead: int = 0) -> Iterator[InOrder]:
    """A `map` whose work is done by `count` processes, `ahead` pieces and more before they are asked for, in order.

    count: 0 for the plain `map`, in this process. The processes compute with one thread each, are deaf to Ctrl-C
    (whoever asked for them ends them), and end by themselves when this process is gone.
    """
    if count == 0:
        yield map
        return
    # A process that is forked from one with threads of PyTorch or numba may stand still for ever.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, context, initializer=_begin) as executor:
        with _inherited():
            for _ in range(count):
                executor.submit(_nothing)
        try:
            yield lambda function, pieces: _in_order(executor, function, pieces, ahead + AHEAD_PER_WORKER * count)
        finally:
            executor.shutdown(wait=False, cancel_futures=True)


def _in_order(
    executor: ProcessPoolExecutor, function: Callable[[Any], Any], pieces: Iterable[Any], ahead: int
) -> Iterator[Any]:
    waiting: deque[Future[Any]] = deque()
    try:
        for piece in pieces:
            waiting.append(executor.submit(function, piece))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise InputError(
            "A process that draws samples died (killed, or out of memory); run the same command again, with fewer"
            " --workers."
        ) from error


def _begin() -> None:
    """In a new worker: ends it when the process that began it is gone, even if that was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


def _nothing() -> None:
    """Begins a worker by giving it something to do."""


@contextmanager
def _inherited() -> Iterator[None]:
    """What processes begun in this block start with: one thread, and no ear for signals (not so on Windows)."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, HELD) if hasattr(signal, "pthread_sigmask") else None
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
