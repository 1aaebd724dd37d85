"""The application's side of the worker process: jobs go out, progress and results come in, nothing ever waits.

No Qt here: the process and the timer are given (`worker_process.py` has Slicer's).
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from DeepIterRegLib import __version__
from DeepIterRegLib.common.errors import InputError, UserError
from DeepIterRegLib.mrml.worker_client import messages
from DeepIterRegLib.mrml.worker_client.job import Job
from DeepIterRegLib.mrml.worker_client.protocols import (
    CallLater,
    JobListener,
    ProcessFactory,
    State,
    WorkerClient,
    WorkerProcess,
)
from DeepIterRegLib.mrml.worker_client.request import ArrayMaker, RegistrationRequest
from DeepIterRegLib.mrml.worker_client.worker_connection import WorkerConnection
from DeepIterRegLib.registration.result import CarriedFrom
from DeepIterRegLib.worker.failures import failure
from DeepIterRegLib.worker.payload import PreparedPreview
from DeepIterRegLib.worker.protocol import PROTOCOL_VERSION, Message

__all__ = ["JobListener", "PreparedPreview", "ProcessWorkerClient", "State", "WorkerClient", "WorkerProcess"]

SILENCE_LIMIT_S = 60.0
"""A busy worker says every second that it is alive, as far as the operating system and C++ libraries let it."""
DEAF_LIMIT_S = 10.0
"""A worker that has greeted takes a job within milliseconds, unless what it was sent does not reach it."""
CHECK_EVERY_MS = 1000
WRONG_SHAPE = (KeyError, TypeError, ValueError, AttributeError, OSError, OverflowError)


class ProcessWorkerClient:
    """Implements `WorkerClient` with one process and one job at a time.

    silence_limit_s: a busy worker that says nothing for so long is taken for hung, and ended. temp_folder: where the
    private folder for arrays is made.
    """

    def __init__(
        self,
        process_factory: ProcessFactory,
        call_later: CallLater,
        temp_folder: Path | None = None,
        silence_limit_s: float = SILENCE_LIMIT_S,
    ) -> None:
        self._connection = WorkerConnection(process_factory, call_later, self._take_in, self._lost)
        self._call_later = call_later
        self._temp_folder = temp_folder
        self._silence_limit_s = silence_limit_s
        self._ids = itertools.count(1)
        self._folder: Path | None = None
        self._job: Job | None = None
        self._device = ""
        self._greeted = self._ready = False
        self._last_check_s = 0.0

    @property
    def state(self) -> State:
        if self._job is not None:
            return "busy"
        if not self._connection.is_open:
            return "off"
        return "warm" if self._ready else "starting"

    @property
    def device(self) -> str:
        return self._device

    def start(self) -> None:
        """See `WorkerClient`. That a process cannot be started is told to the next job."""
        self._connection.open()

    def register(self, request: RegistrationRequest, listener: JobListener) -> str:
        return self._begin("register", request.payload(), listener, request.arrays())

    def start_by_hand(self, request: RegistrationRequest, listener: JobListener) -> str:
        return self._begin("start_by_hand", request.payload(), listener, request.arrays())

    def carry(self, request: RegistrationRequest, origin: CarriedFrom, listener: JobListener) -> str:
        return self._begin("carry", {**request.payload(), "carried_from": asdict(origin)}, listener, request.arrays())

    def vessel_map(self, request: RegistrationRequest, listener: JobListener) -> str:
        return self._begin("vessel_map", request.payload(), listener, request.arrays())

    def prepare(self, request: RegistrationRequest, listener: JobListener) -> str:
        return self._begin("prepare", request.payload(), listener, request.arrays())

    def inspect(self, request: RegistrationRequest, listener: JobListener) -> str:
        return self._begin("inspect", request.payload(), listener, request.arrays())

    def run(
        self,
        command: str,
        payload: Mapping[str, Any],
        listener: JobListener,
        arrays: Mapping[str, ArrayMaker] | None = None,
    ) -> str:
        return self._begin(command, payload, listener, arrays or {})

    def cancel(self) -> None:
        job = self._job
        if job is None:
            return
        self._disconnect()
        generation = self._connection.generation
        # Its own turn of the event loop: to start a process takes time, and the user waits for the answer to a click.
        self._call_later(lambda: self.start() if generation == self._connection.generation else None, 0)
        self._finish(job, job.listener.cancelled)

    def close(self) -> None:
        job, folder = self._job, self._folder
        self._disconnect()
        self._folder = None
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        if job is not None:
            self._finish(job, job.listener.cancelled)

    def _begin(
        self, command: str, payload: Mapping[str, Any], listener: JobListener, arrays: Mapping[str, ArrayMaker]
    ) -> str:
        if self._job is not None:
            raise RuntimeError("The worker does one job at a time.")
        if self._folder is None or not self._folder.is_dir():
            # Only the user can look into it.
            self._folder = Path(tempfile.mkdtemp(prefix="DeepIterReg-", dir=self._temp_folder))
        job_id = f"job-{next(self._ids)}"
        folder = self._folder / job_id
        folder.mkdir(mode=0o700)
        self._job = Job(id=job_id, command=command, payload=payload, listener=listener, folder=folder, arrays=arrays)
        self.start()
        self._connection.last_message_s = self._last_check_s = time.monotonic()
        self._send_job()
        self._check_alive(job_id)
        return job_id

    def _send_job(self) -> None:
        """Give the job to a worker that has greeted, once."""
        if self._greeted and self._job is not None and not self._job.sent:
            self._job.sent = True
            self._connection.send(self._job.message())

    def _take_in(self, message: Message) -> None:
        try:
            tell = self._understand(message)
        except WRONG_SHAPE:
            self._give_up(messages.no_sense())
        else:
            tell()

    def _understand(self, message: Message) -> Callable[[], None]:
        """What to do about a message. Raises WRONG_SHAPE."""
        kind, job = message["type"], self._job
        if kind == "hello":
            self._connection.pid, self._device = int(message["pid"]), str(message["device"])
            if (message["protocol"], message["version"]) != (PROTOCOL_VERSION, __version__):
                return lambda: self._give_up(messages.other_version())
            self._greeted = True
            return self._send_job
        if kind == "ready":
            self._device, self._ready = str(message["device"]), True
        if job is None or message.get("id") != job.id:
            return lambda: None
        if kind == "need":
            pieces = job.answer(message)
            return lambda: self._write_on(job, pieces)
        if kind == "result":
            result = job.result(message)
            return lambda: self._finish(job, lambda: job.listener.done(result))
        if kind == "failed":
            error = messages.failure_of(message)
            if message["kind"] == "memory":
                return lambda: self._give_up(error)
            return lambda: self._finish(job, lambda: job.listener.failed(error))
        return job.listener_call(message)

    def _write_on(self, job: Job, pieces: Iterator[Message | None]) -> None:
        """Write a piece of what the worker needs, and the next one when the application has had its turn."""
        if self._job is not job:
            return
        self._connection.last_message_s = time.monotonic()  # It is the worker who waits.
        try:
            message = next(pieces)
        except OSError:
            self._give_up(messages.disk_full())
        except Exception as error:
            self._give_up(messages.failure_of(failure(error)))
            if not isinstance(error, (InputError, MemoryError)):
                raise
        else:
            if message is None:
                self._call_later(lambda: self._write_on(job, pieces), 0)
            else:
                self._connection.send(message)

    def _check_alive(self, job_id: str) -> None:
        """Check from time to time that a job's worker still says that it is alive."""
        job, now_s, limit_s = self._job, time.monotonic(), self._silence_limit_s
        if job is None or job.id != job_id:
            return
        interval_ms = min(CHECK_EVERY_MS, round(100 * limit_s))
        if now_s - self._last_check_s > 5 * interval_ms / 1000:
            # The application itself stood still, or the computer slept: what came meanwhile is still to be read.
            self._connection.last_message_s = now_s
        self._last_check_s = now_s
        silent_s = now_s - self._connection.last_message_s
        is_deaf = job.sent and not job.started and silent_s > DEAF_LIMIT_S
        if not (is_deaf and self._started_another()) and silent_s > limit_s:
            self._give_up(messages.silent(limit_s))
        self._call_later(lambda: self._check_alive(job_id), interval_ms)

    def _lost(self) -> None:
        """The process is gone, and was not told to."""
        if self._greeted:
            self._give_up(messages.ended())
        elif not self._started_another():
            self._give_up(messages.not_started())

    def _started_another(self) -> bool:
        """Start the worker in another way, where there is one, and give it the job."""
        if not self._connection.restart_differently():
            return False
        self._greeted = self._ready = False
        if self._job is not None:
            self._job.sent = False
        return True

    def _give_up(self, error: UserError) -> None:
        """End the process; the job, if there is one, failed. The next job starts another process."""
        self._disconnect()
        job = self._job
        if job is not None:
            self._finish(job, lambda: job.listener.failed(error))

    def _finish(self, job: Job, tell: Callable[[], None]) -> None:
        """Forget a job that is over, and tell its listener, who may begin the next one."""
        self._job = None
        shutil.rmtree(job.folder, ignore_errors=True)
        tell()

    def _disconnect(self) -> None:
        self._connection.close()
        self._greeted = self._ready = False
