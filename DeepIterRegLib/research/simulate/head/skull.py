"""The template's skull: two half ellipsoids and a stepped floor, in mm about the middle of the brain (RAS)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray


@dataclass(frozen=True)
class Skull:
    """Inner table of the vault: an ellipsoid with its own half axis above and below the equator."""

    half_width_mm: float
    half_length_mm: float
    height_mm: float
    depth_mm: float

    def depth_below_table(self, x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
        """Distance (mm, along the ray from the middle) inside the inner table; negative outside. Broadcasts."""
        c = np.where(z > 0, np.float32(self.height_mm), np.float32(self.depth_mm))
        q = (x / np.float32(self.half_width_mm)) ** 2 + (y / np.float32(self.half_length_mm)) ** 2 + (z / c) ** 2
        scale = np.sqrt(np.maximum(q, np.float32(1e-6)))
        return np.sqrt(x * x + y * y + z * z) * (1 / scale - 1)

    def on_table(self, towards: FloatArray, depth_mm: FloatArray | float) -> FloatArray:
        """(N, 3) points `depth_mm` inside the inner table, in the directions (N, 3) seen from the middle."""
        direction = np.atleast_2d(np.asarray(towards, dtype=np.float64))
        direction = direction / np.linalg.norm(direction, axis=1, keepdims=True)
        c = np.where(direction[:, 2] > 0, self.height_mm, self.depth_mm)
        axes = np.stack([np.full_like(c, self.half_width_mm), np.full_like(c, self.half_length_mm), c], axis=1)
        radius = 1 / np.linalg.norm(direction / axes, axis=1)
        return direction * (radius - depth_mm)[:, None]

    def lateral_point(
        self, side_sign: float, y: float, z: float, depth_mm: float, medial_mm: float = 9.0
    ) -> FloatArray:
        """(3,) point of the convexity that a lateral view shows at (y, z), at least `medial_mm` from the midline."""
        c = self.height_mm if z > 0 else self.depth_mm
        rest = 1 - (y / self.half_length_mm) ** 2 - (z / c) ** 2
        x = max(self.half_width_mm * np.sqrt(max(rest, 0.0)), medial_mm)
        return self.on_table(np.array([side_sign * x, y, z]), depth_mm)[0]

    @staticmethod
    def floor_mm(y: FloatArray) -> FloatArray:
        """Height z of the skull base: anterior, middle and posterior fossa are steps downwards."""
        return -45 - 11 * np.tanh((-8 - y) / 6) + 9 * np.tanh((y - 28) / 5)
