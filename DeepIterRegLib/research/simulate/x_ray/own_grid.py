"""A grid of the X-ray's own for the head, so that CTA and X-ray share no voxel: turned, shifted, as fine or finer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.rigid import rigid

VOXEL_MM = 0.5
TURNED_DEG = (3.0, 9.0)
LOW_MM, HIGH_MM = (-88.0, -108.0, -148.0), (88.0, 118.0, 84.0)
"""Head's frame of an average person: ears, back and nose, neck and vertex, with some air."""


@dataclass(frozen=True, eq=False)
class OwnGrid:
    """Voxels that hold the whole head."""

    ijk_to_patient: FloatArray
    """(4, 4)"""
    size_kji: tuple[int, int, int]

    @classmethod
    def random(
        cls, head_to_patient: FloatArray, scale: tuple[float, float, float], finest_mm: float, rng: np.random.Generator
    ) -> OwnGrid:
        """scale: the person's over the template's. finest_mm: smallest edge of the CTA's voxels, or larger where a
        coarse patient is wanted."""
        voxel_mm = float(max(VOXEL_MM, 0.9 * finest_mm))
        axis = rng.normal(0, 1, 3)
        turn = np.radians(rng.uniform(*TURNED_DEG)) * axis / np.linalg.norm(axis)
        turned = Rotation.from_rotvec(turn).as_matrix()
        low, high = np.array(LOW_MM) * scale, np.array(HIGH_MM) * scale
        # The turned box is a little larger, so that the turned head is in it.
        size_ijk = np.ceil((high - low + 6.0) / voxel_mm).astype(int)
        middle = (low + high) / 2 + voxel_mm * rng.uniform(-0.5, 0.5, 3)
        axes = turned @ np.diag([-voxel_mm, -voxel_mm, voxel_mm])
        ijk_to_head = rigid(np.eye(3), np.zeros(3))
        ijk_to_head[:3, :3] = axes
        ijk_to_head[:3, 3] = middle - axes @ (size_ijk - 1) / 2
        i, j, k = (int(size) for size in size_ijk)
        return cls(head_to_patient @ ijk_to_head, (k, j, i))
