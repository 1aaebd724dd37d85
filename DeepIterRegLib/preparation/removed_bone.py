"""A CTA from which a workstation has taken the bones: the holes that they leave are where they were."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

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
LONELY = 3.0
"""How many times more frequent the value of holes is than the values beside it: noise spreads all others."""
CLOSE = 0.3
"""Share of a voxel's 27 neighbours, itself among them, that hold that value too: 0.33 in a plate of one voxel; of brain
with the least noise 0.08 have any one value."""


def with_bone_restored(volume: Volume) -> Volume | None:
    """`volume` with bone in its holes; None where there are none that bone could have left.

    A hole holds one value exactly (real air and tissue are noisy), that of air, of water or of tissue, and is narrow or
    closed to the air outside.
    """
    if volume.voxels.dtype != np.int16:
        return None
    work = work_grid(volume.voxels, volume.spacing_mm[::-1])
    coarse = coarser(work, COARSE_EDGE_MM)
    inside = ~work.to_fine(coarse.to_fine(_outside(coarse, coarse.spacing_kji)))
    fill = _lonely_value(volume.voxels[inside], LEAST_HOLE_ML * 1000 / float(np.prod(volume.spacing_mm)))
    if fill is None:
        return None
    holes = (volume.voxels == fill) & inside
    holes &= ndimage.uniform_filter(holes.astype(np.float32), 3) >= CLOSE
    if np.count_nonzero(holes) * float(np.prod(volume.spacing_mm)) / 1000 < LEAST_HOLE_ML:
        return None
    voxels = volume.voxels.copy()
    voxels[holes] = RESTORED_HU
    return replace(volume, voxels=voxels)


def _lonely_value(values: npt.NDArray[Any], least: float) -> int | None:
    """The commonest of (N,) whole values that is much commoner than its neighbours; None where none has `least`."""
    if values.size == 0:
        return None
    lowest = int(values.min())
    counts = np.bincount(values.astype(np.int32) - lowest)
    padded = np.pad(counts, 1)
    lonely = (counts >= LONELY * np.maximum(padded[:-2], padded[2:])) & (counts >= least)
    return lowest + int(np.argmax(np.where(lonely, counts, 0))) if lonely.any() else None


def _outside(grid: WorkGrid, spacing_kji: FloatArray) -> BoolArray:
    """(k, j, i) the air around the patient, and what is next to it."""
    wide = opened(grid.hu < AIR_HU, OPEN_MM, spacing_kji)
    border = np.ones_like(wide)
    border[1:-1, 1:-1, 1:-1] = False
    return dilated(touching(wide, border), SKIN_MM, spacing_kji)
