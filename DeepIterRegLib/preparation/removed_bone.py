"""A CTA from which a workstation has taken the bones: the holes that they leave are where they were."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.preparation.cavity import COARSE_EDGE_MM
from DeepIterRegLib.preparation.components import touching
from DeepIterRegLib.preparation.distance import dilated, opened
from DeepIterRegLib.preparation.work_grid import WorkGrid, coarser, work_grid

AIR_HU = -700.0
"""Blocks below it are air, or a hole."""
OPEN_MM = 8.0
"""A ball that the air around a head and in a throat has room for; the gap of a vault, 5 to 8 mm thick, has not."""
SKIN_MM = 2.0
LEAST_HOLE_ML = 100.0
"""Of the 600 mL that a skull has."""
RESTORED_HU = 1200.0
"""Brighter than any vessel."""


def with_bone_restored(volume: Volume) -> Volume | None:
    """`volume` with bone in its holes; None where there are none that bone could have left.

    A hole holds one value exactly, the lowest of all (real air is noisy), and is narrow or closed to the outside.
    """
    fill = volume.voxels.min()
    if fill > AIR_HU:
        return None
    work = work_grid(volume.voxels, volume.spacing_mm[::-1])
    coarse = coarser(work, COARSE_EDGE_MM)
    outside = work.to_fine(coarse.to_fine(_outside(coarse, coarse.spacing_kji)))
    holes = (volume.voxels == fill) & ~outside
    if np.count_nonzero(holes) * float(np.prod(volume.spacing_mm)) / 1000 < LEAST_HOLE_ML:
        return None
    voxels = volume.voxels.copy()
    voxels[holes] = RESTORED_HU
    return replace(volume, voxels=voxels)


def _outside(grid: WorkGrid, spacing_kji: FloatArray) -> BoolArray:
    """(k, j, i) the air around the patient, and what is next to it."""
    wide = opened(grid.hu < AIR_HU, OPEN_MM, spacing_kji)
    border = np.ones_like(wide)
    border[1:-1, 1:-1, 1:-1] = False
    return dilated(touching(wide, border), SKIN_MM, spacing_kji)
