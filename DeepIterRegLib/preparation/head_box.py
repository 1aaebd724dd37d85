"""Head and upper neck of a scan that shows more: all that a preparation looks at."""

from __future__ import annotations

import itertools

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.preparation.boxes import Box
from DeepIterRegLib.preparation.cavity import COARSE_EDGE_MM, find_cavity
from DeepIterRegLib.preparation.head_axes import head_axes, places_mm
from DeepIterRegLib.preparation.work_grid import coarse_grid, coarse_to_ras

REACH_MM = ((-160.0, 160.0), (-170.0, 170.0), (-180.0, 130.0))
"""What is kept about the middle of the deep brain, along the head's right, front and top: with the air around it, and
down to the fifth vertebra of the neck (the brain is 75 mm, a vertebra some 20 mm high)."""
LARGEST_MM = 360.0
"""A volume that is nowhere longer is taken as it is: a head CT down to the collar bones at most."""


def whole(volume: Volume) -> Box:
    """The box (K, J, I) of all of it."""
    layers, rows, columns = (slice(0, n) for n in volume.voxels.shape)
    return layers, rows, columns


def head_box(volume: Volume) -> Box:
    """Slices (K, J, I) of the head and the upper neck; all of a volume that is not large, or shows no head.

    Time and memory of what follows do not grow with the chest below. The head is looked for on a grid of 2 mm.
    """
    if (np.array(volume.voxels.shape[::-1]) * volume.spacing_mm).max() <= LARGEST_MM:
        return whole(volume)
    spacing_kji = volume.spacing_mm[::-1]
    coarse = coarse_grid(volume.voxels, spacing_kji, COARSE_EDGE_MM)
    cavity = find_cavity(coarse.hu, coarse.spacing_kji)
    if cavity is None:
        return whole(volume)
    fine = np.array(volume.voxels.shape) // np.array(coarse.fine_shape)
    to_ras = coarse_to_ras(volume.ijk_to_ras, fine, coarse.factors)
    middle_mm = places_mm(cavity.core, to_ras).mean(axis=0)
    return _box_about(volume, middle_mm, head_axes(coarse.hu, to_ras, cavity))


def _box_about(volume: Volume, middle_mm: FloatArray, axes: FloatArray) -> Box:
    """The voxels within `REACH_MM` of a point, in the patient frame, along a head's axes (3, 3)."""
    corners_mm = np.array(list(itertools.product(*REACH_MM))) @ axes.T + middle_mm
    to_index = np.linalg.inv(volume.ijk_to_ras)
    corners_kji = (corners_mm @ to_index[:3, :3].T + to_index[:3, 3])[:, ::-1]
    low, high = np.floor(corners_kji.min(axis=0)), np.ceil(corners_kji.max(axis=0)) + 1
    first = np.clip(low, 0, None).astype(int)
    last = np.minimum(high, volume.voxels.shape).astype(int)
    layers, rows, columns = (slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
    return layers, rows, columns
