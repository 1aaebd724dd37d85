"""Scatter that is not the same everywhere, and the detector's veiling glare beside what no head darkens."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from DeepIterRegLib.research.simulate.x_ray.doubling import doubled
from DeepIterRegLib.research.simulate.x_ray.scatter import TIMES_SMALLER, scattered

Image = npt.NDArray[np.float32]
TAILS_MM = (6.0, 25.0, 80.0)
"""Widths of the glare's Gaussians: its tails fall more slowly than one alone."""
TAIL_WEIGHTS = (0.5, 0.3, 0.2)
BRIGHTEST = 40.0
"""Of the dose behind the head: brighter light saturates before it spreads."""
MODULATION = 0.5
"""Largest relative change of the scattered share over the field."""


@dataclass(frozen=True)
class Glare:
    """What is added to the light of the primary beam."""

    veiling: float = 0.03
    """Share of all light that the detector spreads."""
    modulation: float = 0.3
    """Relative change of the scattered share from one end of the field to the other and within it."""
    seed: int = 0
    """Of where it is more and where less."""

    @classmethod
    def random(cls, rng: np.random.Generator) -> Glare:
        return cls(float(rng.uniform(0.01, 0.08)), float(rng.uniform(0.1, MODULATION)), int(rng.integers(2**31)))

    def pattern(self, rows: int, columns: int) -> Image:
        """(rows, columns) scattered share over its mean: a slope and a few broad hills."""
        return _pattern(self, rows, columns)

    def _drawn(self, rows: int, columns: int) -> Image:
        rng = np.random.default_rng(self.seed)
        y, x = np.linspace(-1, 1, rows)[:, None], np.linspace(-1, 1, columns)[None, :]
        slope = rng.normal(0, 1, 2)
        field = (slope[0] * x + slope[1] * y) / max(float(np.linalg.norm(slope)), 1e-6)
        for _ in range(3):
            (a, b), width = rng.uniform(-1, 1, 2), rng.uniform(0.3, 0.8)
            field = field + rng.uniform(-1, 1) * np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * width**2))
        field -= field.mean()
        return (1 + self.modulation * field / np.abs(field).max()).astype(np.float32)

    def added(self, primary: Image, fraction: float, pixel_mm: float, level: float) -> Image:
        """(rows, columns) quanta to be added to the primary ones. level: of the primary beam behind the head."""
        total = scattered(primary, fraction, pixel_mm, 3 * level) * self.pattern(*primary.shape)
        times = TIMES_SMALLER
        while times and (primary.shape[0] % 2**times or primary.shape[1] % 2**times):
            times -= 1
        step = 2**times
        rows, columns = primary.shape[0] // step, primary.shape[1] // step
        light = np.minimum(primary, BRIGHTEST * level).reshape(rows, step, columns, step).mean(axis=(1, 3))
        spread = np.zeros_like(light)
        for width_mm, weight in zip(TAILS_MM, TAIL_WEIGHTS, strict=True):
            spread += weight * ndimage.gaussian_filter(light, width_mm / (pixel_mm * step), mode="nearest")
        total += doubled((self.veiling * spread).astype(np.float32), times)
        return total


@lru_cache(maxsize=4)
def _pattern(glare: Glare, rows: int, columns: int) -> Image:
    """The same for all frames of a run."""
    return glare._drawn(rows, columns)
