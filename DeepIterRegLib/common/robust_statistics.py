"""Statistics that outliers (vessels in a background, ghosts in a residual) hardly change."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray

SIGMA_OF_MEDIAN_DEVIATION = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""


def robust_sigma(residuals: FloatArray) -> float:
    """The standard deviation of `residuals` (any shape, centred) by their median size, as if they were normal."""
    return SIGMA_OF_MEDIAN_DEVIATION * float(np.median(np.abs(residuals)))
