"""Edges of a mixture: whether vessels lie where the DSA has them, in every part of the picture alike."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.similarity.mixture_correlation import MixtureCorrelation
from DeepIterRegLib.similarity.tiled_gradient_correlation import TiledGradientCorrelation


class MixtureEdges:
    """Tiled gradient correlation of the fixed image with the best non-negative combination of K images, -1 to 1.

    A correlation of intensities is decided by the carotid and the sinuses, which are thick and slide along themselves;
    over tiles of edges each branch counts where it is. The gains are those of `MixtureCorrelation`, and the gradient
    holds them fixed: an approximation, exact for one image. Moving images are (B, K, rows, columns).
    """

    name = "mixture edges"

    def __init__(self, fixed: FloatArray, weights: FloatArray | BoolArray | None, tile_px: int) -> None:
        self._mixture = MixtureCorrelation(fixed, weights)
        self._edges = TiledGradientCorrelation(fixed, weights, tile_px)

    def value(self, moving: FloatArray) -> FloatArray:
        """(B,) correlations of (B, K, rows, columns) images."""
        return self._edges.value(self._mixed(moving, self._mixture.gains(moving)))

    def value_and_gradient(self, moving: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(B,) correlations and their gradients (B, K, rows, columns)."""
        gains = self._mixture.gains(moving)
        values, slopes = self._edges.value_and_gradient(self._mixed(moving, gains))
        return values, gains.astype(slopes.dtype)[:, :, None, None] * slopes[:, None]

    @staticmethod
    def _mixed(moving: FloatArray, gains: FloatArray) -> FloatArray:
        return np.einsum("bk,bkrc->brc", gains.astype(moving.dtype), moving)
