"""Reads triangle meshes from PLY (binary little endian or ASCII; vertices x, y, z and triangular faces)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.errors import InputError

_TYPES = {
    "char": "i1", "uchar": "u1", "short": "<i2", "ushort": "<u2", "int": "<i4", "uint": "<u4", "float": "<f4",
    "double": "<f8", "int8": "i1", "uint8": "u1", "int16": "<i2", "uint16": "<u2", "int32": "<i4", "uint32": "<u4",
    "float32": "<f4", "float64": "<f8",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Mesh:
    """A surface of triangles in the file's axes and unit."""

    vertices: npt.NDArray[np.float64]
    """(V, 3)"""
    faces: npt.NDArray[np.int64]
    """(F, 3)"""


def read_ply(path: Path, option: str) -> Mesh:
    """Raises InputError for what is no such mesh or is cut off."""
    wrong = InputError(f"{path.name} is no whole PLY mesh of triangles; copy the folder of {option} PATH again.")
    try:
        data = path.read_bytes()
        head, _, body = data.partition(b"end_header\n")
        lines = [line.split() for line in head.decode("ascii").splitlines()]
        if lines[0] != ["ply"] or not body:
            raise wrong
        kind = next(line[1] for line in lines if line[0] == "format")
        counts = {line[1]: int(line[2]) for line in lines if line[0] == "element"}
        scalar = [(line[2], _TYPES[line[1]]) for line in lines if line[0] == "property" and line[1] != "list"]
        listed = next(line for line in lines if line[:2] == ["property", "list"])
        if kind == "ascii":
            return _checked(_ascii(body, counts, [name for name, _ in scalar]), wrong)
        if kind != "binary_little_endian":
            raise wrong
        vertex = np.dtype(scalar)
        face = np.dtype([("count", _TYPES[listed[2]]), ("index", _TYPES[listed[3]], 3)])
        points = np.frombuffer(body, vertex, counts["vertex"])
        faces = np.frombuffer(body, face, counts["face"], offset=counts["vertex"] * vertex.itemsize)
        if (faces["count"] != 3).any():
            raise wrong
        corners = np.stack([points[n] for n in "xyz"], axis=1).astype(np.float64)
        return _checked(Mesh(corners, faces["index"].astype(np.int64)), wrong)
    except (ValueError, KeyError, IndexError, StopIteration, UnicodeDecodeError, OSError) as error:
        if isinstance(error, InputError):
            raise
        raise wrong from error


def _ascii(body: bytes, counts: dict[str, int], names: list[str]) -> Mesh:
    rows = body.decode("ascii").splitlines()
    points = np.array([row.split()[: len(names)] for row in rows[: counts["vertex"]]], dtype=np.float64)
    faces = np.array([row.split() for row in rows[counts["vertex"] :][: counts["face"]]], dtype=np.int64)
    if len(faces) != counts["face"] or (faces[:, 0] != 3).any():
        raise ValueError("faces")
    return Mesh(points[:, [names.index(n) for n in "xyz"]], faces[:, 1:4])


def _checked(mesh: Mesh, wrong: InputError) -> Mesh:
    if not np.isfinite(mesh.vertices).all() or not len(mesh.faces) or mesh.faces.max() >= len(mesh.vertices):
        raise wrong
    return mesh
