"""The difference image of two images of unknown scale, which two measures look at."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.similarity.weighting import as_moving, per_image, sum_of_products


class Difference(NamedTuple):
    """A batch of difference images, and what the way back from them needs."""

    images: FloatArray
    """(B, rows, columns) D."""
    centred: FloatArray
    """(B, rows, columns) m - m_mean."""
    scale: FloatArray
    """(B,) s."""
    inverse_variance: FloatArray
    """(B,) 1 / m_std^2, or 0 for an image without variation."""


class DifferenceImage:
    """D = ((f - f_mean) - s (m - m_mean)) / unit, with the scale s = f_std / m_std.

    Penney et al., IEEE TMI 17 (1998) 586, leave open how s is found. This one is smooth in the moving image and never
    negative, so inverted contrast does not match. Means and deviations are weighted; a moving image without variation
    is subtracted from nothing, s = 0.

    fixed, weights: (rows, columns), as `fixed_and_weights` gives them. unit: of the intensities of D.
    """

    def __init__(self, fixed: FloatArray, weights: FloatArray, unit: float) -> None:
        centred = fixed - (weights * fixed).sum()
        self._std = float(np.sqrt((weights * centred**2).sum())) / unit
        self._fixed = (centred / unit).astype(np.float32)
        self._weights = weights.astype(np.float32)

    def of(self, moving: FloatArray) -> Difference:
        """The difference images of (B, rows, columns) moving images."""
        moving = as_moving(moving, self._weights.shape)
        mean = sum_of_products(moving, self._weights)
        centred = moving - per_image(mean, moving)
        variance = sum_of_products(centred * self._weights, centred)
        varies = variance > (1e-6 * mean) ** 2
        inverse_variance = np.divide(1.0, variance, out=np.zeros_like(variance), where=varies)
        scale = self._std * np.sqrt(inverse_variance)
        return Difference(self._fixed - per_image(scale, moving) * centred, centred, scale, inverse_variance)

    def gradient(self, slope: FloatArray, difference: Difference) -> FloatArray:
        """From the derivative by D, (B, rows, columns), to that by the moving images."""
        # dD/dm = -s (1 - w by the mean); ds/dm = -s w (m - m_mean) / m_std^2
        through_scale = sum_of_products(slope, difference.centred) * difference.scale * difference.inverse_variance
        through_mean = slope.sum(axis=(1, 2), dtype=np.float64) * difference.scale
        gradient = difference.centred * per_image(through_scale, slope)
        gradient += per_image(through_mean, slope)
        gradient *= self._weights
        gradient -= slope * per_image(difference.scale, slope)
        return gradient


def range_where_counted(fixed: FloatArray, weights: FloatArray) -> float:
    """The fixed image's range of intensities, 1 for a constant one: it has none, and any unit will do for it."""
    return float(np.ptp(fixed[weights > 0])) or 1.0
