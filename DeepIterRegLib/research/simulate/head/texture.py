"""Smooth random fields in space: folds of the brain, planes of fat, spongy bone."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from DeepIterRegLib.common.arrays import FloatArray

SIZE = 32
"""Edge of the random cube, in cells; it repeats."""


class Texture:
    """Smooth noise of mean 0 and standard deviation 1, the same wherever and how finely it is looked up."""

    def __init__(self, cell_mm: float, rng: np.random.Generator) -> None:
        """cell_mm: about a third of the distance from one crest to the next."""
        cube = ndimage.gaussian_filter(rng.standard_normal((SIZE,) * 3), 1.0, mode="wrap")
        self._flat = np.pad(cube / cube.std(), (0, 1), mode="wrap").astype(np.float32).reshape(-1)
        self._per_mm = np.float32(1 / cell_mm)

    def __call__(self, x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
        """Values at points of any one shape, mm, trilinear."""
        index, share = [], []
        for value in (x, y, z):
            cell = value * self._per_mm
            below = np.floor(cell)
            share.append(cell - below)
            index.append(below.astype(np.int32) & (SIZE - 1))
        edge = SIZE + 1
        base = (index[0] * edge + index[1]) * edge + index[2]
        u, v, w = share
        lines = []
        for offset in (0, edge, edge * edge, edge * edge + edge):
            low = self._flat[base + offset]
            lines.append(low + w * (self._flat[base + (offset + 1)] - low))
        near = lines[0] + v * (lines[1] - lines[0])
        far = lines[2] + v * (lines[3] - lines[2])
        return near + u * (far - near)
