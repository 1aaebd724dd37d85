"""Whether the text that heads an NRRD or MetaImage file is one: what ITK takes for granted, or ends the process."""

from __future__ import annotations

import re
from pathlib import Path

HEADER_BYTES = 1 << 20
"""More than any header has."""
NRRD_MARK = b"NRRD0"
NRRD_END = re.compile(rb"\r?\n\r?\n")
CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
FREE_TEXT = (b"#", b"content:", b"units:", b"space units:", b"sample units:", b"labels:")
"""Lines that people write, in any encoding, as those with := are."""
METAIMAGE_SUFFIXES = (".mha", ".mhd")
DATA_FILE = re.compile(rb"^\s*ElementDataFile\s*=[ \t]*(.*?)\s*$", re.MULTILINE)
DIMENSIONS = re.compile(rb"^\s*NDims\s*=\s*(.*)$", re.MULTILINE)


def has_sound_text(path: Path) -> bool:
    """Whether an NRRD header ends and has text in its fields, and a MetaImage has dimensions and a place for its
    voxels; true of other files."""
    with path.open("rb") as file:
        start = file.read(HEADER_BYTES)
    if start.startswith(NRRD_MARK):
        return _is_nrrd(start)
    if path.suffix.lower() in METAIMAGE_SUFFIXES:
        dimensions = all(found.strip() in (b"2", b"3", b"4") for found in DIMENSIONS.findall(start))
        return dimensions and all(_is_place(found) for found in DATA_FILE.findall(start)[:1])
    return True


def _is_place(value: bytes) -> bool:
    """Whether voxels may be where a MetaImage says: behind the header, or in files with names that end in something."""
    return value.upper().startswith((b"LOCAL", b"LIST")) or (b"." in value and not CONTROL.search(value))


def _is_nrrd(start: bytes) -> bool:
    header, *rest = NRRD_END.split(start, maxsplit=1)
    if not rest and (len(start) == HEADER_BYTES or not _names_a_file(header)):
        return False
    if CONTROL.search(header):
        return False
    lines = header.splitlines()
    return all(line.isascii() or line.lower().startswith(FREE_TEXT) or b":=" in line for line in lines)


def _names_a_file(header: bytes) -> bool:
    """Whether the voxels are in another file, so that the header may end with this one."""
    return re.search(rb"^data ?file:", header, re.MULTILINE | re.IGNORECASE) is not None
