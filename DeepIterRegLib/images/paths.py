"""What every reader checks before it opens a file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from DeepIterRegLib.common.errors import Field, InputError


def existing_path(path: str | os.PathLike[str], field: Field) -> Path:
    """The path, once it is known to be there, readable and not empty.

    field: what it was given for. Raises InputError.
    """
    found = Path(path).expanduser()
    if not found.exists():
        raise InputError("{file} does not exist; give an existing file or folder for {field}.", field=field, file=found)
    if not os.access(found, os.R_OK):
        raise InputError(
            "{file} cannot be read (permission denied); give a readable one for {field}.", field=field, file=found
        )
    if found.is_file() and found.stat().st_size == 0:
        raise InputError(
            "{file} is empty (0 bytes); copy it again, or give another for {field}.", field=field, file=found
        )
    if found.is_dir() and not any(found.iterdir()):
        raise InputError("The folder {file} is empty; give one that holds images for {field}.", field=field, file=found)
    return found


def nameless(warnings: Iterable[str], path: Path, what: str) -> tuple[str, ...]:
    """The warnings with `what` ("The DSA") for the file name that they begin with.

    Errors name the file to the person who gave it; warnings go into scenes and reports, and a file name may hold a
    patient's.
    """
    return tuple(what + line.removeprefix(path.name) if line.startswith(path.name) else line for line in warnings)


def is_dicom(path: Path) -> bool:
    """Whether a file carries DICOM's mark ("DICM" after a preamble of 128 bytes)."""
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def natural_order(file: Path) -> list[tuple[int, int, str]]:
    """Frame 10 comes after frame 9."""
    parts = re.split(r"(\d+)", file.name)
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts]
