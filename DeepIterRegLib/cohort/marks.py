"""What a person thinks of each result: a CSV file that the page saves, or a spreadsheet, and that is read back."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from DeepIterRegLib.cohort.patient_result import MARKS, PatientResult
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.full_disk import full_disk_explained
from DeepIterRegLib.common.spreadsheet import with_formula, without_formula
from DeepIterRegLib.common.whole_file import whole_file

MARKS_FILE = "marks.csv"
LARGEST_BYTES = 50_000_000
LONGEST_NOTE = 1000


@dataclass(frozen=True)
class Mark:
    """Of one patient; the fields are the file's columns."""

    patient: str
    result: str = ""
    """What was looked at (`PatientResult.result`); empty in a file that was written by hand."""
    mark: str = ""
    """One of MARKS, or nothing: a note alone."""
    note: str = ""
    time: str = ""
    """UTC, as the page writes it."""


COLUMNS = tuple(field.name for field in fields(Mark))


def read_marks(path: Path) -> dict[str, Mark]:
    """By patient, the last one of each. Raises InputError with row and column for what is no such file."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise InputError("{file} is too large to hold marks; give the file that the page saved.", file=path)
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputError(
            "{file} cannot be read ({reason}); give the file that the page saved.", file=path, reason=error.strerror
        ) from error
    except UnicodeDecodeError as error:
        raise InputError("{file} is not UTF-8; give the file that the page saved.", file=path) from error
    header = next(iter(text.splitlines()), "")
    separator = next((sign for sign in ";\t" if sign in header), ",")  # as a spreadsheet may give it back
    marks: dict[str, Mark] = {}
    try:
        rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        if not {"patient", "mark"} <= set(rows.fieldnames or ()):
            raise InputError("{file} has no columns patient and mark; give the file that the page saved.", file=path)
        for number, row in enumerate(rows, start=2):
            cells = {name: with_formula((row.get(name) or "").strip()) for name in COLUMNS}
            if not cells["patient"]:
                raise InputError("Row {row}, column patient of {file} is empty; correct it.", file=path, row=number)
            if cells["mark"] and cells["mark"] not in MARKS:
                raise InputError(
                    "Row {row}, column mark of {file} is {cell}; give one of {known}, or nothing.",
                    file=path, row=number, cell=repr(cells["mark"]), known=MARKS,
                )  # fmt: skip
            marks[cells["patient"]] = Mark(**{**cells, "note": cells["note"][:LONGEST_NOTE]})
    except csv.Error as error:
        raise InputError(
            "{file} cannot be read as CSV ({reason}); give the file that the page saved.", file=path, reason=str(error)
        ) from error
    return marks


def write_marks(path: Path, marks: Iterable[Mark]) -> None:
    """Raises InputError where the disk is full."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([without_formula(cell) for cell in astuple(mark)] for mark in marks)
    with full_disk_explained(path.parent), whole_file(path) as file:
        file.write(text.getvalue().encode("utf-8-sig"))


def merged(kept: Mapping[str, Mark], given: Mapping[str, Mark]) -> dict[str, Mark]:
    """Those that were given over those that were there."""
    return {**kept, **given}


def fitting(marks: Mapping[str, Mark], outcomes: Iterable[PatientResult]) -> tuple[dict[str, Mark], list[str]]:
    """The marks that are of these outcomes, and a sentence for each other one.

    A mark of a result that has been replaced since (other images, options or code) is of no use any more.
    """
    results = {outcome.patient: outcome.result for outcome in outcomes}
    good, said = {}, []
    for patient, mark in marks.items():
        if patient not in results:
            said.append(f"{patient} is marked, but not a patient of this cohort; the mark was left out.")
        elif mark.result and mark.result != results[patient]:
            said.append(f"{patient} was registered again since it was marked; look at it again.")
        else:
            good[patient] = mark
    return good, said
