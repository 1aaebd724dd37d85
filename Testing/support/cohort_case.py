"""Cohorts for tests: a table of files that are there, and stand-ins for the registration that need no image.

What a stand-in does is in the patient's name, so that workers in other processes know it, too.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from DeepIterRegLib.cohort.patient import PatientTask
from DeepIterRegLib.cohort.patient_result import PatientResult
from DeepIterRegLib.cohort.run import Cohort
from DeepIterRegLib.cohort.table import read_table
from DeepIterRegLib.registration.options import Options


class AtOnce:
    """A pool that works in this process, when a task is submitted."""

    def __init__(self) -> None:
        self._done: list[tuple[Any, Any]] = []
        self.tasks: list[Any] = []

    @property
    def busy(self) -> int:
        return len(self._done)

    @property
    def has_idle_worker(self) -> bool:
        return not self._done

    def submit(self, tag: Any, function: Callable[..., Any], *arguments: Any) -> None:
        self.tasks.append(tag)
        self._done.append((tag, function(*arguments)))

    def next_finished(self) -> tuple[Any, Any]:
        return self._done.pop(0)


def write_table(folder: Path, *names: str, extra: str = "") -> Path:
    """A table of these patients, each with a CTA and a run of some bytes."""
    for name in ("cta.nrrd", "dsa.dcm"):
        (folder / name).write_bytes(b"x")
    path = folder / "table.csv"
    path.write_text("patient,cta,dsa\n" + "".join(f'"{name}",cta.nrrd,dsa.dcm\n' for name in names) + extra)
    return path


def cohort_of(table: Path, **options: Any) -> Cohort:
    return Cohort(read_table(table), table.parent, Options(initializer=False), **options)


def pretend(task: PatientTask) -> PatientResult:
    """Register at once; "deadly..." kills its process, "once..." the first time, and "endless..." never comes back."""
    name = task.row.name
    tried = task.folder.parent.parent / f"tried-{task.row.number}"
    again = tried.exists()
    tried.touch()
    if name.startswith("deadly") or (name.startswith("once") and not again):
        os._exit(9)
    if name.startswith("endless"):
        time.sleep(1000)
    if name.startswith("slow"):
        time.sleep(1.0)
    if name.startswith("refused"):
        return PatientResult(
            row=task.row.number, patient=task.patient, status="refused", sentence="No.", result=task.result
        )
    task.folder.mkdir(parents=True, exist_ok=True)
    for file in ("report.json", "cta_to_carm.tfm"):
        (task.folder / file).write_text(f"{task.row.number}")
    for file, shade in (("before.jpg", 60), ("after.jpg", 200), ("overlay.png", 120)):
        Image.new("RGB", (64, 36), (shade, 40, 40)).save(task.folder / file)
    probability = ((task.row.number * 37) % 100) / 100
    return PatientResult(
        row=task.row.number, patient=task.patient, status="registered" if probability > 0.5 else "check",
        probability=probability, probability_2mm=probability / 2, warnings=("A warning; with <b>signs</b>.",),
        moved_mm=1.5, moved_deg=2.0, pose=tuple(float(n) for n in range(12)), result=task.result,
    )  # fmt: skip
