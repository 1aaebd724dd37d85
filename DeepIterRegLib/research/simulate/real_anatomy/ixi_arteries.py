"""Label maps of cerebral arteries from MR angiographies of the IXI collection: centrelines, named and rooted.

Labels: 1 not assigned, 2 posterior, 3 anterior, 4 left, 5 right (carotid and middle cerebral artery of a side). The
slab is 80 mm thick, from the carotid siphon upwards; what lies outside was not scanned.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse import csgraph

from DeepIterRegLib.common.arrays import FloatArray, IntArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.research.simulate.real_anatomy.artery_names import carotid_terminus, name_arteries
from DeepIterRegLib.research.simulate.real_anatomy.brava import TracedTree, landmarks_of
from DeepIterRegLib.research.simulate.real_anatomy.centreline_tracing import Tracing, Voxels, trace, voxel_graph
from DeepIterRegLib.research.simulate.vessels.artery_tree import ArteryTree, lengths_below, path_to_root, subtree
from DeepIterRegLib.research.simulate.vessels.growth import IndexArray

POSTERIOR, ANTERIOR, LEFT, RIGHT = 2, 3, 4, 5
MOST_LABEL = 5
FEWEST_VOXELS = 5000
"""Of the whole map: the scans have some 60000."""
GAP_MM = 6.0
TOUCH_PRICE = 6.0
"""Arteries of two territories that touch are not to be followed from one into the other."""
ENTRY_MM = 2.5
"""How far above the slab's lower border an artery's entry is looked for."""
OFF_MIDLINE_MM = 9.0
"""Farther from the midline than any basilar artery but the most tortuous."""
LONGEST_BASILAR_MM = 50.0
CIRCLE_MM = 28.0
"""The communicating arteries lie within this of the middle of the three entries' tops."""
HALF_COMMUNICATING_MM = 30.0


def trace_ixi(labels: npt.NDArray[np.int64], ijk_to_ras: FloatArray, name: str, option: str) -> TracedTree:
    """The arteries of one subject, RAS, mm, x from the midline, of a map (K, J, I).

    name: the file's, and option: the command's, for the InputError that a map of something else raises.
    """
    right = f"give an artery label map of the IXI collection with {option} PATH"
    missing = {POSTERIOR, ANTERIOR, LEFT, RIGHT} - set(np.unique(labels).tolist())
    if labels.min() < 0 or labels.max() > MOST_LABEL or missing or (labels > 0).sum() < FEWEST_VOXELS:
        raise InputError(
            f"{name} does not mark posterior, anterior, left and right arteries by the labels 2 to 5; {right}."
        )
    return _traced(labels, ijk_to_ras, name, right)


def _traced(labels: npt.NDArray[np.int64], ijk_to_ras: FloatArray, name: str, right: str) -> TracedTree:
    voxels = voxel_graph(labels, ijk_to_ras, GAP_MM, _price)
    if voxels.points_mm[voxels.labels == RIGHT, 0].mean() < voxels.points_mm[voxels.labels == LEFT, 0].mean():
        raise InputError(f"{name} has the right arteries on the left, so its orientation is wrong; {right}.")
    midline = float(np.median(voxels.points_mm[voxels.labels == ANTERIOR, 0]))
    voxels.points_mm[:, 0] -= midline
    up = ijk_to_ras[:3, 2] / np.linalg.norm(ijk_to_ras[:3, 2])
    roots = _entries(voxels, up if up[2] > 0 else -up, name, right)
    middle = np.mean([voxels.points_mm[root] for root in roots.values()], axis=0) + [0, 5, 15]

    def communicating(one: int, other: int, at: FloatArray) -> bool:
        return bool(np.linalg.norm(at - middle) < CIRCLE_MM)

    traced = trace(voxels, list(roots.values()), communicating, HALF_COMMUNICATING_MM)
    nodes, radii = voxels.points_mm[traced.voxel], voxels.radii_mm[traced.voxel]
    part = _territories(traced, nodes, voxels.labels[traced.voxel], list(roots))
    root_names = {int(node): list(roots)[traced.root_of[node]] for node in np.flatnonzero(traced.parent < 0)}
    names = name_arteries(nodes, traced.parent, part, root_names, traced.joins)
    tree = ArteryTree(nodes, traced.parent, radii, names, traced.joins)
    variants = {"scanned": f"{np.ptp(nodes[:, 2]):.0f} mm from the carotid siphon upwards"}
    for side in ("right", "left"):
        if carotid_terminus(names, traced.parent, side) is None or f"M1 {side}" not in names:
            raise InputError(f"{name} has no middle cerebral artery that hangs on the {side} carotid artery; {right}.")
        if f"P2 {side}" in names and f"P1 {side}" not in names:
            variants[f"PCA {side}"] = "fetal"
        if f"P2 {side}" not in names:
            variants[f"PCA {side}"] = "not in the scan"
    return TracedTree(tree, landmarks_of(tree), variants, "IXI")


def _price(one: IntArray, other: IntArray) -> FloatArray:
    across = (one != other) & (one > 1) & (other > 1)
    sides = ((one == LEFT) & (other == RIGHT)) | ((one == RIGHT) & (other == LEFT))
    return np.where(sides, TOUCH_PRICE**2, np.where(across, TOUCH_PRICE, 1.0))


def _entries(voxels: Voxels, up: FloatArray, name: str, right: str) -> dict[str, int]:
    """The voxels through which blood enters at the slab's lower border: both carotids, and the basilar artery.

    up: (3,) unit normal of the slices, towards the head's top.
    """
    height = voxels.points_mm @ up
    found: dict[str, int] = {}
    for artery, label, most_mm in (("ICA right", RIGHT, 36.0), ("ICA left", LEFT, 36.0), ("basilar", POSTERIOR, 20.0)):
        mine = (voxels.labels == label) & (np.abs(voxels.points_mm[:, 0]) < most_mm)
        if artery == "basilar":  # the arteries of the cerebellum lie behind
            carotids = voxels.points_mm[list(found.values())]
            mine &= np.abs(voxels.points_mm[:, 1] - carotids[:, 1].mean()) < 35
        if not mine.any():
            raise InputError(f"{name} has no {artery} artery at its lower border; {right}.")
        border = max(float(height.min()), float(height[mine].min())) + ENTRY_MM
        low = np.flatnonzero(mine & (height < border))
        centres = _centres(voxels, low, height)
        if artery == "basilar":
            central = centres[np.abs(voxels.points_mm[centres, 0]) < OFF_MIDLINE_MM]
            centres = central if len(central) else centres
            found[artery] = _leading_most_directly(voxels, centres, np.flatnonzero(voxels.labels == POSTERIOR))
        else:  # the siphon may cross the border twice: the vessel behind is upstream
            at = voxels.points_mm[centres]
            found[artery] = int(centres[np.argmax(voxels.radii_mm[centres] - 0.02 * at[:, 1])])
    return found


def _centres(voxels: Voxels, low: IntArray, height: FloatArray) -> IntArray:
    """Of each vessel that is cut by the border, given its voxels, the lowest central one."""
    place = np.full(len(voxels.points_mm), -1, dtype=np.int64)
    place[low] = np.arange(len(low))
    edges = place[voxels.edges]
    edges = edges[(edges >= 0).all(axis=1)]
    shape = (len(low), len(low))
    count, part = csgraph.connected_components(sparse.coo_matrix((np.ones(len(edges)), edges.T), shape), False)
    score = voxels.radii_mm[low] - 0.25 * height[low]
    return np.array([low[part == n][np.argmax(score[part == n])] for n in range(count)])


def _leading_most_directly(voxels: Voxels, entries: IntArray, to: IntArray) -> int:
    """The entry from which the way to the given voxels is, on average, the shortest and widest."""
    count = len(voxels.points_mm)
    graph = sparse.coo_matrix((voxels.cost, voxels.edges.T), (count, count)).tocsr()
    cost = csgraph.dijkstra(graph, directed=False, indices=entries)[:, to]
    reached = np.where(np.isfinite(cost), cost, 10 * np.nanmax(np.where(np.isfinite(cost), cost, np.nan)))
    return int(entries[np.argmin(np.median(reached, axis=1))])


def _sided(part: list[str], nodes: FloatArray, parent: IndexArray) -> None:
    """The side of each anterior cerebral artery from where most of it lies: both may hang on one A1."""
    count, total = np.ones(len(parent)), nodes[:, 0].copy()
    for node in range(len(parent) - 1, -1, -1):
        if parent[node] >= 0:
            count[parent[node]] += count[node]
            total[parent[node]] += total[node]
    for node in range(len(parent)):
        if part[node].startswith("ACA"):
            up = part[parent[node]] if parent[node] >= 0 else ""
            clear = count[node] > 40 and abs(total[node] / count[node]) > 1.0
            if clear or not up.startswith("ACA"):
                part[node] = "ACA right" if total[node] > 0 else "ACA left"
            else:
                part[node] = up


def _territories(traced: Tracing, nodes: FloatArray, label: IntArray, roots: list[str]) -> list[str]:
    """(M,) "ACA", "MCA", "PCA" with side, or "" for what feeds them and for the arteries of the cerebellum."""
    part = [{ANTERIOR: "ACA", LEFT: "MCA left", RIGHT: "MCA right"}.get(int(n), "") for n in label]
    parent = traced.parent
    come = np.zeros(len(parent))
    for node in np.flatnonzero(parent >= 0):
        come[node] = come[parent[node]] + np.linalg.norm(nodes[node] - nodes[parent[node]])
    posterior = label == POSTERIOR
    basilar = traced.root_of == roots.index("basilar")
    _sided(part, nodes, parent)
    ways, sides = [], []
    for sign, side in ((1, "right"), (-1, "left")):
        # The arteries of the cerebellum reach as far, but not as high.
        mine = np.flatnonzero(posterior & basilar & (sign * nodes[:, 0] > OFF_MIDLINE_MM))
        if len(mine):
            ways.append(path_to_root(parent, int(mine[np.argmax(come[mine] + nodes[mine, 2])]))[::-1])
            sides.append(side)
    for way, other, side in zip(ways, ways[::-1], sides, strict=True):
        shared = sum(a == b for a, b in zip(way, other, strict=False)) if len(ways) == 2 else len(way)
        # One that never leaves the midline early is a branch of the other side's, or of the cerebellum.
        leaves = next((n for n, node in enumerate(way) if abs(nodes[node, 0]) > OFF_MIDLINE_MM), len(way))
        at = min(shared, leaves)
        if at < len(way) and come[way[at]] < LONGEST_BASILAR_MM:
            for node in subtree(parent, way[at]):
                part[node] = f"PCA {side}"
    below = lengths_below(nodes, parent)
    for node in np.flatnonzero(posterior & ~basilar):
        up = int(parent[node])
        if up >= 0 and (part[up].startswith("PCA") or below[node] > 60):
            part[node] = "PCA"
    return part
