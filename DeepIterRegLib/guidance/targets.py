"""Targets: named points and paths of the CTA, as an occlusion or the way of a wire, and where the DSAs show them.

numpy alone, for Slicer's own process draws them while a hand moves the head.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import Field, InputError
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.projection import project
from DeepIterRegLib.geometry.rigid import apply
from DeepIterRegLib.guidance.centreline import Centreline
from DeepIterRegLib.guidance.ellipse import Ellipse, ellipse_of

SNAP_MM, SNAP_RADII = 5.0, 2.0
"""A point is put onto a centreline so near (or within so many of its radii, where that is more): what lies farther from
every vessel, as the dome of an aneurysm, stays where it was placed."""
MOST_TARGETS = 50
ROUNDED_STEP_MM, ROUNDINGS = 1.0, 4
"""As much as the zigzag between neighbouring points of a centreline, about 1 mm along the way."""


@dataclass(frozen=True, eq=False)
class Placed:
    """A target as somebody placed it, or a file has it."""

    name: str
    points_mm: FloatArray
    """(P, 3) patient frame (RAS); one for a point, two or more for a path."""
    is_path: bool = False


@dataclass(frozen=True, eq=False)
class Target:
    """A target on the vessels."""

    name: str
    placed_mm: FloatArray
    """(P, 3) as it was placed, patient frame (RAS)."""
    points_mm: FloatArray
    """(N, 3) on the centreline where that is near; of a path the whole way, of a point itself."""
    is_path: bool
    snapped_mm: FloatArray
    """(P,) how far each placed point was moved onto the centreline; NaN where none is near and it stayed."""
    radius_mm: float | None
    """Of the vessel, at a path's last point; None where no centreline is near."""
    gap_mm: float
    """Of a path's length, what leads where the CTA shows no vessel; 0 for a point."""

    @property
    def end_mm(self) -> FloatArray:
        """(3,) the point, or where the path ends."""
        return self.points_mm[-1]

    @property
    def length_mm(self) -> float:
        """Of the path; 0 for a point."""
        return float(np.linalg.norm(np.diff(self.points_mm, axis=0), axis=1).sum())


@dataclass(frozen=True, eq=False)
class Mark:
    """A target on one detector."""

    name: str
    pixels: FloatArray
    """(N, 2) column and row of the target's points."""
    is_path: bool
    ellipses: tuple[Ellipse, ...]
    """Of the point, or of a path's begin and end."""


@dataclass(frozen=True)
class Behind:
    """Where a target lies along the beam, seen against another one."""

    other: str
    behind_mm: float
    """Farther from the source than the nearest point of the other in the picture; negative: nearer to the source."""
    beside_mm: float
    """Distance of the two in the picture, in mm at the target: 0 where one covers the other."""


def placed_on(centreline: Centreline, targets: Iterable[Placed]) -> tuple[Target, ...]:
    """Every target put onto the vessels, paths along them."""
    return tuple(_target(placed, centreline) for placed in targets)


def require_inside(targets: Sequence[Placed], ijk_to_ras: FloatArray, shape: tuple[int, ...]) -> None:
    """Raise InputError for a target that does not lie in the CTA. shape: (K, J, I) of its voxels."""
    for target in targets:
        for number, point in enumerate(target.points_mm, start=1):
            if not is_inside(point, ijk_to_ras, shape):
                raise InputError(
                    "The target {name} (point {number}) lies outside the CTA at R {r:.1f}, A {a:.1f}, S {s:.1f} mm; "
                    "place it on a vessel of this CTA[, in {targets}].",
                    field=Field.TARGETS,
                    name=target.name,
                    number=number,
                    r=point[0],
                    a=point[1],
                    s=point[2],
                )


def is_inside(point_mm: FloatArray, ijk_to_ras: FloatArray, shape: tuple[int, ...]) -> bool:
    """Whether a point (3,), patient frame, lies in a voxel of a volume of (K, J, I) voxels."""
    ijk = apply(np.linalg.inv(ijk_to_ras), np.asarray(point_mm, dtype=np.float64))
    return bool((ijk >= -0.5).all() and (ijk <= np.array(shape[::-1]) - 0.5).all())


def mark_of(
    target: Target, pose: FloatArray, carm: CArm, covariance: FloatArray | None, pivot_mm: FloatArray
) -> Mark | None:
    """A target on a detector at a pose (4, 4).

    covariance, pivot_mm: see `ellipse_of`. None where the covariance is not known, for a mark alone would look exact,
    and where the target does not lie in front of the source.
    """
    if covariance is None:
        return None
    pixels = project(apply(pose, target.points_mm), carm)
    ends = target.points_mm[[0, -1]] if target.is_path else target.points_mm[-1:]
    ellipses = [ellipse_of(point, pose, carm, covariance, pivot_mm) for point in ends]
    known = tuple(ellipse for ellipse in ellipses if ellipse is not None)
    if not np.isfinite(pixels).all() or len(known) < len(ellipses):
        return None
    return Mark(target.name, pixels, target.is_path, known)


def behind(target: Target, other: Target, pose: FloatArray, carm: CArm) -> Behind | None:
    """How far a target (a path's end) lies behind another one along the beam; None where one is behind the source.

    Of the other's points the one that is nearest in the picture counts, of a point the point itself.
    """
    place = apply(pose, target.end_mm)
    others = apply(pose, _dense(other.points_mm))
    pixels, own = project(others, carm), project(place[None], carm)
    if not (np.isfinite(pixels).all() and np.isfinite(own).all()):
        return None
    row_mm, column_mm = carm.pixel_spacing_mm
    apart_mm = np.linalg.norm((pixels - own) * (column_mm, row_mm), axis=1)
    nearest = int(apart_mm.argmin())
    ray = place - carm.source_mm
    depth_mm = float(carm.normal @ ray)
    ray /= np.linalg.norm(ray)
    return Behind(
        other.name,
        float(ray @ (place - others[nearest])),
        float(apart_mm[nearest] * depth_mm / carm.sdd_mm),
    )


def _target(placed: Placed, centreline: Centreline) -> Target:
    found = [centreline.nearest(point) for point in placed.points_mm]
    near = [
        each if each is not None and each.distance_mm <= max(SNAP_MM, SNAP_RADII * centreline.radii_mm[each.index])
        else None
        for each in found
    ]  # fmt: skip
    points = [
        np.asarray(point, dtype=np.float64) if each is None else each.point_mm
        for point, each in zip(placed.points_mm, near, strict=True)
    ]
    gap_mm = 0.0
    way, leads_along = [points[0]], True
    for number in range(1, len(points) if placed.is_path else 1):
        begin, end = near[number - 1], near[number]
        along = None if begin is None or end is None else centreline.way(begin.index, end.index)
        if along is None:
            gap_mm += float(np.linalg.norm(points[number] - points[number - 1]))
            leads_along = False
        else:
            gap_mm += along.gap_mm
            way += list(_without_return(along.points_mm, points[number - 1], points[number]))
        way.append(points[number])
    last = near[-1]
    return Target(
        placed.name,
        np.array(placed.points_mm, dtype=np.float64),
        _rounded(np.array(way)) if leads_along else np.array(way),
        placed.is_path,
        np.array([np.nan if each is None else each.distance_mm for each in near]),
        None if last is None else float(centreline.radii_mm[last.index]),
        gap_mm,
    )


def _without_return(points_mm: FloatArray, begin_mm: FloatArray, end_mm: FloatArray) -> FloatArray:
    """The way without a first or last point that lies beyond the points on its lines that it leads between."""
    if len(points_mm) > 1 and (begin_mm - points_mm[0]) @ (points_mm[1] - points_mm[0]) > 0:
        points_mm = points_mm[1:]
    if len(points_mm) > 1 and (end_mm - points_mm[-1]) @ (points_mm[-2] - points_mm[-1]) > 0:
        points_mm = points_mm[:-1]
    return points_mm


def _rounded(points_mm: FloatArray) -> FloatArray:
    """A way without the corners that its points' distance makes; its ends stay."""
    if len(points_mm) < 2:
        return points_mm
    way = _dense(points_mm, ROUNDED_STEP_MM)
    for _ in range(ROUNDINGS):
        way[1:-1] = (way[:-2] + 2 * way[1:-1] + way[2:]) / 4
    return way


def _dense(points_mm: FloatArray, step_mm: float = 0.25) -> FloatArray:
    """Points at most `step_mm` apart on the line of (N, 3) points."""
    if len(points_mm) < 2:
        return points_mm
    arc = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points_mm, axis=0), axis=1))])
    even = np.linspace(0, arc[-1], int(arc[-1] / step_mm) + 2)
    return np.stack([np.interp(even, arc, axis) for axis in points_mm.T], axis=1)
