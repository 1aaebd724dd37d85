"""A CTA's head on grids of one and two millimetres: what everything that looks at the whole head starts from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from DeepIterRegLib.common import stage_names
from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.preparation.bone import Bone, find_bone
from DeepIterRegLib.preparation.boxes import bounding_box
from DeepIterRegLib.preparation.cavity import COARSE_EDGE_MM, Cavity, find_body, find_cavity
from DeepIterRegLib.preparation.contrast import ContrastLevels, contrast_levels
from DeepIterRegLib.preparation.head_axes import head_axes, places_mm
from DeepIterRegLib.preparation.removed_bone import with_bone_restored
from DeepIterRegLib.preparation.work_grid import WorkGrid, coarse_to_ras, coarser, grid_to_ras, work_grid

AROUND_BODY = 12
"""Voxels of the work grid: farther than bone's margins reach."""


@dataclass(frozen=True, eq=False)
class HeadGrid:
    """The head that a CTA shows, on the work grid of about 1 mm (k, j, i) and on every other voxel of it."""

    work: WorkGrid
    """HU as block means; index 0 of it is a block, whose centre is not the centre of voxel 0 of the volume."""
    bone: Bone
    """On the work grid."""
    body: BoolArray
    """(k, j, i) on the work grid: the patient, without table and headrest; right to about 2 mm."""
    vessels: BoolArray
    """(k, j, i) blocks of the work grid that hold vessels, veins included."""
    levels: ContrastLevels
    coarse: WorkGrid
    """About 2 mm, sampled from `work`; `coarse.to_fine` brings a mask to the work grid."""
    cavity: Cavity
    """On the coarse grid."""
    volume_to_ras: FloatArray
    """(4, 4) index (i, j, k, 1) of the volume itself to the patient frame, RAS, mm."""
    brain_mm: FloatArray
    """(3,) the middle of the deep brain, patient frame."""
    axes: FloatArray
    """(3, 3) columns: the head's right, front and top in the patient frame (`head_axes`)."""
    is_restored: bool = False
    """Whether the CTA's bones had been taken out, and `work` shows bone in the holes that they left."""

    @property
    def ijk_to_ras(self) -> FloatArray:
        """(4, 4) index (i, j, k, 1) of the work grid to the centre of that block, patient frame, RAS, mm."""
        return grid_to_ras(self.volume_to_ras, self.work.factors)

    @property
    def kji_step_to_head(self) -> FloatArray:
        """(3, 3) whose columns are one step along k, j, i of the work grid in mm along the head's right, front, top."""
        return self.axes.T @ self.ijk_to_ras[:3, 2::-1]


def find_head(volume: Volume, tell: Callable[[str, float], None]) -> HeadGrid | None:
    """Where the head of a CTA is, its cavity, bone and levels, no vessels yet; None where no head is found.

    tell: called with the stage's name and the fraction of the preparation that is done. Bones that were taken out of
    the CTA are looked for by the holes that they left.
    """
    tell(stage_names.FINDING_HEAD, 0.0)
    found = _find_head(volume, tell)
    if found is not None:
        return found
    restored = with_bone_restored(volume)
    found = None if restored is None else _find_head(restored, tell)
    return None if found is None else replace(found, is_restored=True)


def _find_head(volume: Volume, tell: Callable[[str, float], None]) -> HeadGrid | None:
    work = work_grid(volume.voxels, volume.spacing_mm[::-1])
    coarse = coarser(work, COARSE_EDGE_MM)
    cavity = find_cavity(coarse.hu, coarse.spacing_kji)
    if cavity is None:
        return None
    levels = contrast_levels(work, coarse, cavity)
    tell(stage_names.REMOVING_BONE, 0.15)
    body = coarse.to_fine(find_body(coarse.hu, coarse.spacing_kji))
    box = bounding_box(body, margin=AROUND_BODY)  # of coarse voxels much is air, which costs as much as a head
    bone = find_bone(work.within(box), levels).placed(box, work.hu.shape)
    none = np.zeros(work.hu.shape, dtype=bool)
    to_ras = coarse_to_ras(volume.ijk_to_ras, work.factors, coarse.factors)
    brain_mm = places_mm(cavity.core, to_ras).mean(axis=0)
    axes = head_axes(coarse.hu, to_ras, cavity)
    return HeadGrid(work, bone, body, none, levels, coarse, cavity, volume.ijk_to_ras, brain_mm, axes)
