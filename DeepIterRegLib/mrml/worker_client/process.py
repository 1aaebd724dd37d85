"""The worker's process in Slicer: qt.QProcess on Slicer's own Python."""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from DeepIterRegLib.mrml.worker_client.client import ProcessWorkerClient

WORKER_MODULE = "DeepIterRegLib.worker"
LINGER_MS = 1000
SEARCH_FOLDER = Path(__file__).resolve().parents[3]
"""The folder that holds DeepIterRegLib, in the source tree and in Slicer's package alike."""


def slicer_worker() -> ProcessWorkerClient:
    """The worker's client in the running application."""
    import qt
    import slicer

    def call_later(callback: Callable[[], None], ms: int) -> None:
        qt.QTimer.singleShot(ms, callback)

    return ProcessWorkerClient(QtWorkerProcess, call_later, Path(slicer.app.temporaryPath))


def worker_commands() -> list[list[str]]:
    """The programs, with their arguments, that may start a worker, the likeliest first.

    PythonSlicer is a launcher that hands its standard input on to the real interpreter; whether it can do so on Windows
    we could not try. The real one lies beside it, and finds its libraries by what Slicer's own launcher has set.
    """
    launcher = Path(shutil.which("PythonSlicer") or sys.executable)
    real = launcher.with_name("python-real.exe" if sys.platform == "win32" else "python-real")
    pythons = [real, launcher] if sys.platform == "win32" else [launcher, real]
    return [[str(python), "-m", WORKER_MODULE] for python in pythons if python == launcher or python.is_file()]


def end_tree(pid: int) -> None:
    """End a process and its children at once; nothing happens where it is gone already."""
    if sys.platform == "win32":
        subprocess.Popen(
            ["taskkill", "/F", "/T", "/PID", str(pid)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            creationflags=subprocess.CREATE_NO_WINDOW,
        )
        return
    # The worker leads a process group of its own, so that nobody else is in it.
    for end in (os.killpg, os.kill):
        with contextlib.suppress(OSError):
            end(pid, signal.SIGKILL)


class QtWorkerProcess:
    """Implements `WorkerProcess` on qt.QProcess."""

    _alive: set[QtWorkerProcess] = set()  # noqa: RUF012
    """Kept past their end: Qt waits in the destructor of a process that runs, and must not be in one that tells of its
    end."""

    _slicers: list[list[str]] = []  # noqa: RUF012
    """Of this application: what turned out to be of no use is not tried again."""

    def __init__(
        self,
        on_output: Callable[[bytes], None],
        on_ended: Callable[[], None],
        commands: list[list[str]] | None = None,
        qt_module: Any = None,
    ) -> None:
        """commands: as of `worker_commands`; the first one is taken, and it is changed where that is of no use.
        qt_module: PythonQt's, or what stands in for it."""
        self._qt = qt_module or importlib.import_module("qt")
        self._on_output = on_output
        self._on_ended = on_ended
        if commands is None:
            commands = QtWorkerProcess._slicers = QtWorkerProcess._slicers or worker_commands()
        self._commands = commands
        self._command = commands[0]
        self._process: Any = None
        self._is_over = False

    def start(self) -> None:
        self._process = process = self._qt.QProcess()
        process.setWorkingDirectory(str(SEARCH_FOLDER))
        # What libraries write there may quote a file's name; it is not to reach Slicer's log.
        process.setStandardErrorFile(os.devnull)
        process.connect("readyReadStandardOutput()", self._read)
        process.connect("finished(int,QProcess::ExitStatus)", self._finished)
        process.connect("errorOccurred(QProcess::ProcessError)", self._failed)
        QtWorkerProcess._alive.add(self)
        process.start(self._command[0], self._command[1:])

    def write(self, data: bytes) -> None:
        self._process.write(data)

    def kill(self, pid: int | None) -> None:
        self._process.kill()
        if pid is not None and not self._is_over:
            end_tree(pid)

    def try_another(self) -> bool:
        if self._command == self._commands[0]:
            if len(self._commands) == 1:
                return False
            del self._commands[0]
        return True

    def _read(self) -> None:
        try:
            data = bytes(self._process.readAllStandardOutput().data())
        except ValueError:  # PythonQt's for an object that Qt is taking down: the application quits.
            return
        if data:
            self._on_output(data)

    def _finished(self, code: int = 0, status: Any = None) -> None:
        self._read()
        self._end()

    def _failed(self, error: Any = None) -> None:
        # Errors of a process that runs, as while writing, are followed by `finished` where they end it.
        not_running = self._qt.QProcess.NotRunning
        with contextlib.suppress(ValueError):  # as in `_read`
            if error == self._qt.QProcess.FailedToStart or self._process.state() == not_running:
                self._end()

    def _end(self) -> None:
        if self._is_over:
            return
        self._is_over = True
        self._qt.QTimer.singleShot(LINGER_MS, lambda: QtWorkerProcess._alive.discard(self))
        self._on_ended()
