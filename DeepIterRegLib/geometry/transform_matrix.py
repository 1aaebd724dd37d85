"""The matrix in an ITK transform file. ITK reads it: here, or, where the text was not checked, in another process.

The libraries behind ITK's other formats trust what a file says of itself. A damaged one makes HDF5 read where nothing
is, which ends the process, or run in circles, and complain once more when the process ends; others ask for all the
memory there is. None of that can be caught from within.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.quiet import quiet_readers

SECONDS = 15.0
"""For the other process: it takes one to load ITK."""
MOST_MEMORY = 2 << 30
"""Of that process, in bytes of addresses, where the system has such limits."""
MODULE = "DeepIterRegLib.geometry.transform_matrix"
ROOT = Path(__file__).resolve().parents[2]
"""The folder that holds DeepIterRegLib."""


@dataclass(frozen=True, eq=False)
class StoredTransform:
    """What a file's transform does to points, LPS."""

    dimension: int
    is_linear: bool
    matrix: FloatArray | None
    """(4, 4), mm; None where the transform is not linear or not 3D."""


def read_here(path: Path) -> StoredTransform:
    """Of a file that ITK reads. Raises ValueError where there is no transform to read."""
    try:
        with quiet_readers():
            transform = sitk.ReadTransform(str(path))
    except (RuntimeError, UnicodeDecodeError) as error:  # the latter where ITK's own message quotes the damage
        raise ValueError(f"no transform: {error!r}") from error
    dimension, is_linear = transform.GetDimension(), transform.IsLinear()
    return StoredTransform(dimension, is_linear, _matrix(transform) if is_linear and dimension == 3 else None)


def _matrix(transform: sitk.Transform) -> FloatArray:
    """(4, 4) matrix of any linear transform, taken from where it sends the origin and the unit vectors."""
    offset = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    with np.errstate(all="ignore"):  # what is not finite is refused later
        columns = [np.array(transform.TransformPoint(unit.tolist())) - offset for unit in np.eye(3)]
    matrix = np.eye(4)
    matrix[:3, :3] = np.column_stack(columns)
    matrix[:3, 3] = offset
    return matrix


def read_apart(path: Path) -> StoredTransform:
    """The same of any file, whatever that does to the process that reads it. Raises ValueError."""
    # Slicer's own program would start another Slicer.
    python = shutil.which("PythonSlicer") or sys.executable
    places = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    try:
        done = subprocess.run(
            [python, "-m", MODULE, str(path.resolve())],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            check=True,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        told: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.SubprocessError, ValueError) as error:
        raise ValueError(f"no transform: {error!r}") from error
    matrix = told["matrix"]
    return StoredTransform(told["dimension"], told["is_linear"], None if matrix is None else np.array(matrix))


def main(name: str) -> None:
    """Read in this process, tell the result on standard output, and end without HDF5's own way out."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    read = read_here(Path(name))
    told = {
        "dimension": read.dimension,
        "is_linear": read.is_linear,
        "matrix": None if read.matrix is None else read.matrix.tolist(),
    }
    print(json.dumps(told), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
