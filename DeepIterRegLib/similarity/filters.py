"""Sobel's derivative filters and their exact adjoint."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray


def sobel(images: FloatArray) -> FloatArray:
    """Derivatives by column and by row of (..., rows, columns) images, per px: (2, ..., rows - 2, columns - 2).

    Only where the 3x3 window lies inside the image: no border to make up, so the adjoint is exact there too.
    """
    along_rows = images[..., :-2, :] + 2 * images[..., 1:-1, :] + images[..., 2:, :]
    along_columns = images[..., :, :-2] + 2 * images[..., :, 1:-1] + images[..., :, 2:]
    by_column = along_rows[..., :, 2:] - along_rows[..., :, :-2]
    by_row = along_columns[..., 2:, :] - along_columns[..., :-2, :]
    return np.stack([by_column, by_row]) / 8


def sobel_adjoint(derivatives: FloatArray) -> FloatArray:
    """Transpose of `sobel`: sums (2, ..., rows - 2, columns - 2) back into (..., rows, columns)."""
    by_column, by_row = derivatives / 8
    *batch, inner_rows, inner_columns = by_column.shape
    rows, columns = inner_rows + 2, inner_columns + 2
    along_rows = np.zeros((*batch, inner_rows, columns), dtype=by_column.dtype)
    along_rows[..., :, 2:] += by_column
    along_rows[..., :, :-2] -= by_column
    along_columns = np.zeros((*batch, rows, inner_columns), dtype=by_column.dtype)
    along_columns[..., 2:, :] += by_row
    along_columns[..., :-2, :] -= by_row
    images = np.zeros((*batch, rows, columns), dtype=by_column.dtype)
    for offset, factor in ((0, 1), (1, 2), (2, 1)):
        images[..., offset : offset + inner_rows, :] += factor * along_rows
        images[..., :, offset : offset + inner_columns] += factor * along_columns
    return images


def window_weights(weights: FloatArray) -> FloatArray:
    """Weights (rows - 2, columns - 2) of `sobel`'s pixels: the least of the 3x3 that each was made of."""
    rows, columns = weights.shape
    windows = [weights[i : rows - 2 + i, j : columns - 2 + j] for i in range(3) for j in range(3)]
    return np.minimum.reduce(windows)
