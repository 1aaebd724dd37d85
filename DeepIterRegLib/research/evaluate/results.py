"""The results of an experiment: one CSV row per registration, appended as they come, so that nothing done is lost."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.line_file import append_line, whole_lines

SUCCESS_MM = 5.0
"""The paper's threshold: a registration succeeded when its mean projection error is below this."""
MM_PER_PX = 0.87
"""Millimetres per pixel of the paper's detector: what makes our px the paper's px, whatever the run's own pixels."""
NO_INITIALIZER = "none"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One registration, or one that never came to be (`error`); the columns of the CSV, in their order.

    px are mm on the detector / MM_PER_PX. What is not known is NaN, an empty cell: after an error the result, and for a
    patient who could not be read the radiological pose too.
    """

    patient: str
    """The seed, or the name of the patient's folder."""
    experiment: str
    method: str
    initializer: str
    """"none", or the name of the initializer that corrected the start."""
    start: int
    """Number of the start, from 0; the perturbation's in capture-range."""
    mpe_radiological_px: float
    """Mean projection error of the radiological pose."""
    mpe_start_px: float
    """... of the pose from which the registration started."""
    mpe_initialized_px: float
    """... after the initializer; the start's where there is none."""
    mpe_final_px: float
    mpe_final_mm: float
    tre_mm: float
    """Target registration error: mean distance in 3D of the eight corners of the cube."""
    success: bool
    """mpe_final_mm < SUCCESS_MM; False after an error."""
    seconds: float
    """Wall clock of the registration of the prepared images."""
    error: str = ""
    """One sentence where there is no result."""
    error_along_beam_mm: float = math.nan
    """Of the mean displacement of the corners: its part along the axis from source to detector, >= 0 ..."""
    error_across_beam_mm: float = math.nan
    """... and its part parallel to the detector."""
    similarity: float = math.nan
    """Of the last stage, as that stage measures it."""
    cpu_seconds: float = math.nan
    warnings: int = 0
    """Number of warnings of preparation and registration."""
    evaluations: int = 0
    """Of similarities, in all stages; 0 after an error."""
    mpe_masks_mm: float = math.nan
    """After the published method's first stage, on the vessel masks; unknown of others."""
    masks_found_after: int = 0
    """Evaluations up to the one that measured that pose."""
    mpe_second_mm: float = math.nan
    """mpe_final_mm against the reference of a second reader, of patients who have two."""

    @property
    def key(self) -> tuple[str, str, str, str, int]:
        """What makes a registration that one and no other: it is done once."""
        return self.patient, self.experiment, self.method, self.initializer, self.start


COLUMNS = tuple(field.name for field in fields(Row))
_PARSERS: dict[str, Callable[[str], Any]] = {
    "str": str,
    "int": int,
    "float": lambda text: float(text) if text else math.nan,
    "bool": lambda text: {"true": True, "false": False}[text],
}
_PARSE = {field.name: _PARSERS[str(field.type)] for field in fields(Row)}


def read_rows(path: str | os.PathLike[str]) -> list[Row]:
    """The rows of a CSV; a last line without its end, as an interruption leaves it, is not one of them.

    Raises InputError where the file is missing or is no such table.
    """
    path = Path(path)
    rows = []
    for number, line in enumerate(csv.reader(io.StringIO(whole_lines(path)))):
        if number == 0:
            if tuple(line) != COLUMNS:
                raise InputError(
                    "{file} has other columns than this version's; choose another output folder.", file=path
                )
            continue
        try:
            rows.append(Row(**{name: _PARSE[name](text) for name, text in zip(COLUMNS, line, strict=True)}))
        except (ValueError, KeyError) as error:
            raise InputError(
                "Line {line} of {file} is no row of results; choose another output folder.",
                line=number + 1,
                file=path,
            ) from error
    return rows


def append_row(path: str | os.PathLike[str], row: Row) -> None:
    """Add a row to the end of the CSV, and first the header to a new one; on disk when this returns."""
    path = Path(path)
    new = not path.exists() or path.stat().st_size == 0
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if new:
        writer.writerow(COLUMNS)
    writer.writerow([_cell(getattr(row, name)) for name in COLUMNS])
    append_line(path, text.getvalue().removesuffix("\n"))


def _cell(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.5g}" if abs(value) < 0.01 else f"{value:.4f}"
    return " ".join(str(value).split()) if isinstance(value, str) else str(value)
