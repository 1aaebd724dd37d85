"""A bone flap of the vault: missing, or put back with plates. One examination shows it, the other one does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.head.head_detail import Detail
from DeepIterRegLib.research.simulate.head.head_variety import SKULL
from DeepIterRegLib.research.simulate.head.implicit import Point, blend, f32, tube

TISSUE_HU, TITANIUM_HU = 45.0, 7000.0
HALF_KERF_MM, PLATE_RADIUS_MM, HALF_PLATE_MM = 1.2, 0.7, 8.0
PLATE_OUTSIDE_MM = 7.5
"""Outside the inner table: upon an average vault."""
SITES = ((0.8, 0.45, 0.15), (0.45, 0.7, 0.5), (0.7, -0.3, 0.6))
"""Pterional, frontal and parietal: directions from the middle of the brain, on the right."""


@dataclass(frozen=True)
class Craniotomy:
    """One round flap."""

    towards: Point
    """Its middle, seen from the middle of the brain (template)."""
    radius_mm: float
    state: Literal["missing", "plated"]
    plates: int = 4
    in_ct: bool = False
    """Whether the CTA shows it and the X-ray does not; otherwise the other way round."""

    @classmethod
    def random(cls, rng: np.random.Generator) -> Craniotomy:
        """Either side; two in three are put back with plates."""
        x, y, z = SITES[int(rng.integers(len(SITES)))]
        return cls(
            (float(rng.choice([-1.0, 1.0])) * x, y, z),
            radius_mm=float(rng.uniform(22, 42)),
            state="plated" if rng.random() < 0.67 else "missing",
            plates=int(rng.integers(3, 6)),
            in_ct=bool(rng.random() < 0.5),
        )

    def detail(self) -> Detail:
        """To be painted over everything else."""
        axis = np.array(self.towards) / np.linalg.norm(self.towards)
        plates = self._plates() if self.state == "plated" else []

        def paint(hu: FloatArray, x: FloatArray, y: FloatArray, z: FloatArray) -> None:
            along = x * f32(axis[0]) + y * f32(axis[1]) + z * f32(axis[2])
            depth = f32(self.radius_mm) - np.sqrt(np.maximum(x * x + y * y + z * z - along * along, 0))
            if plates:
                depth = f32(HALF_KERF_MM) - np.abs(depth)
            share = np.clip(depth / f32(0.6) + f32(0.5), 0, 1) * (along > 0)
            hu -= share * np.maximum(hu - f32(TISSUE_HU), 0)
            for path in plates:
                blend(hu, tube(x, y, z, path, PLATE_RADIUS_MM), TITANIUM_HU)

        middle, reach_mm = SKULL.on_table(axis, 0.0)[0], self.radius_mm + HALF_PLATE_MM + 10
        low, high = middle - reach_mm, middle + reach_mm
        return Detail((low[0], low[1], low[2]), (high[0], high[1], high[2]), paint)

    def _plates(self) -> list[list[Point]]:
        """Courses of the plates, across the saw's gap."""
        axis = np.array(self.towards) / np.linalg.norm(self.towards)
        first = np.cross(axis, [0.0, 0.0, 1.0])
        first /= np.linalg.norm(first)
        second = np.cross(axis, first)
        middle, paths = SKULL.on_table(axis, 0.0)[0], []
        # Down the vault the flap's border lies lower than its middle: its height follows from the table.
        for turn in np.arange(self.plates) * 2 * np.pi / self.plates:
            out = np.cos(turn) * first + np.sin(turn) * second
            path: list[Point] = []
            for away_mm in self.radius_mm + np.array([-HALF_PLATE_MM, 0.0, HALF_PLATE_MM]):
                x, y, z = SKULL.on_table(0.85 * middle + away_mm * out, -PLATE_OUTSIDE_MM)[0]
                path.append((float(x), float(y), float(z)))
            paths.append(path)
        return paths
