"""What a command has in its hand to talk to the application about one job."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from DeepIterRegLib.common.progress import Progress
from DeepIterRegLib.worker.protocol import Message

LEAST_INTERVAL_S = 0.03
"""Between two reports of progress of one stage: what a live overlay can follow."""


class Reply:
    """Sends messages of one job: `reply("progress", stage="Drawing", fraction=0.5)`; the job's id is added.

    folder: the job's own private folder, made and removed by the application.
    """

    def __init__(self, job_id: str, folder: Path, send: Callable[[Message], None]) -> None:
        self.job_id = job_id
        self.folder = folder
        self._send = send
        self._files: queue.SimpleQueue[dict[str, str]] = queue.SimpleQueue()
        self._stage: str | None = None
        self._last_s = 0.0

    def __call__(self, type_: str, **fields: Any) -> None:
        self._send({"type": type_, "id": self.job_id, **fields})

    def progress(self, step: Progress) -> None:
        """Report progress, unless the last report of this stage is too recent."""
        now_s = time.monotonic()
        if step.stage == self._stage and now_s - self._last_s < LEAST_INTERVAL_S and step.fraction < 1:
            return
        self._stage, self._last_s = step.stage, now_s
        self(
            "progress",
            stage=step.stage,
            fraction=float(step.fraction),
            similarity=None if step.similarity is None else float(step.similarity),
            pose=None if step.pose is None else step.pose.tolist(),
        )

    def ask(self, names: Iterable[str]) -> dict[str, Path]:
        """Ask the application for arrays by name, and wait for their .npy files. Nothing is asked for no names."""
        wanted = list(names)
        if not wanted:
            return {}
        self("need", names=wanted)
        files = self._files.get()
        return {name: self.folder / Path(files[name]).name for name in wanted}

    def deliver(self, files: dict[str, str]) -> None:
        """What the application sent in answer to `ask`: file names in the job's folder. Called from the reader."""
        self._files.put(files)
