"""What every reader checks before it opens a file."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterable
from pathlib import Path

from DeepIterRegLib.common.errors import Field, InputError

FIRST_REPRESENTATIONS = {b"UL", b"UI", b"CS", b"DA", b"TM", b"SH", b"LO", b"OB"}
"""Of what a data set begins with: group lengths, character sets, UIDs."""
LONGEST_FIRST = 256
"""Bytes of such a value."""


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
    """Whether a file carries DICOM's mark ("DICM" after a preamble of 128 bytes), or begins as a bare data set does."""
    with path.open("rb") as file:
        start = file.read(132)
    return start[128:] == b"DICM" or _begins_a_data_set(start)


def _begins_a_data_set(start: bytes) -> bool:
    """Whether the first element is one of the groups that come first, with a length that its kind of value has.

    Little endian, with an explicit value representation or without.
    """
    if len(start) < 16:
        return False
    group, element, representation, short = struct.unpack("<HH2sH", start[:8])
    if group not in (0x0002, 0x0008) or element > 0x0100:
        return False
    if representation in FIRST_REPRESENTATIONS:
        return bool(short <= LONGEST_FIRST)
    (length,) = struct.unpack("<I", start[4:8])
    return bool(length <= LONGEST_FIRST and length % 2 == 0)


def natural_order(file: Path) -> list[tuple[int, int, str]]:
    """Frame 10 comes after frame 9."""
    parts = re.split(r"(\d+)", file.name)
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts]
