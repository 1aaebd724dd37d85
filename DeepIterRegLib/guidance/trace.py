"""From the CTA's vessel cloud to its centrelines.

The distance from a root along the vessel cuts it into slices, whose middles are the centreline and whose volume is its
cross-section (Verroust & Lazarus 2000, "Extracting skeletal curves from 3D scattered data", Visual Computer 16:15). It
needs points alone, which the scene keeps, and takes a second; thinning a mask (scikit-image, skan) needs packages that
Slicer has not, and leaves a tree with loops and without radii.
"""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray, IntArray
from DeepIterRegLib.filling.vessel_tree import cut_along
from DeepIterRegLib.guidance.centreline import Centreline
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.render.sampling import gathered

CELL_MM = 0.8
"""Of the points that the slices are made of."""
REACH_CELLS = 1.9
"""Points nearer than this are connected: more joins the two anterior cerebral arteries."""
STEP_MM = 1.5
"""Thickness of a slice."""
SPUR_MM, SPUR_RADII = 3.0, 2.0
"""A branch that ends so near to where it left the middle of its vessel is a bump on the wall."""
LEAST_PIECE_MM = 6.0
"""A piece that hangs on nothing and is shorter is noise."""
SMOOTHINGS = 2


def traced(cloud: VesselCloud) -> Centreline:
    """The centrelines of a cloud, arteries first. Vessels that touch are one; arteries and large veins are not joined.

    The root of a trunk is its lowest point. A loop, as the circle of Willis, is open where its two ways are equally
    long.
    """
    parts = []
    for is_vein in (False, True):
        chosen = cloud.is_vein == is_vein
        if chosen.any():
            nodes = gathered(cloud.subset(chosen), max(CELL_MM, 1.7 * cloud.cell_mm))
            parts.append(_traced(nodes, is_vein))
    if not parts:
        return Centreline.empty()
    begins = np.cumsum([0, *(len(part) for part in parts)])
    return Centreline(
        np.concatenate([part.points_mm for part in parts]),
        np.concatenate([part.radii_mm for part in parts]),
        np.concatenate([
            np.where(part.parent >= 0, part.parent + begin, -1)
            for part, begin in zip(parts, begins, strict=False)
        ]),
        np.concatenate([part.bridged for part in parts]),
        np.concatenate([part.is_vein for part in parts]),
    )  # fmt: skip


def _traced(nodes: VesselCloud, is_vein: bool) -> Centreline:
    places = np.asarray(nodes.positions_mm, dtype=np.float64)
    parts = cut_along(places, REACH_CELLS * nodes.cell_mm, STEP_MM)
    slice_of, parent = parts.of_point, parts.parent
    weights = np.asarray(nodes.weights_mm3, dtype=np.float64)
    volume = np.bincount(slice_of, weights)
    middle = np.stack([np.bincount(slice_of, weights * axis) for axis in places.T], axis=1) / volume[:, None]
    bridged = np.isin(parts.first, parts.bridged)
    # Parents before their children.
    ranks = _depths(parent)
    order = np.lexsort((np.arange(len(parent)), ranks))
    number = np.empty(len(order), dtype=np.intp)
    number[order] = np.arange(len(order))
    parent = np.where(parent[order] >= 0, number[np.maximum(parent[order], 0)], -1)
    points: FloatArray = middle[order]
    volume, bridged = volume[order], bridged[order]
    radii: FloatArray = np.sqrt(volume / (np.pi * STEP_MM))
    for _ in range(SMOOTHINGS):
        points, radii = _smoothed(points, radii, parent, bridged)
    line = Centreline(points, radii, parent, bridged, np.full(len(parent), is_vein))
    return _without_noise(_without_spurs(line))


def _depths(parent: IntArray) -> IntArray:
    """(N,) steps to the root."""
    depth = np.zeros(len(parent), dtype=np.intp)
    above = parent.copy()
    while (above >= 0).any():
        depth += above >= 0
        above = np.where(above >= 0, parent[np.maximum(above, 0)], -1)
    return depth


def _smoothed(
    points_mm: FloatArray, radii_mm: FloatArray, parent: IntArray, bridged: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Each point that has one child as the mean of both its neighbours and itself; its cross-section likewise."""
    linked = np.flatnonzero((parent >= 0) & ~bridged)
    children = np.bincount(parent[linked], minlength=len(parent))
    child = np.zeros(len(parent), dtype=np.intp)
    child[parent[linked]] = linked
    inner = linked[children[linked] == 1]
    points, areas = points_mm.copy(), radii_mm**2
    around = parent[inner], child[inner]
    points[inner] = (points_mm[inner] + points_mm[around[0]] + points_mm[around[1]]) / 3
    areas[inner] = (radii_mm[inner] ** 2 + radii_mm[around[0]] ** 2 + radii_mm[around[1]] ** 2) / 3
    return points, np.sqrt(areas)


def _without_spurs(line: Centreline) -> Centreline:
    """Branches that end within their own vessel's wall taken off."""
    children = np.bincount(line.parent[line.parent >= 0], minlength=len(line))
    keep = np.ones(len(line), dtype=bool)
    for end in np.flatnonzero(children == 0):
        branch, length_mm, at = [int(end)], 0.0, int(end)
        while line.parent[at] >= 0 and not line.bridged[at]:
            above = int(line.parent[at])
            length_mm += float(np.linalg.norm(line.points_mm[at] - line.points_mm[above]))
            if children[above] > 1:
                if length_mm < max(SPUR_MM, SPUR_RADII * line.radii_mm[above]):
                    keep[branch] = False
                    children[above] -= 1
                break
            branch.append(above)
            at = above
    return _subset(line, keep)


def _without_noise(line: Centreline) -> Centreline:
    """Trees that are shorter than a piece taken out."""
    root = np.arange(len(line))
    for index in np.flatnonzero(line.parent >= 0):
        root[index] = root[line.parent[index]]
    linked = np.flatnonzero(line.parent >= 0)
    steps = np.linalg.norm(line.points_mm[linked] - line.points_mm[line.parent[linked]], axis=1)
    lengths = np.bincount(root[linked], steps, minlength=len(line))
    return _subset(line, lengths[root] >= LEAST_PIECE_MM)


def _subset(line: Centreline, keep: BoolArray) -> Centreline:
    """The points that are kept, whose parents are, too."""
    number = np.full(len(line), -1)
    number[keep] = np.arange(int(keep.sum()))
    parent = line.parent[keep]
    return Centreline(
        line.points_mm[keep],
        line.radii_mm[keep],
        np.where(parent >= 0, number[np.maximum(parent, 0)], -1).astype(np.intp),
        line.bridged[keep],
        line.is_vein[keep],
    )
