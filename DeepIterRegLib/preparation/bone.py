"""Bone, and the voxels so close to it that partial volume hides a vessel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray
from DeepIterRegLib.preparation.boxes import Box, placed
from DeepIterRegLib.preparation.components import label_components
from DeepIterRegLib.preparation.contrast import ContrastLevels
from DeepIterRegLib.preparation.distance import closed, dilated
from DeepIterRegLib.preparation.work_grid import WorkGrid

SMALLEST_BONE_ML = 0.5
"""Smaller dense structures are calcifications, clips, coils, electrodes."""
WALL_MM = 1.2
"""Blur of a CT's edge: the partial volume between bone and brain passes through every vessel's HU within it."""
NEAR_MM = 3.5
"""Closer than this, brightness alone does not prove a vessel: thin bone and partial volume are as bright."""
SPECK_MARGIN_MM = 2.0
MARROW_MM = 5.0
"""Closing radius: marrow, diploe and thin plates between dense bone have the HU of vessels. Larger swallows the sinuses
in their grooves."""


@dataclass(frozen=True, eq=False)
class Bone:
    """(k, j, i) on the work grid."""

    dense: BoolArray
    """Brighter than any vessel, and large."""
    wall: BoolArray
    """`dense` and small dense structures with their blurred rims: no HU tells a vessel from bone there."""
    solid: BoolArray
    """`dense` with the marrow, cells and gaps inside it."""
    near: BoolArray
    """Within `NEAR_MM` of `dense`, thick slices counted as `WALL_MM`."""
    specks_ml: float
    """Volume of the small dense structures."""

    def within(self, box: Box) -> Bone:
        """The part of it in a box of the work grid."""
        return Bone(self.dense[box], self.wall[box], self.solid[box], self.near[box], self.specks_ml)

    def placed(self, box: Box, shape: tuple[int, ...]) -> Bone:
        """The same in a grid of `shape`, of which it was the part in `box`; outside there is no bone."""

        dense, wall, solid, near = (placed(part, box, shape) for part in (self.dense, self.wall, self.solid, self.near))
        return Bone(dense, wall, solid, near, self.specks_ml)


def find_bone(grid: WorkGrid, levels: ContrastLevels) -> Bone:
    """Bone by brightness, size and closing."""
    labels, sizes = label_components(grid.hu > levels.dense_hu)
    large = sizes * grid.voxel_ml >= SMALLEST_BONE_ML
    small = ~large
    large[0] = small[0] = False
    dense, specks = large[labels], small[labels]
    # Where slices are thicker than the blur, the neighbouring slice is what the bone mixes with.
    spacing_kji = np.minimum(grid.spacing_kji, WALL_MM)
    wall = dilated(dense, WALL_MM, spacing_kji)
    near = dilated(dense, NEAR_MM, spacing_kji)
    if specks.any():
        wall |= dilated(specks, SPECK_MARGIN_MM, grid.spacing_kji)
    solid = closed(dense, MARROW_MM, grid.spacing_kji)
    return Bone(dense, wall, solid, near, float(specks.sum()) * grid.voxel_ml)
