"""Pixels on bones' edges that are followed from frame to frame, and the affine motion that fits them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.common.robust_statistics import robust_sigma

Image = npt.NDArray[np.float32]

AFFINE_STEPS = 8
"""Most of Gauss-Newton at each level."""
CONVERGED_PX = 0.01
LEAST_POINTS = 60
"""Fewer followed pixels than this say nothing about a motion."""
BLOCKS, EDGES_PER_BLOCK = 24, 16
"""Blocks along a side, and pixels followed in each: else all of them would lie on the sharpest edge."""
LEAST_EDGE = 4.0
"""Gradient of a followed pixel, in units of the picture's median gradient."""
TUKEY = 4.685
"""Standard deviations at which a pixel's weight has fallen to 0."""


@dataclass(frozen=True, eq=False)
class Level:
    """The followed pixels of the mask at one level of the pyramid."""

    factor: int
    """Binning."""
    points: FloatArray
    """(2, N) rows and columns, binned pixels."""
    values: FloatArray
    """(N,) of the filtered mask."""
    slopes: FloatArray
    """(2, N) its gradient along rows and columns, per unbinned pixel."""
    affine: FloatArray
    """(N, 3) 1 and the place in the picture, -1 to 1."""

    def part(self, chosen: BoolArray) -> Level:
        """Only some (N,) of the pixels."""
        return Level(
            self.factor, self.points[:, chosen], self.values[chosen], self.slopes[:, chosen], self.affine[chosen]
        )


def edge_points(image: Image, factor: int, inner: BoolArray) -> Level:
    """Choose the steepest pixels of each block of the filtered mask, inside (rows, columns) `inner`."""
    slopes = np.array(np.gradient(image))
    steepness = np.hypot(*slopes)
    rows, columns = image.shape
    allowed = inner[factor // 2 :: factor, factor // 2 :: factor][:rows, :columns]
    if not allowed.any():
        chosen = np.zeros(0, dtype=np.int64)
    else:
        steepness[~allowed] = 0
        least = LEAST_EDGE * float(np.median(steepness[allowed]))
        # Numbers of the blocks, each block's pixels from the steepest on: the place within it is what counts.
        block = (np.arange(rows) * BLOCKS // rows)[:, None] * BLOCKS + np.arange(columns) * BLOCKS // columns
        candidates = np.flatnonzero(steepness > max(least, 1e-12))
        candidates = candidates[np.lexsort((-steepness.flat[candidates], block.flat[candidates]))]
        owners = block.flat[candidates]
        place = np.arange(len(owners)) - np.searchsorted(owners, owners)
        chosen = candidates[place < EDGES_PER_BLOCK]
    points = np.stack(np.unravel_index(chosen, image.shape)).astype(np.float64)
    shape = (rows * factor, columns * factor)
    return Level(
        factor, points, image.ravel()[chosen], slopes.reshape(2, -1)[:, chosen] / factor,
        affine_basis(places_of((points + 0.5) * factor - 0.5, shape)),
    )  # fmt: skip


def affine_fit(level: Level, image: Image, motion: FloatArray) -> FloatArray:
    """Improve an affine motion (2, 3) at one level."""
    jacobian = np.concatenate([level.affine * axis[:, None] for axis in level.slopes], axis=1)
    for _ in range(AFFINE_STEPS):
        residual = residual_of(level, image, motion @ level.affine.T)
        weighted = jacobian * weights_of(residual)[:, None]
        normal = weighted.T @ jacobian
        normal += 1e-6 * np.trace(normal) * np.eye(6)
        step = -np.linalg.solve(normal, weighted.T @ residual).reshape(2, 3)
        motion = motion + step
        if np.abs(step).sum(axis=1).max() < CONVERGED_PX * level.factor:
            break
    return motion


def residual_of(level: Level, image: Image, motion_px: FloatArray) -> FloatArray:
    """(N,) frame minus mask at the followed pixels, the frame read where a motion (2, N) has brought them."""
    at = level.points + motion_px / level.factor
    return ndimage.map_coordinates(image, at, order=1, mode="nearest", output=np.float64) - level.values


def scale_of(residual: FloatArray) -> float:
    """Standard deviation of the half of the pixels that fits best, as of a normal distribution."""
    return max(robust_sigma(residual), 1e-12)


def weights_of(residual: FloatArray) -> FloatArray:
    """Tukey's biweight."""
    return np.maximum(1 - (residual / (TUKEY * scale_of(residual))) ** 2, 0) ** 2


def places_of(points_px: FloatArray, shape: tuple[int, int]) -> FloatArray:
    """(2, N) from -1 at the first row and column to 1 at the last."""
    return 2 * points_px / (np.array(shape)[:, None] - 1) - 1


def affine_basis(places: FloatArray) -> FloatArray:
    """(N, 3) 1, row and column at (2, N) places."""
    return np.stack([np.ones(places.shape[1]), *places], axis=1)
