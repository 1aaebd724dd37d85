"""Mixture correlation: NCC with the best mixture of the vessel groups that a DSA may or may not fill."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.similarity.ncc import FLAT
from DeepIterRegLib.similarity.nonnegative import solve_nonnegative
from DeepIterRegLib.similarity.weighting import as_moving, fixed_and_weights, sum_of_products


class MixtureCorrelation:
    """Correlation coefficient of the fixed image with the best non-negative combination of K images, 0 to 1.

        F = max over a >= 0 of cov(f, y) / (f_std sqrt(var(y) + ridge |a|^2)),    y = sum_k a_k m_k

    A CTA shows every vessel, an injection fills some of them: where the two differ the best NCC is at a wrong pose
    (DESIGN.md). So the vessel groups (left and right carotid, posterior, veins) are rendered one by one, and the
    gains a_k say how much of each group the DSA shows. Means are taken out of every image, so a gain is that of a
    regression with an offset. F = 0 where no group correlates above 0.

    The gradient holds the gains fixed: at the maximum their own change counts only to second order (envelope theorem).
    Not a `Similarity`: its moving images have an axis more, (B, K, rows, columns), K at most `MAX_UNKNOWNS`.

    ridge_mm2: a group whose image varies by less than sqrt(ridge) mm (standard deviation) gets a damped gain, so that
    a few pixels of it cannot be blown up to explain noise. 0 gives the plain correlation.
    """

    name = "mixture correlation"

    def __init__(
        self, fixed: FloatArray, weights: FloatArray | BoolArray | None = None, ridge_mm2: float = 0.0
    ) -> None:
        if ridge_mm2 < 0:
            raise ValueError(f"ridge_mm2 must not be below 0, not {ridge_mm2}")
        fixed, weights = fixed_and_weights(fixed, weights)
        mean = float((weights * fixed).sum())
        std = float(np.sqrt((weights * (fixed - mean) ** 2).sum()))
        # With every image times the root of the weights, (co)variances are plain dot products.
        root = np.sqrt(weights)
        template = np.zeros_like(fixed) if std <= FLAT * abs(mean) else root * (fixed - mean) / std
        self._template = template.astype(np.float32)
        self._root = root.astype(np.float32)
        self._weights = weights.astype(np.float32)
        self._ridge_mm2 = ridge_mm2

    def gains(self, moving: FloatArray) -> FloatArray:
        """(B, K) gains of (B, K, rows, columns) images, at least 0, for a fixed image of standard deviation 1."""
        return np.array([self._fit(images)[1] for images in self._checked(moving)])

    def value(self, moving: FloatArray) -> FloatArray:
        """(B,) correlations of (B, K, rows, columns) images."""
        return np.array([self._fit(images)[0] for images in self._checked(moving)])

    def value_and_gradient(self, moving: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(B,) correlations and their gradients (B, K, rows, columns)."""
        moving = self._checked(moving)
        values = np.empty(len(moving))
        gradients = np.empty_like(moving)
        for index, images in enumerate(moving):
            values[index], gains, mixture, inverse_norm = self._fit(images)
            # As for NCC of the mixture y; each component's share in it is its gain.
            mixture *= -values[index] * inverse_norm
            mixture += self._template
            mixture *= self._root
            mixture *= inverse_norm
            np.multiply(gains.astype(moving.dtype)[:, None, None], mixture, out=gradients[index])
        return values, gradients

    def _checked(self, moving: FloatArray) -> FloatArray:
        moving = np.asarray(moving)
        if moving.ndim != 4:
            raise ValueError(f"moving images must be (B, K, rows, columns), not {moving.shape}")
        return as_moving(moving, (moving.shape[1], *self._weights.shape))

    def _fit(self, images: FloatArray) -> tuple[float, FloatArray, FloatArray, float]:
        """Of (K, rows, columns) images: F, gains (K,), the mixture root(w) (y - y_mean), and 1 / its (ridged) norm."""
        means = sum_of_products(images, self._weights)
        centred = images - means.astype(images.dtype)[:, None, None]
        centred *= self._root
        flat = centred.reshape(len(images), -1)
        gram = (flat @ flat.T).astype(np.float64)
        gram[np.diag_indices_from(gram)] += self._ridge_mm2
        # A constant component is rounding noise without its mean.
        constant = np.sqrt(np.diag(gram)) <= FLAT * np.abs(means)
        gram[constant] = gram[:, constant] = 0
        gains = solve_nonnegative(gram[None], (flat @ self._template.ravel()).astype(np.float64)[None])[0]
        mixture = (gains.astype(images.dtype) @ flat).reshape(self._root.shape)
        # Errors of the gains count to second order; these two sums, to first.
        norm = float(np.sqrt(sum_of_products(mixture, mixture) + self._ridge_mm2 * (gains @ gains)))
        inverse_norm = 1 / norm if norm > 0 else 0.0
        return float(sum_of_products(mixture, self._template)) * inverse_norm, gains, mixture, inverse_norm
