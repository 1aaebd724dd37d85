"""One patient of a cohort, in a worker's process: get images, prepare, register, write."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from DeepIterRegLib.cohort.inputs import image_files, options_of
from DeepIterRegLib.cohort.patient_result import PatientResult, result_of_error, result_of_report
from DeepIterRegLib.cohort.table import Row
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.freed_memory import give_back_freed_memory
from DeepIterRegLib.common.full_disk import full_disk_explained
from DeepIterRegLib.common.quiet import quiet_readers
from DeepIterRegLib.common.staged_output import staged_output
from DeepIterRegLib.registration.options import Options
from DeepIterRegLib.worker.failures import is_out_of_memory, place_of

FILE_NAMES = ("cta_to_carm.tfm", "overlay.png", "report.json", "before.jpg", "after.jpg")
SCENE = "scene.mrb"
SAFE_IN_NAMES = " _-.,()+=@'"
"""Of a patient's name, what a folder's may have as it is, beside letters and digits."""
LONGEST_FOLDER = 200
"""Bytes."""


@dataclass(frozen=True, eq=False)
class PatientTask:
    """What a worker needs to know of one patient."""

    row: Row
    patient: str
    """The name in all outputs."""
    result: str
    """`inputs.result_key`."""
    folder: Path
    """That receives the files; on a disk that the worker sees."""
    options: Options
    """Of the cohort."""
    scene: bool = False


def folder_name(patient: str) -> str:
    """A folder's name for a patient's: another for another, whatever signs are in it."""
    text = unicodedata.normalize("NFC", patient)
    signs = [sign if sign.isalnum() or sign in SAFE_IN_NAMES else _hexadecimal(sign) for sign in text]
    for end in (0, -1):
        if signs[end] == ".":  # hidden, or lost on Windows
            signs[end] = _hexadecimal(".")
    name = "".join(signs)
    if len(name.encode()) > LONGEST_FOLDER:
        name = f"{name[:40]}~{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    return name


def _hexadecimal(sign: str) -> str:
    return "".join(f"%{byte:02X}" for byte in sign.encode())


def file_names(scene: bool) -> tuple[str, ...]:
    """What a registered patient's folder holds."""
    return (*FILE_NAMES, SCENE) if scene else FILE_NAMES


def register_patient(task: PatientTask) -> PatientResult:
    """Register and write; what is wrong with the patient is told in the outcome.

    Raises InputError where the output cannot be written, MemoryError, and what ends a process.
    """
    from DeepIterRegLib.cohort.pictures import write_pictures
    from DeepIterRegLib.registration.images import read_images
    from DeepIterRegLib.registration.register import register_images
    from DeepIterRegLib.registration.write import write_registration

    row, patient = task.row, task.patient
    try:
        with quiet_readers():
            images = read_images(image_files(row))
        registration = register_images(images, options_of(row, task.options))
    except InputError as error:
        return result_of_error(row.number, patient, error, task.result)
    except Exception as error:
        if is_out_of_memory(error):
            raise MemoryError from error
        # What an unexpected exception says may quote a file name or a tag.
        sentence = f"Row {row.number}: an unexpected error ({type(error).__name__} in {place_of(error)})."
        return PatientResult(row=row.number, patient=patient, status="failed", sentence=sentence, result=task.result)
    with full_disk_explained(task.folder), staged_output(task.folder, file_names(task.scene)) as staging:
        report, views = write_registration(staging, registration)
        write_pictures(staging, views)
        if task.scene:
            from DeepIterRegLib.mrml.saving.registration_scene import write_registration_scene

            write_registration_scene(staging / SCENE, registration, report)
    if not task.scene:
        (task.folder / SCENE).unlink(missing_ok=True)  # Of other images or options.
    del images, registration, views
    give_back_freed_memory()
    return result_of_report(row.number, patient, task.result, report)
