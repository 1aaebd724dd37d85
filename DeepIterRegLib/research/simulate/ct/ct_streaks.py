"""Streaks from dental fillings."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from DeepIterRegLib.research.simulate.ct.ct_plan import CtPlan

METAL_HU = 4000.0
STREAK_HU = 420.0
"""Amplitude at 10 mm from a filling."""


def add_streaks(hu: npt.NDArray[np.float32], plan: CtPlan, rng: np.random.Generator) -> bool:
    """Add bright and dark rays around metal to the slices of `hu` (K, J, I) in place; says whether there is any."""
    angles = rng.uniform(0, 2 * np.pi, 6).astype(np.float32)
    counts = rng.integers(3, 15, 6)
    found = False
    for plane in hu:
        if plane[::2, ::2].max() < METAL_HU:
            continue
        found = True
        labels, number = ndimage.label(plane > METAL_HU)
        streaks = np.zeros_like(plane)
        for row, column in ndimage.center_of_mass(plane, labels, range(1, number + 1)):
            j = (np.arange(plane.shape[0], dtype=np.float32) - np.float32(row))[:, None]
            i = np.arange(plane.shape[1], dtype=np.float32) - np.float32(column)
            turn = np.arctan2(j, i)
            rays = sum(np.cos(count * turn + angle) for count, angle in zip(counts, angles, strict=True))
            away_mm = np.hypot(j, i) * np.float32(plan.voxel_mm)
            streaks += np.maximum(rays, -1.5) * (STREAK_HU / 4) * np.exp(-away_mm / 28) / (1 + away_mm / 10)
        plane += np.where(plane > -500, streaks, streaks * np.float32(0.4))
    return found
