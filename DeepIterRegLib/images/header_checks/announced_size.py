"""What the header of an image file announces, before ITK believes it: it reserves the memory first and reads then."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import SimpleITK as sitk

SMALL_BYTES = 1 << 28
"""What may be announced by any file."""
MOST_PACKED = 1100
"""Times a file's size that its unpacked content can be: deflate's limit is 1032."""
DATA_FILE = re.compile(rb"^\s*(?:data ?file:|ElementDataFile\s*=)\s*(.*?)\s*$", re.MULTILINE)
HEADER_BYTES = 1 << 16
BITS = re.compile(r"(\d+)-bit")


def can_hold(path: Path, reader: sitk.ImageFileReader) -> bool:
    """Whether a file, or the one that its header names, can hold the voxels that it announces, and it announces some.

    reader: with the image's information read.
    """
    import SimpleITK as sitk

    bits = BITS.search(sitk.GetPixelIDValueAsString(reader.GetPixelID()))
    size = (bits and int(bits[1]) // 8) or 1
    announced = math.prod(reader.GetSize()) * max(reader.GetNumberOfComponents(), 1) * size
    return 0 < announced <= max(SMALL_BYTES, MOST_PACKED * _bytes_held(path))


def _bytes_held(path: Path) -> int:
    """Of the file, and of the one beside it that a detached header names."""
    held = path.stat().st_size
    for name in DATA_FILE.findall(_header(path)):
        try:
            beside = path.parent / name.decode()
            if beside.is_file():
                held += beside.stat().st_size
            elif name != b"LOCAL":
                return 1 << 62  # a list or a pattern of files
        except (OSError, ValueError):
            continue
    return held


def _header(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEADER_BYTES)
