"""What the picture says of each branch by itself: whether vessels lie under it, where no other branch hides it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.binning import binned
from DeepIterRegLib.filling.branches import Branches
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.preparation.prepared import PreparedAngiogram
from DeepIterRegLib.render.choose import splat_renderer
from DeepIterRegLib.render.sampling import binning_factor, fitting_cell_mm, resampled

SIZE_PX = 256
NEAR_MM = 2.0
"""On the detector: as far as a good pose is off."""
AROUND_MM = 12.0
"""How far around a branch the picture without branches is looked at, to know what chance would put under it."""
THIN_MM = 0.1
"""Path length with which a branch is in a pixel."""


@dataclass(frozen=True, eq=False)
class BranchEvidence:
    """Of B branches in one view."""

    seen_mm2: FloatArray
    """(B,) area on the detector where the branch is in view, each pixel shared with the branches that overlap there."""
    own: FloatArray
    """(B,) how much of the branch's whole area that is."""
    covered: FloatArray
    """(B,) share of it that lies on the run's vessels, or within 2 mm; 0 where nothing is in view."""
    by_chance: FloatArray
    """(B,) share of the surroundings without any branch that does."""


def branch_evidence(cloud: VesselCloud, cut: Branches, prepared: PreparedAngiogram, pose: FloatArray) -> BranchEvidence:
    """At a pose (4, 4): of each branch of `cloud` in one angiogram."""
    carm = prepared.angiogram.carm
    factor = binning_factor(carm, SIZE_PX)
    small = carm.binned(factor)
    pixel_mm = float(np.sqrt(np.prod(small.pixel_spacing_mm)))
    lengths = np.stack([_drawn(cloud.subset(cut.of_point == number), small, pose) for number in range(len(cut))])
    valid = binned(prepared.angiogram.valid.astype(np.float32), factor) > 0.5
    filled = binned(prepared.vessels.astype(np.float32), factor) > 0.25
    near = ndimage.distance_transform_edt(~filled) * pixel_mm <= NEAR_MM
    total = lengths.sum(axis=0)
    free = valid & (total < THIN_MM)
    seen, own, covered, by_chance = (np.zeros(len(cut)) for _ in range(4))
    margin = round(AROUND_MM / pixel_mm)
    for number, length in enumerate(lengths):
        inside = (length > THIN_MM) & valid
        if not inside.any():
            continue
        share = np.where(inside, length / np.maximum(total, THIN_MM), 0.0)
        seen[number] = share.sum() * pixel_mm**2
        own[number] = share.sum() / inside.sum()
        covered[number] = (share * near).sum() / share.sum()
        box = tuple(
            slice(max(int(where.min()) - margin, 0), int(where.max()) + margin + 1) for where in np.nonzero(inside)
        )
        around = free[box] & (ndimage.distance_transform_edt(~inside[box]) * pixel_mm <= AROUND_MM)
        by_chance[number] = near[box][around].mean() if around.any() else near[valid].mean()
    return BranchEvidence(seen, own, covered, by_chance)


def _drawn(branch: VesselCloud, carm: CArm, pose: FloatArray) -> FloatArray:
    renderer = splat_renderer(resampled(branch, fitting_cell_mm(branch, carm)), carm, "cpu", resample=False)
    image: FloatArray = renderer.render(pose[None])[0]
    return image
