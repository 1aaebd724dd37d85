"""Vessels of a CTA without bone, where no head is found in it either: what is brighter than tissue, and large."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.common.robust_statistics import robust_sigma
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.preparation.components import touching
from DeepIterRegLib.preparation.contrast import (
    ABOVE_TISSUE_HU,
    BRIGHTEST_PERCENTILE,
    LEAST_CONTRAST_ML,
    VESSEL_PERCENTILE,
    ContrastLevels,
)
from DeepIterRegLib.preparation.fine import on_fine_grid, partial_volume
from DeepIterRegLib.preparation.hounsfield_limits import BRAIN_HU
from DeepIterRegLib.preparation.rotational import segment_rotational
from DeepIterRegLib.preparation.vessels import SMALLEST_ML
from DeepIterRegLib.preparation.work_grid import work_grid

TISSUE_HU = (-20.0, 100.0)
"""Brain, muscle, blood without contrast."""
LEAST_TISSUE = 0.1
"""Share of the volume; less is what a cut-out left at the rims of vessels."""
AIR_HU = -700.0


def segment_boneless(volume: Volume) -> tuple[BoolArray, FloatArray]:
    """Vessel mask (K, J, I), and the fill (N,) of its voxels in their order; empty where nothing stands out.

    Vessels are what is brighter than the soft tissue around them, or than brain where they were cut out of it;
    hysteresis between a third and a half of their contrast. Where there is neither tissue nor air, the unit is
    any, and they are those of a 3DRA.
    """
    work = work_grid(volume.voxels, volume.spacing_mm[::-1])
    tissue = work.hu[(work.hu > TISSUE_HU[0]) & (work.hu < TISSUE_HU[1])]
    level, noise = BRAIN_HU, 0.0
    if tissue.size >= LEAST_TISSUE * work.hu.size:
        level = float(np.median(tissue))
        noise = robust_sigma(tissue - level)
    if noise == 0 and volume.voxels.min() > AIR_HU:
        mask, brightness = segment_rotational(volume.voxels, float(np.prod(volume.spacing_mm)))
        return mask, brightness[mask]
    bright = work.hu[work.hu > level + max(ABOVE_TISSUE_HU, 4 * noise)]
    bright_ml = bright.size * work.voxel_ml
    if bright_ml < LEAST_CONTRAST_ML:
        return np.zeros(volume.voxels.shape, dtype=bool), np.zeros(0, dtype=np.float32)
    vessel, brightest = np.percentile(bright, [VESSEL_PERCENTILE, BRIGHTEST_PERCENTILE])
    levels = ContrastLevels(level, noise, float(vessel), float(brightest), bright_ml)
    found = touching(work.hu > levels.low_hu, work.hu > levels.seed_hu, round(SMALLEST_ML / work.voxel_ml))
    vessels = on_fine_grid(found, work, volume.voxels, levels, thick=False)
    return vessels, partial_volume(volume.voxels, vessels, np.zeros_like(vessels), level)
