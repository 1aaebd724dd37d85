"""Targets from a file: Slicer's Markups as JSON, or a table with one point a row."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.guidance.targets import MOST_TARGETS, Placed

MOST_BYTES = 20_000_000
POINT_TYPES = ("Fiducial",)
PATH_TYPES = ("Line", "Curve", "ClosedCurve")
AXES: dict[tuple[str, ...], tuple[float, float, float]] = {
    ("r", "a", "s"): (1.0, 1.0, 1.0),
    ("l", "p", "s"): (-1.0, -1.0, 1.0),
}
"""The names of a table's columns, and what takes their numbers to RAS."""
UNIT = re.compile(r"[\s_]*[\[(]?mm[\])]?$")
NUMBERED = re.compile(r"[-_ ]\d+$")
"""What Slicer adds to a list's name for its points."""


def read_targets(path: Path | str) -> tuple[Placed, ...]:
    """The targets of a file: Slicer's Markups (.json), or a table (.csv). Raises InputError for anything else.

    Markups: each point of a point list is a target by its label, each line or curve a path. Table: a header with name
    and R, A, S or L, P, S; rows of one name that follow each other are a path.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError("{file} is too large to hold targets; give another one.", field=Field.TARGETS, file=path)
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            "{file} cannot be read as text; give Slicer's Markups (.mrk.json) or a table (.csv)[ as {targets}].",
            field=Field.TARGETS,
            file=path,
        ) from error
    if path.suffix.lower() == ".json":
        targets = _from_markups(text, path)
    elif path.suffix.lower() == ".csv":
        targets = _from_table(text, path)
    else:
        raise InputError(
            "{file} is neither Slicer's Markups (.mrk.json) nor a table (.csv); give one of the two[ as {targets}].",
            field=Field.TARGETS,
            file=path,
        )
    if not targets:
        raise InputError("{file} holds no target; place at least one point.", field=Field.TARGETS, file=path)
    if len(targets) > MOST_TARGETS:
        raise InputError(
            "{file} holds {count} targets; give at most {most}.",
            field=Field.TARGETS,
            file=path,
            count=len(targets),
            most=MOST_TARGETS,
        )
    _require_names(targets, path)
    return tuple(targets)


def _from_markups(text: str, path: Path) -> list[Placed]:
    try:
        content = json.loads(text)
        markups = content["markups"]
        if not isinstance(markups, list):
            raise TypeError
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            "{file} is not a Markups file of Slicer: it has no list of markups; save the targets from Slicer again.",
            field=Field.TARGETS,
            file=path,
        ) from error
    targets: list[Placed] = []
    for number, markup in enumerate(markups, start=1):
        if not isinstance(markup, Mapping) or markup.get("type") not in (*POINT_TYPES, *PATH_TYPES):
            raise InputError(
                "Markup {number} of {file} is neither points nor a line nor a curve; leave it out.",
                field=Field.TARGETS,
                number=number,
                file=path,
            )
        points = _control_points(markup, number, path)
        if markup["type"] in POINT_TYPES:
            targets += [Placed(label, point[None]) for label, point in points]
        elif len(points) == 1:
            raise InputError(
                "Markup {number} of {file} is a path of one point; give two at least.",
                field=Field.TARGETS,
                number=number,
                file=path,
            )
        elif points:
            if markup["type"] == "ClosedCurve":
                points = [*points, points[0]]
            name = str(markup.get("name") or NUMBERED.sub("", points[0][0]))
            targets.append(Placed(name, np.array([point for _, point in points]), is_path=True))
    return targets


def _control_points(markup: Mapping[str, Any], number: int, path: Path) -> list[tuple[str, FloatArray]]:
    """Labels and positions (3,), RAS, of the points that were placed."""
    system = str(markup.get("coordinateSystem"))
    if system not in ("LPS", "RAS"):
        raise InputError(
            "Markup {number} of {file} has the coordinate system {system}; it must say LPS or RAS.",
            field=Field.TARGETS,
            number=number,
            file=path,
            system=system,
        )
    units = markup.get("coordinateUnits", "mm")
    if units not in ("mm", ["mm", "UCUM", "millimeter"]):
        raise InputError(
            "Markup {number} of {file} is in {units}; targets are in mm.",
            field=Field.TARGETS,
            number=number,
            file=path,
            units=str(units),
        )
    sign = np.array([1.0, 1.0, 1.0] if system == "RAS" else [-1.0, -1.0, 1.0])
    listed = markup.get("controlPoints", ())
    points: list[tuple[str, FloatArray]] = []
    for index, point in enumerate(listed if isinstance(listed, list) else (), start=1):
        if isinstance(point, Mapping) and point.get("positionStatus", "defined") != "defined":
            continue
        position = point.get("position") if isinstance(point, Mapping) else None
        if (
            not isinstance(position, list)
            or len(position) != 3
            or not all(
                isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
                for value in position
            )
        ):
            raise InputError(
                "Point {index} of markup {number} of {file} has no position of three numbers; place it again.",
                field=Field.TARGETS,
                index=index,
                number=number,
                file=path,
            )
        label = str(point.get("label") or "").strip() or f"Target {number}-{index}"
        points.append((label, sign * np.array(position, dtype=np.float64)))
    return points


def _from_table(text: str, path: Path) -> list[Placed]:
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    except csv.Error:
        rows = []
    names = [UNIT.sub("", cell.strip().lower()) for cell in rows[0]] if rows else []
    axes = next((axes for axes in AXES if all(names.count(axis) == 1 for axis in axes)), None)
    if axes is None or names.count("name") != 1 or ({"a", "l", "p"} <= set(names)):
        raise InputError(
            "{file} has no header that names its columns; begin with name,R,A,S or name,L,P,S (mm).",
            field=Field.TARGETS,
            file=path,
        )
    columns = [names.index(axis) for axis in axes]
    targets: list[Placed] = []
    for number, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        name = row[names.index("name")].strip() if len(row) > names.index("name") else ""
        point = _numbers([row[column] if len(row) > column else "" for column in columns], delimiter)
        if point is None or not name:
            raise InputError(
                "Row {number} of {file} has no name with three numbers; write {example}.",
                field=Field.TARGETS,
                number=number,
                file=path,
                example=delimiter.join(("occlusion", "-31.5", "12.0", "40.2")),
            )
        point = point * AXES[axes]
        if targets and targets[-1].name == name:
            points = np.concatenate([targets[-1].points_mm, point[None]])
            targets[-1] = Placed(name, points, is_path=True)
        else:
            targets.append(Placed(name, point[None]))
    return targets


def _numbers(cells: Sequence[str], delimiter: str) -> FloatArray | None:
    """(3,) of a row; None where a cell holds no finite number. A comma is a point where it does not part the cells."""
    try:
        values = np.array(
            [float(cell.strip() if delimiter == "," else cell.strip().replace(",", ".")) for cell in cells]
        )
    except ValueError:
        return None
    return values if np.isfinite(values).all() else None


def _require_names(targets: Sequence[Placed], path: Path) -> None:
    names = [target.name for target in targets]
    for name in names:
        if names.count(name) > 1:
            raise InputError(
                "{file} has the target {name} more than once; give each its own name.",
                field=Field.TARGETS,
                file=path,
                name=name,
            )
