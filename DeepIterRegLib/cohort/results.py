"""results.csv, and the same as JSON: a line for every patient, in the table's order."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from DeepIterRegLib.cohort.patient_result import COLUMNS, PatientResult, result_from_cells
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.full_disk import full_disk_explained
from DeepIterRegLib.common.whole_file import whole_file

RESULTS_FILE, JSON_FILE = "results.csv", "results.json"
FORMAT, VERSION = "deepiterreg-cohort-results", 1


def write_results(folder: Path, outcomes: Iterable[PatientResult]) -> None:
    """Write results.csv, line by line. Raises InputError where the disk is full."""
    with full_disk_explained(folder), whole_file(folder / RESULTS_FILE) as file:
        for number, cells in enumerate(_lines(outcomes)):
            text = io.StringIO(newline="")
            csv.writer(text, lineterminator="\n").writerow(cells)
            # The mark lets a spreadsheet read the umlauts.
            file.write(text.getvalue().encode("utf-8-sig" if number == 0 else "utf-8"))


def _lines(outcomes: Iterable[PatientResult]) -> Iterator[list[str]]:
    yield list(COLUMNS)
    for outcome in outcomes:
        yield outcome.to_cells()


def read_results(folder: Path) -> Iterator[PatientResult]:
    """The outcomes in results.csv, one by one. Raises InputError where it is missing or no such table."""
    path = folder / RESULTS_FILE
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, strict=True)
            if tuple(rows.fieldnames or ()) != COLUMNS:
                raise _damaged(path)
            for row in rows:
                yield result_from_cells(row)
    except OSError as error:
        raise InputError(
            "There is no {file} in {folder} ({reason}); register the cohort there first.",
            file=path,
            folder=folder.name,
            reason=error.strerror,
        ) from error
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        if isinstance(error, InputError):
            raise
        raise _damaged(path) from error


def _damaged(path: Path) -> InputError:
    return InputError(
        "{file} is damaged, or was changed by hand; run the cohort's command again, which writes it anew.", file=path
    )


def write_json(folder: Path, outcomes: Iterable[PatientResult], about: Mapping[str, Any]) -> None:
    """Write results.json (schemas/cohort_results.schema.json), patient by patient. Raises InputError.

    about: the versions and options.
    """
    head = json.dumps({"format": FORMAT, "version": VERSION, **about}, indent=1, allow_nan=False)
    with full_disk_explained(folder), whole_file(folder / JSON_FILE) as file:
        file.write(head.removesuffix("\n}").encode() + b',\n "patients": [')
        for number, outcome in enumerate(outcomes):
            text = json.dumps(outcome.to_json(), allow_nan=False, ensure_ascii=False)
            file.write(("," if number else "").encode() + b"\n  " + text.encode())
        file.write(b"\n ]\n}\n")


def results_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of results.json."""
    path = files("DeepIterRegLib").joinpath("schemas/cohort_results.schema.json")
    return json.loads(path.read_text(encoding="utf-8"))
