"""Fills a vessel with points for projecting, evenly across and along, so that no pattern shows on fine detectors."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.vessels.vessel import Vessel

POINTS_PER_PIXEL = 7.0
STRIDES = (0.8191725133961645, 0.6710436067037893, 0.5497004779019703)
"""Of the three-dimensional sequence that fills space most evenly (powers of 1 / 1.2207..., the root of x^4 = x + 1)."""


def tube_cloud(
    vessel: Vessel, cell_mm: float, keep: npt.NDArray[np.bool_] | None = None
) -> tuple[FloatArray, FloatArray, npt.NDArray[np.intp], FloatArray]:
    """Points in a vessel: one per cell_mm cubed, or as many as make its shadow smooth on pixels of cell_mm.

    keep: (N,) centreline points to fill; all if left out. Returns positions (M, 3), the volume (M,) mm3 that each
    stands for, the centreline point (M,) that each belongs to, and how far (M,) it lies past it in units of the step to
    the next, -0.5 to 0.5. Their places are a low-discrepancy sequence.
    """
    points, radii = vessel.points_mm, vessel.radii_mm
    tangent = np.gradient(points, axis=0)
    step = np.linalg.norm(tangent, axis=1, keepdims=True)
    axis = tangent / np.maximum(step, 1e-9)
    helper = np.where(np.abs(axis[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
    first = np.cross(axis, helper)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(axis, first)
    volume = np.pi * radii**2 * step[:, 0]
    shadow = POINTS_PER_PIXEL * 2 * radii * step[:, 0] / cell_mm**2
    counts = np.maximum(np.ceil(step[:, 0] / cell_mm), np.minimum(volume / cell_mm**3, shadow)).astype(int)
    if keep is not None:
        counts = np.where(keep, counts, 0)
    owner = np.repeat(np.arange(len(points)), counts)
    number = np.arange(len(owner))
    r = radii[owner] * np.sqrt(number * STRIDES[0] % 1.0)
    angle = 2 * np.pi * (number * STRIDES[1] % 1.0)
    ahead = number * STRIDES[2] % 1.0 - 0.5
    positions = points[owner] + ahead[:, None] * tangent[owner]
    positions += (r * np.cos(angle))[:, None] * first[owner] + (r * np.sin(angle))[:, None] * second[owner]
    return positions, (volume / np.maximum(counts, 1))[owner], owner, ahead
