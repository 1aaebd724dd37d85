"""Fills a vessel with points in discs across it: fewer than `tube_cloud` takes, for the network's small images."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.vessels.vessel import STEP_MM, Vessel

GOLDEN_ANGLE_RAD = np.pi * (3 - np.sqrt(5))


def tube_points(vessel: Vessel, cell_mm: float) -> tuple[FloatArray, FloatArray, npt.NDArray[np.intp]]:
    """Points that fill a vessel evenly, for projecting.

    Returns positions (M, 3), the volume (M,) mm3 that each stands for, and the index (M,) of the centreline point it
    belongs to. Cross-sections are sunflower discs with about one point per cell_mm squared; each disc is turned
    against its neighbours so that no pattern shows in the projection.
    """
    points, radii = vessel.points_mm, vessel.radii_mm
    tangent = np.gradient(points, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    helper = np.where(np.abs(tangent[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
    first = np.cross(tangent, helper)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(tangent, first)
    counts = np.maximum(1, np.round(np.pi * radii**2 / cell_mm**2)).astype(int)
    owner = np.repeat(np.arange(len(points)), counts)
    rank = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    r = radii[owner] * np.sqrt((rank + 0.5) / counts[owner])
    angle = GOLDEN_ANGLE_RAD * rank + 2.4 * owner
    positions = points[owner] + r[:, None] * (
        np.cos(angle)[:, None] * first[owner] + np.sin(angle)[:, None] * second[owner]
    )
    # A single point sits on the axis, not at 0.7 radii from it.
    positions = np.where((counts[owner] == 1)[:, None], points[owner], positions)
    volume = (np.pi * radii**2 * STEP_MM / counts)[owner]
    return positions, volume, owner
