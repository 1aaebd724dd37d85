"""Whether a NIfTI file is complete: ITK reads a truncated one without an error and fills the rest with zeros."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

CHUNK = 1 << 22


def is_truncated_nifti(path: Path) -> bool:
    """Whether a `.nii` or `.nii.gz` file has fewer bytes than its header announces; False for any other file.

    A compressed file is unpacked to its end (about 0.5 s for 200 MB).
    """
    name = path.name.lower()
    if not name.endswith((".nii", ".nii.gz")):
        return False
    opener = cast("Callable[[Path], IO[bytes]]", gzip.open if name.endswith(".gz") else lambda p: p.open("rb"))
    try:
        with opener(path) as file:
            header = file.read(540)
            needed = _bytes_needed(header)
            if needed is None:
                return False
            count = len(header)
            while chunk := file.read(CHUNK):
                count += len(chunk)
    except (EOFError, zlib.error):
        return True
    except OSError:
        return False  # Not gzip after all: ITK's own message is the right one.
    return count < needed


def _bytes_needed(header: bytes) -> int | None:
    """Offset of the voxels plus their size, from the fields dim, bitpix and vox_offset; None for no NIfTI header."""
    for order in "<>":
        if len(header) < 348:
            return None
        (size,) = struct.unpack_from(order + "i", header)
        if size == 348:
            dims = struct.unpack_from(order + "8h", header, 40)
            (bits,) = struct.unpack_from(order + "h", header, 72)
            (offset,) = struct.unpack_from(order + "f", header, 108)
        elif size == 540 and len(header) >= 540:
            dims = struct.unpack_from(order + "8q", header, 16)
            (bits,) = struct.unpack_from(order + "h", header, 14)
            (offset,) = struct.unpack_from(order + "q", header, 168)
        else:
            continue
        voxels = 1
        for length in dims[1 : 1 + max(0, min(dims[0], 7))]:
            voxels *= max(length, 1)
        return int(offset) + voxels * bits // 8
    return None
