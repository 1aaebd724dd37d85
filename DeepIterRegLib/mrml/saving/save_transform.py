"""The pose in use as a transform file, written by Slicer's own transform storage."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.whole_file import whole_file
from DeepIterRegLib.mrml.nodes.arrays import to_parent_of
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase

SUFFIXES = (".h5", ".tfm")


def save_transform(case: RegisteredCase, path: Path | str) -> None:
    """Write the pose in use to an ITK transform file, .tfm (text) or .h5, over an existing one.

    Slicer reads the transform node's matrix from it, ITK its inverse in LPS, as from any transform that Slicer saves.
    Raises InputError for a pose that is no rigid motion, another suffix, or a file that cannot be written.
    """
    import slicer

    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise InputError("{file} is no name for a transform; give one that ends in .tfm or .h5.", file=path)
    pose = case.pose
    storage = slicer.vtkMRMLTransformStorageNode()
    try:
        with tempfile.TemporaryDirectory() as folder:
            written = Path(folder) / f"transform{path.suffix.lower()}"
            storage.SetFileName(str(written))
            if not storage.WriteData(case.pose_node) or not _holds(written, pose):
                raise OSError
            with written.open("rb") as source, whole_file(path) as target:
                shutil.copyfileobj(source, target)
    except OSError as error:
        raise InputError("{file} cannot be written; is the disk full, or the folder read-only?", file=path) from error


def _holds(path: Path, pose: FloatArray) -> bool:
    """Whether Slicer reads the pose back. ITK does not notice that a text file did not get onto the disk."""
    import slicer

    storage, node = slicer.vtkMRMLTransformStorageNode(), slicer.vtkMRMLLinearTransformNode()
    storage.SetFileName(str(path))
    return bool(path.is_file() and storage.ReadData(node) and np.allclose(to_parent_of(node), pose, rtol=0, atol=1e-6))
