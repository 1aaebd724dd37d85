"""Files that ITK reads (NRRD, NIfTI, ...), and the one place where LPS becomes RAS."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.common.quiet import quiet_readers
from DeepIterRegLib.geometry.rigid import LPS_FROM_RAS
from DeepIterRegLib.images.nifti_size import is_truncated_nifti

if TYPE_CHECKING:
    import SimpleITK as sitk


def read_image(path: Path, field: Field) -> sitk.Image:
    """Read a file of any format ITK knows.

    field: what it was given for. Raises InputError for a file that is no image, or is truncated.
    """
    import SimpleITK as sitk

    damaged = InputError(
        "{file}, given for {field}, is truncated or damaged and cannot be read; copy or export it again.",
        field=field,
        file=path,
    )
    if is_truncated_nifti(path):
        raise damaged
    try:
        with quiet_readers():
            return sitk.ReadImage(str(path))
    except RuntimeError as error:
        reason = str(error)
        if "determinant" in reason or "orthonormal" in reason.lower():
            raise InputError(
                "{file} has axes that are sheared or not independent (as a tilted gantry leaves them); resample "
                "it onto an orthogonal grid.",
                field=field,
                file=path,
            ) from error
        if "Unable to determine ImageIO reader" in reason:
            raise InputError(
                "{file} is not an image file that can be read; give NRRD, NIfTI or DICOM for {field}.",
                field=field,
                file=path,
            ) from error
        raise damaged from error


def voxels_of(image: sitk.Image) -> npt.NDArray[Any]:
    """(K, J, I) the image's own voxels, which live as long as the array does; nobody else may go on using the image.

    A copy of a CTA takes half a second and 0.2 GB.
    """
    return np.asarray(_Buffer(image))


class _Buffer:
    """What numpy keeps as the owner of the memory."""

    def __init__(self, image: sitk.Image) -> None:
        import SimpleITK as sitk

        self._image = image
        interface = sitk.GetArrayViewFromImage(image).__array_interface__
        address, _ = interface["data"]
        self.__array_interface__ = {**interface, "data": (address, False)}


def affine_lps(image: sitk.Image) -> FloatArray:
    """(4, 4) index (i, j, k, 1) to LPS mm of a 3D ITK image."""
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * np.asarray(image.GetSpacing())
    matrix[:3, 3] = image.GetOrigin()
    return matrix


def affine_ras(image: sitk.Image) -> FloatArray:
    """(4, 4) index (i, j, k, 1) to RAS mm of a 3D ITK image: files are LPS, this project's arrays RAS."""
    return LPS_FROM_RAS @ affine_lps(image)
