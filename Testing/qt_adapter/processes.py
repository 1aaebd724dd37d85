"""Processes that were started through `qt.QProcess`: none outlives the block that started it."""

from __future__ import annotations

import time

from PySide6 import QtCore

from Testing.qt_adapter.application import application
from Testing.qt_adapter.proxy import living_objects

PATIENCE_S = 2.0


def ended_processes() -> list[str]:
    """Let processes end that have been told to, and kill the others. Returns the programs of those."""
    end = time.monotonic() + PATIENCE_S
    while _running() and time.monotonic() < end:
        application().processEvents()
        time.sleep(0.002)
    left = _running()
    for process in left:
        process.kill()
        process.waitForFinished(1000)
    application().processEvents()
    return [process.program() for process in left]


def _running() -> list[QtCore.QProcess]:
    return [
        found
        for found in living_objects()
        if isinstance(found, QtCore.QProcess) and found.state() != QtCore.QProcess.ProcessState.NotRunning
    ]
