"""Reads the 3D angiogram from NRRD, NIfTI or a DICOM folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.images.hounsfield import check_values
from DeepIterRegLib.images.itk_files import affine_ras, read_image
from DeepIterRegLib.images.paths import existing_path, is_dicom, nameless
from DeepIterRegLib.images.slice_geometry import MIN_SLICES
from DeepIterRegLib.images.volume import Volume

if TYPE_CHECKING:
    import SimpleITK as sitk

MIN_EXTENT_MM, MAX_EXTENT_MM = 40.0, 2500.0
"""A cut through the circle of Willis is 40 mm thick; a whole-body CT is 2 m long."""
MAX_SHEAR = 1e-3
PICTURE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff"}

RequestedKind = Literal["auto", "cta", "3dra"]


def read_volume(path: str | os.PathLike[str], kind: RequestedKind = "auto") -> Volume:
    """Read a CTA (Hounsfield units) or a 3DRA (vessels only, arbitrary units).

    path: NRRD, NIfTI or any other 3D file that ITK reads, or a folder with one DICOM series. kind: what it is; "auto"
    looks at the values. The voxels keep the file's order and orientation; `ijk_to_ras` says where they are. Raises
    InputError for what is not one whole, finite head-sized volume.
    """
    if kind not in ("auto", "cta", "3dra"):
        raise InputError(f"--volume-kind must be auto, cta or 3dra, not {kind!r}.")
    found = existing_path(path, "--cta")
    warnings: list[str] = []
    if found.is_dir():
        from DeepIterRegLib.images.ct_series import read_ct_series

        image, warnings = read_ct_series(found)
    elif is_dicom(found):
        from DeepIterRegLib.images.ct_series import read_ct_file

        image = read_ct_file(found)
    elif found.suffix.lower() in PICTURE_SUFFIXES:
        raise InputError(
            f"{found.name}, given as --cta, is a 2D picture; give the CTA as --cta, and if this is the angiogram,"
            " swap --cta and --dsa."
        )
    else:
        image = read_image(found, "--cta")
    return _volume(image, kind, found, warnings)


def _volume(image: sitk.Image, kind: RequestedKind, path: Path, warnings: list[str]) -> Volume:
    import SimpleITK as sitk

    image = _three_dimensional(image, path)
    _check_grid(image, path)
    voxels, found_kind, more = check_values(sitk.GetArrayFromImage(image), kind, path.name)
    warnings += nameless(more, path, "The CTA")
    name = "CTA" if found_kind == "cta" else "3DRA"
    return Volume(voxels, affine_ras(image), found_kind, name, tuple(warnings))


def _three_dimensional(image: sitk.Image, path: Path) -> sitk.Image:
    """Drop axes of length one, and refuse what is not 3D with one value per voxel."""
    if image.GetNumberOfComponentsPerPixel() > 1:
        raise InputError(
            f"{path.name} has several values per voxel (colours or vectors); give a scalar CTA with --cta."
        )
    if image.GetDimension() == 4 and image.GetSize()[3] == 1:
        image = image[:, :, :, 0]
    if image.GetDimension() == 4:
        raise InputError(
            f"{path.name} is 4D ({image.GetSize()[3]} time points); export the one with the most contrast as --cta."
        )
    if image.GetDimension() == 2 or image.GetSize()[2] == 1:
        raise InputError(
            f"{path.name}, given as --cta, is a 2D image; give the 3D CTA as --cta, and if this is the angiogram,"
            " swap --cta and --dsa."
        )
    return image


def _check_grid(image: sitk.Image, path: Path) -> None:
    size, spacing_mm = np.array(image.GetSize()), np.array(image.GetSpacing())
    direction = np.reshape(image.GetDirection(), (3, 3))
    if not (np.isfinite(spacing_mm).all() and (spacing_mm > 1e-3).all() and (spacing_mm < 20).all()):
        raise InputError(
            f"{path.name} has an absurd voxel size of {' x '.join(f'{s:g}' for s in spacing_mm)} mm; export it again"
            " with its spacing."
        )
    shear = np.abs(direction.T @ direction - np.eye(3)).max()
    if not np.isfinite(shear) or shear > MAX_SHEAR or not np.isfinite(image.GetOrigin()).all():
        raise InputError(
            f"{path.name} has sheared axes (as a tilted gantry leaves them); resample it onto an orthogonal grid."
        )
    extent_mm = size * spacing_mm
    if size.min() < MIN_SLICES:
        raise InputError(
            f"{path.name} has only {size.min()} slices ({' x '.join(map(str, size))} voxels), too few for a head;"
            " give the whole CTA, and if this is the 2D angiogram, swap --cta and --dsa."
        )
    if extent_mm.min() < MIN_EXTENT_MM or extent_mm.max() > MAX_EXTENT_MM:
        raise InputError(
            f"{path.name} is {' x '.join(f'{e:.0f}' for e in extent_mm)} mm large, which no head is; give the whole CTA"
            " with the right spacing, and if this is the 2D angiogram, swap --cta and --dsa."
        )
