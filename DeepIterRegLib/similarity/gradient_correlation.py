"""Gradient correlation: NCC of the edges, which slow changes of brightness do not affect."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.similarity.filters import sobel, sobel_adjoint, window_weights
from DeepIterRegLib.similarity.ncc import NormalizedCrossCorrelation
from DeepIterRegLib.similarity.weighting import as_moving, fixed_and_weights


class GradientCorrelation:
    """Mean of the NCCs of the two Sobel-filtered images (derivatives by column and by row), -1 to 1.

    Source: Penney et al., IEEE TMI 17 (1998) 586. The image's outermost pixels, and those next to a masked one, have
    no derivative and do not count. See `Similarity` for the interface.
    """

    name = "gradient correlation"

    def __init__(self, fixed: FloatArray, weights: FloatArray | BoolArray | None = None) -> None:
        fixed, weights = fixed_and_weights(fixed, weights)
        self._shape = fixed.shape
        inner = window_weights(weights)
        self._correlations = [NormalizedCrossCorrelation(derivative, inner) for derivative in sobel(fixed)]

    def value(self, moving: FloatArray) -> FloatArray:
        """(B,) gradient correlations of (B, rows, columns) images."""
        by_column, by_row = sobel(as_moving(moving, self._shape))
        return (self._correlations[0].value(by_column) + self._correlations[1].value(by_row)) / 2

    def value_and_gradient(self, moving: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(B,) gradient correlations and their gradients (B, rows, columns)."""
        derivatives = sobel(as_moving(moving, self._shape))
        gradients = np.empty_like(derivatives)
        values = np.zeros(derivatives.shape[1])
        for axis, correlation in enumerate(self._correlations):
            value, gradients[axis] = correlation.value_and_gradient(derivatives[axis])
            values += value / 2
        gradients /= 2
        return values, sobel_adjoint(gradients)
