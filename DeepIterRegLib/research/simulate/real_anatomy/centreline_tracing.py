"""Centrelines of a labelled vessel mask: a forest of the cheapest ways from given entries through the vessels' middle.

After Sato et al., "TEASAR: tree-structure extraction algorithm for accurate and robust skeletons", Pacific Graphics
2000: the way from each farthest voxel back to the root, along a cost that is low far from the wall, until everything is
near some way. Several roots share the vessels out among them; where two trees meet, a communicating artery may be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage, sparse
from scipy.sparse import csgraph
from scipy.spatial import cKDTree

from DeepIterRegLib.common.arrays import BoolArray, FloatArray, IntArray
from DeepIterRegLib.research.simulate.vessels.growth import IndexArray
from DeepIterRegLib.research.simulate.vessels.tree_order import parents_first

LEAST_BRANCH_MM = 3.0
"""Shorter ones are bumps on the wall."""
COVER_MM = 1.2
"""What lies within this plus 1.5 radii of a way belongs to it."""


@dataclass(frozen=True, eq=False)
class Voxels:
    """The voxels of a mask as a graph; N of them."""

    points_mm: FloatArray
    """(N, 3)"""
    radii_mm: FloatArray
    """(N,) distance to the wall."""
    labels: IntArray
    edges: IndexArray
    """(E, 2) neighbours, and bridges over gaps."""
    cost: FloatArray
    """(E,) length over the square of the distance to the wall, times the price of changing the label."""


@dataclass(frozen=True, eq=False)
class Tracing:
    """Nodes of the centrelines, parents before children."""

    voxel: IndexArray
    """(M,) index of each node's voxel."""
    parent: IndexArray
    root_of: IntArray
    """(M,) number of the entry that feeds each node."""
    joins: tuple[tuple[int, int], ...]
    """(last node of a communicating artery, node of the other tree that it opens into)."""


def voxel_graph(
    labels: npt.NDArray[np.integer], ijk_to_mm: FloatArray, gap_mm: float,
    price: Callable[[IntArray, IntArray], FloatArray] | None = None,
) -> Voxels:  # fmt: skip
    """The voxels with a label > 0 of a map (K, J, I), all joined that lie less than `gap_mm` apart; smaller parts go.

    price: factor (>= 1) on the cost of an edge between two labels, e.g. of arteries that touch but do not communicate.
    """
    box = ndimage.find_objects((labels > 0).astype(np.uint8))[0]
    crop = np.pad(labels[box], 1)
    kji = np.argwhere(crop > 0)
    index = np.full(crop.shape, -1, dtype=np.int32)
    index[tuple(kji.T)] = np.arange(len(kji))
    start = np.array([part.start for part in box]) - 1
    points = (kji + start)[:, ::-1] @ ijk_to_mm[:3, :3].T + ijk_to_mm[:3, 3]
    of = crop[tuple(kji.T)].astype(np.int64)
    radii = _to_wall(kji, index, np.linalg.norm(ijk_to_mm[:3, :3], axis=0)[::-1])
    pairs = []
    for offset in np.ndindex(3, 3, 3):
        step = np.array(offset) - 1
        if tuple(step) > (0, 0, 0):
            other = index[tuple((kji + step).T)]
            pairs.append(np.stack([np.flatnonzero(other >= 0), other[other >= 0]], axis=1))
    edges = np.concatenate(pairs)
    edges = np.concatenate([edges, _bridges(points, edges, gap_mm)])
    length = np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)
    middle = np.maximum(0.5 * (radii[edges[:, 0]] + radii[edges[:, 1]]), 0.2)
    cost = length / middle**2
    if price is not None:
        cost = cost * price(of[edges[:, 0]], of[edges[:, 1]])
    return Voxels(points, radii, of, edges, cost)


def _to_wall(kji: IntArray, index: npt.NDArray[np.int32], spacing_kji: FloatArray) -> FloatArray:
    """(N,) mm to the nearest voxel outside; a distance transform of the whole grid, nearly all empty, takes seconds."""
    outside = []
    for axis in range(3):
        for step in (-1, 1):
            other = kji.copy()
            other[:, axis] += step
            outside.append(other[index[tuple(other.T)] < 0])
    border = np.unique(np.concatenate(outside), axis=0) * spacing_kji
    return cKDTree(border).query(kji * spacing_kji)[0]


def _bridges(points: FloatArray, edges: IndexArray, gap_mm: float) -> IndexArray:
    """Edges that join the parts of the graph to their nearest other part, smallest first, over less than `gap_mm`."""
    count = len(points)
    _, part = csgraph.connected_components(sparse.coo_matrix((np.ones(len(edges)), edges.T), (count, count)), False)
    sizes = np.bincount(part)
    found = []
    for number in np.argsort(sizes)[:-1]:
        mine = np.flatnonzero(part == number)
        others = np.flatnonzero(part != number)
        distance, nearest = cKDTree(points[others]).query(points[mine], distance_upper_bound=gap_mm)
        best = int(np.argmin(distance))
        if np.isfinite(distance[best]):
            found.append((mine[best], others[nearest[best]]))
            part[mine] = part[others[nearest[best]]]
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def trace(
    voxels: Voxels, roots: Sequence[int], communicating: Callable[[int, int, FloatArray], bool],
    within_mm: float = np.inf,
) -> Tracing:  # fmt: skip
    """The forest from the entries (voxel indices).

    communicating: whether the trees of two roots (by number) may be joined at a place (3,); each pair is joined once.
    within_mm: both halves of a communicating artery may be at most this long.
    """
    count = len(voxels.points_mm)
    graph = sparse.coo_matrix((voxels.cost, voxels.edges.T), (count, count)).tocsr()
    cost, before, source = csgraph.dijkstra(
        graph, directed=False, indices=list(roots), return_predecessors=True, min_only=True
    )
    number = {int(voxel): n for n, voxel in enumerate(roots)}
    order = np.argsort(cost, kind="stable")
    order = order[np.isfinite(cost[order])]
    come = np.zeros(count)
    for voxel in order.tolist():
        one = before[voxel]
        if one >= 0:
            come[voxel] = come[one] + np.linalg.norm(voxels.points_mm[voxel] - voxels.points_mm[one])
    used = _ways(voxels, before, come, order, list(roots))
    root_of = np.array([number.get(int(s), -1) for s in source])
    meetings = _meetings(voxels, cost, root_of, communicating)
    for pair in meetings:
        for voxel in pair:
            at = int(voxel)
            while not used[at]:
                used[at] = True
                at = int(before[at])
    nodes = order[used[order]]
    place = np.full(count, -1, dtype=np.intp)
    place[nodes] = np.arange(len(nodes))
    up = before[nodes]  # scipy marks roots by -9999
    parent = np.where(up >= 0, place[np.maximum(up, 0)], -1)
    joined = [(int(place[a]), int(place[b])) for a, b in meetings]
    return _joined(Tracing(nodes, parent, root_of[nodes], ()), voxels.points_mm[nodes], joined, within_mm)


def _ways(voxels: Voxels, before: IntArray, come: FloatArray, order: IndexArray, roots: list[int]) -> BoolArray:
    """(N,) voxels on the ways from the ends of the branches to the roots."""
    tree = cKDTree(voxels.points_mm)
    used, covered = np.zeros(len(come), dtype=bool), np.zeros(len(come), dtype=bool)
    used[roots] = True
    for end in order[np.argsort(-come[order], kind="stable")].tolist():
        if covered[end]:
            continue
        way = [end]
        while not used[way[-1]]:
            way.append(int(before[way[-1]]))
        if come[end] - come[way[-1]] > LEAST_BRANCH_MM + voxels.radii_mm[way[-1]]:
            used[way] = True
        sparse_way = way[::2]
        near = tree.query_ball_point(voxels.points_mm[sparse_way], COVER_MM + 1.5 * voxels.radii_mm[sparse_way])
        covered[np.concatenate([np.array(n, dtype=np.intp) for n in near])] = True
    return used


def _meetings(
    voxels: Voxels, cost: FloatArray, root_of: IntArray, communicating: Callable[[int, int, FloatArray], bool]
) -> list[tuple[int, int]]:
    """One edge per pair of trees, the cheapest to reach from both, lower root number first."""
    a, b = voxels.edges.T
    across = np.flatnonzero((root_of[a] != root_of[b]) & (root_of[a] >= 0) & (root_of[b] >= 0))
    across = across[np.argsort(cost[a[across]] + cost[b[across]] + voxels.cost[across], kind="stable")]
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for edge in across.tolist():
        one, other = int(a[edge]), int(b[edge])
        if root_of[one] > root_of[other]:
            one, other = other, one
        pair = int(root_of[one]), int(root_of[other])
        if pair not in found and communicating(*pair, voxels.points_mm[one]):
            found[pair] = (one, other)
    return list(found.values())


def _joined(tracing: Tracing, points: FloatArray, meetings: list[tuple[int, int]], within_mm: float) -> Tracing:
    """Hand the other tree's half of each communicating artery, an unbranched stub, to the tree of the first one."""
    parent, root_of = tracing.parent.copy(), tracing.root_of.copy()
    joins = []
    for one, other in meetings:
        children = np.bincount(parent[parent >= 0], minlength=len(parent))
        stub: list[int] = []
        at = other
        while parent[at] >= 0 and children[at] == (1 if stub else 0):
            stub.append(at)
            at = int(parent[at])
        run = np.linalg.norm(np.diff(points[[other, *stub[1:], at]], axis=0), axis=1).sum() if stub else 0.0
        back, half = one, 0.0
        while parent[back] >= 0 and children[back] <= 1:
            half += float(np.linalg.norm(points[back] - points[parent[back]]))
            back = int(parent[back])
        if max(run, half) > within_mm or (not stub and children[other] > 0 and half == 0):
            continue
        last = one
        for node in stub:
            parent[node], root_of[node] = last, root_of[one]
            last = node
        joins.append((last, at))
    return _parents_first(tracing.voxel, parent, root_of, joins)


def _parents_first(voxel: IndexArray, parent: IndexArray, root_of: IntArray, joins: list[tuple[int, int]]) -> Tracing:
    order, place, above = parents_first(parent)
    return Tracing(
        voxel[order], above, root_of[order],
        tuple((int(place[a]), int(place[b])) for a, b in joins),
    )  # fmt: skip
