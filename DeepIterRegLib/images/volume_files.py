"""Reads the 3D angiogram from NRRD, NIfTI or a DICOM folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.common.quiet import quiet_readers
from DeepIterRegLib.images.ct.stack import MIN_SLICES
from DeepIterRegLib.images.hounsfield import check_values
from DeepIterRegLib.images.itk_files import affine_ras, read_placed_image, voxels_of
from DeepIterRegLib.images.paths import existing_path, is_dicom, nameless
from DeepIterRegLib.images.straight_axes import is_sheared, straightened
from DeepIterRegLib.images.volume import VOLUME_NAMES, Volume

if TYPE_CHECKING:
    import SimpleITK as sitk

MIN_EXTENT_MM, MAX_EXTENT_MM = 40.0, 2500.0
"""A cut through the circle of Willis is 40 mm thick; a whole-body CT is 2 m long."""
MIN_VOXEL_MM, MAX_VOXEL_MM = 1e-3, 20.0
PICTURE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff"}

RequestedKind = Literal["auto", "cta", "vessels", "3dra"]


@quiet_readers()
def read_volume(path: str | os.PathLike[str], kind: RequestedKind = "auto", vessels_given: bool = False) -> Volume:
    """Read a CTA (Hounsfield units, with its bones or without) or a 3DRA (vessels only, arbitrary units).

    path: NRRD, NIfTI or any other 3D file that ITK reads, or a folder with one DICOM series. kind: what it is; "auto"
    looks at the values. vessels_given: masks say what vessels and veins are, so that any unit will do. The voxels keep
    the file's order and orientation; `ijk_to_ras` says where they are. Raises InputError for what is not one whole,
    finite head-sized volume.
    """
    if kind not in get_args(RequestedKind):
        raise InputError(
            "There is no kind of volume {kind!r}; set {volume_kind} to auto, cta, vessels or 3dra.",
            field=Field.VOLUME_KIND,
            kind=kind,
        )
    found = existing_path(path, Field.CTA)
    warnings: list[str] = []
    if found.is_dir():
        from DeepIterRegLib.images.ct.series import read_ct_series

        image, warnings = read_ct_series(found)
    elif is_dicom(found):
        from DeepIterRegLib.images.ct.series import read_ct_file

        image, warnings = read_ct_file(found)
    elif found.suffix.lower() in PICTURE_SUFFIXES:
        raise InputError(
            "{file}, given for {cta}, is a 2D picture; give a 3D CT angiogram, and if this is the DSA, swap "
            "{cta} and {dsa}.",
            field=Field.CTA,
            file=found,
        )
    else:
        image, warnings = read_placed_image(found, Field.CTA)
        warnings = list(nameless(warnings, found, "The CTA"))
    return _volume(image, kind, found, warnings, vessels_given)


def _volume(image: sitk.Image, kind: RequestedKind, path: Path, warnings: list[str], vessels_given: bool) -> Volume:
    image = _three_dimensional(image, path)
    _check_grid(image, path)
    if is_sheared(image):
        straight = straightened(image)
        if straight is None:
            raise InputError(
                "{file} has sheared axes; resample it onto an orthogonal grid.", field=Field.CTA, file=path
            )
        image, more = straight
        warnings += more
    voxels, found_kind, more = check_values(voxels_of(image), kind, path.name, vessels_given)
    warnings += nameless(more, path, "The CTA")
    return Volume(voxels, affine_ras(image), found_kind, VOLUME_NAMES[found_kind], tuple(warnings))


def _three_dimensional(image: sitk.Image, path: Path) -> sitk.Image:
    """Drop axes of length one, and refuse what is not 3D with one value per voxel."""
    if image.GetNumberOfComponentsPerPixel() > 1:
        raise InputError(
            "{file} has several values per voxel (colours or vectors); give an image with one for {cta}.",
            field=Field.CTA,
            file=path,
        )
    if image.GetDimension() == 4 and image.GetSize()[3] == 1:
        image = image[:, :, :, 0]
    if image.GetDimension() == 4:
        raise InputError(
            "{file} is 4D ({count} time points); export the one with the most contrast for {cta}.",
            field=Field.CTA,
            file=path,
            count=image.GetSize()[3],
        )
    if image.GetDimension() == 2 or image.GetSize()[2] == 1:
        raise InputError(
            "{file}, given for {cta}, is a 2D image; give a 3D CT angiogram, and if this is the DSA, swap "
            "{cta} and {dsa}.",
            field=Field.CTA,
            file=path,
        )
    return image


def _check_grid(image: sitk.Image, path: Path) -> None:
    size, spacing_mm = np.array(image.GetSize()), np.array(image.GetSpacing())
    direction = np.reshape(image.GetDirection(), (3, 3))
    if not (np.isfinite(spacing_mm).all() and (spacing_mm > MIN_VOXEL_MM).all() and (spacing_mm < MAX_VOXEL_MM).all()):
        raise InputError(
            "{file} has a voxel size of {spacing_mm:g} mm, outside {low:g} to {high:g} mm; export it again "
            "with its spacing.",
            field=Field.CTA,
            file=path,
            spacing_mm=spacing_mm,
            low=MIN_VOXEL_MM,
            high=MAX_VOXEL_MM,
        )
    if not np.isfinite(direction).all() or not np.isfinite(image.GetOrigin()).all():
        raise InputError(
            "{file} has a place in the patient that is no number; export it again.", field=Field.CTA, file=path
        )
    extent_mm = size * spacing_mm
    if size.min() < MIN_SLICES:
        raise InputError(
            "{file} has only {slices} slices ({size} voxels), too few for a head; give the whole CT "
            "angiogram, and if this is the DSA, swap {cta} and {dsa}.",
            field=Field.CTA,
            file=path,
            slices=size.min(),
            size=size,
        )
    if extent_mm.min() < MIN_EXTENT_MM or extent_mm.max() > MAX_EXTENT_MM:
        raise InputError(
            "{file} is {extent_mm:.0f} mm large, which no head is; give the whole CT angiogram with the "
            "right spacing, and if this is the DSA, swap {cta} and {dsa}.",
            field=Field.CTA,
            file=path,
            extent_mm=extent_mm,
        )
