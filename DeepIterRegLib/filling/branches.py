"""Branches: the vessel cloud cut along its tree into pieces that fill or stay empty as one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import cKDTree

from DeepIterRegLib.common.arrays import BoolArray, FloatArray, IntArray
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
TRUNK_SHARE = 0.1
"""A piece with so much of the points, or the largest, is a trunk with its own root."""
BRIDGED_MM = 15.0
"""A small piece that is nearer to a trunk than this hangs on it: the segmentation lost what is between."""


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
        labels, parent = _cut(nodes, length_mm)
        least = LEAST_SHARE * float(cloud.weights_mm3.sum())
        labels, parent = _without_small(labels, parent, np.bincount(labels, nodes.weights_mm3).astype(float), least)
        nearest = cKDTree(nodes.positions_mm).query(cloud.positions_mm[chosen])[1]
        of_point[chosen] = labels[nearest] + count
        parents.append(np.where(parent >= 0, parent + count, -1))
        kinds.append(np.full(len(parent), is_vein))
        count += len(parent)
    if not parents:
        return Branches(of_point, np.zeros(0, dtype=np.intp), np.zeros(0, dtype=bool))
    return Branches(of_point, np.concatenate(parents), np.concatenate(kinds))


def _cut(nodes: VesselCloud, length_mm: float) -> tuple[IntArray, IntArray]:
    """(N,) labels of the nodes and (B,) parents of the branches."""
    places = np.asarray(nodes.positions_mm, dtype=np.float64)
    count = len(places)
    pairs = cKDTree(places).query_pairs(REACH_CELLS * nodes.cell_mm, output_type="ndarray")
    lengths = np.linalg.norm(places[pairs[:, 0]] - places[pairs[:, 1]], axis=1)
    # An edge of no length would be no edge in a sparse matrix.
    graph = csr_matrix((np.maximum(lengths, 1e-6), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    graph = graph + graph.T
    roots, hung = roots_of(places, connected_components(graph, directed=False)[1])
    distance, before, _ = dijkstra(graph, indices=roots, return_predecessors=True, min_only=True)
    step = np.floor(distance / length_mm)
    same = pairs[step[pairs[:, 0]] == step[pairs[:, 1]]]
    parts = csr_matrix((np.ones(len(same)), (same[:, 0], same[:, 1])), shape=(count, count))
    total, labels = connected_components(parts, directed=False)
    order = np.lexsort((distance, labels))
    first = order[np.searchsorted(labels[order], np.arange(total))]
    before = np.asarray(before, dtype=np.intp)
    before[roots] = hung
    came_from = before[first]
    return labels.astype(np.intp), np.where(came_from >= 0, labels[np.maximum(came_from, 0)], -1).astype(np.intp)


def roots_of(places: FloatArray, piece: IntArray) -> tuple[IntArray, IntArray]:
    """(R,) roots of the connected pieces, and the nodes of trunks that they hang on, -1 where they hang on none."""
    sizes = np.bincount(piece)
    roots: list[int] = []
    hung: list[int] = []
    trunks = np.zeros(0, dtype=np.intp)
    for number in np.argsort(-sizes, kind="stable"):
        own = np.flatnonzero(piece == number)
        if not roots or sizes[number] > TRUNK_SHARE * len(places):
            roots.append(int(own[places[own, 2].argmin()]))
            hung.append(-1)
            trunks = np.concatenate([trunks, own])
            continue
        distances, nearest = cKDTree(places[trunks]).query(places[own])
        end = int(distances.argmin())
        roots.append(int(own[end]))
        hung.append(int(trunks[nearest[end]]) if distances[end] < BRIDGED_MM else -1)
    return np.array(roots), np.array(hung)


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
