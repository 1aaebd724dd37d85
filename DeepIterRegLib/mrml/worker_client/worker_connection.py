"""The connection to a worker: one process after another, messages in order, none of a process that was ended."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable

from DeepIterRegLib.mrml.worker_client.protocols import CallLater, ProcessFactory, WorkerProcess
from DeepIterRegLib.worker.protocol import LineBuffer, Message, line_of


class WorkerConnection:
    """Starts and ends the process, sends messages, and calls back with those that arrive.

    on_message: called with one message at a time, the next one after it has returned, even if it lets the application's
    events in. on_lost: called when the process has ended or cannot be started, and was not told to end.
    """

    def __init__(
        self,
        process_factory: ProcessFactory,
        call_later: CallLater,
        on_message: Callable[[Message], None],
        on_lost: Callable[[], None],
    ) -> None:
        self._process_factory = process_factory
        self._call_later = call_later
        self._on_message = on_message
        self._on_lost = on_lost
        self._process: WorkerProcess | None = None
        self._generation = 0
        """Of processes: an earlier one's output and end are nobody's concern."""
        self._received: deque[Message] = deque()
        self._delivering = False
        self.pid: int | None = None
        """The worker's own, to be set once it has said so."""
        self.last_message_s = 0.0
        """On the monotonic clock."""

    @property
    def is_open(self) -> bool:
        return self._process is not None

    @property
    def generation(self) -> int:
        """Changes whenever a process is started or ended."""
        return self._generation

    def open(self) -> None:
        """Start a process, where none runs."""
        if self._process is not None:
            return
        self._generation += 1
        self.last_message_s = time.monotonic()
        generation, buffer = self._generation, LineBuffer()

        def on_output(data: bytes) -> None:
            if generation == self._generation:
                self.last_message_s = time.monotonic()
                self._received.extend(buffer.messages(data))
                self._deliver()

        self._process = self._process_factory(
            on_output,
            # Later, because one that cannot be started may say so before `open` has returned.
            lambda: self._call_later(lambda: self._lost(generation), 0),
        )
        self._process.start()

    def send(self, message: Message) -> None:
        if self._process is not None:
            self._process.write(line_of(message))

    def close(self) -> None:
        """End the process, at once and with its children."""
        process, pid = self._process, self.pid
        self._generation += 1
        self._process = self.pid = None
        self._received.clear()
        if process is not None:
            with contextlib.suppress(OSError):
                process.kill(pid)

    def restart_differently(self) -> bool:
        """Start the worker in another way; False, and nothing changes, where there is none."""
        if self._process is None or not self._process.try_another():
            return False
        self.close()
        self.open()
        return True

    def _deliver(self) -> None:
        if self._delivering:
            return
        self._delivering = True
        try:
            while self._received:
                self._on_message(self._received.popleft())
        finally:
            self._delivering = False

    def _lost(self, generation: int) -> None:
        if generation == self._generation:
            self._on_lost()
