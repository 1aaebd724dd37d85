"""Where an experiment's patients come from: seeds, or folders. Either way their images pass the readers for files."""

from __future__ import annotations

import itertools
import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.pose import radiological_pose
from DeepIterRegLib.geometry.rigid import require_rigid
from DeepIterRegLib.images.dsa_files import read_angiogram
from DeepIterRegLib.images.volume_files import read_volume
from DeepIterRegLib.registration.images import Masks, PatientImages
from DeepIterRegLib.research.evaluate.reference import Reference
from DeepIterRegLib.research.simulate.streams import stream
from DeepIterRegLib.research.simulate.x_ray.stored_form import StoredChoice, form_of

if TYPE_CHECKING:
    # With everything that generates: not needed to read a folder, nor to show the command's help.
    from DeepIterRegLib.research.simulate.patient import PatientOptions

Segmentations = Literal["own", "truth", "realistic", "poor"]
VOLUME_FILE, RUN_FILE, TRUTH_FILE = "cta.nrrd", "dsa.dcm", "truth.json"


@dataclass(frozen=True, eq=False)
class CohortPatient:
    """A patient before preparation, and the truth."""

    images: PatientImages
    pose: FloatArray
    """(4, 4) the truth."""
    radiological_pose: FloatArray | None
    """(4, 4) where a registration starts; None: where one starts that is told nothing (`registration/start.py`)."""
    generate_seconds: float = 0.0
    """CPU seconds that generating took; 0 for files."""
    defects: Mapping[str, Any] = field(default_factory=dict)
    """As `SimulatedPatient.defects`."""
    references: tuple[Reference, ...] = ()
    """Where the truth is what readers found: the first one's is `pose`. They have to be plausible."""


class Cohort(Protocol):
    """Patients by name. Picklable, and the same on every worker."""

    def names(self) -> Iterator[str]:
        """In the order in which an experiment takes them; may be endless."""
        ...

    def identity(self, name: str) -> Mapping[str, Any]:
        """What the patient's images depend on, as JSON, apart from the name and the code."""
        ...

    def load(self, name: str) -> CohortPatient:
        """Generate or read a patient.

        Raises InputError, with one sentence, for one that cannot be, and NoTruth for one without a true pose.
        """
        ...


@dataclass(frozen=True)
class SimulatedCohort:
    """Patients generated from consecutive seeds."""

    first_seed: int
    options: PatientOptions
    segmentations: Segmentations = "own"
    stored: StoredChoice = "raw"
    """How the runs are written before they are read."""
    skull_share: float = 1.0
    """Of the patients that have the options' real skull; the others' are generated."""

    def names(self) -> Iterator[str]:
        return (str(seed) for seed in itertools.count(self.first_seed))

    def identity(self, name: str) -> Mapping[str, Any]:
        options = self.options_of(int(name))
        return {
            "simulated": [options.views, options.detector_px, options.ct_columns],
            "difficulty": [options.difficulty, *sorted(options.disturbances)],
            "stored": self.stored,
            "anatomy": [file_stamp(path) if path else None for path in (options.arteries, options.skull)],
            "segmentations": self.segmentations,
            **({} if options.treated is None else {"treated": options.treated}),
        }

    def options_of(self, seed: int) -> PatientOptions:
        """What patient `seed` is generated with."""
        if self.options.skull is None or stream(seed, "real skull").random() < self.skull_share:
            return self.options
        return replace(self.options, skull=None)

    def load(self, name: str) -> CohortPatient:
        from DeepIterRegLib.research.simulate.files.xa_writer import write_xa
        from DeepIterRegLib.research.simulate.patient import simulate_patient
        from DeepIterRegLib.research.simulate.segmentations.segmentation_quality import SegmentationQuality
        from DeepIterRegLib.research.simulate.segmentations.segmentations import segment

        began = time.process_time()
        patient = simulate_patient(int(name), self.options_of(int(name)))
        generate_seconds = time.process_time() - began
        angiograms = []
        form = form_of(self.stored, int(name))
        with tempfile.TemporaryDirectory(prefix="deepiterreg-") as folder:
            for number, run in enumerate(patient.runs):
                path = Path(folder) / f"{number}.dcm"
                angiograms.append(read_angiogram(write_xa(run, path, form=form, seed=int(name), name=name)))
        masks: Masks[BoolArray] = Masks()
        if self.segmentations != "own":
            segmented = segment(patient, SegmentationQuality.named(self.segmentations))
            vessels, veins = zip(*segmented.dsa, strict=True)
            masks = Masks(segmented.cta_vessels, segmented.cta_veins, vessels, veins)
        return CohortPatient(
            PatientImages(patient.volume, tuple(angiograms), masks),
            patient.runs[0].first_pose if form == "native" else patient.pose,
            patient.radiological_pose,
            generate_seconds,
            patient.defects,
        )


@dataclass(frozen=True)
class FolderCohort:
    """Patients in folders, each with cta.nrrd, dsa.dcm and truth.json, as `deepiterreg simulate` writes them."""

    folder: Path

    @classmethod
    def of(cls, folder: Path) -> FolderCohort:
        """Raises InputError for a folder in which no patients are."""
        cohort = cls(folder.absolute())
        if not folder.is_dir():
            raise InputError(
                "There is no folder {folder}; give the folder with the patients.", folder=folder.name or folder
            )
        if not list(cohort.names()):
            raise InputError(
                "The folder {folder} holds no patients; give a folder of folders with {volume}, {run} and {truth} in"
                " each.",
                folder=folder.name or folder,
                volume=VOLUME_FILE,
                run=RUN_FILE,
                truth=TRUTH_FILE,
            )
        return cohort

    def names(self) -> Iterator[str]:
        # A folder in which all of these are missing is something else than a damaged patient.
        return (
            folder.name
            for folder in sorted(self.folder.iterdir(), key=lambda path: _natural(path.name))
            if folder.is_dir() and any((folder / file).exists() for file in (VOLUME_FILE, RUN_FILE, TRUTH_FILE))
        )

    def identity(self, name: str) -> Mapping[str, Any]:
        return {"files": [file_stamp(self.folder / name / file) for file in (VOLUME_FILE, RUN_FILE, TRUTH_FILE)]}

    def load(self, name: str) -> CohortPatient:
        folder = self.folder / name
        truth = read_truth(folder / TRUTH_FILE)
        angiogram = read_angiogram(folder / RUN_FILE)
        volume = read_volume(folder / VOLUME_FILE, "cta")
        start = truth.radiological_pose
        if start is None:
            start = radiological_pose(volume.centre_mm, angiogram.patient_position)
        return CohortPatient(PatientImages(volume, (angiogram,)), truth.pose, start, defects=truth.defects)


@dataclass(frozen=True, eq=False)
class Truth:
    """What an experiment needs of truth.json."""

    pose: FloatArray
    radiological_pose: FloatArray | None
    """None where the file leaves it to the images."""
    defects: Mapping[str, Any]


def read_truth(path: Path) -> Truth:
    """Raises InputError for a file that is missing, no JSON, or has no rigid `pose`."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path.name} is missing; a patient's folder holds its true pose in it.") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path.name} is damaged and cannot be read; write the patient again.") from error
    if not isinstance(content, dict) or "pose" not in content:
        raise InputError(f"{path.name} has no pose; it must hold the true 4x4 pose.")
    defects = content.get("defects", {})
    return Truth(
        _pose(content["pose"], f"The pose in {path.name}"),
        None
        if content.get("radiological_pose") is None
        else _pose(content["radiological_pose"], f"The radiological_pose in {path.name}"),
        defects if isinstance(defects, dict) else {},
    )


def _pose(rows: Sequence[Sequence[float]], what: str) -> FloatArray:
    try:
        return require_rigid(rows, what)  # type: ignore[arg-type]
    except (ValueError, TypeError) as error:
        raise error if isinstance(error, InputError) else InputError(f"{what} is no 4x4 matrix.") from error


def file_stamp(path: Path) -> list[Any]:
    """A file or folder by its name, size and time: what changes when its content does."""
    try:
        found = path.stat()
    except OSError:
        return [str(path), None]
    return [str(path), found.st_size, found.st_mtime_ns]


def _natural(name: str) -> list[tuple[int, str]]:
    """patient-2 before patient-10."""
    parts = "".join(character if character.isdigit() else f" {character} " for character in name).split()
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
