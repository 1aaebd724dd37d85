"""The workers, by Dask: processes on this machine, or whatever has joined a scheduler elsewhere."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import os
import signal
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.research.evaluate.fingerprint import code_fingerprint

if TYPE_CHECKING:
    from distributed import Client

ATTEMPTS = 2
"""A worker may die of somebody else's need for memory; one that dies twice over a patient dies of the patient."""
MEMORY_PER_WORKER_MB = 3500
"""What generating and preparing a patient takes at most, and some to spare."""
CONNECT_SECONDS = 20
WORKERS = "research.evaluate.tasks"
"""The module whose code must be the same here and there."""


@dataclass(frozen=True)
class Died:
    """A task whose worker died every time that it was tried."""

    reason: str


class Crew:
    """Keeps as many tasks under way as there are workers, and tells which ended."""

    def __init__(self, client: Client) -> None:
        from distributed import as_completed

        self._client = client
        self._ended = as_completed([])
        self._run = uuid.uuid4().hex[:8]
        self._tasks: dict[str, _Task] = {}

    @property
    def busy(self) -> int:
        return len(self._tasks)

    @property
    def has_room(self) -> bool:
        """Whether a task given now would begin at once: what waits here can still be changed or left."""
        try:
            threads = sum(self._client.nthreads().values())
        except (OSError, TimeoutError) as error:
            raise _lost() from error
        return self.busy < max(threads, 1)

    def give(self, tag: Any, function: Callable[..., Any], *arguments: Any) -> None:
        """Run `function(*arguments)` on a worker; `tag` comes back with the result."""
        task = _Task(tag, function, arguments)
        self._tasks[f"{self._run}-{uuid.uuid4().hex[:12]}"] = task
        self._submit(list(self._tasks)[-1])

    def next_end(self) -> tuple[Any, Any]:
        """Wait for the next task to end: its tag, and its result or Died.

        Raises what the task raised, and InputError when the scheduler is gone.
        """
        from distributed import KilledWorker

        while True:
            future = next(self._ended)
            key = future.key.rsplit("/", 1)[0]
            task = self._tasks[key]
            try:
                result = future.result()
            except (KilledWorker, _Exhausted):
                result = Died("The worker died twice over this patient (killed, or out of memory).")
            except MemoryError:
                if task.out_of_memory + 1 < ATTEMPTS:
                    task.out_of_memory += 1
                    self._submit(key)
                    continue
                result = Died("The memory did not suffice for this patient, twice.")
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
        self._ended.add(future)


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
    """Run a task unless it has been begun too often: the scheduler's own limit is not ours to set.

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
def local_crew(workers: int | None = None) -> Iterator[Crew]:
    """Processes on this machine, one thread each; as many as it has processors and memory for, unless told."""
    distributed = require_dask()
    import dask

    settings = {
        # Our tasks give their memory back at their end; Dask would stop a worker for good over what malloc keeps.
        "distributed.worker.memory.target": False,
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.pause": False,
        # One thread each, as by default, but malloc as it is: Dask would have it give every array back to the system at
        # once, and half of the time would go into getting the next one.
        "distributed.nanny.pre-spawn-environ": dict.fromkeys(
            ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), 1
        ),
    }
    with ExitStack() as stack:
        stack.enter_context(_without_logs())
        stack.enter_context(dask.config.set(settings))
        with _ctrl_c_held():
            cluster = stack.enter_context(
                distributed.LocalCluster(
                    n_workers=workers or default_workers(),
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address=":0",
                    silence_logs=logging.CRITICAL,
                )
            )
        yield Crew(stack.enter_context(distributed.Client(cluster)))


@contextmanager
def remote_crew(address: str) -> Iterator[Crew]:
    """The workers of a scheduler. Raises InputError where there is none, nobody works, or other code is installed."""
    distributed = require_dask()
    with ExitStack() as stack:
        stack.enter_context(_without_logs())
        try:
            client = stack.enter_context(distributed.Client(address, timeout=CONNECT_SECONDS))
        except (OSError, ValueError, TimeoutError) as error:
            raise InputError(
                f"No Dask scheduler answers at {address}; start one with `dask scheduler` and name it with --scheduler"
                " tcp://HOST:8786."
            ) from error
        try:
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except TimeoutError as error:
            raise InputError(
                f"The scheduler at {address} has no workers; start some with `dask worker {address}`."
            ) from (error)
        _require_same_code(client, address)
        yield Crew(client)


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


@contextmanager
def _ctrl_c_held() -> Iterator[None]:
    """Until the block ends: half a cluster cannot be closed.

    The workers begun meanwhile, and those that replace them, stay deaf to it: a terminal sends it to all processes, and
    this one ends the others in order. (Not on Windows, which has no signal masks.)
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def default_workers() -> int:
    """A worker per processor, and no more than the memory is good for."""
    import psutil

    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(processors, int(psutil.virtual_memory().total / 1e6 / MEMORY_PER_WORKER_MB)))


def require_dask() -> Any:
    """The package distributed. Raises InputError where it is not installed."""
    try:
        import distributed
    except ImportError as error:
        raise InputError(
            "deepiterreg evaluate needs Dask; install it with `pip install dask distributed`."
        ) from error  # fmt: skip
    return distributed
