"""Soft Dice coefficient of a rendered vessel image with a binary vessel mask."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.similarity.weighting import as_moving, fixed_and_weights, per_image, sum_of_products


class SoftDice:
    """Dice coefficient, 0 (nothing in common) to 1, of the fixed mask and the softly binarised moving image.

        b = 1 - exp(-m / softness_mm) for m > 0, else 0          D = 2 sum w b f / (sum w b + sum w f)

    `b` is the X-ray's own law: the share of light that a vessel of m mm takes away when `softness_mm` takes 63 %. A
    rendered vessel a few softness thick counts as 1, empty background as exactly 0. Two empty images: 0.
    Source: the paper's eq. 1 uses Dice of binarised DRRs as a loss; here its coefficient, to be maximised.
    """

    name = "Dice"

    def __init__(
        self, fixed: FloatArray | BoolArray, weights: FloatArray | BoolArray | None = None, softness_mm: float = 1.0
    ) -> None:
        if softness_mm <= 0:
            raise ValueError(f"softness_mm must be above 0, not {softness_mm}")
        mask, weights = fixed_and_weights(np.greater(fixed, 0), weights)
        self._weights = weights.astype(np.float32)
        self._twice_fixed = (2 * weights * mask).astype(np.float32)
        self._fixed_area = float((weights * mask).sum())
        self._softness_mm = softness_mm

    def value(self, moving: FloatArray) -> FloatArray:
        """(B,) Dice coefficients of (B, rows, columns) images (mm of vessel per pixel)."""
        return self._overlap(moving)[0]

    def value_and_gradient(self, moving: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(B,) Dice coefficients and their gradients (B, rows, columns), per mm."""
        values, inverse_area, transparency = self._overlap(moving)
        # dD/db = (2 w f - D w) / (sum w b + sum w f), db/dm = exp(-m / softness) / softness
        gradient = per_image(values, transparency) * self._weights
        np.subtract(self._twice_fixed, gradient, out=gradient)
        gradient *= transparency
        gradient *= per_image(inverse_area / self._softness_mm, gradient)
        gradient[np.asarray(moving) < 0] = 0
        return values, gradient

    def _overlap(self, moving: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Values (B,), 1 / (sum w b + sum w f) (B,) or 0, and exp(-m / softness) (B, rows, columns)."""
        moving = as_moving(moving, self._weights.shape)
        transparency = np.maximum(moving, 0)
        transparency *= -1 / self._softness_mm
        np.exp(transparency, out=transparency)
        opacity = 1 - transparency
        area = sum_of_products(opacity, self._weights) + self._fixed_area
        inverse_area = np.divide(1.0, area, out=np.zeros_like(area), where=area > 0)
        return sum_of_products(opacity, self._twice_fixed) * inverse_area, inverse_area, transparency
