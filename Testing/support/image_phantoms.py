"""Heads and angiograms of a few lines, for tests of what reads them."""

from __future__ import annotations

import numpy as np

ROWS, COLUMNS = 200, 240


def head_hu(shape: tuple[int, int, int] = (40, 60, 64)) -> np.ndarray:
    """(K, J, I) int16 HU: air, an ellipsoidal skull around brain, and one contrast-filled vessel off centre."""
    k, j, i = (np.linspace(-1, 1, n) for n in shape)
    radius = np.sqrt(k[:, None, None] ** 2 + j[:, None] ** 2 + i**2)
    voxels = np.full(shape, -1000, np.int16)
    voxels[radius < 0.85] = 1000
    voxels[radius < 0.75] = 35
    vessel = (np.abs(j[:, None] - 0.2) < 0.06) & (np.abs(i + 0.3) < 0.06)
    voxels[np.broadcast_to(vessel, shape) & (radius < 0.75)] = 400
    return voxels


def vessels_mm(frame: int = 0) -> np.ndarray:
    """(rows, columns) mm of contrast along each ray: a trunk with a branch, longer in every frame."""
    row, column = np.mgrid[:ROWS, :COLUMNS]
    depth = 4.0 * np.exp(-(((column - 120 - 10 * np.sin(row / 20)) / 3) ** 2)) * (row > 150 - 30 * frame)
    branch = 2.0 * np.exp(-(((row - 60 - (column - 120) / 3) / 2) ** 2)) * (column > 120) * (frame >= 3)
    return depth + branch


def anatomy() -> np.ndarray:
    """(rows, columns) attenuation of the head itself: what subtraction removes."""
    row, column = np.mgrid[:ROWS, :COLUMNS]
    skull = ((row - 100) / 90) ** 2 + ((column - 120) / 100) ** 2
    return 1.5 * np.clip(1 - skull, 0, None) + 1.0 * np.exp(-(((skull - 0.9) / 0.05) ** 2)) + 0.3 * np.sin(row / 15)


def intensities(frames: int = 5, seed: int = 0) -> np.ndarray:
    """(T, rows, columns) X-ray quanta of a run whose first frame shows no contrast (Beer-Lambert, Poisson noise)."""
    rng = np.random.default_rng(seed)
    filled = np.stack([np.zeros((ROWS, COLUMNS)), *(vessels_mm(t) for t in range(1, frames))])
    return rng.poisson(20000 * np.exp(-anatomy() - 0.2 * filled)).astype(np.float64)


def subtracted_u8(frames: int = 5, seed: int = 0) -> np.ndarray:
    """(T, rows, columns) uint8 as a scanner exports a subtracted run: grey background, dark vessels."""
    rng = np.random.default_rng(seed)
    filled = np.stack([vessels_mm(t) for t in range(5 - frames, 5)])
    return np.clip(180 - 30 * filled + rng.normal(0, 2, filled.shape), 0, 255).astype(np.uint8)
