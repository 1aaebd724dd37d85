"""What the picture says of each branch by itself: whether vessels lie under it, where no other branch hides it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.binning import binned
from DeepIterRegLib.filling.branches import Branches
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


class BranchView:
    """The branches of a cloud in one angiogram, sampled once for many poses."""

    def __init__(self, cloud: VesselCloud, cut: Branches, prepared: PreparedAngiogram) -> None:
        carm = prepared.angiogram.carm
        factor = binning_factor(carm, SIZE_PX)
        small = carm.binned(factor)
        cell_mm = fitting_cell_mm(cloud, small)
        self._renderers = [
            splat_renderer(resampled(cloud.subset(cut.of_point == number), cell_mm), small, "cpu", resample=False)
            for number in range(len(cut))
        ]
        self.factor = factor
        """Of the detector's pixels that make one here."""
        self._pixel_mm = float(np.sqrt(np.prod(small.pixel_spacing_mm)))
        self._valid = binned(prepared.angiogram.valid.astype(np.float32), factor) > 0.5
        filled = binned(prepared.vessels.astype(np.float32), factor) > 0.25
        self._near = ndimage.distance_transform_edt(~filled) * self._pixel_mm <= NEAR_MM

    def lengths(self, pose: FloatArray) -> FloatArray:
        """(B, rows, columns) mm of each branch along the rays of the coarse pixels, at a pose (4, 4)."""
        return np.stack([renderer.render(pose[None])[0] for renderer in self._renderers])

    def evidence(self, pose: FloatArray) -> BranchEvidence:
        """Of each branch at a pose (4, 4)."""
        lengths = self.lengths(pose)
        total = lengths.sum(axis=0)
        free = self._valid & (total < THIN_MM)
        seen, own, covered, by_chance = (np.zeros(len(lengths)) for _ in range(4))
        margin = round(AROUND_MM / self._pixel_mm)
        for number, length in enumerate(lengths):
            inside = (length > THIN_MM) & self._valid
            if not inside.any():
                continue
            share = np.where(inside, length / np.maximum(total, THIN_MM), 0.0)
            seen[number] = share.sum() * self._pixel_mm**2
            own[number] = share.sum() / inside.sum()
            covered[number] = (share * self._near).sum() / share.sum()
            box = tuple(
                slice(max(int(where.min()) - margin, 0), int(where.max()) + margin + 1) for where in np.nonzero(inside)
            )
            around = free[box] & (ndimage.distance_transform_edt(~inside[box]) * self._pixel_mm <= AROUND_MM)
            near = self._near[box][around] if around.any() else self._near[self._valid]
            by_chance[number] = near.mean()
        return BranchEvidence(seen, own, covered, by_chance)
