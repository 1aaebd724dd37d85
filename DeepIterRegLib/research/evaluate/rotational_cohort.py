"""The real rotational run as a cohort: each frame is a "patient", all of one volume, and the true pose is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from DeepIterRegLib.geometry.pose import radiological_pose
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.images.volume_files import read_volume
from DeepIterRegLib.registration.images import PatientImages
from DeepIterRegLib.research.evaluate.cohort import CohortPatient, FolderCohort, file_stamp

VOLUME_FILE, FRAMES = "volume.nrrd", "frame_*.dcm"


@dataclass(frozen=True)
class RotationalCohort:
    """volume.nrrd and frame_*.dcm of `cases/rotational-head`: the true pose of every frame is the identity."""

    folder: Path

    def names(self) -> Iterator[str]:
        return (path.stem for path in sorted(self.folder.glob(FRAMES)))

    def identity(self, name: str) -> Mapping[str, Any]:
        return {"files": [file_stamp(path) for path in (self.folder / VOLUME_FILE, self._frame(name))]}

    def load(self, name: str) -> CohortPatient:
        volume, angiogram = read_volume(self.folder / VOLUME_FILE), read_angiogram(self._frame(name))
        start = radiological_pose(volume.centre_mm, angiogram.patient_position)
        return CohortPatient(PatientImages(volume, (angiogram,)), np.eye(4), start)

    def _frame(self, name: str) -> Path:
        return self.folder / f"{name}.dcm"


def cohort_in(folder: Path) -> FolderCohort | RotationalCohort:
    """What a folder holds: a rotational run, or patients. Raises InputError for one that holds neither."""
    if (folder / VOLUME_FILE).is_file() and any(folder.glob(FRAMES)):
        return RotationalCohort(folder.absolute())
    return FolderCohort.of(folder)
