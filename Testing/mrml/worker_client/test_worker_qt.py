"""The worker's process on a real QProcess, called as PythonQt has it."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("PySide6")
pytest.importorskip("slicer")

from DeepIterRegLib.mrml.worker_client.client import ProcessWorkerClient
from DeepIterRegLib.mrml.worker_client.process import QtWorkerProcess, slicer_worker, worker_commands
from Testing.qt_adapter import application, handler_errors, installed
from Testing.support.worker_commands import QUICK_WORKER
from Testing.support.worker_loop import Heard


def client(folder: Path, *commands_: list[str]) -> ProcessWorkerClient:
    import qt

    commands = list(commands_)
    return ProcessWorkerClient(
        lambda on_output, on_ended: QtWorkerProcess(on_output, on_ended, commands),
        lambda callback, ms: qt.QTimer.singleShot(ms, callback),
        folder,
    )


def wait(until: Callable[[], bool], timeout_s: float = 20.0) -> None:
    end_s = time.monotonic() + timeout_s
    while not until():
        assert time.monotonic() < end_s, "not true in time"
        application().processEvents()
        handler_errors.raise_recorded()
        time.sleep(0.002)


def run(worker: Any, command: str, **payload: Any) -> Heard:
    heard = Heard()
    worker.run(command, payload, heard)
    wait(lambda: heard.over)
    return heard


def test_job_runs_in_a_qprocess_and_a_killed_one_is_replaced(tmp_path: Path) -> None:
    with installed():
        worker = client(tmp_path, list(QUICK_WORKER))
        assert run(worker, "chatter").of("done") == [{"heard": True}]
        heard = Heard()
        worker.run("nap", {}, heard)
        wait(lambda: "progress" in heard.seconds)
        assert worker._connection.pid is not None
        os.kill(worker._connection.pid, signal.SIGKILL)
        wait(lambda: heard.over)
        assert heard.ends == ["failed"]
        assert run(worker, "nap", seconds=0.0).ends == ["done"]
        worker.close()
        wait(lambda: not QtWorkerProcess._alive)
        assert list(tmp_path.iterdir()) == []


def test_cancel_answers_at_once_and_a_fresh_worker_warms_up(tmp_path: Path) -> None:
    with installed():
        worker = client(tmp_path, list(QUICK_WORKER))
        heard = Heard()
        worker.run("work", {}, heard)
        wait(lambda: "progress" in heard.seconds)
        worker.cancel()
        assert heard.ends == ["cancelled"]
        wait(lambda: worker.state == "warm")
        worker.close()
        wait(lambda: not QtWorkerProcess._alive)


def test_missing_executable_is_one_sentence(tmp_path: Path) -> None:
    with installed():
        worker = client(tmp_path, [str(tmp_path / "PythonSlicer")])
        (sentence,) = run(worker, "nap").of("failed")
        assert "cannot be started" in sentence
        worker.close()
        wait(lambda: not QtWorkerProcess._alive)


def test_next_way_to_start_is_tried_and_kept(tmp_path: Path) -> None:
    with installed():
        worker = client(tmp_path, [str(tmp_path / "python-real.exe")], list(QUICK_WORKER))
        assert run(worker, "nap", seconds=0.0).ends == ["done"]
        worker.close()
        wait(lambda: not QtWorkerProcess._alive)


def test_slicers_own_python_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert worker_commands() == [[sys.executable, "-m", "DeepIterRegLib.worker"]]
    launcher, real = tmp_path / "PythonSlicer", tmp_path / "python-real"
    for file in (launcher, real):
        file.write_text("#!/bin/sh\n")
        file.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert [command[0] for command in worker_commands()] == [str(launcher), str(real)]


def test_client_of_the_application_starts_the_real_worker() -> None:
    with installed():
        worker = slicer_worker()
        assert (worker.state, worker.device) == ("off", "")
        worker.start()
        wait(lambda: bool(worker.device))
        assert worker.device.startswith("CPU")
        worker.close()
        assert worker.state == "off"
        wait(lambda: not QtWorkerProcess._alive)
