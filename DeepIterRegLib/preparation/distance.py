"""Distances and morphology in millimetres, on grids whose voxels need not be cubes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from DeepIterRegLib.common.arrays import BoolArray, FloatArray, IntArray

SPARSE = 1.0
"""Visited voxels, as a share of the grid, up to which visiting a mask's voxels one by one beats the distance map."""


def distance_mm(mask: BoolArray, spacing_kji: FloatArray) -> npt.NDArray[np.float32]:
    """(K, J, I) distance to the nearest voxel of `mask`: 0 inside, infinite everywhere when `mask` is empty.

    Exact Euclidean distance between voxel centres (Maurer 2003, SimpleITK, threaded).
    """
    if not mask.any():
        return np.full(mask.shape, np.inf, dtype=np.float32)
    image = sitk.GetImageFromArray(mask.view(np.uint8))
    image.SetSpacing([float(edge) for edge in spacing_kji[::-1]])
    signed = sitk.SignedMaurerDistanceMap(image, insideIsPositive=False, squaredDistance=False, useImageSpacing=True)
    distance: npt.NDArray[np.float32] = sitk.GetArrayFromImage(signed)
    return np.maximum(distance, 0.0, out=distance)


def dilated(mask: BoolArray, radius_mm: float, spacing_kji: FloatArray) -> BoolArray:
    """`mask` and everything within `radius_mm` of it."""
    offsets = _ball(radius_mm, spacing_kji)
    if np.count_nonzero(mask) * len(offsets) > SPARSE * mask.size:
        return distance_mm(mask, spacing_kji) <= radius_mm
    grown, inner, steps = _padded(mask, offsets, fill=False)
    places, flat = np.flatnonzero(grown), grown.reshape(-1)
    for step in steps:
        flat[places + step] = True
    return np.ascontiguousarray(grown[inner])


def eroded(mask: BoolArray, radius_mm: float, spacing_kji: FloatArray) -> BoolArray:
    """What of `mask` is farther than `radius_mm` from everything outside it; the grid's border is no outside."""
    offsets = _ball(radius_mm, spacing_kji)
    if np.count_nonzero(mask) * len(offsets) > SPARSE * mask.size:
        return distance_mm(~mask, spacing_kji) > radius_mm
    outer, inner, steps = _padded(mask, offsets, fill=True)
    shrunk = np.zeros_like(outer)
    shrunk[inner] = mask
    places, flat = np.flatnonzero(shrunk), outer.reshape(-1)
    shrunk[...] = False
    for step in steps:
        places = places[flat[places + step]]
    shrunk.reshape(-1)[places] = True
    return np.ascontiguousarray(shrunk[inner])


def _ball(radius_mm: float, spacing_kji: FloatArray) -> IntArray:
    """(N, 3) steps along k, j, i from a voxel to those within `radius_mm` of it, the farthest first."""
    radius_mm = radius_mm * (1 + 1e-6)
    reach = (radius_mm / spacing_kji).astype(int)
    steps = np.indices([2 * int(r) + 1 for r in reach]).reshape(3, -1).T - reach
    length = np.linalg.norm(steps * spacing_kji, axis=1)
    nearest_first = np.argsort(length, kind="stable")
    return steps[nearest_first[length[nearest_first] <= radius_mm][::-1]]


def _padded(mask: BoolArray, offsets: IntArray, fill: bool) -> tuple[BoolArray, tuple[slice, ...], list[int]]:
    """`mask` with a border as wide as `offsets` reach, where the mask lies in it, and the offsets in its flat order."""
    width = np.abs(offsets).max(axis=0)
    padded = np.pad(mask, [(int(w), int(w)) for w in width], constant_values=fill)
    inner = tuple(slice(int(w), int(w) + n) for w, n in zip(width, mask.shape, strict=True))
    rows, columns = padded.shape[1:]
    return padded, inner, [int(step) for step in offsets @ np.array([rows * columns, columns, 1])]


def opened(mask: BoolArray, radius_mm: float, spacing_kji: FloatArray) -> BoolArray:
    """What of `mask` a ball of `radius_mm` fits into; at least one voxel to each side, so that no single slice does."""
    spacing_kji = np.minimum(spacing_kji, 0.99 * radius_mm)
    return dilated(eroded(mask, radius_mm, spacing_kji), radius_mm, spacing_kji) & mask


def closed(mask: BoolArray, radius_mm: float, spacing_kji: FloatArray) -> BoolArray:
    """`mask` and the gaps that a ball of `radius_mm` does not fit into."""
    return eroded(dilated(mask, radius_mm, spacing_kji), radius_mm, spacing_kji) | mask
