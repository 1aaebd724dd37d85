"""The points of a vessel cloud as a tree: what hangs together, and how far along the vessels from a root."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import cKDTree

from DeepIterRegLib.common.arrays import FloatArray, IntArray

TRUNK_SHARE = 0.1
"""A piece with so much of the points, or the largest, is a trunk with its own root."""
BRIDGED_MM = 15.0
"""A small piece that is nearer to a trunk than this hangs on it: the segmentation lost what is between."""


@dataclass(frozen=True, eq=False)
class TreeParts:
    """P connected parts of N points, each within one step of the distance from the root."""

    of_point: IntArray
    """(N,)"""
    first: IntArray
    """(P,) the point of each part that is nearest to the root."""
    parent: IntArray
    """(P,) the part that the blood comes through, -1 at a root."""
    bridged: IntArray
    """The points over which a piece that was cut off hangs on a trunk."""


def connected(places: FloatArray, reach_mm: float) -> csr_matrix:
    """(N, N) distances in mm between points (N, 3) that are nearer to one another than this."""
    pairs = cKDTree(places).query_pairs(reach_mm, output_type="ndarray")
    lengths = np.linalg.norm(places[pairs[:, 0]] - places[pairs[:, 1]], axis=1)
    # An edge of no length would be no edge in a sparse matrix.
    graph = csr_matrix((np.maximum(lengths, 1e-6), (pairs[:, 0], pairs[:, 1])), shape=(len(places), len(places)))
    return graph + graph.T


def cut_along(places: FloatArray, reach_mm: float, step_mm: float) -> TreeParts:
    """Cut points (N, 3) where the distance from the root along them passes a multiple of step_mm.

    The root of a trunk is its lowest point.
    """
    graph = connected(places, reach_mm)
    roots, hung = _roots(places, connected_components(graph, directed=False)[1])
    distance, before, _ = dijkstra(graph, indices=roots, return_predecessors=True, min_only=True)
    step = np.floor(distance / step_mm)
    ends = graph.tocoo()
    same = step[ends.row] == step[ends.col]
    parts = csr_matrix((np.ones(int(same.sum())), (ends.row[same], ends.col[same])), shape=graph.shape)
    total, labels = connected_components(parts, directed=False)
    order = np.lexsort((distance, labels))
    first = order[np.searchsorted(labels[order], np.arange(total))]
    before = np.asarray(before, dtype=np.intp)
    before[roots] = hung
    came_from = before[first]
    parent = np.where(came_from >= 0, labels[np.maximum(came_from, 0)], -1)
    return TreeParts(labels.astype(np.intp), first, parent.astype(np.intp), roots[hung >= 0])


def _roots(places: FloatArray, piece: IntArray) -> tuple[IntArray, IntArray]:
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
