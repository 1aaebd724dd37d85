"""Vessels and veins of a CTA, from the volume alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from DeepIterRegLib.common import stage_names
from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.images.volume import Volume
from DeepIterRegLib.preparation.boxes import bounding_box
from DeepIterRegLib.preparation.canal import canal_vessels
from DeepIterRegLib.preparation.cavity import BELOW_CORE_MM, CORE_LOWEST_PERCENTILE, Cavity
from DeepIterRegLib.preparation.distance import dilated
from DeepIterRegLib.preparation.fine import on_fine_grid
from DeepIterRegLib.preparation.head_grid import HeadGrid
from DeepIterRegLib.preparation.veins import find_veins
from DeepIterRegLib.preparation.vessels import intracranial_vessels, neck_vessels

CAVITY_MARGIN_MM = 3.0
"""The coarse cavity is right to about a voxel and a half."""
SPINAL_ML = 2.0
"""Of vessels in the spinal canal: both vertebral arteries, 4 mm wide, over 40 mm hold 1 mL. More is vertebrae with thin
shells, and the neck's rules then decide what of it is a vessel."""
METAL_HU = 2900.0
"""Enamel ends at about 2800; metal saturates most scanners at 3071."""
METAL_ML = 0.05
FAINT_HU = 120.0
"""Less than this between vessels and brain: the bolus was early or late, thin arteries are lost in the noise."""


@dataclass(frozen=True, eq=False)
class CtaSegmentation:
    """(K, J, I) masks on the volume's grid, and what they were found on."""

    vessels: BoolArray
    veins: BoolArray
    head: HeadGrid
    warnings: tuple[str, ...]


def segment_cta(volume: Volume, head: HeadGrid, tell: Callable[[str, float], None]) -> CtaSegmentation:
    """Find the vessels of a head and its neck; both masks are empty where there is no contrast.

    head: `find_head` of the volume.
    """
    if not head.levels.has_contrast:
        none = np.zeros(volume.voxels.shape, dtype=bool)
        return CtaSegmentation(none, none, head, warnings=())
    tell(stage_names.FINDING_VESSELS, 0.3)
    vessels, veins = _find_vessels(head, tell)
    tell(stage_names.OUTLINING_VESSELS, 0.85)
    fine_veins = on_fine_grid(veins, head.work, volume.voxels, head.levels, thick=True)
    fine_vessels = on_fine_grid(vessels & ~veins, head.work, volume.voxels, head.levels, thick=False)
    fine_vessels |= fine_veins
    return CtaSegmentation(fine_vessels, fine_veins, replace(head, vessels=vessels), _warnings(head))


def _find_vessels(head: HeadGrid, tell: Callable[[str, float], None]) -> tuple[BoolArray, BoolArray]:
    """(k, j, i) on the work grid: all vessels, and the large veins among them."""
    grid, coarse, cavity, bone, levels = head.work, head.coarse, head.cavity, head.bone, head.levels
    to_head = head.kji_step_to_head
    inside = coarse.to_fine(cavity.inside)
    searched = coarse.to_fine(dilated(cavity.inside, CAVITY_MARGIN_MM, coarse.spacing_kji))
    box = bounding_box(searched, margin=3)  # of the cavity: half of the volume or less, and the costly half of the work
    vessels, veins = np.zeros_like(inside), np.zeros_like(inside)
    core = coarse.to_fine(cavity.core)
    vessels[box] = intracranial_vessels(grid.within(box), searched[box], core[box], bone.within(box), levels)
    tell(stage_names.FINDING_VEINS, 0.7)
    above = coarse.to_fine(_above_spine(cavity, to_head * coarse.factors))
    if float(np.count_nonzero(vessels & ~above)) * grid.voxel_ml > SPINAL_ML:
        vessels &= above
        searched &= above
    veins[box] = find_veins(vessels[box], inside[box], to_head, grid.spacing_kji)
    box = bounding_box(head.body, margin=3)
    in_body, bone_in_body, body = grid.within(box), bone.within(box), head.body[box]
    neck = neck_vessels(in_body, body & ~searched[box], bone_in_body, levels, to_head)
    neck |= canal_vessels(in_body, neck, vessels[box] & ~veins[box], bone=bone_in_body, levels=levels, body=body)
    vessels[box] |= neck
    return vessels, veins


def _above_spine(cavity: Cavity, to_head: FloatArray) -> BoolArray:
    """(k, j, i) on the cavity's grid: not the spinal canal, where vertebrae are too near for the cavity's rules.

    to_head: (3, 3) columns turn a step along k, j, i into mm along the head's right, front, top.
    """
    lowest = float(np.percentile(np.argwhere(cavity.core) @ to_head[2], CORE_LOWEST_PERCENTILE)) - BELOW_CORE_MM
    k, j, i = (np.arange(n, dtype=np.float32) * step for n, step in zip(cavity.core.shape, to_head[2], strict=True))
    return np.asarray(k[:, None, None] + j[:, None] + i > lowest)


def _warnings(head: HeadGrid) -> tuple[str, ...]:
    grid, levels = head.work, head.levels
    found = []
    if levels.vessel_hu - levels.tissue_hu < FAINT_HU:
        found.append(
            f"The vessels of the CTA are only {levels.vessel_hu - levels.tissue_hu:.0f} HU brighter than the brain "
            "(early or late phase?): thin ones may be missing."
        )
    if float(np.count_nonzero(grid.hu > METAL_HU)) * grid.voxel_ml > METAL_ML:
        found.append("The CTA shows metal: its streaks may pass for vessels.")
    return tuple(found)
