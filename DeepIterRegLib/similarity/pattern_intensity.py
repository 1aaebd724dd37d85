"""Pattern intensity: how little structure the difference image has."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.similarity.difference_image import DifferenceImage, range_where_counted
from DeepIterRegLib.similarity.weighting import fixed_and_weights, sum_of_products

RADIUS_PX = 3
SIGMA = 10 / 255
"""Part of the fixed image's range of intensities: Penney's 10 grey levels of an 8-bit image."""


def half_disc(radius_px: int) -> list[tuple[int, int]]:
    """(row, column) offsets within the radius, one of d and -d: with both each pair would count twice."""
    reach = range(-radius_px, radius_px + 1)
    return [(i, j) for i in reach for j in reach if i * i + j * j <= radius_px**2 and (i, j) > (0, 0)]


class PatternIntensity:
    """Mean of sigma^2 / (sigma^2 + (D(a) - D(b))^2) over the pairs a, b of pixels at most three apart, 0 to 1.

    D = f - s m is the difference image, sigma 10/255 of the fixed image's range. Source: Penney et al., IEEE TMI 17
    (1998) 586; the sum there is a mean here, weighted by the product of the two pixels' weights. The scale
    is s = f_std / m_std. See `Similarity` for the interface.
    """

    name = "pattern intensity"

    def __init__(
        self,
        fixed: FloatArray,
        weights: FloatArray | BoolArray | None = None,
        radius_px: int = RADIUS_PX,
        sigma: float = SIGMA,
    ) -> None:
        fixed, weights = fixed_and_weights(fixed, weights)
        self._difference = DifferenceImage(fixed, weights, unit=sigma * range_where_counted(fixed, weights))
        pairs = []
        for offset in half_disc(radius_px):
            near, far = shifted(fixed.shape, offset)
            pairs.append((near, far, weights[near] * weights[far]))
        total = sum(float(weight.sum()) for _, _, weight in pairs) or 1.0
        self._pairs = [(near, far, (weight / total).astype(np.float32)) for near, far, weight in pairs]

    def value(self, moving: FloatArray) -> FloatArray:
        """(B,) pattern intensities of (B, rows, columns) images."""
        return self._pattern(self._difference.of(moving).images)

    def value_and_gradient(self, moving: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(B,) pattern intensities and their gradients (B, rows, columns)."""
        difference = self._difference.of(moving)
        slope = np.zeros_like(difference.images)
        values = self._pattern(difference.images, slope)
        return values, self._difference.gradient(slope, difference)

    def _pattern(self, difference: FloatArray, slope: FloatArray | None = None) -> FloatArray:
        """(B,) values for D / sigma; adds the derivative by D / sigma to `slope` where it is given."""
        values = np.zeros(len(difference))
        for near, far, weight in self._pairs:
            step = difference[:, *far] - difference[:, *near]
            term = 1 / (1 + step * step)
            values += sum_of_products(term, weight)
            if slope is not None:
                step *= term
                step *= term
                step *= -2 * weight
                slope[:, *far] += step
                slope[:, *near] -= step
        return values


def shifted(shape: tuple[int, ...], offset: tuple[int, int]) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Windows of an image whose pixels correspond: one and the same moved by (row, column) offset."""
    near = tuple(slice(max(-o, 0), n - max(o, 0)) for n, o in zip(shape, offset, strict=True))
    far = tuple(slice(max(o, 0), n - max(-o, 0)) for n, o in zip(shape, offset, strict=True))
    return near, far
