"""Veins of a label map as centrelines with radii, each from where it begins to what it drains into."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import sparse
from scipy.ndimage import gaussian_filter1d
from scipy.sparse import csgraph

from DeepIterRegLib.common.arrays import FloatArray, IntArray
from DeepIterRegLib.research.simulate.real_anatomy.centreline_tracing import Voxels, voxel_graph
from DeepIterRegLib.research.simulate.real_anatomy.label_voxels import LabelVoxels
from DeepIterRegLib.research.simulate.veins.given_veins import GivenVein
from DeepIterRegLib.research.simulate.vessels.vessel import STEP_MM, arc_length_mm, evenly_spaced

GAP_MM = 8.0
SHORTEST_MM = 6.0
"""A vein of which less is marked is generated."""
SMOOTH_MM = 2.0
"""Standard deviation, along the vein, with which the voxels' staircase is taken out of course and radii."""
LEAST_RADIUS_MM = 0.4
GALEN, STRAIGHT, SAGITTAL, INTERNAL = (
    "vein of Galen",
    "straight sinus",
    "superior sagittal sinus",
    "internal cerebral vein",
)


def trace_veins(voxels: LabelVoxels, names: Mapping[int, str]) -> dict[str, GivenVein]:
    """The veins of a map whose x counts from the midline, RAS, mm, by the names that generated ones have.

    names: of the labels; "internal cerebral vein" is the label of both sides. A vein that is too short, or not marked,
    is left out.
    """
    half_voxel = 0.5 * float(np.linalg.norm(voxels.ijk_to_ras[:3, :3], axis=0).min())
    present = voxels.present
    graphs = {name: voxel_graph(*voxels.part([label]), GAP_MM) for label, name in names.items() if label in present}
    into = _points(graphs, GALEN, STRAIGHT)
    found: dict[str, GivenVein] = {}
    for name, graph in graphs.items():
        if name == INTERNAL:
            for side, sign in (("right", 1), ("left", -1)):
                mine = np.flatnonzero(sign * graph.points_mm[:, 0] > 0)
                _keep(found, f"{INTERNAL} {side}", graph, mine, _nearest(graph, into), half_voxel)
        elif name in (SAGITTAL, STRAIGHT, GALEN):
            # They lead backwards.
            end = int(np.argmin(graph.points_mm[:, 1] + 0.3 * graph.points_mm[:, 2] * (name == SAGITTAL)))
            _keep(found, name, graph, np.arange(len(graph.points_mm)), end, half_voxel)
        else:
            _keep(found, name, graph, np.arange(len(graph.points_mm)), _nearest(graph, into), half_voxel)
    return found


def _points(graphs: Mapping[str, Voxels], *names: str) -> FloatArray | None:
    """(N, 3) of the first of these veins that there is."""
    return next((graphs[name].points_mm for name in names if name in graphs), None)


def _nearest(graph: Voxels, into: FloatArray | None) -> int:
    """The voxel nearest to where a deep vein drains; without that, the hindmost."""
    if into is None:
        return int(np.argmin(graph.points_mm[:, 1]))
    return int(np.argmin(((graph.points_mm[:, None] - into[::8]) ** 2).sum(axis=2).min(axis=1)))


def _keep(found: dict[str, GivenVein], name: str, graph: Voxels, begins: IntArray, end: int, half_voxel: float) -> None:
    """Add the way from the voxel, among `begins`, that lies farthest from `end`."""
    if not len(begins):
        return
    count = len(graph.points_mm)
    length = np.linalg.norm(graph.points_mm[graph.edges[:, 0]] - graph.points_mm[graph.edges[:, 1]], axis=1)
    away = csgraph.dijkstra(sparse.coo_matrix((length, graph.edges.T), (count, count)).tocsr(), False, end)
    before = csgraph.dijkstra(
        sparse.coo_matrix((graph.cost, graph.edges.T), (count, count)).tocsr(), False, end, return_predecessors=True
    )[1]
    way = [int(begins[np.argmax(np.where(np.isfinite(away[begins]), away[begins], -1.0))])]
    while way[-1] != end and before[way[-1]] >= 0:
        way.append(int(before[way[-1]]))
    points, radii = graph.points_mm[way], np.maximum(graph.radii_mm[way] - half_voxel, LEAST_RADIUS_MM)
    if len(way) < 3 or arc_length_mm(points)[-1] < SHORTEST_MM:
        return
    even, even_radii = evenly_spaced(points, radii)
    # At its ends the nearest wall is the end.
    tip = min(round(2 * float(np.median(even_radii)) / STEP_MM), len(even_radii) // 3)
    even_radii[:tip], even_radii[len(even_radii) - tip :] = even_radii[tip], even_radii[-1 - tip]
    sigma = SMOOTH_MM / STEP_MM
    smooth = gaussian_filter1d(even, sigma, axis=0, mode="nearest")
    smooth[[0, -1]] = even[[0, -1]]
    found[name] = GivenVein(*evenly_spaced(smooth, gaussian_filter1d(even_radii, sigma, mode="nearest")))
