"""The workers of a Dask cluster: whatever has joined a scheduler elsewhere."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.parallel.fingerprint import code_fingerprint
from DeepIterRegLib.parallel.worker_pool import ATTEMPTS, DIED, OUT_OF_MEMORY, TIMED_OUT

if TYPE_CHECKING:
    from distributed import Client

CONNECT_SECONDS = 20
POLL_SECONDS, LOOK_SECONDS = 0.05, 1.0
GRACE_SECONDS = 10.0
"""Beyond the time limit, in which a worker that can should have ended itself."""
FETCH_SECONDS = 10.0
"""For a result of some hundred bytes, from whoever has it."""
ALONE_SECONDS = 60.0
TOO_LONG = -1
"""In place of how often a task has been begun."""


class DaskPool:
    """A `WorkerPool` that keeps as many tasks under way as the cluster has workers.

    A worker ends itself where a task takes too long; one that does not even do that (stopped, cut off) gets no more.
    """

    def __init__(self, client: Client, time_limit_s: float | None = None) -> None:
        from distributed import as_completed

        self._client = client
        self._time_limit_s = time_limit_s
        self._finished = as_completed([])
        self._command = uuid.uuid4().hex[:8]
        self._tasks: dict[str, _Task] = {}
        self._silent: set[str] = set()
        """Addresses of workers from which nothing comes back."""
        self._last_seen = self._last_look = time.monotonic()

    @property
    def busy(self) -> int:
        return len(self._tasks)

    @property
    def has_idle_worker(self) -> bool:
        return self.busy < max(sum(self._threads().values()), 1)

    def submit(self, tag: Any, function: Callable[..., Any], *arguments: Any) -> None:
        key = f"{self._command}-{uuid.uuid4().hex[:12]}"
        self._tasks[key] = _Task(tag, function, arguments)
        self._submit(key)

    def next_finished(self) -> tuple[Any, Any]:
        """As `WorkerPool`'s; raises InputError too, when the scheduler is gone, or all of its workers."""
        from distributed import KilledWorker

        while True:
            while not self._finished.has_ready():
                late = self._look()
                if late is not None:
                    return late
                time.sleep(POLL_SECONDS)
            future = next(self._finished)
            key = future.key.rsplit("/", 1)[0]
            task = self._tasks.get(key)
            if task is None or task.future.key != future.key:
                continue  # Given to another worker meanwhile.
            try:
                result = future.result(timeout=FETCH_SECONDS)
            except TimeoutError:
                if future.status == "error":
                    raise  # Of the task.
                self._fetch_again(key, task)
                continue
            except _TimedOut:
                result = TIMED_OUT
            except (KilledWorker, _Exhausted):
                result = DIED
            except MemoryError:
                task.out_of_memory += 1
                if task.out_of_memory < ATTEMPTS:
                    self._submit(key)
                    continue
                result = OUT_OF_MEMORY
            except (asyncio.CancelledError, concurrent.futures.CancelledError, OSError) as error:
                if isinstance(error, OSError) and error.errno:
                    raise  # Of the task: a full disk.
                raise _lost() from error
            del self._tasks[key]
            self._counter_of(task).delete()
            return task.tag, result

    def _fetch_again(self, key: str, task: _Task) -> None:
        """A task is done, but its result does not come: whoever had it is dead, and another worker does the task again,
        or stands still, and the task is given to another one here."""
        if task.future.status == "finished":
            holders = self._client.who_has([task.future]).get(task.future.key, ())
            self._silent.update(holders)
            task.future.cancel()
            self._submit(key)
        else:
            self._finished.add(task.future)

    def _counter_of(self, task: _Task) -> Any:
        from distributed import Variable

        return Variable(task.counter, client=self._client)

    def _threads(self) -> dict[str, int]:
        """Of every worker that is not silent, by its address."""
        try:
            found = self._client.nthreads()
        except (OSError, TimeoutError) as error:
            raise _lost() from error
        return {address: count for address, count in found.items() if address not in self._silent}

    def _submit(self, key: str) -> None:
        task = self._tasks[key]
        if task.submitted:
            self._counter_of(task).delete()
        task.submitted += 1
        name = f"{key}/{task.submitted}"
        task.counter = f"deepiterreg-{name}"
        task.worker, task.since = "", 0.0
        self._counter_of(task).set(0)
        others = {"workers": list(self._threads())} if self._silent else {}
        task.future = self._client.submit(
            _counted, task.counter, self._time_limit_s, task.function, task.arguments, key=name, pure=False, **others
        )
        self._finished.add(task.future)

    def _look(self) -> tuple[Any, Any] | None:
        """Now and then: a task whose worker is silent, with TIMED_OUT, where it had begun; else it is given away.

        Raises InputError where nobody has been there to work for too long.
        """
        now = time.monotonic()
        if now - self._last_look < LOOK_SECONDS:
            return None
        self._last_look = now
        if self._threads():
            self._last_seen = now
        elif now - self._last_seen > ALONE_SECONDS:
            raise InputError(
                "No worker of the Dask scheduler answers any more; start some and run the same command again."
            )
        if self._time_limit_s is None:
            return None
        worker_of = {name: worker for worker, names in self._client.processing().items() for name in names}
        for key, task in list(self._tasks.items()):
            worker = worker_of.get(task.future.key, "")
            if worker != task.worker:
                task.worker, task.since = worker, now
            if worker and now - task.since > self._time_limit_s + GRACE_SECONDS:
                self._silent.add(worker)
                if late := self._taken_from(key, task):
                    return late
        return None

    def _taken_from(self, key: str, task: _Task) -> tuple[Any, Any] | None:
        counter = self._counter_of(task)
        begun = int(counter.get())
        task.future.cancel()
        if begun == 0 and self._threads():
            self._submit(key)
            return None
        counter.delete()
        del self._tasks[key]
        return task.tag, TIMED_OUT


@dataclass
class _Task:
    tag: Any
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    future: Any = None
    counter: str = ""
    submitted: int = 0
    out_of_memory: int = 0
    worker: str = ""
    """The address of the one that has it, and since when, as far as we have looked."""
    since: float = 0.0


def _lost() -> InputError:
    return InputError("The connection to the Dask scheduler was lost; run the same command again.")


class _Exhausted(Exception):
    """The task has been begun ATTEMPTS times and never ended."""


class _TimedOut(Exception):
    """The task has ended a worker by its length."""


def _counted(counter: str, time_limit_s: float | None, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Do a task unless it has been begun too often, or took too long: the scheduler's own limit is not ours to set.

    Dask gives a task of a dead worker to the next one, four times by default, and takes those who merely waited on
    that worker for suspects too.
    """
    from distributed import Variable, get_client

    begun = Variable(counter, client=get_client())
    # Where it is gone, so is whoever wanted the result.
    count = int(begun.get(timeout=CONNECT_SECONDS))
    if count == TOO_LONG:
        raise _TimedOut(counter)
    if count >= ATTEMPTS:
        raise _Exhausted(counter)
    begun.set(count + 1)
    clock = None if time_limit_s is None else threading.Timer(time_limit_s, _end_worker, (begun,))
    if clock is not None:
        clock.daemon = True
        clock.start()
    try:
        result = function(*arguments)
    finally:
        if clock is not None:
            clock.cancel()
    # Done again only where the result was lost with its worker: that is no fault of the task.
    begun.set(0)
    return result


def _end_worker(begun: Any) -> None:
    """End this process: a thread of Python cannot be ended. Whoever gets the task next finds out why."""
    with suppress(Exception):
        begun.set(TOO_LONG)
    os._exit(1)


@contextmanager
def dask_pool(address: str, *code: str, time_limit_s: float | None = None) -> Iterator[DaskPool]:
    """The workers of a scheduler. Raises InputError where there is none, nobody works, or other code is installed.

    code: modules that must be the same here and there ("research.evaluate.tasks"). time_limit_s: of one task.
    """
    distributed = require_dask()
    with ExitStack() as stack:
        stack.enter_context(_without_logs())
        try:
            client = stack.enter_context(distributed.Client(address, timeout=CONNECT_SECONDS))
        except (OSError, ValueError, TimeoutError) as error:
            raise InputError(
                "No Dask scheduler answers at {address}; start one with `dask scheduler` and give its address, "
                "tcp://HOST:8786.",
                address=address,
            ) from error
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except TimeoutError as error:
            raise InputError(
                "The scheduler at {address} has no workers; start some with `dask worker {address}`.", address=address
            ) from error
        _require_same_code(client, address, code)
        yield DaskPool(client, time_limit_s)


def _require_same_code(client: Client, address: str, code: Sequence[str]) -> None:
    try:
        found = set(client.run(code_fingerprint, *code).values())
    except Exception as error:
        raise InputError(
            "The workers at {address} cannot import DeepIterRegLib; install this version of it where they run.",
            address=address,
        ) from error
    if found != {code_fingerprint(*code)}:
        raise InputError(
            "The workers at {address} have another version of DeepIterRegLib; install this one there.", address=address
        )


@contextmanager
def _without_logs() -> Iterator[None]:
    """What matters of Dask's own account arrives as results and exceptions."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def require_dask() -> Any:
    """The package distributed. Raises InputError where it is not installed."""
    try:
        import distributed
    except ImportError as error:
        raise InputError(
            "A Dask scheduler needs Dask here too; install it with `pip install dask distributed`."
        ) from error  # fmt: skip
    return distributed
