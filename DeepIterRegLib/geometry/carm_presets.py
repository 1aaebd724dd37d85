"""C-arm systems whose values are known from a public source, for runs whose files do not tell them."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.geometry.reach import Reach

PRESETS_FILE = Path(__file__).resolve().parents[2] / "Resources" / "presets" / "carm_presets.csv"
"""Those that we ship. `Resources` lies beside `DeepIterRegLib` in the source tree and in Slicer's package alike."""
NUMBERS = ("sdd_mm", "sid_mm", "pixel_spacing_mm")
REACH = ("rao_deg", "lao_deg", "caudal_deg", "cranial_deg")
COLUMNS = ("name", "field_of_view", *NUMBERS, *REACH, "source")


@dataclass(frozen=True)
class CArmPreset:
    """What is known of a system with a field of view; None where its source does not say."""

    name: str
    source: str
    """The document by its name, or who has entered it."""
    field_of_view: str = ""
    sdd_mm: float | None = None
    sid_mm: float | None = None
    pixel_spacing_mm: float | None = None
    """At the detector, of the images that this field of view is stored in."""
    reach: Reach | None = None

    def number(self, name: str) -> float | None:
        """A value by its name in `GeometryOptions`; None for angles, which belong to a run."""
        return getattr(self, name) if name in NUMBERS else None

    def to_row(self) -> dict[str, Any]:
        """As a row of the table, and as plain JSON."""
        reach = {name: None if self.reach is None else getattr(self.reach, name) for name in REACH}
        own = {name: getattr(self, name) for name in ("name", "field_of_view", *NUMBERS)}
        return {**own, **reach, "source": self.source}


@cache
def shipped_presets() -> tuple[CArmPreset, ...]:
    """The table that we ship. Raises InputError where it is damaged."""
    return presets_of_text(PRESETS_FILE.read_text(encoding="utf-8"), PRESETS_FILE.name)


def preset_named(name: str, presets: Sequence[CArmPreset] | None = None) -> CArmPreset:
    """The preset of that name, in any case. Raises InputError that lists those there are."""
    known = shipped_presets() if presets is None else presets
    for preset in known:
        if preset.name.lower() == name.strip().lower():
            return preset
    raise InputError(
        "There is no C-arm preset {name}; those there are: {known}.",
        field=Field.PRESET,
        name=repr(name),
        known="; ".join(preset.name for preset in known),
    )


def presets_of_text(text: str, file_name: str) -> tuple[CArmPreset, ...]:
    """The rows of a table with `COLUMNS`, whose empty cells are not known. Raises InputError naming row and column."""
    reader = csv.DictReader(io.StringIO(text))
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise InputError(
            "{file} has not the columns of C-arm presets; write {columns} into its first line.",
            file=file_name,
            columns=",".join(COLUMNS),
        )
    presets = tuple(preset_of_row(row, f"{file_name}, line {reader.line_num}") for row in reader)
    names = [preset.name.lower() for preset in presets]
    for preset in presets:
        if names.count(preset.name.lower()) > 1:
            raise InputError("{file} has two C-arm presets {name}; rename one.", file=file_name, name=preset.name)
    return presets


def preset_of_row(row: Mapping[str, Any], place: str) -> CArmPreset:
    """A preset of the cells of a row, or of `to_row`. Raises InputError, in which `place` says where the row is."""
    name, source = (str(row.get(column) or "").strip() for column in ("name", "source"))
    if not name or not source:
        raise InputError("{place}: a C-arm preset needs a name and the source of its values; write both.", place=place)
    numbers = {column: _number(row.get(column), column, place) for column in (*NUMBERS, *REACH)}
    sdd_mm, sid_mm = numbers["sdd_mm"], numbers["sid_mm"]
    if sdd_mm is not None and sid_mm is not None and sid_mm >= sdd_mm:
        raise InputError(
            "{place}: the isocentre would lie behind the detector; sid_mm must be less than sdd_mm.", place=place
        )
    told = [numbers[column] for column in REACH if numbers[column] is not None]
    if told and len(told) < len(REACH):
        raise InputError("{place}: of the angles reached, write all of {columns}, or none.", place=place, columns=REACH)
    return CArmPreset(
        name,
        source,
        str(row.get("field_of_view") or "").strip(),
        sdd_mm,
        sid_mm,
        numbers["pixel_spacing_mm"],
        Reach(*(float(value) for value in told if value is not None)) if told else None,
    )


def _number(cell: Any, column: str, place: str) -> float | None:
    text = "" if cell is None else str(cell).strip()
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or number < 0 or (number == 0 and column in NUMBERS):
        raise InputError(
            "{place}: {column} is {cell}; write a number with a point, or nothing.",
            place=place,
            column=column,
            cell=repr(text),
        )
    return number
