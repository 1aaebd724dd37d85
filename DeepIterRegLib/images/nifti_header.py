"""The header of a NIfTI file: what ITK does not tell, or gets wrong.

ITK reads a truncated file without an error and fills the rest with zeros, and takes the orthogonal qform where the
sform holds a shear.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray

CHUNK = 1 << 22
GZIP = b"\x1f\x8b"
LONGEST = 540
SINGLE, PAIRED = (".nii", ".nii.gz"), (".hdr", ".img", ".hdr.gz", ".img.gz")
"""Names of files with header and voxels, and of files with one of them."""
UNIT_MM = {1: 1000.0, 2: 1.0, 3: 0.001}
"""By the lowest three bits of xyzt_units: metre, millimetre, micrometre."""
TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}
"""By the field datatype; the others are colours and complex numbers."""


@dataclass(frozen=True, eq=False)
class NiftiHeader:
    """The fields of NIfTI-1 or NIfTI-2 that are used here (nifti1.h, nifti2.h)."""

    version: int
    """1, or 2, which ITK may not read."""
    byte_order: str
    """"<" or ">"."""
    size: tuple[int, ...]
    """Along i, j, k, time, ..."""
    type_code: int
    bits: int
    """Per voxel."""
    offset: int
    """Bytes before the voxels."""
    scale: tuple[float, float]
    """Slope and intercept of the values."""
    pixel_mm: FloatArray
    """(3,) pixdim along i, j, k."""
    qform_code: int
    sform_code: int
    qform: FloatArray
    """(4, 4) index to RAS mm by the quaternion; rotates, mirrors and scales, but cannot shear."""
    sform: FloatArray
    """(4, 4) index to RAS mm by the three rows."""

    @property
    def bytes_needed(self) -> int:
        """Of the file: offset of the voxels plus their size."""
        voxels = 1
        for length in self.size:
            voxels *= max(length, 1)
        return self.offset + voxels * self.bits // 8


def is_nifti(path: Path) -> bool:
    """By its name: one file, or one of a pair of header and voxels."""
    return path.name.lower().endswith((*SINGLE, *PAIRED))


def read_nifti_header(path: Path) -> NiftiHeader | None:
    """None for a file of another format, or one that is damaged."""
    if not is_nifti(path):
        return None
    try:
        with _opened(_header_file(path)) as file:
            return _parsed(file.read(LONGEST))
    except (EOFError, zlib.error, OSError):
        return None


def is_truncated_nifti(path: Path) -> bool:
    """Whether a `.nii` or `.nii.gz` file has fewer bytes than its header announces; False for any other file.

    A compressed file is unpacked to its end (about 0.5 s for 200 MB).
    """
    if not path.name.lower().endswith(SINGLE):
        return False
    try:
        with _opened(path) as file:
            start = file.read(LONGEST)
            header = _parsed(start)
            if header is None:
                return False
            count = len(start)
            while chunk := file.read(CHUNK):
                count += len(chunk)
    except (EOFError, zlib.error):
        return True
    except OSError:
        return False  # Not gzip after all: ITK's own message is the right one.
    return count < header.bytes_needed


def read_nifti_voxels(path: Path, header: NiftiHeader) -> npt.NDArray[Any] | None:
    """(..., K, J, I) rescaled voxels of a `.nii` or `.nii.gz` file; None for colours, pairs, damaged files and 2D."""
    if header.type_code not in TYPES or not path.name.lower().endswith(SINGLE):
        return None
    size = header.size
    while len(size) > 3 and size[-1] == 1:
        size = size[:-1]
    if len(size) not in (3, 4) or min(size) < 1 or header.offset < 0:
        return None
    dtype = np.dtype(header.byte_order + TYPES[header.type_code])
    try:
        with _opened(path) as file:
            file.read(header.offset)
            content = file.read(header.bytes_needed - header.offset)
    except (EOFError, zlib.error, OSError):
        return None
    if len(content) != header.bytes_needed - header.offset:
        return None
    stored = np.frombuffer(content, dtype).reshape(size[::-1])
    slope, intercept = header.scale
    if slope == 0 or not np.isfinite([slope, intercept]).all() or (slope, intercept) == (1, 0):
        return stored.astype(dtype.newbyteorder("="))
    return (stored * np.float32(slope) + np.float32(intercept)).astype(np.float32)


def _header_file(path: Path) -> Path:
    """Of a pair; a single file is its own."""
    stem = path.name.removesuffix(".gz")
    if not stem.lower().endswith(".img"):
        return path
    stem = stem[:-4] + (".hdr" if stem.endswith(".img") else ".HDR")
    plain = path.with_name(stem)
    return plain if plain.exists() else path.with_name(stem + ".gz")


def _opened(path: Path) -> IO[bytes]:
    """Unpacked, where the file is packed, whatever its name says: so does ITK."""
    with path.open("rb") as file:
        is_packed = file.read(2) == GZIP
    return cast("IO[bytes]", gzip.open(path)) if is_packed else path.open("rb")


def _parsed(content: bytes) -> NiftiHeader | None:
    if len(content) < 348:
        return None
    for order in "<>":
        (size,) = struct.unpack_from(order + "i", content)
        if size == 348:
            return _nifti_1(content, order)
        if size == 540 and len(content) >= 540:
            return _nifti_2(content, order)
    return None


def _nifti_1(content: bytes, order: str) -> NiftiHeader:
    def get(layout: str, at: int) -> tuple[Any, ...]:
        return struct.unpack_from(order + layout, content, at)

    type_code, bits = get("hh", 70)
    has_place = content[344:347] in (b"n+1", b"ni1")  # Analyze 7.5 has other things there
    codes = get("hh", 252) if has_place else (0, 0)
    return _header(
        1, order, get("8h", 40), type_code, bits, get("f", 108)[0], get("ff", 112), get("8f", 76), content[123], codes,
        get("6f", 256), get("12f", 280),
    )  # fmt: skip


def _nifti_2(content: bytes, order: str) -> NiftiHeader:
    def get(layout: str, at: int) -> tuple[Any, ...]:
        return struct.unpack_from(order + layout, content, at)

    type_code, bits = get("hh", 12)
    return _header(
        2, order, get("8q", 16), type_code, bits, get("q", 168)[0], get("dd", 176), get("8d", 104), get("i", 500)[0],
        get("ii", 344), get("6d", 352), get("12d", 400),
    )  # fmt: skip


def _header(
    version: int, order: str, dims: tuple[int, ...], type_code: int, bits: int, offset: float,
    scale: tuple[float, float], pixdim: tuple[float, ...], units: int, codes: tuple[int, int],
    quaternion: tuple[float, ...], rows: tuple[float, ...],
) -> NiftiHeader:  # fmt: skip
    unit_mm = UNIT_MM.get(units & 7, 1.0)
    pixel_mm = np.abs(np.array(pixdim[1:4], dtype=np.float64)) * unit_mm
    sform, qform = np.eye(4), np.eye(4)
    sform[:3] = np.reshape(rows, (3, 4)) * unit_mm
    qform[:3, :3] = _rotation(*quaternion[:3]) * pixel_mm * (1, 1, -1 if pixdim[0] < 0 else 1)
    qform[:3, 3] = np.array(quaternion[3:]) * unit_mm
    return NiftiHeader(
        version, order, tuple(dims[1 : 1 + max(0, min(dims[0], 7))]), type_code, bits,
        int(offset) if np.isfinite(offset) else 0, (scale[0], scale[1]), pixel_mm, codes[0], codes[1], qform, sform,
    )  # fmt: skip


def _rotation(b: float, c: float, d: float) -> FloatArray:
    """(3, 3) of the unit quaternion (a, b, c, d), a >= 0, as nifti1.h has it."""
    a = np.sqrt(max(0.0, 1.0 - (b * b + c * c + d * d)))
    return np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
