"""Entropy of the difference image: how few grey levels are left where one image is subtracted from the other."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.similarity.cubic_window import POWERS, SLOPES, TAPS, WINDOW
from DeepIterRegLib.similarity.difference_image import DifferenceImage, range_where_counted
from DeepIterRegLib.similarity.weighting import fixed_and_weights

BINS = 128
REACH = 2.0
"""The histogram goes from minus to plus this, in ranges of the fixed image: a bin is 1/32 of the range, as fine as
mutual information's. What is farther off counts as its end."""
EMPTY = 1e-13
"""A probability below this is rounding."""


class EntropyOfDifference:
    """-H of the histogram of D = (f - f_mean) - s (m - m_mean), in nats: above -log(128), and at most 0.

        H = -sum_j p_j log p_j          p_j = sum_x w(x) beta3(j - u(D(x)))

    The fewer grey levels the difference image has, the more alike the images are. beta3 is the cubic B-spline, so that
    the histogram, and with it the measure, is smooth in the moving image; an even difference image is spread over three
    bins and has H = 0.87. s = f_std / m_std. Source: Penney et al., IEEE TMI 17 (1998) 586, after Buzug et al. (1997);
    they minimise H. See `Similarity` for the interface.
    """

    name = "entropy of the difference"

    def __init__(self, fixed: FloatArray, weights: FloatArray | BoolArray | None = None) -> None:
        fixed, weights = fixed_and_weights(fixed, weights)
        self._difference = DifferenceImage(fixed, weights, unit=range_where_counted(fixed, weights))
        self._shape = fixed.shape
        self._counted = np.flatnonzero(weights)
        self._weights = weights.ravel()[self._counted]

    def value(self, moving: FloatArray) -> FloatArray:
        """(B,) of (B, rows, columns) images."""
        images = self._difference.of(moving).images
        return np.array([_negative_entropy(self._histogram(*_cells(self._pixels(image))[:2])) for image in images])

    def value_and_gradient(self, moving: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(B,) values and their gradients (B, rows, columns)."""
        difference = self._difference.of(moving)
        values = np.empty(len(difference.images))
        slope = np.zeros_like(difference.images)
        for index, image in enumerate(difference.images):
            cells, t, outside = _cells(self._pixels(image))
            p = self._histogram(cells, t)
            values[index] = _negative_entropy(p)
            # dV/dp_j = log p_j + 1; the 1 falls out, as a pixel's weights always add up to 1
            by_pixel = _slope(np.log(p, out=np.zeros_like(p), where=p > EMPTY), cells, t) * self._weights
            by_pixel[outside] = 0
            slope[index].ravel()[self._counted] = by_pixel
        return values, self._difference.gradient(slope, difference)

    def _pixels(self, image: FloatArray) -> FloatArray:
        return image.ravel()[self._counted].astype(np.float64)

    def _histogram(self, cells: np.ndarray, t: FloatArray) -> FloatArray:
        """(BINS,) probabilities, from the sums of 1, t, t^2, t^3 in each cell."""
        moments = np.empty((POWERS, BINS))
        power = self._weights
        for exponent in range(POWERS):
            moments[exponent] = np.bincount(cells, power, minlength=BINS)
            power = power * t
        taps = WINDOW @ moments
        p = taps[1].copy()
        p[:-1] += taps[0][1:]
        p[1:] += taps[2][:-1]
        p[2:] += taps[3][:-2]
        return p


def _bins_per_unit() -> float:
    # One bin is kept free below the range and one above, for the window's skirts.
    return (BINS - 3) / (2 * REACH)


def _cells(pixels: FloatArray) -> tuple[np.ndarray, FloatArray, BoolArray]:
    """For each of (N,) differences its bin c, its place t in it, and whether it is off the histogram."""
    outside = np.abs(pixels) > REACH
    position = np.clip((pixels + REACH) * _bins_per_unit() + 1, 1, BINS - 2 - 1e-9)
    cells = position.astype(np.intp)
    return cells, position - cells, outside


def _negative_entropy(p: FloatArray) -> float:
    filled = p[p > EMPTY]
    return float(filled @ np.log(filled))


def _slope(table: FloatArray, cells: np.ndarray, t: FloatArray) -> FloatArray:
    """(N,) derivative by each pixel of what has the derivatives `table` (BINS,) by the histogram."""
    neighbours = np.zeros((TAPS, BINS))
    neighbours[0][1:] = table[:-1]
    neighbours[1] = table
    neighbours[2][:-1] = table[1:]
    neighbours[3][:-2] = table[2:]
    constant, linear, quadratic = _bins_per_unit() * (SLOPES.T @ neighbours)
    return (quadratic[cells] * t + linear[cells]) * t + constant[cells]
