"""The carotid in the skull base, between the vessels of the neck and those of the cavity."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray
from DeepIterRegLib.preparation.bone import Bone
from DeepIterRegLib.preparation.components import label_components
from DeepIterRegLib.preparation.contrast import ContrastLevels, lumen_hu
from DeepIterRegLib.preparation.distance import dilated
from DeepIterRegLib.preparation.work_grid import WorkGrid

SAME_HU = 0.15
"""Blood changes its brightness less than that over the few centimetres of the canal, as a share of its contrast."""
REACH_MM = 2.0
"""What the neck's and the cavity's rules left out at their ends."""
GAP_ML = (0.03, 1.5)
"""Canal and siphon, 5 mm wide and 60 mm long, hold 1.2 mL; more is marrow that happens to be as bright as blood."""


def canal_vessels(
    grid: WorkGrid, neck: BoolArray, head: BoolArray, *, bone: Bone, levels: ContrastLevels, body: BoolArray
) -> BoolArray:
    """(k, j, i) what joins the neck's vessels to the head's through bone, as bright as the neck's; may be empty.

    All masks are (k, j, i). Marrow of that brightness is no bridge: cortical bone, and its blur, are around it.
    """
    none = np.zeros_like(neck)
    if not neck.any() or not head.any():
        return none
    # Of the neck's vessels the carotid is the brightest, except in a late phase.
    lumen = lumen_hu(grid.hu[neck])
    as_bright = np.abs(grid.hu - lumen) < SAME_HU * (lumen - levels.tissue_hu)
    labels, sizes = label_components(as_bright & body & ~bone.wall & ~neck & ~head)
    keep = (sizes * grid.voxel_ml >= GAP_ML[0]) & (sizes * grid.voxel_ml <= GAP_ML[1])
    for end in (neck, head):
        reached = np.zeros_like(keep)
        reached[labels[dilated(end, REACH_MM, grid.spacing_kji)]] = True
        keep &= reached
    keep[0] = False
    return keep[labels]
