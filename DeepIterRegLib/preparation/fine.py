"""From the work grid back to the volume's own voxels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.preparation.contrast import ContrastLevels, lumen_hu
from DeepIterRegLib.preparation.distance import dilated
from DeepIterRegLib.preparation.work_grid import WorkGrid

LEVEL_PERCENTILE = 90.0
"""Of a class's voxels: the lumen; the rest is its rim and its small branches."""
LEAST_FILL = 0.33
"""Least share of vessel in a voxel of the mask."""
LEAST_CONTRAST_HU = 30.0
"""Voxels that are not this much brighter than tissue say nothing about partial volume: each counts as all vessel."""


def on_fine_grid(
    mask: BoolArray, grid: WorkGrid, voxels: FloatArray | npt.NDArray[np.int16], levels: ContrastLevels, thick: bool
) -> BoolArray:
    """(K, J, I) voxels bright enough in the mask's blocks and their neighbours; thick: the mask's vessels are.

    One block farther than the mask reaches, because the rim of a vessel (and of a sinus on the bone) was left out.
    """
    fine = np.zeros(voxels.shape, dtype=bool)
    if not mask.any():
        return fine
    reach = float(np.linalg.norm(grid.spacing_kji)) / np.sqrt(3.0) * 1.01
    reached = dilated(mask, reach, grid.spacing_kji)
    # Thick veins of an early phase are paler than the threshold for arteries, and known all the same.
    lumen = lumen_hu(grid.hu[mask])
    low = min(levels.low_hu, levels.tissue_hu + LEAST_FILL * (lumen - levels.tissue_hu)) if thick else levels.low_hu
    for box, blocks in grid.slabs(reached):
        part = voxels[box]
        fine[box] = blocks & (part > low) & (part < levels.dense_hu)
    return fine


def partial_volume(
    voxels: FloatArray | npt.NDArray[np.int16], vessels: BoolArray, veins: BoolArray, tissue: float
) -> npt.NDArray[np.float32]:
    """(N,) share of each voxel of `vessels`, in their order, that is vessel: 0 at the tissue's brightness, 1 at that of
    the lumen.

    Veins and arteries have a level each: they fill at different times.
    """
    values = voxels[vessels].astype(np.float32)
    is_vein = veins[vessels]
    for part in (~is_vein, is_vein):
        if not part.any():
            continue
        full = float(np.percentile(values[part], LEVEL_PERCENTILE))
        if full - tissue < LEAST_CONTRAST_HU:
            values[part] = 1.0
        else:
            values[part] = np.clip((values[part] - tissue) / (full - tissue), 0.0, 1.0)
    return values
