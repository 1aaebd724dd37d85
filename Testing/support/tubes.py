"""Vessels of a known course as clouds of points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial import cKDTree

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.preparation.cloud import VesselCloud

CELL_MM = 1.0


def line(start: Sequence[float], end: Sequence[float], step_mm: float = 0.5) -> FloatArray:
    """(N, 3) points from one to the other."""
    ends = np.array([start, end], dtype=np.float64)
    count = max(int(np.linalg.norm(ends[1] - ends[0]) / step_mm), 1) + 1
    return ends[0] + np.linspace(0, 1, count)[:, None] * (ends[1] - ends[0])


def tubes(*courses: tuple[FloatArray, float], veins: Sequence[tuple[FloatArray, float]] = ()) -> VesselCloud:
    """The points of a grid of `CELL_MM` within the radius, mm, of each course (N, 3)."""
    parts = [_inside(course, radius) for course, radius in (*courses, *veins)]
    arteries = sum(len(part) for part in parts[: len(courses)])
    positions = np.concatenate(parts)
    is_vein = np.arange(len(positions)) >= arteries
    weights = np.full(len(positions), CELL_MM**3, dtype=np.float32)
    return VesselCloud(positions.astype(np.float32), weights, is_vein, CELL_MM, np.zeros(3))


def _inside(course: FloatArray, radius_mm: float) -> FloatArray:
    low, high = np.floor(course.min(axis=0) - radius_mm), np.ceil(course.max(axis=0) + radius_mm)
    axes = [np.arange(first, last + CELL_MM, CELL_MM) for first, last in zip(low, high, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    return grid[cKDTree(course).query(grid, distance_upper_bound=radius_mm)[0] <= radius_mm]
