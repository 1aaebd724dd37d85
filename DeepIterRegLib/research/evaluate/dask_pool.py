"""The workers of a Dask cluster: whatever has joined a scheduler elsewhere."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.research.evaluate.fingerprint import code_fingerprint
from DeepIterRegLib.research.evaluate.worker_pool import ATTEMPTS, DIED, OUT_OF_MEMORY

if TYPE_CHECKING:
    from distributed import Client

CONNECT_SECONDS = 20
WORKERS = "research.evaluate.tasks"
"""The module whose code must be the same here and there."""


class DaskPool:
    """A `WorkerPool` that keeps as many tasks under way as the cluster has workers."""

    def __init__(self, client: Client) -> None:
        from distributed import as_completed

        self._client = client
        self._finished = as_completed([])
        self._experiment = uuid.uuid4().hex[:8]
        self._tasks: dict[str, _Task] = {}

    @property
    def busy(self) -> int:
        return len(self._tasks)

    @property
    def has_idle_worker(self) -> bool:
        try:
            threads = sum(self._client.nthreads().values())
        except (OSError, TimeoutError) as error:
            raise _lost() from error
        return self.busy < max(threads, 1)

    def submit(self, tag: Any, function: Callable[..., Any], *arguments: Any) -> None:
        task = _Task(tag, function, arguments)
        self._tasks[f"{self._experiment}-{uuid.uuid4().hex[:12]}"] = task
        self._submit(list(self._tasks)[-1])

    def next_finished(self) -> tuple[Any, Any]:
        """As `WorkerPool`'s; raises InputError too, when the scheduler is gone."""
        from distributed import KilledWorker

        while True:
            future = next(self._finished)
            key = future.key.rsplit("/", 1)[0]
            task = self._tasks[key]
            try:
                result = future.result()
            except (KilledWorker, _Exhausted):
                result = DIED
            except MemoryError:
                if task.out_of_memory + 1 < ATTEMPTS:
                    task.out_of_memory += 1
                    self._submit(key)
                    continue
                result = OUT_OF_MEMORY
            except (asyncio.CancelledError, concurrent.futures.CancelledError, OSError) as error:
                if isinstance(error, OSError) and error.errno:
                    raise  # Of the task: a full disk.
                raise _lost() from error
            del self._tasks[key]
            return task.tag, result

    def _submit(self, key: str) -> None:
        from distributed import Variable

        task = self._tasks[key]
        name = f"{key}/{task.out_of_memory}"
        counter = f"deepiterreg-{name}"
        Variable(counter, client=self._client).set(0)
        future = self._client.submit(_counted, counter, task.function, task.arguments, key=name, pure=False)
        self._finished.add(future)


@dataclass
class _Task:
    tag: Any
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    out_of_memory: int = 0


def _lost() -> InputError:
    return InputError("The connection to the Dask scheduler was lost; run the same command again.")


class _Exhausted(Exception):
    """The task has been begun ATTEMPTS times and never ended."""


def _counted(counter: str, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Do a task unless it has been begun too often: the scheduler's own limit is not ours to set.

    Dask gives a task of a dead worker to the next one, four times by default, and takes those who merely waited on
    that worker for suspects too.
    """
    from distributed import Variable, get_client

    begun = Variable(counter, client=get_client())
    count = int(begun.get())
    if count >= ATTEMPTS:
        begun.delete()
        raise _Exhausted(counter)
    begun.set(count + 1)
    result = function(*arguments)
    begun.delete()
    return result


@contextmanager
def dask_pool(address: str) -> Iterator[DaskPool]:
    """The workers of a scheduler. Raises InputError where there is none, nobody works, or other code is installed."""
    distributed = require_dask()
    with ExitStack() as stack:
        stack.enter_context(_without_logs())
        try:
            client = stack.enter_context(distributed.Client(address, timeout=CONNECT_SECONDS))
        except (OSError, ValueError, TimeoutError) as error:
            raise InputError(
                f"No Dask scheduler answers at {address}; start one with `dask scheduler` and give its address,"
                " tcp://HOST:8786."
            ) from error
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except TimeoutError as error:
            raise InputError(
                f"The scheduler at {address} has no workers; start some with `dask worker {address}`."
            ) from error
        _require_same_code(client, address)
        yield DaskPool(client)


def _require_same_code(client: Client, address: str) -> None:
    try:
        found = set(client.run(code_fingerprint, WORKERS).values())
    except Exception as error:
        raise InputError(
            f"The workers at {address} cannot import DeepIterRegLib; install this version of it where they run."
        ) from error
    if found != {code_fingerprint(WORKERS)}:
        raise InputError(f"The workers at {address} have another version of DeepIterRegLib; install this one there.")


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
