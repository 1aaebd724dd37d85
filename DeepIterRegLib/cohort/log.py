"""What a cohort has come to so far, on disk after every patient, so that the same command goes on where it stopped.

In the output folder: cohort.jsonl, a first line that says what it is, then a line for every patient that was tried; the
last one of a patient counts. In memory are only places in that file, however many patients there are.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from DeepIterRegLib.cohort.patient import file_names, folder_name
from DeepIterRegLib.cohort.patient_result import AGAIN, DONE, PatientResult, Status, result_from_json
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.full_disk import full_disk_explained
from DeepIterRegLib.common.line_file import append_line
from DeepIterRegLib.common.staged_output import unwritable

LOG_FILE, PATIENTS = "cohort.jsonl", "patients"
FORMAT, VERSION = "deepiterreg-cohort", 1


@dataclass(frozen=True)
class _Entry:
    place: int
    """Of the line in the file, bytes."""
    status: Status
    result: str


class CohortLog:
    """The log of one output folder, for one writer."""

    def __init__(self, folder: Path, pseudonymised: bool) -> None:
        """Make the folder, or take up what is in it.

        Raises InputError for a folder that cannot be written, that has another log, or results with names where there
        shall be none.
        """
        self.folder = folder
        self._path = folder / LOG_FILE
        self._entries: dict[str, _Entry] = {}
        head = {"format": FORMAT, "version": VERSION, "pseudonymised": pseudonymised}
        try:
            with full_disk_explained(folder):
                (folder / PATIENTS).mkdir(parents=True, exist_ok=True)
                if not self._path.exists() or self._path.stat().st_size == 0:
                    append_line(self._path, json.dumps(head))
        except OSError as error:
            raise unwritable(folder, error) from error
        self._read(head)

    def patient_folder(self, patient: str) -> Path:
        return self.folder / PATIENTS / folder_name(patient)

    def is_done(self, patient: str, result: str, scene: bool) -> bool:
        """Whether the patient was tried with the same images, options and code, and its files are there.

        scene: whether one is wanted.
        """
        entry = self._entries.get(patient)
        if entry is None or entry.result != result or entry.status in AGAIN:
            return False
        folder = self.patient_folder(patient)
        return entry.status not in DONE or all((folder / name).exists() for name in file_names(scene))

    def add(self, outcome: PatientResult) -> None:
        """Raises InputError where the disk is full."""
        with full_disk_explained(self.folder):
            place = self._path.stat().st_size
            append_line(self._path, json.dumps(outcome.to_json(), allow_nan=False))
        self._entries[outcome.patient] = _Entry(place, outcome.status, outcome.result)

    def read(self, patient: str, row: int) -> PatientResult | None:
        """What became of a patient, who now has that row of the table; None where nothing did yet."""
        entry = self._entries.get(patient)
        if entry is None:
            return None
        with self._path.open("rb") as file:
            file.seek(entry.place)
            return replace(result_from_json(json.loads(file.readline())), row=row)

    def _read(self, head: dict[str, Any]) -> None:
        place = 0
        with self._path.open("rb") as file:
            for number, line in enumerate(file):
                if not line.endswith(b"\n"):
                    break  # as an interruption leaves it
                try:
                    content = json.loads(line)
                    if number == 0:
                        self._require(content, head)
                    else:
                        outcome = result_from_json(content)
                        self._entries[outcome.patient] = _Entry(place, outcome.status, outcome.result)
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    if isinstance(error, InputError):
                        raise
                    raise InputError(
                        "Line {line} of {file} is damaged; choose another output folder.",
                        line=number + 1,
                        file=self._path,
                    ) from error
                place += len(line)
        if place < self._path.stat().st_size:
            with self._path.open("r+b") as torn:
                torn.truncate(place)

    def _require(self, content: dict[str, Any], head: dict[str, Any]) -> None:
        if (content["format"], content["version"]) != (FORMAT, VERSION):
            raise InputError(
                "{file} is of another version of this program; choose another output folder.", file=self._path
            )
        if content["pseudonymised"] != head["pseudonymised"]:
            raise InputError(
                "{file} holds results with the patients' {names}; choose another output folder.",
                file=self.folder,
                names="pseudonyms" if content["pseudonymised"] else "names",
            )
