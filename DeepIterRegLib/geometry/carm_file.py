"""The C-arm as a JSON file: calibrated and non-isocentric systems."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import Field, InputError
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
            "{file} has unknown keys ({unknown}); those of a C-arm's file are {known}.",
            field=Field.CARM,
            file=file,
            unknown=unknown,
            known=sorted(known),
        )
    for key, wanted in (("rows", rows), ("columns", columns)):
        if wanted is not None and content.setdefault(key, wanted) != wanted:
            raise InputError(
                "{file} has {key} {number}, but the image has {wanted} {key}; give {carm} of this image.",
                field=Field.CARM,
                file=file,
                key=key,
                number=str(content[key]),
                wanted=wanted,
            )
    by_plane, by_matrix = any(key in content for key in PLANE_VECTORS), MATRIX_KEY in content
    needed = [*(() if by_matrix and not by_plane else PLANE_VECTORS), *DETECTOR_KEYS]
    missing = [key for key in needed if key not in content]
    if missing:
        if by_plane or by_matrix:
            raise InputError("{file} has no {keys}; add what is missing.", field=Field.CARM, file=file, keys=missing)
        raise InputError(
            "{file} has no {keys} (or projection_matrix instead of the first four); add what is missing.",
            field=Field.CARM,
            file=file,
            keys=missing,
        )
    spacing = _spacing(content["pixel_spacing_mm"], file.name)
    row_count, column_count = (_count(content, key, file.name) for key in ("rows", "columns"))
    vectors = [_numbers(content, key, (3,), file.name) for key in PLANE_VECTORS] if by_plane else []
    projection = _numbers(content, MATRIX_KEY, (3, 4), file.name) if by_matrix else None
    plane = matrix = None
    try:
        if by_plane:
            source, origin, u, v = vectors
            plane = CArm(
                source_mm=source,
                detector_origin_mm=origin,
                column_direction=u,
                row_direction=v,
                pixel_spacing_mm=spacing,
                rows=row_count,
                columns=column_count,
            )
        if projection is not None:
            matrix = CArm.from_projection_matrix(projection, spacing, row_count, column_count)
    except InputError as error:
        if error.field == Field.SDD:  # of the file, not of an option that would not correct it
            raise InputError(
                "{file}, given for {carm}, puts the detector {distance_mm:.0f} mm from the source, outside {low:g} to "
                "{high:g} mm; correct {keys} in the file.",
                field=Field.CARM,
                file=file,
                distance_mm=error.values["distance_mm"],
                low=error.values["low"],
                high=error.values["high"],
                keys=", ".join(["source_mm", "detector_origin_mm"] if by_plane else [MATRIX_KEY, "pixel_spacing_mm"]),
            ) from error
        if error.field == Field.PIXEL_SPACING:
            raise InputError(
                "{file}, given for {carm}, has pixels of {pixel_mm:g} mm, outside {low:g} to {high:g} mm; correct "
                "pixel_spacing_mm in the file.",
                field=Field.CARM,
                file=file,
                pixel_mm=error.values["pixel_mm"],
                low=error.values["low"],
                high=error.values["high"],
            ) from error
        raise InputError("{file}, given for {carm}: {reason}", field=Field.CARM, file=file, reason=error) from error
    if plane is not None and matrix is not None:
        _require_agreement(plane, matrix, file.name)
    carm = plane if plane is not None else matrix
    assert carm is not None
    return carm


def _object(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise InputError(
            "{file} does not exist or is not a file; give an existing JSON file for {carm}.",
            field=Field.CARM,
            file=file,
        )
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))  # Windows' editors put a mark first
    except OSError as error:
        raise InputError(
            "{file} cannot be read ({reason}); give a readable file for {carm}.",
            field=Field.CARM,
            file=file,
            reason=error.strerror,
        ) from error
    except ValueError as error:
        raise InputError(
            "{file}, given for {carm}, is not valid JSON ({reason}); correct it.",
            field=Field.CARM,
            file=file,
            reason=str(error),
        ) from error
    if not isinstance(content, dict):
        raise InputError(
            "{file}, given for {carm}, is not a JSON object with the C-arm's numbers; correct it.",
            field=Field.CARM,
            file=file,
        )
    return content


def _numbers(content: dict[str, Any], key: str, shape: tuple[int, ...], file_name: str) -> FloatArray:
    try:
        array = np.array(content[key], dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        array = np.array(np.nan)
    if array.shape != shape or not np.isfinite(array).all():
        raise InputError(
            "{file}, given for {carm}, has a {key} that is not {shape} finite numbers; correct it.",
            field=Field.CARM,
            file=file_name,
            key=key,
            shape=shape,
        )
    return array


def _spacing(value: Any, file_name: str) -> tuple[float, float]:
    numbers = value if isinstance(value, list) else [value, value]
    # 1e300: JSON's whole numbers have no largest one, and float() raises for those beyond its own.
    good = (isinstance(x, (int, float)) and not isinstance(x, bool) and 0 < x < 1e300 for x in numbers)
    if len(numbers) != 2 or not all(good):
        raise InputError(
            "{file}, given for {carm}, has a pixel_spacing_mm of {value}; give one positive number, or two "
            "in brackets (between rows and between columns), in mm.",
            field=Field.CARM,
            file=file_name,
            value=repr(value),
        )
    return float(numbers[0]), float(numbers[1])


def _count(content: dict[str, Any], key: str, file_name: str) -> int:
    value = content[key]
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(
            "{file}, given for {carm}, has {key} of {value}; give the detector's {key} as a positive whole number.",
            field=Field.CARM,
            file=file_name,
            key=key,
            value=repr(value),
        )
    return value


def _require_agreement(plane: CArm, matrix: CArm, file_name: str) -> None:
    from DeepIterRegLib.geometry.projection import project

    points_mm = CHECK_MM * np.vstack([np.zeros(3), np.eye(3), -np.eye(3)])
    apart_px = np.linalg.norm(project(points_mm, plane) - project(points_mm, matrix), axis=1).max()
    if not apart_px <= AGREE_PX:
        raise InputError(
            "{file}, given for {carm}, has a projection_matrix and a source and detector that contradict "
            "each other (by {apart_px:.3g} px); leave one of them out.",
            field=Field.CARM,
            file=file_name,
            apart_px=apart_px,
        )
