"""The C-arm as a JSON file: calibrated and non-isocentric systems (--carm FILE)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.carm import PLANE_VECTORS, CArm

DETECTOR_KEYS = ("pixel_spacing_mm", "rows", "columns")
MATRIX_KEY = "projection_matrix"
AGREE_PX = 0.5
"""A matrix and a plane given together say the same when they project to the same pixel within this."""
CHECK_MM = 100.0
"""Points that far from the isocentre are compared: about a head."""


def read_carm(path: str | os.PathLike[str], rows: int | None = None, columns: int | None = None) -> CArm:
    """Read a C-arm, in the C-arm frame (mm) of docs/DESIGN.md.

    path: a JSON object with `pixel_spacing_mm` (one number, or [between rows, between columns]), `rows`, `columns` and
    either `source_mm`, `detector_origin_mm` (centre of the first pixel), `column_direction`, `row_direction`, or
    `projection_matrix` (3x4, to homogeneous column and row, px), or both if they agree. rows, columns: the image's,
    which the file's must equal; they also stand in where the file leaves them out. Raises InputError.
    """
    file = Path(path)
    content = _object(file)
    known = {*PLANE_VECTORS, *DETECTOR_KEYS, MATRIX_KEY}
    unknown = sorted(set(content) - known)
    if unknown:
        raise InputError(
            f"{file.name} has unknown keys ({', '.join(unknown)}); a --carm file has {', '.join(sorted(known))}."
        )
    for key, wanted in (("rows", rows), ("columns", columns)):
        if wanted is not None and content.setdefault(key, wanted) != wanted:
            raise InputError(
                f"{file.name} has {key} {content[key]}, but the image has {wanted} {key}; give the C-arm of this image"
                " with --carm FILE."
            )
    by_plane, by_matrix = any(key in content for key in PLANE_VECTORS), MATRIX_KEY in content
    needed = [*(() if by_matrix and not by_plane else PLANE_VECTORS), *DETECTOR_KEYS]
    missing = [key for key in needed if key not in content]
    if missing:
        hint = "" if by_plane or by_matrix else f" (or {MATRIX_KEY} instead of the first four)"
        raise InputError(f"{file.name} has no {', '.join(missing)}{hint}; add what is missing to the --carm file.")
    spacing = _spacing(content["pixel_spacing_mm"], file.name)
    row_count, column_count = (_count(content, key, file.name) for key in ("rows", "columns"))
    plane = matrix = None
    try:
        if by_plane:
            source, origin, u, v = (_numbers(content, key, (3,), file.name) for key in PLANE_VECTORS)
            plane = CArm(
                source_mm=source,
                detector_origin_mm=origin,
                column_direction=u,
                row_direction=v,
                pixel_spacing_mm=spacing,
                rows=row_count,
                columns=column_count,
            )
        if by_matrix:
            projection = _numbers(content, MATRIX_KEY, (3, 4), file.name)
            matrix = CArm.from_projection_matrix(projection, spacing, row_count, column_count)
    except InputError as error:
        raise InputError(f"{file.name}, given as --carm: {error}") from error
    if plane is not None and matrix is not None:
        _require_agreement(plane, matrix, file.name)
    carm = plane if plane is not None else matrix
    assert carm is not None
    return carm


def _object(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise InputError(f"{file.name} does not exist or is not a file; give an existing JSON file with --carm FILE.")
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))  # Windows' editors put a mark first
    except OSError as error:
        raise InputError(f"{file.name} cannot be read ({error.strerror}); give a readable --carm FILE.") from error
    except ValueError as error:
        raise InputError(f"{file.name} is not valid JSON ({error}); correct the --carm file.") from error
    if not isinstance(content, dict):
        raise InputError(f"{file.name} is not a JSON object with the C-arm's numbers; correct the --carm file.")
    return content


def _numbers(content: dict[str, Any], key: str, shape: tuple[int, ...], file_name: str) -> FloatArray:
    try:
        array = np.array(content[key], dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        array = np.array(np.nan)
    if array.shape != shape or not np.isfinite(array).all():
        raise InputError(
            f"{file_name} has a {key} that is not {' x '.join(map(str, shape))} finite numbers; correct the"
            " --carm file."
        )
    return array


def _spacing(value: Any, file_name: str) -> tuple[float, float]:
    numbers = value if isinstance(value, list) else [value, value]
    # 1e300: JSON's whole numbers have no largest one, and float() raises for those beyond its own.
    good = (isinstance(x, (int, float)) and not isinstance(x, bool) and 0 < x < 1e300 for x in numbers)
    if len(numbers) != 2 or not all(good):
        raise InputError(
            f"{file_name} has a pixel_spacing_mm of {value!r}; give one positive number, or [between rows, between"
            " columns], in mm in the --carm file."
        )
    return float(numbers[0]), float(numbers[1])


def _count(content: dict[str, Any], key: str, file_name: str) -> int:
    value = content[key]
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"{file_name} has {key} of {value!r}; give the detector's {key} as a positive whole number.")
    return value


def _require_agreement(plane: CArm, matrix: CArm, file_name: str) -> None:
    from DeepIterRegLib.geometry.projection import project

    points_mm = CHECK_MM * np.vstack([np.zeros(3), np.eye(3), -np.eye(3)])
    apart_px = np.linalg.norm(project(points_mm, plane) - project(points_mm, matrix), axis=1).max()
    if not apart_px <= AGREE_PX:
        raise InputError(
            f"{file_name} has a projection_matrix and a source and detector that contradict each other (by"
            f" {apart_px:.3g} px); leave one of them out of the --carm file."
        )
