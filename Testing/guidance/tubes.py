"""Tubes whose course, radius and forks are known, as vessel clouds."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.preparation.cloud import VesselCloud

CELL_MM = 0.5


def line(*waypoints_mm: tuple[float, float, float], step_mm: float = 0.1) -> FloatArray:
    """(N, 3) points on straight lines from one waypoint to the next."""
    parts = []
    for begin, end in zip(np.array(waypoints_mm[:-1]), np.array(waypoints_mm[1:]), strict=True):
        count = max(2, int(np.linalg.norm(end - begin) / step_mm))
        parts.append(begin + np.linspace(0, 1, count)[:, None] * (end - begin))
    return np.concatenate(parts)


def cloud_of_tubes(*tubes: tuple[FloatArray, float], is_vein: bool = False) -> VesselCloud:
    """The cells of a grid whose middle lies in one of the tubes, each a course (N, 3) and a radius in mm."""
    from scipy.spatial import cKDTree

    courses = np.concatenate([course for course, _ in tubes])
    widest = max(radius for _, radius in tubes)
    low, high = courses.min(axis=0) - widest - 1, courses.max(axis=0) + widest + 1
    axes = [np.arange(first, last, CELL_MM) for first, last in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    inside = np.zeros(len(grid), dtype=bool)
    for course, radius in tubes:
        inside |= cKDTree(course).query(grid, distance_upper_bound=radius)[0] < radius
    positions = grid[inside].astype(np.float32)
    count = len(positions)
    return VesselCloud(positions, np.full(count, CELL_MM**3, np.float32), np.full(count, is_vein), CELL_MM, np.zeros(3))


def forked_cloud() -> VesselCloud:
    """A trunk of radius 2 from (0, 0, -40) to the origin, and branches of radius 1.2 to (30, 0, 15), (-25, 0, 20)."""
    return cloud_of_tubes(
        (line((0, 0, -40), (0, 0, 0)), 2.0),
        (line((0, 0, 0), (30, 0, 15)), 1.2),
        (line((0, 0, 0), (-25, 0, 20)), 1.2),
    )
