"""A patient's images made ready once, and kept on disk for every other method and experiment."""

from __future__ import annotations

import hashlib
import json
import math
import re
import sys
import time
from contextlib import suppress
from pathlib import Path

from DeepIterRegLib.parallel.fingerprint import code_fingerprint
from DeepIterRegLib.registration.prepare import prepare
from DeepIterRegLib.registration.start import start_poses
from DeepIterRegLib.research.evaluate.case import Case, Costs
from DeepIterRegLib.research.evaluate.case_file import FORMAT, DamagedCaseFile, read_case, write_case
from DeepIterRegLib.research.evaluate.cohort import Cohort

MAKERS = (
    "research.simulate.patient",
    "research.simulate.files.xa_writer",
    "research.simulate.segmentations.segmentations",
    "images.dsa_files",
    "images.volume_files",
    "registration.prepare",
    "registration.start",
    "geometry.transform_file",
)
"""The modules that a prepared patient depends on."""
LONGEST_START = 60
"""Characters of a patient's name in that of a file: some disks take 255 bytes in all."""


def preparation_fingerprint() -> str:
    """Of the code that makes prepared patients."""
    return code_fingerprint(*MAKERS)


def case_path(folder: Path, cohort: Cohort, name: str, code: str) -> Path:
    """The patient's file in `folder`: another for other images, options or code (`preparation_fingerprint`)."""
    # A table may call its patients anything, a folder with files only what a file may be called.
    start = re.sub(r"[^\w.-]", "_", name)[:LONGEST_START]
    return folder / f"{start}-{made_of(cohort, name, code)}.npz"


def made_of(cohort: Cohort, name: str, code: str) -> str:
    """A hash of what a prepared patient depends on: images, options, reference and code."""
    key = json.dumps([FORMAT, code, name, cohort.identity(name)], sort_keys=True)
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def prepared_case(cohort: Cohort, name: str, path: Path) -> Case:
    """The patient as in its file, which is made if it is not there or damaged.

    It always comes out of the file, so the second time gives what the first gave, to the bit. Raises InputError for a
    patient who cannot be prepared, OSError where the file cannot be written.
    """
    with suppress(FileNotFoundError, DamagedCaseFile):
        return read_case(path)
    write_case(make_case(cohort, name), path)
    return read_case(path)


def make_case(cohort: Cohort, name: str) -> Case:
    """Generate or read a patient and prepare the images, with segmentations of our own unless it brings others.

    Raises InputError for one that cannot be, and NoTruth for one whose reference pose cannot be right.
    """
    _reset_peak_memory()
    began, cpu_began = time.perf_counter(), time.process_time()
    patient = cohort.load(name)
    prepared_from = time.process_time()
    images = prepare(patient.images)
    for reference in patient.references:
        reference.require_plausible(images)
    start = patient.radiological_pose
    if start is None:
        start = start_poses(images)[0]
    second = patient.references[1].pose if len(patient.references) > 1 else None
    costs = Costs(
        generate_seconds=patient.generate_seconds or prepared_from - cpu_began,
        prepare_seconds=time.process_time() - prepared_from,
        wall_seconds=time.perf_counter() - began,
        peak_mb=_peak_memory_mb(),
    )
    return Case(name, images, patient.pose, start, costs, patient.defects, second)


def _reset_peak_memory() -> None:
    # Linux alone can forget the peak of an earlier patient in the same process.
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak_memory_mb() -> float:
    """Greatest resident memory of the process since the reset; since its start where there is none; else NaN."""
    with suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        line = next(line for line in lines if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / 1e6
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return math.nan
