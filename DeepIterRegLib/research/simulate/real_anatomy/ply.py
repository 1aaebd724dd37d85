"""Reads triangle meshes from PLY files."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from DeepIterRegLib.common.errors import InputError

if TYPE_CHECKING:
    from trimesh import Trimesh


def read_ply(path: Path, option: str) -> Trimesh:
    """The mesh in the file's axes and unit. Raises InputError for what is no such mesh or is cut off."""
    try:
        import trimesh
    except ImportError as error:
        raise InputError(
            f"{path.name} is a mesh, and reading one needs the Python package trimesh; install it with "
            "`pip install trimesh`."
        ) from error
    wrong = InputError(f"{path.name} is no whole PLY mesh of triangles; copy the folder of {option} PATH again.")
    try:
        data = path.read_bytes()
        mesh = trimesh.load_mesh(io.BytesIO(data), file_type="ply", process=False)
    except Exception as error:
        # trimesh promises no types of error for a file that is damaged.
        raise wrong from error
    # Of a text file that is cut off trimesh takes what there is.
    announced = {
        name: int(count) for name, count in re.findall(rb"element (\w+) (\d+)", data.partition(b"end_header")[0])
    }
    if not isinstance(mesh, trimesh.Trimesh) or not len(mesh.faces):
        raise wrong
    found = {b"vertex": len(mesh.vertices), b"face": len(mesh.faces)}
    if found != announced or mesh.faces.max() >= len(mesh.vertices) or not np.isfinite(mesh.vertices).all():
        raise wrong
    return mesh
