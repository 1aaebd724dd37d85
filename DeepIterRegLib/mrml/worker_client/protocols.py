"""Who talks to whom about the worker process: the panel, the client, the process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

from DeepIterRegLib.common.errors import UserError
from DeepIterRegLib.common.progress import Progress
from DeepIterRegLib.mrml.worker_client.request import ArrayMaker, RegistrationRequest
from DeepIterRegLib.registration.result import CarriedFrom
from DeepIterRegLib.worker.payload import PreparedPreview

State = Literal["off", "starting", "warm", "busy"]
"""off: no process. starting: it loads what it needs, and takes jobs. warm: it waits for a job. busy: it has one."""


class JobListener(Protocol):
    """Hears about one job. Exactly one of done, failed and cancelled ends it; nothing comes after that."""

    def started(self) -> None:
        """The worker has the job."""
        ...

    def prepared(self, preview: PreparedPreview) -> None:
        """The images are segmented (registrations only): the overlay can be drawn at any pose."""
        ...

    def progress(self, progress: Progress) -> None: ...

    def done(self, result: Any) -> None:
        """An `Outcome` of a registration, a `BranchMap` of a vessel map, a dict of another command."""
        ...

    def failed(self, error: UserError) -> None:
        """What is wrong, and what to do; the panel tells it in its own words."""
        ...

    def cancelled(self) -> None: ...


class WorkerClient(Protocol):
    """What the panel needs of the worker."""

    @property
    def state(self) -> State: ...

    @property
    def device(self) -> str:
        """In words, as "CPU, 4 cores"; "" before the worker has said."""
        ...

    def start(self) -> None:
        """Start the worker ahead, where it does not run, so that the first job finds it warm."""
        ...

    def register(self, request: RegistrationRequest, listener: JobListener) -> str:
        """Register; returns the job's id. Raises RuntimeError while another job runs, OSError where there is no place
        for its files."""
        ...

    def start_by_hand(self, request: RegistrationRequest, listener: JobListener) -> str:
        """Prepare the images and stop at the starting pose, to be moved by hand; else as `register`."""
        ...

    def carry(self, request: RegistrationRequest, origin: CarriedFrom, listener: JobListener) -> str:
        """The request's initial pose as the result on its images, with a verdict of theirs; else as `register`."""
        ...

    def vessel_map(self, request: RegistrationRequest, listener: JobListener) -> str:
        """What the runs fill at the request's initial pose: `done` gets a `BranchMap`; else as `register`."""
        ...

    def prepare(self, request: RegistrationRequest, listener: JobListener) -> str:
        """Segment the images of a request, so that its registration finds them ready; else as `register`."""
        ...

    def inspect(self, request: RegistrationRequest, listener: JobListener) -> str:
        """What the images of a request are read as: `done` gets a dict with the `page` (`worker/inspect.py`); else as
        `register`."""
        ...

    def run(
        self,
        command: str,
        payload: Mapping[str, Any],
        listener: JobListener,
        arrays: Mapping[str, ArrayMaker] | None = None,
    ) -> str:
        """Run another one of the worker's commands (`worker/commands.py`), as `register` does. arrays: what it may ask
        for by name."""
        ...

    def cancel(self) -> None:
        """End the job that runs, if one does, at once; a new worker is started for the next one."""
        ...

    def close(self) -> None:
        """End the worker and the job that runs, and remove their files. `start` or a job starts another worker."""
        ...


class WorkerProcess(Protocol):
    """A process by its standard input and output."""

    def start(self) -> None: ...

    def write(self, data: bytes) -> None: ...

    def kill(self, pid: int | None) -> None:
        """End it at once, with all its children. pid: the worker's own, where it is known: what was started may have
        been a launcher."""
        ...

    def try_another(self) -> bool:
        """Told of one that does not start or does not hear: whether the next one will be started in another way."""
        ...


ProcessFactory = Callable[[Callable[[bytes], None], Callable[[], None]], WorkerProcess]
"""Makes a process, not started yet, of what it calls with its output and, once, when it has ended or cannot be started;
both from the application's main thread."""

CallLater = Callable[[Callable[[], None], int], None]
"""Calls back once, in so many ms, from the application's main thread."""
