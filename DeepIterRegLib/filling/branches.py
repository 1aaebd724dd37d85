"""Branches: the vessel cloud cut along its tree into pieces that fill or stay empty as one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from DeepIterRegLib.common.arrays import BoolArray, FloatArray, IntArray
from DeepIterRegLib.filling.vessel_tree import cut_along
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.render.sampling import gathered

BRANCH_MM, VEIN_MM = 20.0, 30.0
"""Length of a branch along the tree, of arteries and of the large veins."""
CELL_MM = 1.0
"""Of the points that the tree is made of."""
REACH_CELLS = 2.2
"""Points nearer than this are connected: one empty cell between two is noise of the segmentation."""
LEAST_SHARE = 0.002
"""Of the cloud's weight; a smaller branch joins the one it comes from."""


@dataclass(frozen=True, eq=False)
class Branches:
    """B branches of a cloud of N points."""

    of_point: IntArray
    """(N,) the branch of each of the cloud's points."""
    parent: IntArray
    """(B,) the branch that the blood comes through (of veins: goes through), -1 at a root."""
    is_vein: BoolArray
    """(B,)"""

    def __len__(self) -> int:
        return len(self.parent)


def branches(cloud: VesselCloud) -> Branches:
    """Cut a cloud: distance from the root along the tree in steps of 20 mm (veins 30), each connected part a branch.

    The root of a trunk is its lowest point. Vessels that touch are one; arteries and large veins are cut apart.
    """
    of_point = np.zeros(len(cloud), dtype=np.intp)
    parents, kinds, count = [], [], 0
    for is_vein, length_mm in ((False, BRANCH_MM), (True, VEIN_MM)):
        chosen = np.flatnonzero(cloud.is_vein == is_vein)
        if not len(chosen):
            continue
        nodes = gathered(cloud.subset(cloud.is_vein == is_vein), max(CELL_MM, 1.7 * cloud.cell_mm))
        places = np.asarray(nodes.positions_mm, dtype=np.float64)
        parts = cut_along(places, REACH_CELLS * nodes.cell_mm, length_mm)
        least = LEAST_SHARE * float(cloud.weights_mm3.sum())
        weights = np.bincount(parts.of_point, nodes.weights_mm3).astype(float)
        labels, parent = _without_small(parts.of_point, parts.parent, weights, least)
        nearest = cKDTree(nodes.positions_mm).query(cloud.positions_mm[chosen])[1]
        of_point[chosen] = labels[nearest] + count
        parents.append(np.where(parent >= 0, parent + count, -1))
        kinds.append(np.full(len(parent), is_vein))
        count += len(parent)
    if not parents:
        return Branches(of_point, np.zeros(0, dtype=np.intp), np.zeros(0, dtype=bool))
    return Branches(of_point, np.concatenate(parents), np.concatenate(kinds))


def _without_small(labels: IntArray, parent: IntArray, weights: FloatArray, least: float) -> tuple[IntArray, IntArray]:
    """Branches with less than `least` weight joined to their parents."""
    joins = np.arange(len(parent))
    small = (weights < least) & (parent >= 0)
    joins[small] = parent[small]
    while (joins != joins[joins]).any():
        joins = joins[joins]
    kept = np.unique(joins)
    number = np.full(len(parent), -1)
    number[kept] = np.arange(len(kept))
    above = parent[kept]
    return number[joins[labels]], np.where(above >= 0, number[joins[np.maximum(above, 0)]], -1)
