"""What a row of the table means to a registration, and by what one tells that it has changed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from DeepIterRegLib.cohort.columns import CARM_FILES, IMAGES, MASKS, NUMBERS, NUMBERS_OF_A_RUN, ONE_FOR_BOTH
from DeepIterRegLib.cohort.table import Row
from DeepIterRegLib.geometry.carm_file import read_carm
from DeepIterRegLib.images.geometry_options import GeometryOptions
from DeepIterRegLib.registration.images import ImageFiles, Masks
from DeepIterRegLib.registration.options import Options

UNITS = {"primary_angle": "deg", "secondary_angle": "deg", "sdd": "mm", "sid": "mm", "pixel_spacing": "mm"}
KEY_DIGITS = 12


def image_files(row: Row) -> ImageFiles:
    """The images of a row without a problem, with what it says of them. Raises InputError."""
    assert row.cta is not None
    assert row.dsa is not None
    two = row.dsa2 is not None
    masks: Masks[Any] = Masks(
        row.cta_vessels,
        row.cta_veins,
        (row.dsa_vessels, row.dsa_vessels2)[: 1 + two],
        (row.dsa_veins, row.dsa_veins2)[: 1 + two],
    )
    dsas = (row.dsa,) if row.dsa2 is None else (row.dsa, row.dsa2)
    return ImageFiles(row.cta, dsas, row.volume_kind, tuple(_geometry(row, end) for end in ("", "2")[: 1 + two]), masks)


def options_of(row: Row, options: Options) -> Options:
    """The cohort's options with the row's starting pose. Raises InputError."""
    return options if row.initial_transform is None else replace(options, initial_pose=row.initial_transform)


def _geometry(row: Row, end: str) -> GeometryOptions:
    """Of the run whose columns end in `end`."""
    numbers: dict[str, Any] = {}
    for name in NUMBERS_OF_A_RUN:
        value = getattr(row, name + end)
        if value is None and name in ONE_FOR_BOTH and row.carm2 is None:
            value = getattr(row, name)
        numbers[f"{name}_{UNITS[name]}"] = value
    carm = getattr(row, f"carm{end}")
    return GeometryOptions(**numbers, carm=None if carm is None else read_carm(carm))


def result_key(row: Row, folder: Path, settings: Any) -> str:
    """Hexadecimal digits that are others when anything is that the result depends on.

    folder: of the table; paths count relative to it, so that both can move together. Of files, size and time of the
    last change count: reading a thousand CTAs to see that none has changed would take an hour. settings: JSON, what all
    rows have in common. Raises OSError for a file that has gone.
    """
    files = {}
    for column in (*IMAGES, "initial_transform", *MASKS, *CARM_FILES):
        path = getattr(row, column)
        if path is not None:
            files[column] = [os.path.relpath(path, folder), *_states(path)]
    values = {name: getattr(row, name) for name in (*NUMBERS, "volume_kind")}
    text = json.dumps([settings, files, values], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_DIGITS]


def _states(path: Path) -> Iterator[Any]:
    if not path.is_dir():
        state = path.stat()
        yield [state.st_size, state.st_mtime_ns]
        return
    for parent, folders, names in os.walk(path, followlinks=True):
        folders.sort()
        for name in sorted(names):
            state = os.stat(os.path.join(parent, name))
            yield [os.path.relpath(os.path.join(parent, name), path), state.st_size, state.st_mtime_ns]
