"""A cohort's table: a CSV file with one row a patient, whose paths are relative to it.

What is wrong with the table as a whole raises InputError. What is wrong with a row is kept with the row, so that the
others go on and no patient is dropped silently.
"""

from __future__ import annotations

import csv
import io
import math
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from DeepIterRegLib.cohort.columns import (
    COLUMNS,
    COMMENT,
    FILES,
    IMAGES,
    NEEDED,
    NUMBERS,
    PATIENT,
    REFERENCES,
    VOLUME_KIND,
)
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.spreadsheet import with_formula
from DeepIterRegLib.images.volume_files import RequestedKind

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}
LARGEST_BYTES = 100_000_000
LONGEST_NAME = 100
"""Characters of a patient's name, which becomes a folder's."""


@dataclass(frozen=True)
class Row:
    """One patient. The fields are the table's columns; None where the cell is empty or the column is not there."""

    number: int
    """As a spreadsheet counts: the line of names is row 1."""
    name: str
    """Column `patient`. Empty only where there is a `problem`."""
    cta: Path | None = None
    """None only where there is a `problem`, like that of the DSA."""
    dsa: Path | None = None
    dsa2: Path | None = None
    volume_kind: RequestedKind = "auto"
    initial_transform: Path | None = None
    reference_transform: Path | None = None
    reference_transform_2: Path | None = None
    """By a second reader."""
    cta_vessels: Path | None = None
    cta_veins: Path | None = None
    dsa_vessels: Path | None = None
    dsa_veins: Path | None = None
    dsa_vessels2: Path | None = None
    dsa_veins2: Path | None = None
    primary_angle: float | None = None
    """Degrees, LAO positive; the names that end in 2 are about the second run."""
    secondary_angle: float | None = None
    """Degrees, cranial positive."""
    sdd: float | None = None
    """mm."""
    sid: float | None = None
    pixel_spacing: float | None = None
    primary_angle2: float | None = None
    secondary_angle2: float | None = None
    sdd2: float | None = None
    sid2: float | None = None
    pixel_spacing2: float | None = None
    carm: Path | None = None
    carm2: Path | None = None
    comment: str = ""
    problem: InputError | None = None
    """Why the patient cannot be registered, with row and column."""
    reference_problem: InputError | None = None
    """Why it cannot be evaluated."""


def read_table(path: Path) -> tuple[Row, ...]:
    """Every row of the table, in its order, blank ones left out; no file is opened, but each must be there.

    Read as UTF-8 (UTF-16 where a byte order mark says so), separated by commas, semicolons or tabs, whichever separate
    the columns' names. Raises InputError for a file that is no such table.
    """
    records = list(_records(_text(path), path))
    if not records:
        raise InputError("{file} is empty; give a table with the columns patient, cta and dsa.", file=path)
    names = records[0][1]
    columns = _columns(names, path)
    folder = path.absolute().parent
    rows = [_row(path, folder, columns, number, cells) for number, cells in records[1:]]
    if not rows:
        raise InputError("{file} has no row below the names of its columns; add the patients.", file=path)
    return tuple(_with_names_of_their_own(rows, path))


def _text(path: Path) -> str:
    try:
        if path.is_dir():
            raise InputError("{file} is a folder; give a table, or write one: cohort --find FOLDER.", file=path)
        if path.stat().st_size > LARGEST_BYTES:
            raise InputError("{file} is too large to be a cohort's table; give another file.", file=path)
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            "{file} cannot be read ({reason}); give a cohort's table.", file=path, reason=error.strerror
        ) from error
    try:
        text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(
            'Row {row} of {file} is not UTF-8; save the table as "CSV UTF-8".', file=path, row=line
        ) from error
    if "\0" in text:
        raise InputError("{file} is no text file; give a cohort's table.", file=path)
    return text


def _records(text: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Numbered from 1, blank ones counted and left out."""
    separator = _separator(text, path)
    number = 0
    try:
        for number, cells in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True), 1):
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                yield number, stripped
    except csv.Error as error:
        raise InputError(
            "Row {row} of {file} cannot be read ({reason}); look at its quotation marks.",
            file=path,
            row=number + 1,
            reason=str(error),
        ) from error


def _separator(text: str, path: Path) -> str:
    """What separates the columns' names, which hold none of them themselves."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    found = [separator for separator in SEPARATORS if separator in header]
    if len(found) > 1:
        raise InputError(
            "The names of the columns of {file} are separated by {separators}; use one of them throughout.",
            file=path,
            separators=" and ".join(SEPARATORS[one] for one in found),
        )
    return found[0] if found else ","


def _columns(names: Sequence[str], path: Path) -> list[str]:
    columns = [name.lower().replace("-", "_").replace(" ", "_") for name in names]
    while columns and not columns[-1]:  # as some spreadsheets leave them
        columns.pop()
    for index, (name, column) in enumerate(zip(names, columns, strict=False), start=1):
        if column not in COLUMNS:
            raise InputError(
                "{file} has a column {name} (number {index}), which nothing reads; rename it to one of {columns}, or "
                "leave it out.",
                file=path,
                name=repr(name),
                index=index,
                columns=COLUMNS,
            )
        if columns.index(column) != index - 1:
            raise InputError("{file} has the column {name} twice; leave one of them out.", file=path, name=column)
    missing = [column for column in NEEDED if column not in columns]
    if missing:
        raise InputError(
            "{file} has no column {missing}; a table needs patient, cta and dsa.", file=path, missing=missing
        )
    return columns


def _row(path: Path, folder: Path, columns: Sequence[str], number: int, cells: Sequence[str]) -> Row:
    cells = list(cells)
    while len(cells) > len(columns) and not cells[-1]:
        cells.pop()
    given = {column: cell for column, cell in zip(columns, cells, strict=False) if cell}
    name = with_formula(given.get(PATIENT, ""))
    row = Row(number, name[:LONGEST_NAME], comment=given.get(COMMENT, ""))
    if len(cells) != len(columns):
        return replace(
            row,
            problem=InputError(
                "Row {row} of {file} has {found} cells, but there are {count} columns; separate it as the other rows, "
                "and put cells that hold the separator in quotation marks.",
                file=path,
                row=number,
                found=len(cells),
                count=len(columns),
            ),
        )
    values: dict[str, Any] = {}
    for column in (name for name in columns if name not in (PATIENT, COMMENT)):
        kept = "reference_problem" if column in REFERENCES else "problem"
        try:
            value = _value(path, folder, number, column, given)
        except InputError as error:
            values.setdefault(kept, error)
        else:
            if value is not None:
                values[column] = value
    try:
        _require_name(path, number, name)
    except InputError as error:
        values["problem"] = error
    if "dsa2" not in given:
        idle = next((name for name in given if name.endswith("2") and name not in REFERENCES), None)
        if idle is not None:
            values.setdefault("problem", InputError(
                "Row {row}, column {column} of {file} is about a second run, but dsa2 is empty; fill in both or none.",
                file=path, row=number, column=idle,
            ))  # fmt: skip
    return replace(row, **values)


def _require_name(path: Path, number: int, name: str) -> None:
    if not name:
        raise InputError(
            "Row {row}, column patient of {file} is empty; give every patient a name.", file=path, row=number
        )
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise InputError(
            "Row {row}, column patient of {file} is longer than {most} characters, or more than one line; give the "
            "patient a short name.",
            file=path,
            row=number,
            most=LONGEST_NAME,
        )


def _value(path: Path, folder: Path, number: int, column: str, given: Mapping[str, str]) -> Any:
    """Of one cell; None where it is empty. Raises InputError with row and column."""
    cell = given.get(column)
    if cell is None:
        if column in NEEDED:
            raise InputError(
                "Row {row}, column {column} of {file} is empty; give the patient's {image}.",
                file=path, row=number, column=column, image=column.upper(),
            )  # fmt: skip
        return None
    if column in FILES:
        return _file(path, folder, number, column, cell)
    if column in NUMBERS:
        return _number(path, number, column, cell)
    if column == VOLUME_KIND and cell not in get_args(RequestedKind):
        raise InputError(
            "Row {row}, column {column} of {file} is {cell}; give one of {known}.",
            file=path, row=number, column=column, cell=repr(cell), known=get_args(RequestedKind),
        )  # fmt: skip
    return cell


def _file(path: Path, folder: Path, number: int, column: str, cell: str) -> Path:
    try:
        # A path that was written on Windows, read elsewhere; a backslash in a name is rarer by far.
        candidates = [folder / Path(cell).expanduser(), folder / cell.replace("\\", "/")]
        found = next((one for one in candidates if one.exists()), None)
    except (OSError, ValueError, RuntimeError):
        found = None
    if found is None:
        raise InputError(
            "Row {row}, column {column} of {file}: {path} does not exist; correct it (paths are relative to the "
            "table).",
            file=path, row=number, column=column, path=cell,
        )  # fmt: skip
    if column not in IMAGES and found.is_dir():
        raise InputError(
            "Row {row}, column {column} of {file}: {path} is a folder; give a file.",
            file=path, row=number, column=column, path=cell,
        )  # fmt: skip
    return found


def _number(path: Path, number: int, column: str, cell: str) -> float:
    """A decimal comma is one where the cell was not cut at it."""
    try:
        value = float(cell.replace(",", ".", 1) if "." not in cell else cell)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(
            "Row {row}, column {column} of {file}: {cell} is not a finite number; correct it.",
            file=path, row=number, column=column, cell=repr(cell),
        )  # fmt: skip
    return value


def same_name(name: str) -> str:
    """What two names have in common that a disk might take for one: case, and how an umlaut is put together."""
    return unicodedata.normalize("NFC", name).casefold()


def _with_names_of_their_own(rows: Sequence[Row], path: Path) -> Iterator[Row]:
    """Refuse every row whose patient has the name of another: nobody could tell their results apart."""
    by_name: defaultdict[str, list[int]] = defaultdict(list)
    for row in rows:
        if row.name:
            by_name[same_name(row.name)].append(row.number)
    for row in rows:
        others = [number for number in by_name.get(same_name(row.name), ()) if number != row.number]
        if not others:
            yield row
            continue
        error = InputError(
            "Row {row}, column patient of {file} has the same name as row {other}; give every patient its own.",
            file=path, row=row.number, other=others[0],
        )  # fmt: skip
        yield replace(row, problem=error, reference_problem=error)
