"""Tiled gradient correlation: how well the edges of two images agree, each part of the picture counting alike."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.similarity.filters import sobel, sobel_adjoint, window_weights
from DeepIterRegLib.similarity.weighting import as_moving, fixed_and_weights

RIDGE = 0.1
"""Of the tiles' mean energy: a tile with much less has no edges, only noise, and hardly correlates with anything."""


class TiledGradientCorrelation:
    """Weighted mean over tiles of the cosine between the gradient fields of both images, -1 to 1.

        C = sum_t a_t P_t / sqrt(F_t M_t),    P_t = sum_t w f' . m',    F_t = sum_t w |f'|^2 + r F,

    M_t like F_t with the moving image; f', m' are the Sobel gradients, w the pixels' weights, r `RIDGE`, F and M the
    means of the tiles' energies. A tile counts by whether the fixed image has edges there, a_t = E_t / (E_t + r F) with
    its energy E_t, normalised to a sum of 1. A cosine over the whole image would be decided by the skull's outline and
    the densest bone; over tiles a thin suture counts where it is the only thing to see. See `Similarity` for the
    interface; formula in docs/similarity.md.
    """

    name = "tiled gradient correlation"

    def __init__(self, fixed: FloatArray, weights: FloatArray | BoolArray | None = None, tile_px: int = 32) -> None:
        """tile_px: edge of the square tiles; the last ones of a row or column may be narrower."""
        if tile_px < 1:
            raise ValueError(f"tile_px must be at least 1, not {tile_px}")
        fixed, weights = fixed_and_weights(fixed, weights)
        self._shape = fixed.shape
        inner = window_weights(weights)
        self._tiles = _Tiles(inner.shape, tile_px)
        self._weights = (inner / max(float(inner.max()), 1e-300)).astype(np.float32)
        gradient = sobel(fixed)
        self._fixed = (gradient * self._weights).astype(np.float32)
        energy = self._tiles.sums((gradient * self._fixed).sum(axis=0)[None])[0]
        ridge = RIDGE * float(energy.mean())
        total = energy + ridge
        if ridge > 0:
            share = energy / total
            self._importance = share / share.sum()
            self._inverse_norm = 1 / np.sqrt(total)
        else:
            self._importance = self._inverse_norm = np.zeros_like(energy)

    def value(self, moving: FloatArray) -> FloatArray:
        """(B,) correlations of (B, rows, columns) images."""
        return self._compared(sobel(as_moving(moving, self._shape)))[0]

    def gradient_fields(self, moving: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Of one image (1, rows, columns): (2, R, C) gradients of the fixed image and of it, (R, C) their weights."""
        weights = self._weights
        fixed = np.divide(self._fixed, weights, out=np.zeros_like(self._fixed), where=weights > 0)
        return fixed, sobel(as_moving(moving, self._shape))[:, 0], weights

    def of_quarters(self, moving: FloatArray) -> list[float]:
        """The correlations of the tiles in each quarter of the picture that has edges, of one image."""
        cosines = self._compared(sobel(as_moving(moving, self._shape)))[1][0]
        total = max(float(self._importance.sum()), 1e-12)
        marginal = [np.cumsum(self._importance.sum(axis=axis)) / total for axis in (1, 0)]
        rows, columns = (min(max(1, int(np.searchsorted(one, 0.5)) + 1), len(one) - 1) for one in marginal)
        found = []
        for down in (slice(None, rows), slice(rows, None)):
            for along in (slice(None, columns), slice(columns, None)):
                share = float(self._importance[down, along].sum())
                if share > 0.05 * total:
                    found.append(float((self._importance * cosines)[down, along].sum()) / share)
        return found or [0.0]

    def value_and_gradient(self, moving: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(B,) correlations and their gradients (B, rows, columns)."""
        gradient = sobel(as_moving(moving, self._shape))
        values, cosines, inverse_energy, inverse_norms = self._compared(gradient)
        slope = self._importance * cosines * inverse_energy
        shared = RIDGE / self._tiles.count * slope.sum(axis=(1, 2), keepdims=True)
        along_fixed = self._tiles.spread(self._importance * inverse_norms).astype(gradient.dtype)
        along_moving = self._tiles.spread(slope + shared).astype(gradient.dtype)
        field = self._fixed[:, None] * along_fixed - gradient * (self._weights * along_moving)
        return values, sobel_adjoint(field)

    def _compared(self, gradient: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Values (B,); of the tiles (B, R, C): cosines, 1 / M_t (0 without energy) and 1 / sqrt(F_t M_t)."""
        products = self._tiles.sums(np.einsum("xrc,xbrc->brc", self._fixed, gradient))
        energy = self._tiles.sums(np.einsum("xbrc,xbrc->brc", gradient, gradient) * self._weights)
        energy = energy + RIDGE * energy.mean(axis=(1, 2), keepdims=True)
        inverse = np.divide(1.0, energy, out=np.zeros_like(energy), where=energy > 0)
        inverse_norms = self._inverse_norm * np.sqrt(inverse)
        cosines = products * inverse_norms
        return (self._importance * cosines).sum(axis=(1, 2)), cosines, inverse, inverse_norms


class _Tiles:
    """Square tiles that cover an image (rows, columns)."""

    def __init__(self, shape: tuple[int, int], edge_px: int) -> None:
        self._starts = [np.arange(0, n, edge_px) for n in shape]
        self._lengths = [np.diff([*starts, n]) for starts, n in zip(self._starts, shape, strict=True)]
        self.count = len(self._starts[0]) * len(self._starts[1])

    def sums(self, images: FloatArray) -> FloatArray:
        """(B, R, C) float64 sums over the tiles of (B, rows, columns) images."""
        rows = np.add.reduceat(images, self._starts[0], axis=1)
        return np.add.reduceat(rows.astype(np.float64), self._starts[1], axis=2)

    def spread(self, values: FloatArray) -> FloatArray:
        """(B, rows, columns) images that hold in every pixel what its tile has, of (B, R, C) values."""
        return values.repeat(self._lengths[0], axis=1).repeat(self._lengths[1], axis=2)
