"""An event loop and a worker process without Qt, to test the worker's client on."""

from __future__ import annotations

import heapq
import itertools
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from DeepIterRegLib.common.errors import UserError
from DeepIterRegLib.mrml.worker_client.process import SEARCH_FOLDER, end_tree

WORKER = (sys.executable, "-m", "DeepIterRegLib.worker")


class Loop:
    """Calls back from the thread that runs it, as Qt's event loop does."""

    def __init__(self) -> None:
        self._posted: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()

    def post(self, callback: Callable[[], None]) -> None:
        """From any thread."""
        self._posted.put(callback)

    def call_later(self, callback: Callable[[], None], ms: int) -> None:
        heapq.heappush(self._later, (time.monotonic() + ms / 1000, next(self._order), callback))

    def run_until(self, condition: Callable[[], bool], timeout_s: float = 30.0) -> bool:
        """Run until the condition holds; False when the time is over."""
        end_s = time.monotonic() + timeout_s
        while not condition():
            now_s = time.monotonic()
            if now_s > end_s:
                return False
            if self._later and self._later[0][0] <= now_s:
                heapq.heappop(self._later)[2]()
                continue
            wait_s = min(self._later[0][0] if self._later else end_s, end_s) - now_s
            with suppress(queue.Empty):
                self._posted.get(timeout=max(0.001, min(wait_s, 0.05)))()
        return True


class PipeProcess:
    """Implements `WorkerProcess` on subprocess and threads that post into a `Loop`."""

    def __init__(
        self,
        loop: Loop,
        on_output: Callable[[bytes], None],
        on_ended: Callable[[], None],
        command: Sequence[str] = WORKER,
        environment: dict[str, str] | None = None,
    ) -> None:
        self._loop, self._on_output, self._on_ended = loop, on_output, on_ended
        self._command, self._environment = command, environment
        self.popen: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        try:
            self.popen = subprocess.Popen(
                self._command,
                cwd=SEARCH_FOLDER,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError:
            self._on_ended()
            return
        threading.Thread(target=self._read, args=(self.popen,), daemon=True).start()

    def write(self, data: bytes) -> None:
        assert self.popen is not None
        assert self.popen.stdin is not None
        with suppress(OSError):
            self.popen.stdin.write(data)
            self.popen.stdin.flush()

    def kill(self, pid: int | None) -> None:
        if self.popen is not None:
            self.popen.kill()
        if pid is not None:
            end_tree(pid)

    def try_another(self) -> bool:
        return False

    def _read(self, popen: subprocess.Popen[bytes]) -> None:
        assert popen.stdout is not None
        while data := os.read(popen.stdout.fileno(), 65536):
            self._loop.post(lambda data=data: self._on_output(data))  # type: ignore[misc]
        popen.wait()
        popen.stdout.close()
        assert popen.stdin is not None
        with suppress(OSError):
            popen.stdin.close()
        self._loop.post(self._on_ended)


class Heard:
    """A listener that remembers what it was told, and when (seconds since it was made)."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []
        self.seconds: dict[str, float] = {}
        self._began_s = time.monotonic()

    def _note(self, name: str, value: Any = None) -> None:
        self.events.append((name, value))
        self.seconds.setdefault(name, time.monotonic() - self._began_s)

    def started(self) -> None:
        self._note("started")

    def prepared(self, preview: Any) -> None:
        self._note("prepared", preview)

    def progress(self, progress: Any) -> None:
        self._note("progress", progress)

    def done(self, result: Any) -> None:
        self._note("done", result)

    def failed(self, error: UserError) -> None:
        self._note("failed", str(error))

    def cancelled(self) -> None:
        self._note("cancelled")

    def of(self, name: str) -> list[Any]:
        return [value for event, value in self.events if event == name]

    @property
    def ends(self) -> list[str]:
        return [name for name, _ in self.events if name in ("done", "failed", "cancelled")]

    @property
    def over(self) -> bool:
        return bool(self.ends)
