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
from DeepIterRegLib.images.header_checks.announced_size import can_hold
from DeepIterRegLib.images.header_checks.header_text import has_sound_text
from DeepIterRegLib.images.nifti_header import NiftiHeader, is_truncated_nifti, read_nifti_header, read_nifti_voxels
from DeepIterRegLib.images.nifti_place import SQUARE, axis_cosines, nifti_place
from DeepIterRegLib.images.reading_notes import ASSUMED, note_decision

if TYPE_CHECKING:
    import SimpleITK as sitk

SAME_PLACE_MM = 1e-3
NRRD, NRRD_SPACE = (".nrrd", ".nhdr"), "NRRD_space"
WITHOUT_PLACE = (".vtk", ".gipl", ".mrc", ".lsm")
"""Formats that have no word for left."""


def read_image(path: Path, field: Field) -> sitk.Image:
    """Read a file of any format ITK knows.

    field: what it was given for. Raises InputError for a file that is no image, or is truncated.
    """
    import SimpleITK as sitk

    damaged = _damaged(path, field)
    if is_truncated_nifti(path) or not has_sound_text(path):
        raise damaged
    try:
        with quiet_readers():
            reader = sitk.ImageFileReader()
            reader.SetFileName(str(path))
            reader.ReadImageInformation()
            if not can_hold(path, reader):
                raise damaged
            return reader.Execute()
    except (RuntimeError, UnicodeDecodeError) as error:  # the latter where ITK's own message quotes the damage
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


def _damaged(path: Path, field: Field) -> InputError:
    return InputError(
        "{file}, given for {field}, is truncated or damaged and cannot be read; copy or export it again.",
        field=field,
        file=path,
    )


def read_placed_image(path: Path, field: Field) -> tuple[sitk.Image, list[str]]:
    """Read a volume's file with its place in the patient; its axes may be sheared, as a tilted gantry leaves them.

    ITK's own place, but for NIfTI: it does not tell where it ignores an sform. Returns the image and warnings. Raises
    InputError as `read_image` and `nifti_place`.
    """
    header = read_nifti_header(path)
    if header is None:
        image = read_image(path, field)
        says = _says_left(image, path)
        note_decision("Place in the patient", "as ITK reads it", "the file's own header" if says else ASSUMED)
        return image, [] if says else [
            f"{path.name} does not say which of its axes point to the left and to the back; left, back and up were"
            " assumed, in this order. If that is wrong, so is the pose."
        ]
    affine, warnings = nifti_place(header, path, field)
    form, code = ("sform", header.sform_code)
    if header.sform_code <= 0 or not np.array_equal(affine, header.sform):
        form, code = ("qform", header.qform_code)
    note_decision("Place in the patient", form, f"the file's {form}, code {code}")
    sheared = np.abs(axis_cosines(affine[:3, :3]) - np.eye(3)).max() > SQUARE
    image = _image_without_itk(path, header, field) if sheared or header.version == 2 else read_image(path, field)
    if image.GetDimension() in (3, 4):
        _put(image, LPS_FROM_RAS @ affine)
    return image, warnings


def _says_left(image: sitk.Image, path: Path) -> bool:
    """Whether a format that can be written without a place in the patient was written with one."""
    if path.suffix.lower() in NRRD:
        space = image.GetMetaData(NRRD_SPACE) if image.HasMetaDataKey(NRRD_SPACE) else ""
        return space == "left-posterior-superior"  # ITK brings the others with such axes to this one
    return path.suffix.lower() not in WITHOUT_PLACE


def _image_without_itk(path: Path, header: NiftiHeader, field: Field) -> sitk.Image:
    """Of a NIfTI file that ITK refuses, for its shear or its version; without a place. Other kinds of it ITK reads."""
    import SimpleITK as sitk

    if is_truncated_nifti(path):
        raise _damaged(path, field)
    voxels = read_nifti_voxels(path, header)
    return read_image(path, field) if voxels is None else sitk.GetImageFromArray(voxels, isVector=False)


def _put(image: sitk.Image, affine: FloatArray) -> None:
    """Give a 3D image, or one over time, its place (4, 4) index to LPS mm, unless it is there already."""
    count = image.GetDimension()
    found = np.eye(4)
    found[:3, :3] = np.reshape(image.GetDirection(), (count, count))[:3, :3] * np.asarray(image.GetSpacing()[:3])
    found[:3, 3] = image.GetOrigin()[:3]
    if (np.abs(found - affine) @ [*image.GetSize()[:3], 1]).max() < SAME_PLACE_MM:
        return
    spacing_mm = np.linalg.norm(affine[:3, :3], axis=0)
    direction = np.reshape(image.GetDirection(), (count, count)).copy()
    direction[:3, :3] = affine[:3, :3] / spacing_mm
    image.SetDirection([float(x) for x in direction.ravel()])
    image.SetSpacing([*map(float, spacing_mm), *image.GetSpacing()[3:]])
    image.SetOrigin([*map(float, affine[:3, 3]), *image.GetOrigin()[3:]])


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
