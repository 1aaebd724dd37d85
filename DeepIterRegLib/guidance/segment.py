"""A piece of vessel to be looked at: found in the vessel cloud about a point, or between several."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import cKDTree

from DeepIterRegLib.common.arrays import FloatArray, IntArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.filling.vessel_tree import connected
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.render.sampling import gathered

LENGTH_MM = 20.0
"""Of the piece about one point."""
SNAP_MM = 10.0
"""A point farther than this from every vessel is none of a vessel."""
NODE_MM = 1.0
"""Cell of the points that the way along the vessel is found on."""
REACH_CELLS = 2.2
"""Points nearer than this are connected: one empty cell between two is noise of the segmentation."""
FAR_CELLS = 3.7
"""Where a thin vessel is found in pieces."""
SHELL_MM = 2.0
"""The vessel is followed in steps of so much."""
FORK_MM = 4.0
"""A vessel that parts within this distance of the point is a fork; farther away it is followed along its thicker
part."""
WHOLE = 0.6
"""Of half the length: a shorter limb is a stump, or roughness of the segmentation."""
BALLS_MM, FULL = (2.5, 4.0, 5.5), 0.75
"""The middle is that of a ball of points, a larger one where vessel fills so much of it."""
WIDE = 4.0
"""Times the radius: how far a wide vessel is followed at least, so that a bulge of its wall is no limb."""
PARTED_DEG = 35.0
"""Between the limbs of a fork."""
SMOOTH_MM = 2.0
"""Standard deviation along the way between two points."""
LEAST_RADIUS_MM, MOST_RADIUS_MM = 0.4, 5.0


@dataclass(frozen=True, eq=False)
class Limb:
    """A stretch of vessel."""

    points_mm: FloatArray
    """(N, 3), N > 1, along its middle, patient frame (RAS)."""
    radius_mm: float


@dataclass(frozen=True, eq=False)
class Segment:
    """One limb, or the three of a fork, each beginning where the fork is."""

    limbs: tuple[Limb, ...]
    of_veins: bool = False

    @property
    def is_fork(self) -> bool:
        return len(self.limbs) > 1

    @property
    def middle_mm(self) -> FloatArray:
        """(3,) of the fork, or halfway along a limb."""
        points = self.limbs[0].points_mm
        if self.is_fork:
            return points[0]
        along = np.concatenate([[0.0], np.linalg.norm(np.diff(points, axis=0), axis=1).cumsum()])
        return np.array([np.interp(along[-1] / 2, along, axis) for axis in points.T])


def segment_of(cloud: VesselCloud, points_mm: FloatArray, length_mm: float = LENGTH_MM) -> Segment:
    """The piece of vessel that one or several points (N, 3), patient frame (RAS), mean.

    One point: the vessel for `length_mm` about it, or the fork that it lies at. Several: the vessel along them, in
    their order. Each is brought to the nearest vessel first. Raises InputError for a point that no vessel is near.
    """
    points = np.atleast_2d(np.asarray(points_mm, dtype=np.float64))
    if points.ndim != 2 or points.shape[1] != 3 or not len(points) or not np.isfinite(points).all():
        raise InputError("A point of a vessel must be three finite numbers: R, A and S in mm.")
    if not len(cloud):
        raise InputError("The CTA shows no vessels, so there is no angle that shows one.")
    distances, nearest = cKDTree(cloud.positions_mm).query(points)
    worst = int(distances.argmax())
    if distances[worst] > SNAP_MM:
        raise InputError(
            "The point {place} is {distance_mm:.0f} mm from the nearest vessel of the CTA; give one on a vessel.",
            place=" ".join(f"{value:.1f}" for value in points[worst]),
            distance_mm=distances[worst],
        )
    of_veins = bool(cloud.is_vein[nearest[0]])
    kind = cloud.subset(cloud.is_vein == of_veins)
    snapped = np.asarray(cloud.positions_mm, dtype=np.float64)[nearest]
    if len(points) == 1:
        return Segment(_about(kind, snapped[0], length_mm / 2), of_veins)
    return Segment((_along(kind, snapped),), of_veins)


def _about(cloud: VesselCloud, point_mm: FloatArray, half_mm: float) -> tuple[Limb, ...]:
    """The limbs that lead away from a point, as far as `half_mm` along the vessel; farther where it is wide."""
    limbs = _limbs(cloud, point_mm, half_mm) or _limbs(cloud, point_mm, half_mm, FAR_CELLS)
    radius_mm = max((limb.radius_mm for limb in limbs), default=0.0)
    if half_mm < WIDE * radius_mm:
        half_mm = WIDE * radius_mm
        limbs = _limbs(cloud, point_mm, half_mm)
    # In a wide vessel a bulge of the wall begins like a branch, and a limb may come as two.
    least_mm = WHOLE * half_mm
    kept: list[Limb] = []
    for limb in limbs:
        way = limb.points_mm[-1] - limb.points_mm[0]
        if np.linalg.norm(way) >= least_mm and all(_angle_deg(way, other) > PARTED_DEG for other in kept):
            kept.append(limb)
    if not kept:
        raise InputError(
            "The vessel at {place} is too short to have a direction; give a point farther from its end, or several.",
            place=" ".join(f"{value:.1f}" for value in point_mm),
        )
    if len(kept) > 2:
        return tuple(kept[:3])
    if len(kept) == 1:
        return (kept[0],)
    radius_mm = float(np.mean([limb.radius_mm for limb in kept]))
    return (Limb(np.concatenate([kept[0].points_mm[:0:-1], kept[1].points_mm]), radius_mm),)


def _limbs(cloud: VesselCloud, point_mm: FloatArray, half_mm: float, reach_cells: float = REACH_CELLS) -> list[Limb]:
    """All ways that lead away from a point, the heaviest first."""
    near = np.linalg.norm(cloud.positions_mm - point_mm, axis=1) < half_mm + 2 * SHELL_MM
    nodes = _nodes(cloud.subset(near))
    places = np.asarray(nodes.positions_mm, dtype=np.float64)
    root, wide_mm = _middle_node(nodes, point_mm)
    graph = connected(places, reach_cells * nodes.cell_mm)
    # Whole steps: of a part of one, the middle would lie at the vessel's side.
    limit_mm = SHELL_MM * max(np.ceil(half_mm / SHELL_MM), 2) - 1e-6
    distance, before = dijkstra(graph, indices=root, limit=limit_mm, return_predecessors=True)
    tree = _Shells(
        places, np.asarray(nodes.weights_mm3, dtype=np.float64), graph, distance, before, max(FORK_MM, wide_mm)
    )
    paths = sorted(tree.paths(), key=lambda path: -tree.weight_mm3(path))
    return [Limb(tree.middles_mm[path], tree.radius_mm(path)) for path in paths]


def _angle_deg(way: FloatArray, other: Limb) -> float:
    theirs = other.points_mm[-1] - other.points_mm[0]
    cosine = way @ theirs / max(float(np.linalg.norm(way) * np.linalg.norm(theirs)), 1e-9)
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


class _Shells:
    """The nodes about a root in steps of their distance along the vessel; each connected part of a step is one."""

    def __init__(
        self,
        places: FloatArray,
        weights: FloatArray,
        graph: csr_matrix,
        distance: FloatArray,
        before: IntArray,
        fork_mm: float,
    ) -> None:
        self._fork_mm = fork_mm
        reached = np.isfinite(distance)
        step = np.where(reached, np.floor(np.where(reached, distance, 0.0) / SHELL_MM), -1).astype(int)
        rows, columns = graph.nonzero()
        same = reached[rows] & (step[rows] == step[columns])
        parts = csr_matrix((np.ones(int(same.sum())), (rows[same], columns[same])), shape=graph.shape)
        _, label = connected_components(parts, directed=False)
        names, label = np.unique(np.where(reached, label, -1), return_inverse=True)
        self._of_node = label - int(names[0] == -1)
        count = len(names) - int(names[0] == -1)
        kept = np.flatnonzero(reached)
        of_kept = self._of_node[kept]
        self._weights = np.bincount(of_kept, weights[kept], minlength=count)
        self.middles_mm = np.stack(
            [np.bincount(of_kept, weights[kept] * axis[kept], minlength=count) for axis in places.T], axis=1
        ) / np.maximum(self._weights[:, None], 1e-9)
        self._step = np.zeros(count, dtype=int)
        self._step[of_kept] = step[kept]
        self._children: list[list[int]] = [[] for _ in range(count)]
        for part in range(count):
            own = kept[of_kept == part]
            node = int(own[distance[own].argmin()])
            while before[node] >= 0 and self._of_node[node] == part:
                node = int(before[node])
            if self._of_node[node] != part:
                self._children[self._of_node[node]].append(part)
            else:
                self.root = part

    def weight_mm3(self, parts: list[int]) -> float:
        return float(self._weights[parts].sum())

    def radius_mm(self, path: list[int]) -> float:
        """Of all steps but the first, which is a ball about the root."""
        inner = path[1:]
        apart_mm = np.linalg.norm(np.diff(self.middles_mm[path], axis=0), axis=1)
        return _radius(self.weight_mm3(inner), len(inner) * float(np.median(apart_mm)))

    def paths(self) -> list[list[int]]:
        """From the root outwards: all ways that part near it, and of what parts farther away the heaviest."""
        return [path for path in self._ways(self.root) if len(path) > 1]

    def _ways(self, part: int) -> list[list[int]]:
        ways = [[part, *way] for child in self._children[part] for way in self._ways(child)]
        if not ways:
            return [[part]]
        if self._step[part] * SHELL_MM > self._fork_mm:
            farthest = max(self._step[way[-1]] for way in ways)
            long = [way for way in ways if self._step[way[-1]] >= farthest - 1]
            return [max(long, key=self.weight_mm3)]
        return ways


def _along(cloud: VesselCloud, points_mm: FloatArray) -> Limb:
    """The way along the vessels from point to point; straight where the CTA shows no vessel between two."""
    nodes = _nodes(cloud)
    places = np.asarray(nodes.positions_mm, dtype=np.float64)
    graph = connected(places, REACH_CELLS * nodes.cell_mm)
    stops = cKDTree(places).query(points_mm)[1]
    way: list[FloatArray] = [places[stops[:1]]]
    for start, end in pairwise(stops):
        distance, before = dijkstra(graph, indices=start, return_predecessors=True)
        if not np.isfinite(distance[end]):
            way.append(places[[end]])
            continue
        back = [int(end)]
        while back[-1] != start:
            back.append(int(before[back[-1]]))
        way.append(places[back[-2::-1]])
    points = np.concatenate(way)
    if len(points) < 2 or np.ptp(points, axis=0).max() < NODE_MM:
        raise InputError("The points are the same place of one vessel; give them farther apart, or one alone.")
    smooth = gaussian_filter1d(resampled(points, NODE_MM), SMOOTH_MM / NODE_MM, axis=0, mode="nearest")
    near = cKDTree(smooth).query(places)[0] < 2.5 * NODE_MM
    length_mm = float(np.linalg.norm(np.diff(smooth, axis=0), axis=1).sum())
    return Limb(smooth, _radius(float(nodes.weights_mm3[near].sum()), length_mm))


def resampled(points_mm: FloatArray, step_mm: float) -> FloatArray:
    """(M, 3) points of a polyline (N, 3), about `step_mm` apart along it, both ends among them."""
    along = np.concatenate([[0.0], np.linalg.norm(np.diff(points_mm, axis=0), axis=1).cumsum()])
    stops = np.linspace(0.0, along[-1], max(round(along[-1] / step_mm), 1) + 1)
    return np.stack([np.interp(stops, along, axis) for axis in points_mm.T], axis=1)


def _nodes(cloud: VesselCloud) -> VesselCloud:
    return gathered(cloud, NODE_MM)


def _middle_node(nodes: VesselCloud, point_mm: FloatArray) -> tuple[int, float]:
    """A node in the middle of the vessel whose wall the point may lie at, and about how far the wall is from it."""
    places, middle, ball_mm = nodes.positions_mm, point_mm, BALLS_MM[0]
    for ball_mm in BALLS_MM:
        for _ in range(10):
            inside = np.linalg.norm(places - middle, axis=1) < ball_mm
            middle = places[inside].mean(axis=0)
        if nodes.weights_mm3[inside].sum() < FULL * 4 / 3 * np.pi * ball_mm**3:
            break
    return int(np.linalg.norm(places - middle, axis=1).argmin()), ball_mm


def _radius(volume_mm3: float, length_mm: float) -> float:
    """Of a round vessel that holds so much along its length."""
    area_mm2 = volume_mm3 / max(length_mm, NODE_MM)
    return float(np.clip(np.sqrt(area_mm2 / np.pi), LEAST_RADIUS_MM, MOST_RADIUS_MM))
