"""Normalised cross-correlation (NCC): the inner loop of the registration."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.similarity.weighting import as_moving, fixed_and_weights, per_image, sum_of_products

FLAT = 1e-6
"""An image whose standard deviation is below this part of its mean is constant up to float32's rounding."""
CACHE_PX = 1 << 16


class NormalizedCrossCorrelation:
    """Global NCC: Pearson's correlation coefficient of the two images' pixels, -1 to 1.

        NCC = sum w (f - f_mean) (m - m_mean) / (f_std m_std),      sum w = 1

    An image without variation correlates with nothing: value 0, gradient 0. See `Similarity` for the interface.
    """

    name = "NCC"

    def __init__(self, fixed: FloatArray, weights: FloatArray | BoolArray | None = None) -> None:
        fixed, weights = fixed_and_weights(fixed, weights)
        mean = float((weights * fixed).sum())
        centred = fixed - mean
        std = float(np.sqrt((weights * centred**2).sum()))
        template = np.zeros_like(fixed) if std <= FLAT * abs(mean) else weights * centred / std
        self._template = template.astype(np.float32)
        self._weights = weights.astype(np.float32)

    def value(self, moving: FloatArray) -> FloatArray:
        """(B,) correlation coefficients of (B, rows, columns) images."""
        moving = as_moving(moving, self._weights.shape)
        return np.concatenate([self._correlate(part, np.empty_like(part))[0] for part in self._parts(moving)])

    def value_and_gradient(self, moving: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(B,) correlation coefficients and their gradients (B, rows, columns)."""
        moving = as_moving(moving, self._weights.shape)
        gradients = np.empty_like(moving)
        values = []
        for part, gradient in zip(self._parts(moving), self._parts(gradients), strict=True):
            value, inverse_std = self._correlate(part, gradient)
            # d NCC / d m = (template - NCC w (m - m_mean) / m_std) / m_std, in place of the weighted image
            gradient *= per_image(-value * inverse_std, gradient)
            gradient += self._template
            gradient *= per_image(inverse_std, gradient)
            values.append(value)
        return np.concatenate(values), gradients

    def _parts(self, images: FloatArray) -> list[FloatArray]:
        """The batch in parts small enough that an image stays in the processor's cache between two sweeps over it."""
        step = max(1, CACHE_PX // self._weights.size)
        return [images[start : start + step] for start in range(0, max(len(images), 1), step)]

    def _correlate(self, moving: FloatArray, weighted: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Values (B,), 1 / standard deviation (B,) or 0; `weighted` (B, rows, columns) becomes w (m - m_mean)."""
        mean = sum_of_products(moving, self._weights)
        centred = moving - per_image(mean, moving)
        np.multiply(centred, self._weights, out=weighted)
        std = np.sqrt(sum_of_products(weighted, centred))
        varies = std > FLAT * np.abs(mean)
        inverse_std = np.divide(1.0, std, out=np.zeros_like(std), where=varies)
        return sum_of_products(centred, self._template) * inverse_std, inverse_std
