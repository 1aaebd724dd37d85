"""Reads vessel masks that the user made, and puts them on the grid of the image they belong to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.images.angiogram import Angiogram
from DeepIterRegLib.images.itk_files import affine_ras, read_image, read_placed_image
from DeepIterRegLib.images.paths import existing_path
from DeepIterRegLib.images.volume import Volume

if TYPE_CHECKING:
    import SimpleITK as sitk

SAME_PLACE_VOXELS = 0.5
"""The corners of the mask's grid are at those of the volume's to half a voxel: rounding, not another image."""

MAX_VESSELS = 0.3
"""Of a volume: vessels fill 1 % of a head, and more of a box that is cut around them, but not this much."""
MIN_VESSELS_ML = 0.05
MIN_VESSELS_2D = 1e-4
"""Of the detector: a stretch of one small vessel is more."""


def mask_array(given: Any, field: Field) -> BoolArray:
    """What a script gives as a mask, as booleans; everything that is not zero is in it.

    given: what numpy makes an array of numbers of. field: which mask it is, for the error. Raises InputError for
    anything else.
    """
    try:
        array = np.asarray(given)
    except ValueError:  # lists of different lengths
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "biuf" or array.ndim == 0 or bool((array != array).any()):
        raise InputError(
            "{field} must be an array of 0 and 1 or a file; give another one, or leave it out.", field=field
        )
    return array if array.dtype == np.bool_ else array != 0


def read_volume_mask(path: str | os.PathLike[str], volume: Volume, field: Field = Field.CTA_VESSELS) -> BoolArray:
    """Read a mask of the volume; everything that is not zero is in it.

    path: any 3D file that ITK reads, on the volume's grid; its axes may be permuted or flipped. field: which mask
    it is, for the errors. Returns (K, J, I) in the order of `volume.voxels`. Raises
    InputError for a mask on another grid, an empty one (but for the veins', which then says that there are none), and
    one that marks more or less than vessels can be.
    """
    found = existing_path(path, field)
    image = _scalar(read_placed_image(found, field)[0], found, field)
    if image.GetDimension() != 3:
        raise InputError(
            "{file} is {dimensions}D; {field} must be 3D.", field=field, file=found, dimensions=image.GetDimension()
        )
    array = _as_mask(image, found, field)
    mask = _on_grid(array, affine_ras(image), volume, found, field)
    part, volume_ml = float(mask.mean()), float(mask.sum() * np.prod(volume.spacing_mm)) / 1000
    if part > MAX_VESSELS:
        raise InputError(
            "{file} marks {part:.0%} of the CTA, which no vessels fill; {field} must be 0 outside the "
            "vessels (the CTA itself is no mask).",
            field=field,
            file=found,
            part=part,
        )
    if volume_ml < MIN_VESSELS_ML and mask.any():
        raise InputError(
            "{file} marks only {volume_ml:.2g} ml; mark whole vessels, or leave out {field}.",
            field=field,
            file=found,
            volume_ml=volume_ml,
        )
    return mask


def read_detector_mask(
    path: str | os.PathLike[str], angiogram: Angiogram, field: Field = Field.DSA_VESSELS
) -> BoolArray:
    """Read a mask of the DSA's detector (PNG, NRRD, NIfTI, ...); everything that is not zero is in it.

    Returns (rows, columns) of the angiogram. Raises InputError for a mask of another size, an empty one, and one that
    marks a few specks.
    """
    found = existing_path(path, field)
    image = _scalar(read_image(found, field), found, field)
    array = _as_mask(image, found, field)
    while array.ndim > 2 and array.shape[0] == 1:
        array = array[0]
    rows, columns = angiogram.valid.shape
    if array.shape != (rows, columns):
        raise InputError(
            "{file} is a mask of {size} pixels, but the DSA has {rows} rows x {columns} columns; {field} "
            "must have the DSA's size.",
            field=field,
            file=found,
            size=array.shape,
            rows=rows,
            columns=columns,
        )
    if array.mean() < MIN_VESSELS_2D:
        raise InputError(
            "{file} marks only {count} of the DSA's pixels; mark whole vessels, or leave out {field}.",
            field=field,
            file=found,
            count=np.count_nonzero(array),
        )
    return array


def _scalar(image: sitk.Image, path: Path, field: Field) -> sitk.Image:
    """One number per pixel: pictures of masks come as grey stored in three colours."""
    import SimpleITK as sitk

    channels = image.GetNumberOfComponentsPerPixel()
    if channels == 1:
        return image
    if channels in (3, 4) and image.GetDimension() == 2:
        # The fourth channel is opacity, which is no part of the mask.
        return sitk.Cast(sum((sitk.VectorIndexSelectionCast(image, c) != 0 for c in range(1, 3)),
                             sitk.VectorIndexSelectionCast(image, 0) != 0), sitk.sitkUInt8)  # fmt: skip
    raise InputError(
        "{file} has {channels} values per voxel; {field} must have one.", field=field, file=path, channels=channels
    )


def _as_mask(image: sitk.Image, path: Path, field: Field) -> BoolArray:
    import SimpleITK as sitk

    array = sitk.GetArrayFromImage(image)
    if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
        raise InputError(
            "{file} holds values that are not numbers (NaN); {field} must hold 0 and 1.", field=field, file=path
        )
    mask: BoolArray = array != 0
    if not mask.any() and field != Field.CTA_VEINS:
        raise InputError(
            "{file} is an empty mask (all 0); mark the vessels, or leave out {field}.", field=field, file=path
        )
    return mask


def _on_grid(mask: BoolArray, mask_to_ras: FloatArray, volume: Volume, path: Path, field: Field) -> BoolArray:
    """Permute and flip the mask's axes onto the volume's; nothing is interpolated."""
    voxel_to_mask = np.linalg.solve(mask_to_ras, volume.ijk_to_ras)
    axes = np.rint(voxel_to_mask[:3, :3])
    size = np.array(volume.voxels.shape)[::-1]
    mask_size = np.array(mask.shape)[::-1]
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in size], indexing="ij")).reshape(3, 8)
    wanted = voxel_to_mask[:3, :3] @ corners + voxel_to_mask[:3, 3:]
    permutation = np.abs(axes).argmax(axis=0)
    is_permutation = (np.abs(axes).sum(axis=0) == 1).all() and (np.abs(axes).sum(axis=1) == 1).all()
    if not is_permutation or (mask_size[permutation] != size).any():
        raise InputError(
            "{file} is a mask of {size} voxels on another grid than the CTA's {cta_size}; resample {field} "
            "onto the CTA (nearest neighbour).",
            field=field,
            file=path,
            size=mask_size,
            cta_size=size,
        )
    # Where the volume's corners should fall if the grids are the same one.
    flips = axes[permutation, range(3)] < 0
    offset = np.zeros(3)
    offset[permutation] = np.where(flips, size - 1, 0)
    if np.abs(wanted - (axes @ corners + offset[:, None])).max() > SAME_PLACE_VOXELS:
        raise InputError(
            "{file} is a mask of the CTA's size in another place; resample {field} onto the CTA (nearest neighbour).",
            field=field,
            file=path,
        )
    # Array axes are k, j, i: axis a of the array is axis 2 - a of the grid.
    moved = mask.transpose([2 - permutation[2 - a] for a in range(3)])
    return np.ascontiguousarray(moved[tuple(slice(None, None, -1 if flips[2 - a] else 1) for a in range(3))])
