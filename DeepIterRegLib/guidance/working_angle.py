"""The working angle: from where a piece of vessel is least foreshortened and least covered by other vessels.

By hand, because the systems' own planning is closed, and needs a rotational run of theirs.

A C-arm that turns about the isocentre sees each point of the vessel along a ray. Foreshortening is 1 - sin of the angle
between vessel and ray. Covered is a point whose ray meets another vessel: as seen from the point, the other vessels are
directions on a sphere, each with the angle under which its radius and the vessel's own appear, and a C-arm position is
one more direction. So each point looks round once, instead of rendering each position (compare: Dumay 1994, IEEE Trans
Med Imaging 13:13; Chen and Carroll 2000, IEEE Trans Med Imaging 19:318).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter
from scipy.spatial import cKDTree

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm, direction_of_angles
from DeepIterRegLib.geometry.projection import project
from DeepIterRegLib.geometry.reach import ASSUMED_REACH, Reach
from DeepIterRegLib.geometry.rigid import apply
from DeepIterRegLib.guidance.readings import Readings, readings_of
from DeepIterRegLib.guidance.segment import Limb, Segment, resampled
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.render.sampling import gathered

STEP_DEG = 2.0
SAMPLE_MM = 1.5
"""Along the vessel."""
OTHERS_MM = 1.2
"""Cell of the other vessels' points."""
SAME_DIRECTION = 0.015
"""rad; of the other vessels in so small a part of the sphere the nearest one counts."""
WIDTHS = 8
"""Classes of how wide the other vessels appear."""
APART_DEG = 15.0
"""Two angles of the list differ by at least as much."""
CANDIDATES = 3
TURNED = 1e-4
"""Of the vessel, for each degree that the C-arm would have to be turned: of equal angles the nearest is first."""


@dataclass(frozen=True)
class Sight:
    """How well the vessel is seen from one position."""

    primary_deg: float
    """In the table's reading, LAO positive."""
    secondary_deg: float
    """Cranial positive."""
    foreshortening: float
    """0 to 1: the share of its length that is not seen; of a fork that of its most foreshortened limb."""
    overlap: float
    """0 to 1: the share of its length on whose rays another vessel lies."""
    in_view: bool
    """Whether all of it falls on the detector, if the table stays where it is."""

    @property
    def visible(self) -> float:
        return (1 - self.foreshortening) * (1 - self.overlap)


@dataclass(frozen=True, eq=False)
class WorkingAngles:
    """The map over both angles, the positions to prefer, and today's."""

    primary_deg: FloatArray
    """(A,) in the table's reading, ascending."""
    secondary_deg: FloatArray
    """(B,)"""
    foreshortening: npt.NDArray[np.float32]
    """(B, A)"""
    overlap: npt.NDArray[np.float32]
    """(B, A)"""
    best: tuple[Sight, ...]
    """Up to three that differ, the best first."""
    today: Sight
    readings: Readings

    @property
    def visible(self) -> npt.NDArray[np.float32]:
        """(B, A) share of the vessel that is seen and free, 0 to 1."""
        return (1 - self.foreshortening) * (1 - self.overlap)


def working_angles(
    segment: Segment,
    cloud: VesselCloud,
    pose: FloatArray,
    carm: CArm,
    *,
    reach: Reach = ASSUMED_REACH,
    readings: Readings | None = None,
    step_deg: float = STEP_DEG,
) -> WorkingAngles:
    """Look at a segment from all that a C-arm reaches.

    cloud: all vessels; those of the segment's kind cover it, arteries or large veins, for they fill at other times.
    pose: (4, 4). carm: today's; its source is taken to lie on the central ray through the isocentre. readings: head
    first, supine, if left out. The same input gives the same result.
    """
    readings = readings or readings_of(pose)
    view = _View(segment, cloud, pose, carm)
    primary_deg, secondary_deg = reach.primary_deg(step_deg), reach.secondary_deg(step_deg)
    grid = direction_of_angles(primary_deg[None, :], secondary_deg[:, None])
    shape = grid.shape[:2]
    foreshortening, overlap = view.seen(grid.reshape(-1, 3) @ readings.table_to_carm.T)
    today_deg = readings.table_angles(*carm.direction_deg)
    visible = ((1 - foreshortening) * (1 - overlap)).reshape(shape)
    turned_deg = np.degrees(np.arccos(np.clip(grid @ direction_of_angles(*today_deg), -1, 1)))
    # Nobody dials to the degree: what counts is what the neighbours show as well.
    preferred = uniform_filter(visible, 3, mode="nearest") - TURNED * turned_deg
    best: list[tuple[float, float]] = []
    while len(best) < CANDIDATES and np.isfinite(preferred).any():
        row, column = np.unravel_index(np.argmax(preferred), shape)
        best.append((float(primary_deg[column]), float(secondary_deg[row])))
        preferred[grid @ grid[row, column] > np.cos(np.radians(APART_DEG))] = -np.inf
    return WorkingAngles(
        primary_deg,
        secondary_deg,
        foreshortening.reshape(shape).astype(np.float32),
        overlap.reshape(shape).astype(np.float32),
        tuple(view.sight(angles, readings) for angles in best),
        view.sight(today_deg, readings),
        readings,
    )


class _View:
    """A segment among the other vessels, in the C-arm frame."""

    def __init__(self, segment: Segment, cloud: VesselCloud, pose: FloatArray, carm: CArm) -> None:
        self._carm = carm
        nodes = gathered(cloud.subset(cloud.is_vein == segment.of_veins), max(OTHERS_MM, 1.7 * cloud.cell_mm))
        self._cell_mm = nodes.cell_mm
        self._limbs = [_Pieces(limb, pose) for limb in segment.limbs]
        self._points_mm = np.concatenate([limb.points_mm for limb in self._limbs])
        places = apply(pose, np.asarray(nodes.positions_mm, dtype=np.float64))
        wall_mm = 2 * max(limb.radius_mm for limb in self._limbs) + self._cell_mm
        distance = cKDTree(self._points_mm).query(places)[0]
        self._others_mm = places[distance > wall_mm]
        self._wall_mm = wall_mm

    def seen(self, directions: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Foreshortening and overlap (N,) of central rays (N, 3), C-arm frame."""
        shares = [limb.foreshortening(directions, self._carm.sid_mm) for limb in self._limbs]
        covered, count = np.zeros(len(directions)), 0
        for index, limb in enumerate(self._limbs):
            others = [self._others_mm] + [other.points_mm for other in self._limbs[:index] + self._limbs[index + 1 :]]
            others_mm = np.concatenate(others)
            # Where the limbs of a fork meet they do not cover each other.
            others_mm = others_mm[cKDTree(limb.points_mm).query(others_mm)[0] > self._wall_mm]
            for point in limb.points_mm:
                covered += self._covers(point, limb.radius_mm, others_mm, directions)
            count += len(limb.points_mm)
        return np.max(shares, axis=0), covered / count

    def sight(self, table_deg: tuple[float, float], readings: Readings) -> Sight:
        carm_deg = readings.carm_angles(*table_deg)
        foreshortening, overlap = self.seen(direction_of_angles(*carm_deg)[None])
        carm = self._carm.at_angles(*carm_deg)
        pixels = project(self._points_mm, carm)
        inside = (pixels > -0.5) & (pixels < np.array([carm.columns, carm.rows]) - 0.5)
        return Sight(*table_deg, float(foreshortening[0]), float(overlap[0]), bool(inside.all()))

    def _covers(
        self, point: FloatArray, radius_mm: float, others_mm: FloatArray, directions: FloatArray
    ) -> npt.NDArray[np.bool_]:
        """(N,) whether another vessel lies on the ray through a point (3,)."""
        rays = _rays(point, directions, self._carm.sid_mm)
        middle = rays.mean(axis=0)
        middle /= max(float(np.linalg.norm(middle)), 1e-9)
        towards = others_mm - point
        distance = np.linalg.norm(towards, axis=1)
        towards /= distance[:, None]
        # Before the point or behind it is the same to a ray.
        towards *= np.where(towards @ middle < 0, -1.0, 1.0)[:, None]
        wide = np.arcsin(np.minimum((radius_mm + self._cell_mm / 2) / distance, 1.0))
        widest = np.arccos(np.clip((rays @ middle).min(), -1, 1)) + wide
        near = np.flatnonzero(np.arccos(np.clip(towards @ middle, -1, 1)) <= widest)
        near = near[np.argsort(distance[near], kind="stable")]
        cell = np.floor(towards[near] / SAME_DIRECTION).astype(np.int64)
        near = near[np.unique(cell @ [1, 1000, 1_000_000], return_index=True)[1]]
        if not len(near):
            return np.zeros(len(rays), dtype=bool)
        return _met(rays, towards[near], wide[near])


def _met(rays: FloatArray, towards: FloatArray, wide: FloatArray) -> npt.NDArray[np.bool_]:
    """(N,) whether a ray (N, 3) or its opposite is within `wide` (M,), rad, of one of the directions `towards` (M, 3).

    In classes of about equal width, of which the nearest direction decides but for few rays: those are looked at each.
    """
    met = np.zeros(len(rays), dtype=bool)
    for part in np.array_split(np.argsort(-wide, kind="stable"), min(WIDTHS, len(wide))):
        open_ = np.flatnonzero(~met)
        if not len(open_):
            break
        least, most = 2 * np.sin(wide[part[-1]] / 2), 2 * np.sin(wide[part[0]] / 2)
        tree = cKDTree(np.concatenate([towards[part], -towards[part]]))
        nearest = tree.query(rays[open_], distance_upper_bound=most)[0]
        met[open_[nearest <= least]] = True
        unsure = open_[(nearest > least) & np.isfinite(nearest)]
        cosines = np.abs(rays[unsure] @ towards[part].T)
        met[unsure] = (cosines > np.cos(wide[part])).any(axis=1)
    return met


class _Pieces:
    """A limb in pieces, in the C-arm frame."""

    def __init__(self, limb: Limb, pose: FloatArray) -> None:
        ends = apply(pose, resampled(limb.points_mm, SAMPLE_MM))
        steps = np.diff(ends, axis=0)
        self._lengths = np.linalg.norm(steps, axis=1)
        self._directions = steps / self._lengths[:, None]
        self.points_mm = (ends[1:] + ends[:-1]) / 2
        self.radius_mm = limb.radius_mm

    def foreshortening(self, directions: FloatArray, sid_mm: float) -> FloatArray:
        """(N,) share of the length that is not seen along central rays (N, 3)."""
        seen = np.zeros(len(directions))
        for point, along, length in zip(self.points_mm, self._directions, self._lengths, strict=True):
            cosine = _rays(point, directions, sid_mm) @ along
            seen += length * np.sqrt(np.maximum(1 - cosine**2, 0))
        return 1 - seen / self._lengths.sum()


def _rays(point: FloatArray, directions: FloatArray, sid_mm: float) -> FloatArray:
    """(N, 3) unit vectors from the source of each central ray (N, 3) through a point (3,)."""
    rays = point + sid_mm * directions
    return rays / np.linalg.norm(rays, axis=1)[:, None]
