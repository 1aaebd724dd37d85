"""The vessel map as it travels to a 3D view: which branch is where in space, and what is known of each. numpy alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray, IntArray
from DeepIterRegLib.preparation.cloud import VesselCloud

if TYPE_CHECKING:  # It loads scipy, which the application does without.
    from DeepIterRegLib.filling.vessel_map import VesselMap

CELL_MM = 1.5
MARGIN_MM = 6.0
"""About the vessels: what a surface of them may lie beside its points."""
NOT_FILLED, CANNOT_TELL, FILLED = 0, 1, 2
"""States as numbers, in `BranchMap.state`."""
_NUMBERS = {"not filled": NOT_FILLED, "cannot tell": CANNOT_TELL, "filled": FILLED}


@dataclass(frozen=True, eq=False)
class BranchMap:
    """Of B branches. Raises ValueError for arrays that contradict each other."""

    labels: npt.NDArray[np.int16]
    """(2, K, J, I) the nearest branch to each cell, first of the arteries, then of the veins; -1 where there is none of
    that kind."""
    origin_mm: FloatArray
    """(3,) centre of the first cell, patient frame."""
    cell_mm: float
    state: npt.NDArray[np.uint8]
    """(B,)"""
    probability: npt.NDArray[np.float32]
    """(B,) that it is filled."""
    arrival: npt.NDArray[np.float32]
    """(B,) when the contrast is at half of its peak, in the first run that tells; NaN: unknown."""
    in_seconds: bool
    """Whether arrival is in seconds; in frames otherwise."""

    def __post_init__(self) -> None:
        count = len(self.state)
        if self.labels.ndim != 4 or len(self.labels) != 2 or min(self.labels.shape) < 1:
            raise ValueError("no grids of branches")
        if self.labels.min() < -1 or self.labels.max() >= max(count, 0):
            raise ValueError("a cell belongs to a branch that is not there")
        if {len(self.probability), len(self.arrival)} != {count}:
            raise ValueError("not one number for each branch")

    def branch_at(self, points_mm: npt.NDArray[Any], veins: bool) -> IntArray:
        """(N,) the branch nearest to (N, 3) points, patient frame; -1 where there is none of that kind at all."""
        shape = np.array(self.labels.shape[:0:-1])
        ijk = np.rint((np.asarray(points_mm) - self.origin_mm) / self.cell_mm).astype(np.intp)
        i, j, k = np.clip(ijk, 0, shape - 1).T
        return self.labels[int(veins), k, j, i].astype(np.intp)


def branch_map(found: VesselMap, cloud: VesselCloud) -> BranchMap:
    """Of a vessel map and the cloud that it was made of, which has points."""
    # The application, which takes a map from the worker, has no scipy.
    from scipy import ndimage

    branches = found.filling.branches
    positions = cloud.positions_mm.astype(np.float64)
    origin = positions.min(axis=0) - MARGIN_MM
    shape = tuple(int(size) for size in (np.ceil((positions.max(axis=0) + MARGIN_MM - origin) / CELL_MM) + 1)[::-1])
    labels = np.full((2, *shape), -1, dtype=np.int16)
    i, j, k = np.rint((positions - origin) / CELL_MM).astype(np.intp).T
    for veins in (False, True):
        chosen = cloud.is_vein == veins
        if not chosen.any():
            continue
        grid = labels[int(veins)]
        grid[k[chosen], j[chosen], i[chosen]] = branches.of_point[chosen]
        nearest = ndimage.distance_transform_edt(grid < 0, return_distances=False, return_indices=True)
        labels[int(veins)] = grid[tuple(nearest)]
    told = next((one for one in found.arrivals if one is not None), None)
    unknown = np.full(len(branches), np.nan)
    return BranchMap(
        labels,
        origin,
        CELL_MM,
        np.array([_NUMBERS[state] for state in found.states], dtype=np.uint8),
        found.filling.probability.astype(np.float32),
        (unknown if told is None else told.half).astype(np.float32),
        told is not None and told.in_seconds,
    )
