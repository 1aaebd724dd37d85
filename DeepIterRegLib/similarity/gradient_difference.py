"""Gradient difference: how little of the fixed image's edges is left after subtracting the moving image's."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.similarity.filters import sobel, sobel_adjoint, window_weights
from DeepIterRegLib.similarity.weighting import as_moving, fixed_and_weights, per_image, sum_of_products


class GradientDifference:
    """Mean over both directions of sum w A / (A + (f' - s m')^2), above 0, and 1 for a perfect match.

    f', m': Sobel derivatives; A: variance of f' in that direction; w adds up to 1. Source: Penney et al., IEEE TMI 17
    (1998) 586, which leaves open how the scale s is found. Here it gives both images' derivatives the same energy,
    s = sqrt(sum w f'^2 / sum w m'^2): smooth in the moving image, never negative, so inverted contrast does not match.
    """

    name = "gradient difference"

    def __init__(self, fixed: FloatArray, weights: FloatArray | BoolArray | None = None) -> None:
        fixed, weights = fixed_and_weights(fixed, weights)
        self._shape = fixed.shape
        inner = window_weights(weights)
        derivatives, inner = sobel(fixed), fixed_and_weights(inner, inner)[1]
        means = (inner * derivatives).sum(axis=(1, 2), keepdims=True)
        variances = (inner * (derivatives - means) ** 2).sum(axis=(1, 2), keepdims=True)
        # A fixed image without edges has none to lose: the floor keeps 0/0 out of it.
        self._variances = np.maximum(variances, np.finfo(np.float32).tiny)[:, None].astype(np.float32)
        self._fixed = derivatives[:, None].astype(np.float32)
        self._weights = inner.astype(np.float32)
        self._rms = float(np.sqrt((inner * derivatives**2).sum()))

    def value(self, moving: FloatArray) -> FloatArray:
        """(B,) gradient differences of (B, rows, columns) images."""
        terms = self._compare(sobel(as_moving(moving, self._shape)))[0]
        return sum_of_products(terms, self._weights).sum(axis=0) / 2

    def value_and_gradient(self, moving: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(B,) gradient differences and their gradients (B, rows, columns)."""
        derivatives = sobel(as_moving(moving, self._shape))
        terms, difference, scale, inverse_energy = self._compare(derivatives)
        values = sum_of_products(terms, self._weights).sum(axis=0) / 2
        # d/dD A / (A + D^2) = -2 D (A / (A + D^2))^2 / A, and half of it, as the value is a mean of two
        slope = -difference * terms * terms * self._weights / self._variances
        # D = f' - s m' depends on m' directly and through s, whose derivative is -s w m' / sum w m'^2
        through_scale = sum_of_products(slope, derivatives).sum(axis=0) * scale * inverse_energy
        gradient = derivatives * self._weights * per_image(through_scale, slope)
        gradient -= slope * per_image(scale, slope)
        return values, sobel_adjoint(gradient)

    def _compare(self, derivatives: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """A / (A + D^2) and D (2, B, rows - 2, columns - 2), s (B,), 1 / sum w m'^2 (B,) or 0."""
        energy = sum_of_products(derivatives * self._weights, derivatives).sum(axis=0)
        inverse_energy = np.divide(1.0, energy, out=np.zeros_like(energy), where=energy > np.finfo(np.float32).tiny)
        scale = self._rms * np.sqrt(inverse_energy)
        difference = self._fixed - per_image(scale, derivatives) * derivatives
        return self._variances / (self._variances + difference**2), difference, scale, inverse_energy
