"""What became of one patient: the record that results.csv, its JSON, the log and the page are made of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

import numpy as np

from DeepIterRegLib.cohort.columns import COLUMN_OF, COLUMN_OF_SECOND_RUN
from DeepIterRegLib.common.errors import RUN, UserError
from DeepIterRegLib.common.spreadsheet import with_formula, without_formula

Status = Literal["registered", "check", "wrong", "refused", "timed out", "failed"]
DONE: tuple[Status, ...] = ("registered", "check", "wrong")
"""The verdicts of a registration; the other patients have no result."""
AGAIN: tuple[Status, ...] = ("timed out", "failed")
"""Not a fault of the input: tried again by the next run of the command."""
POSE = tuple(f"pose_{row}{column}" for row in (1, 2, 3) for column in (1, 2, 3, 4))
MARKS = ("accepted", "rejected", "unsure")
BETWEEN = " | "
"""Between the warnings in a cell."""


@dataclass(frozen=True, kw_only=True)
class PatientResult:
    """One patient's. Lengths in mm, angles in degrees; None where there is no result, or nothing to measure."""

    row: int
    """Of the table, as a spreadsheet counts."""
    patient: str
    """The table's name of the patient, or the pseudonym."""
    status: Status
    probability: float | None = None
    """That the mean projection error is below 5 mm."""
    probability_2mm: float | None = None
    sentence: str = ""
    """Why it is not simply registered."""
    warnings: tuple[str, ...] = ()
    moved_mm: float | None = None
    """How far the head's centre is from where it started."""
    moved_deg: float | None = None
    across_mm: float | None = None
    """Standard deviations of the pose: across the beam, along it, and of the rotation."""
    along_mm: float | None = None
    rotation_deg: float | None = None
    ncc_before: float | None = None
    """Of the first run, as on its overlay."""
    ncc_after: float | None = None
    ncc_before2: float | None = None
    ncc_after2: float | None = None
    pose: tuple[float, ...] | None = None
    """(12) the first three rows of the 4 x 4 matrix."""
    result: str = ""
    """`inputs.result_key`: what the patient's images, the options and the code were."""
    mark: str = ""
    """One of MARKS, or nothing."""
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """As schemas/cohort_results.schema.json has it."""
        return {**asdict(self), "warnings": list(self.warnings), "pose": self.pose and list(self.pose)}

    def to_cells(self) -> list[str]:
        """Of results.csv, in the order of COLUMNS."""
        values = self.to_json()
        values |= dict(zip(POSE, self.pose or [None] * len(POSE), strict=True))
        values["warnings"] = BETWEEN.join(self.warnings)
        return [_cell(values[name]) for name in COLUMNS]


COLUMNS: tuple[str, ...] = (
    "row", "patient", "status", "probability", "probability_2mm", "mark", "note", "sentence", "warnings", "moved_mm",
    "moved_deg", "across_mm", "along_mm", "rotation_deg", "ncc_before", "ncc_after", "ncc_before2", "ncc_after2",
    *POSE, "result",
)  # fmt: skip
"""Of results.csv."""
NUMBERS = frozenset(
    field.name for field in fields(PatientResult) if "float" in str(field.type) and field.name != "pose"
)  # fmt: skip


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return without_formula(" ".join(value.split())) if isinstance(value, str) else repr(value)


def result_from_json(content: Mapping[str, Any]) -> PatientResult:
    """What `PatientResult.to_json` wrote. Raises KeyError, TypeError or ValueError for anything else."""
    if content["status"] not in get_args(Status):
        raise ValueError(content["status"])
    pose = content["pose"]
    values = {**content, "warnings": tuple(content["warnings"]), "pose": None if pose is None else tuple(pose)}
    return PatientResult(**values)


def result_from_cells(cells: Mapping[str, str]) -> PatientResult:
    """What `PatientResult.to_cells` wrote, by column. Raises KeyError, TypeError or ValueError for anything else."""
    numbers = {name: float(cells[name]) if cells[name] else None for name in (*sorted(NUMBERS), *POSE)}
    pose = [numbers.pop(name) for name in POSE]
    texts = {name: with_formula(cells[name]) for name in ("patient", "status", "sentence", "result", "mark", "note")}
    content = {
        **numbers,
        **texts,
        "row": int(cells["row"]),
        "warnings": [text for text in with_formula(cells["warnings"]).split(BETWEEN) if text],
        "pose": None if None in pose else pose,
    }
    return result_from_json(content)


def result_of_report(row: int, patient: str, result: str, report: Mapping[str, Any]) -> PatientResult:
    """Of a registration, by its report as `build_report` makes it."""
    # Without confidence nobody knows: somebody has to look.
    confidence = report["confidence"] or {"verdict": "check", "reasons": ["Nothing tells how sure this result is."]}
    views = report["angiograms"]
    ncc = {
        f"ncc_{when}{end}": view[f"ncc_{when}"]
        for view, end in zip(views, ("", "2"), strict=False)
        for when in ("before", "after")
    }
    return PatientResult(
        row=row,
        patient=patient,
        status=confidence["verdict"],
        probability=confidence.get("probability"),
        probability_2mm=confidence.get("probability_2mm"),
        sentence="" if confidence["verdict"] == "registered" else " ".join(confidence["reasons"]),
        warnings=tuple(report["warnings"]),
        moved_mm=_finite(report["moved"]["translation_mm"]),
        moved_deg=_finite(report["moved"]["rotation_deg"]),
        across_mm=_finite(confidence.get("across_mm")),
        along_mm=_finite(confidence.get("along_mm")),
        rotation_deg=_finite(confidence.get("rotation_deg")),
        pose=tuple(map(float, np.asarray(report["pose"], dtype=np.float64)[:3].ravel())),
        result=result,
        **ncc,
    )


def result_of_error(row: int, patient: str, error: UserError, result: str = "") -> PatientResult:
    """Of a patient whose row or images are refused: without what the error quotes of them."""
    return PatientResult(row=row, patient=patient, status="refused", sentence=safe_sentence(row, error), result=result)


def safe_sentence(row: int, error: UserError) -> str:
    """The error with row and column, and without names of files and contents of tags, which may be a patient's."""
    from DeepIterRegLib.registration.inspect import without_contents

    if "row" in error.values:  # it names row and column itself
        return without_contents(error, "the table").told(COLUMN_OF)
    columns = COLUMN_OF_SECOND_RUN if error.values.get(RUN) == 2 else COLUMN_OF
    column = "" if error.field is None or error.field not in columns else f", column {columns[error.field]}"
    return f"Row {row}{column}: {without_contents(error, 'the file').told(columns)}"


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
