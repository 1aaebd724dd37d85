"""Poses in ITK transform files, as Slicer reads and writes them.

Such a file holds the resampling transform: it takes points of the *parent* to points of the moved object, in LPS. So
it is the inverse of the pose, with the first two axes flipped. Source: docs/DESIGN.md, "Frames".
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.geometry.rigid import LPS_FROM_RAS, invert, require_rigid
from DeepIterRegLib.geometry.transform_matrix import read_apart, read_here

TEXT_MARK = b"#Insight Transform File"
FLIPS = np.outer(np.diag(LPS_FROM_RAS), np.diag(LPS_FROM_RAS))
"""(4, 4) what LPS_FROM_RAS @ matrix @ LPS_FROM_RAS multiplies the matrix's elements by; infinite ones stay so."""


def read_transform(path: Path | str, field: Field = Field.INITIAL_POSE) -> FloatArray:
    """The (4, 4) to-parent pose, RAS, mm, in any ITK transform file (.tfm, .txt, .h5, .mat, .xfm).

    Every rigid 3D transform will do, whatever its class, its centre and its place in a composite. field: what the user
    gave it for. Raises InputError for a file that is missing, holds no transform, or whose transform is not 3D, linear
    and rigid.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(
            "{file} does not exist or is not a file; give an ITK transform file (.tfm, .h5) for {field}.",
            field=field,
            file=path,
        )
    read = read_here if _is_sound_text(path, field) else read_apart
    try:
        stored = read(path)
    except ValueError as error:
        raise InputError(
            "{file} cannot be read as a transform; give an ITK transform file (.tfm, .txt, .h5, .mat, .xfm) "
            "for {field}.",
            field=field,
            file=path,
        ) from error
    if stored.matrix is None:
        raise InputError(
            "{file} is not a linear 3D transform; give a rigid (rotation and translation) one for {field}.",
            field=field,
            file=path,
        )
    return invert(require_rigid(FLIPS * stored.matrix, path.name, field=field))


def write_transform(path: Path | str, pose: FloatArray, centre_mm: FloatArray) -> None:
    """Write a pose exactly as Slicer saves a linear transform node.

    path: its ending chooses the format (.tfm, .txt, .h5, .mat). pose: (4, 4) to-parent, RAS, mm. centre_mm: (3,)
    centre of transformation, RAS: what Slicer's handles turn the volume about; the CTA's centre. Raises InputError for
    a pose that is not rigid or a file that cannot be written.
    """
    path = Path(path)
    from_parent = LPS_FROM_RAS @ invert(require_rigid(pose, "The pose")) @ LPS_FROM_RAS
    offset_mm = from_parent[:3, 3]
    # Slicer takes the node's centre to be the file's centre plus its offset (vtkMRMLTransformStorageNode, found by
    # experiment); ITK gives the centre no meaning beyond choosing how offset and translation split.
    centre_lps_mm = LPS_FROM_RAS[:3, :3] @ np.asarray(centre_mm, dtype=np.float64) - offset_mm
    transform = sitk.AffineTransform(3)
    transform.SetCenter(centre_lps_mm.tolist())
    transform.SetMatrix(from_parent[:3, :3].ravel().tolist())
    transform.SetTranslation((offset_mm - centre_lps_mm + from_parent[:3, :3] @ centre_lps_mm).tolist())
    try:
        sitk.WriteTransform(transform, str(path))
    except RuntimeError as error:
        raise InputError(
            "{file} cannot be written; give a folder you may write to and the ending .tfm, .txt, .h5 or .mat.",
            file=path,
        ) from error


TEXT_TRANSFORM = re.compile(
    rb" \d+\s+Transform: (Composite\w*|Identity\w*\s+Parameters:\s+FixedParameters:[^\n]*"
    rb"|\w+\s+Parameters: *[-\w.][^\n]*\nFixedParameters:[^\n]*)\s*\n"
)
PARAMETERS = re.compile(rb"Parameters:([^\n]*)")
NUMBER = re.compile(rb"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def _is_sound_text(path: Path, field: Field) -> bool:
    """Whether it is ITK's text format. Raises InputError for one that was cut short, which ITK reads as the identity or
    with half of its last number, and for one with parameters that are no numbers, at which ITK ends the process."""
    with path.open("rb") as file:
        if file.read(len(TEXT_MARK)) != TEXT_MARK:
            return False
    content = path.read_bytes().replace(b"\r\n", b"\n")
    transforms = content.split(b"#Transform")[1:]
    composite_alone = len(transforms) == 1 and b"Composite" in transforms[0]
    if not transforms or composite_alone or not all(TEXT_TRANSFORM.fullmatch(text) for text in transforms):
        raise InputError(
            "{file} ends too early: parameters or the last line break are missing; save it again.",
            field=field,
            file=path,
        )
    if not all(NUMBER.fullmatch(word) for found in PARAMETERS.finditer(content) for word in found[1].split()):
        raise InputError("{file} holds parameters that are not numbers; save it again.", field=field, file=path)
    return True
