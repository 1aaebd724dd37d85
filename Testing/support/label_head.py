"""A small label map as TopBrain's are, painted from centrelines."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.real_anatomy.template_fit import TEMPLATE
from DeepIterRegLib.research.simulate.veins.sinuses import midline_point
from DeepIterRegLib.research.simulate.vessels.vessel import centreline

SHIFT_MM = np.array([6.0, -9.0, 25.0])
"""From the template to where the person lay in the scanner."""
SINUS_X_MM = 5.0
"""The superior sagittal sinus lies so far to the right."""
# (right label, left label or the same, radius, waypoints on the right: RAS, mm, in the template)
PAIRED = (
    (23, 24, 1.5, [[22, -14, -58], [13, -12, -52], [4, -9, -46], [0, -8, -44]]),
    (2, 3, 1.2, [[0, -3, -27], [9, -1, -23], [20, -14, -18]]),
    (21, 22, 1.0, [[20, -14, -18], [18, -40, -10], [10, -60, 0]]),
    (25, 26, 0.9, [[0, -6, -31], [12, -14, -28], [22, -30, -24]]),
    (4, 6, 1.9, [[22, 2, -50], [12, 18, -36], [11, 12, -26], [11, 10, -20]]),
    (8, 9, 0.8, [[11, 12, -26], [9, -1, -23]]),
    (5, 7, 1.4, [[11, 10, -20], [30, 10, -15]]),
    (17, 19, 1.0, [[30, 10, -15], [40, 12, 0]]),
    (17, 19, 1.0, [[30, 10, -15], [40, -6, -8]]),
    (18, 20, 0.9, [[40, 12, 0], [50, 8, 12]]),
    (18, 20, 0.9, [[40, -6, -8], [50, -16, 4]]),
    (11, 12, 1.1, [[11, 10, -20], [3, 20, -18], [3.5, 36, 2]]),
    (13, 14, 1.0, [[3.5, 36, 2], [3, 28, 26], [3, 0, 32]]),
    (37, 37, 1.0, [[3, 6, 7], [3, -10, 12], [3, -25, 10], [0, -33, 5]]),
    (38, 39, 1.0, [[13, 8, -18], [17, -16, -10], [10, -30, 1], [1, -34, 5]]),
)  # fmt: skip
SINGLE = (
    (1, 1.6, [[0, -8, -44], [0, -3, -27]]),
    (10, 0.7, [[3, 20, -18], [-3, 20, -18]]),
    (35, 1.5, [[0, -33, 5], [0, -42, 8]]),
    (36, 1.8, [[0, -42, 8], [1, -72, -14]]),
)  # fmt: skip


def topbrain_like(path: Path, leave_out: Collection[int] = (), swap_sides: bool = False) -> Path:
    """Write the map (1 mm, LPS) without some of its labels, or with those of right and left exchanged."""
    import SimpleITK as sitk

    ways = [(right, radius, np.array(way, float)) for right, _, radius, way in PAIRED]
    ways += [(left, radius, np.array(way, float) * [-1, 1, 1]) for _, left, radius, way in PAIRED]
    ways += [(label, radius, np.array(way, float)) for label, radius, way in SINGLE]
    table = np.array([midline_point(angle, SINUS_X_MM) for angle in np.arange(5, 176, 17.0)])
    ways.append((40, 3.0, TEMPLATE.on_table(table, 3.6)))
    low, size = np.array([-72.0, -85.0, -62.0]), (144, 170, 132)
    grid = np.zeros(size, dtype=np.uint8)
    for label, radius, way in ways:
        if label not in leave_out:
            _paint(grid, label, radius, centreline(way) - low)
    if swap_sides:
        pairs = {right: left for right, left, _, _ in PAIRED}
        pairs |= {left: right for right, left in pairs.items()}
        grid = np.array([pairs.get(label, label) for label in range(41)], dtype=np.uint8)[grid]
    # From R, A, S to L, P, S.
    image = sitk.GetImageFromArray(np.ascontiguousarray(grid[::-1, ::-1].transpose(2, 1, 0)))
    last = low + np.array(size) - 1 + SHIFT_MM
    image.SetOrigin([-last[0], -last[1], float(low[2] + SHIFT_MM[2])])
    sitk.WriteImage(image, str(path))
    return path


def _paint(grid: np.ndarray, label: int, radius: float, points: FloatArray) -> None:
    reach = int(np.ceil(radius))
    ball = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    for point in points:
        at = np.round(point).astype(int) + ball
        at = at[(((at - point) ** 2).sum(axis=1) <= radius**2) & ((at >= 0) & (at < grid.shape)).all(axis=1)]
        free = grid[tuple(at.T)] == 0
        grid[tuple(at[free].T)] = label
