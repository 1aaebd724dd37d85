"""Patients small enough for tests of the experiments; some of them misbehave."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.research.evaluate.cohort import PatientImages
from DeepIterRegLib.research.simulate.files.xa_writer import write_xa
from DeepIterRegLib.research.simulate.simple import SimplePatient, simple_patient


@dataclass(frozen=True)
class TinyCohort:
    """Built-in patients at a low resolution, from seed 1."""

    count: int = 2
    journal: Path | None = None
    """A folder in which every attempt to make a patient leaves a file."""
    damaged: tuple[str, ...] = ()
    deadly: tuple[str, ...] = ()
    """Patients who kill the process that makes them."""
    deadly_once: tuple[str, ...] = ()
    moving: tuple[str, ...] = ()
    """Patients who move more than a test set allows."""

    def names(self) -> Iterator[str]:
        return map(str, range(1, self.count + 1))

    def identity(self, name: str) -> Mapping[str, Any]:
        return {"tiny": 1}

    def load(self, name: str) -> PatientImages:
        attempt = 1
        if self.journal is not None:
            attempt += len(list(self.journal.glob(f"{name}-*")))
            (self.journal / f"{name}-{attempt}").touch()
        if name in self.deadly or (name in self.deadly_once and attempt == 1):
            os._exit(9)
        if name in self.damaged:
            raise InputError("dsa.dcm is truncated.")
        patient, angiogram = _images(int(name))
        defects = {"lateral": {"head_displacement_px": [0.0, 9.0 if name in self.moving else 0.1]}}
        return PatientImages(
            patient.volume, (angiogram,), patient.pose, patient.radiological_pose, 0.5, defects
        )  # fmt: skip


@cache
def _images(seed: int) -> tuple[SimplePatient, Angiogram]:
    patient = simple_patient(seed, detector_px=128, voxel_mm=1.6)
    with tempfile.TemporaryDirectory() as folder:
        return patient, read_angiogram(write_xa(patient.runs[0], Path(folder) / "dsa.dcm"))


def die_until(journal: Path, attempt: int) -> str:
    """A task that ends its process, as often as it takes to be at that attempt."""
    journal.mkdir(exist_ok=True)
    number = len(list(journal.iterdir())) + 1
    (journal / str(number)).touch()
    if number < attempt:
        os._exit(9)
    return f"done at attempt {number}"


def out_of_memory(journal: Path) -> None:
    """A task that needs more memory than there is, and says so."""
    with journal.open("a") as file:
        file.write("tried ")
    raise MemoryError
