"""A CTA seen from the side and from the front."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from DeepIterRegLib.images.volume import Volume

if TYPE_CHECKING:
    from DeepIterRegLib.research.simulate.patient import SimulatedPatient

BONE_HU, BRIGHTEST_VESSEL_HU = 250.0, 550.0
AIR_HU, COARSE = -300.0, 4
BINNED = 2
"""Voxels that a maximum projection puts together, along each axis."""


def bone_removed(patient: SimulatedPatient) -> npt.NDArray[np.float32]:
    """(K, J, I), halved along each axis: the brightest voxels, without the bone that is not close to a true vessel."""
    vessels = patient.artery_mask | patient.vein_mask
    darkest = np.int16(-1024)
    others = _blocks(np.where(vessels, darkest, patient.volume.voxels))
    # With its rim, half bone and half tissue, that would outshine the vessels.
    others[ndimage.binary_dilation(others > BONE_HU)] = 0
    # In the skull base a vessel's voxels are part bone.
    lumen = vessels & (patient.volume.voxels < BRIGHTEST_VESSEL_HU)
    return np.maximum(others, _blocks(np.where(lumen, patient.volume.voxels, darkest))).astype(np.float32)


def lateral_and_frontal(
    voxels: npt.NDArray[Any], volume: Volume, faces_left: bool
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Maximum projections of (K, J, I) voxels on the volume's axes (or binned), head up, pixels about square, without
    the air around the head.

    The frontal one as a radiologist sees it: the patient's left on the image's right.
    """
    j_backwards, i_leftwards, k_upwards = _directions(volume)
    rows, columns, depth = _around_head(volume, voxels.shape)
    lateral = voxels.max(axis=2)[rows, columns][:: -1 if k_upwards else 1, :: 1 if j_backwards == faces_left else -1]
    frontal = voxels.max(axis=1)[rows, depth][:: -1 if k_upwards else 1, :: 1 if i_leftwards else -1]
    dk, dj, di = volume.spacing_mm[::-1]
    return _square(lateral, dk, dj), _square(frontal, dk, di)


def middle_slice(volume: Volume, faces_left: bool) -> npt.NDArray[Any]:
    """The sagittal slice through the middle of the grid, head up."""
    middle = volume.voxels[:, :, volume.voxels.shape[2] // 2 : volume.voxels.shape[2] // 2 + 1]
    return lateral_and_frontal(middle, volume, faces_left)[0]


def _around_head(volume: Volume, shape: tuple[int, ...]) -> tuple[slice, slice, slice]:
    """The part of a grid of `shape` (K, J, I) over the volume that holds the head."""
    sparse = volume.voxels[::COARSE, ::COARSE, ::COARSE] > AIR_HU
    parts = []
    for axis, size in enumerate(shape):
        filled = np.flatnonzero(sparse.any(axis=tuple(other for other in range(3) if other != axis)))
        whole = sparse.shape[axis]
        begin, end = (filled[0] / whole, (filled[-1] + 1) / whole) if len(filled) else (0.0, 1.0)
        parts.append(slice(int(begin * size), max(int(np.ceil(end * size)), 1)) if size > 1 else slice(None))
    return parts[0], parts[1], parts[2]


def _directions(volume: Volume) -> tuple[bool, bool, bool]:
    """Whether j counts to the back, i to the left, k to the head."""
    axes = volume.ijk_to_ras
    return bool(axes[1, 1] < 0), bool(axes[0, 0] < 0), bool(axes[2, 2] > 0)


def _square(image: npt.NDArray[Any], row_mm: float, column_mm: float) -> npt.NDArray[Any]:
    """Rows repeated or left out so that a pixel is as high as wide."""
    rows = max(1, round(image.shape[0] * row_mm / column_mm))
    return image[np.minimum((np.arange(rows) + 0.5) * image.shape[0] / rows, image.shape[0] - 1).astype(int)]


def _blocks(voxels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The greatest of each block of BINNED voxels cubed."""
    k, j, i = (n // BINNED * BINNED for n in voxels.shape)
    blocks = voxels[:k, :j, :i]
    for axis in range(3):
        halves = [blocks[(slice(None),) * axis + (slice(start, None, BINNED),)] for start in range(BINNED)]
        blocks = np.maximum.reduce(halves)
    return blocks
