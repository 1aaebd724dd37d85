"""Files that ITK reads (NRRD, NIfTI, ...), and the one place where LPS becomes RAS."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.common.quiet import quiet_libraries
from DeepIterRegLib.geometry.rigid import LPS_FROM_RAS
from DeepIterRegLib.images.nifti_size import is_truncated_nifti

if TYPE_CHECKING:
    import SimpleITK as sitk


def read_image(path: Path, option: str) -> sitk.Image:
    """Read a file of any format ITK knows.

    option: the command-line option that gave it, for the error. Raises InputError for a file that is no image, or is
    truncated.
    """
    import SimpleITK as sitk

    damaged = f"{path.name} is truncated or damaged and cannot be read; copy or export it again for {option} PATH."
    if is_truncated_nifti(path):
        raise InputError(damaged)
    try:
        with quiet_libraries():
            return sitk.ReadImage(str(path))
    except RuntimeError as error:
        reason = str(error)
        if "determinant" in reason or "orthonormal" in reason.lower():
            raise InputError(
                f"{path.name} has axes that are sheared or not independent (as a tilted gantry leaves them);"
                f" resample it onto an orthogonal grid and give it with {option} PATH."
            ) from error
        if "Unable to determine ImageIO reader" in reason:
            raise InputError(
                f"{path.name} is not an image file that can be read; give NRRD, NIfTI or DICOM with {option} PATH."
            ) from error
        raise InputError(damaged) from error


def affine_lps(image: sitk.Image) -> FloatArray:
    """(4, 4) index (i, j, k, 1) to LPS mm of a 3D ITK image."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * np.asarray(image.GetSpacing())
    matrix[:3, 3] = image.GetOrigin()
    return matrix


def affine_ras(image: sitk.Image) -> FloatArray:
    """(4, 4) index (i, j, k, 1) to RAS mm of a 3D ITK image: files are LPS, this project's arrays RAS."""
    return LPS_FROM_RAS @ affine_lps(image)
