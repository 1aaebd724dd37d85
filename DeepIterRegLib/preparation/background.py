"""Flattens a subtracted image: what is smooth (blush, offset, drift) goes to 0, what is narrow and dark stays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from scipy import ndimage

from DeepIterRegLib.common.arrays import BoolArray

BLOCKS = 96
"""Blocks along the detector's longer side: a block is wider than a small artery, so that its percentile ignores one."""
WINDOW_BLOCKS = 9
"""Edge of the neighbourhood, about a tenth of the detector: three times the widest vein."""
BACKGROUND_PERCENTILE = 60.0
"""Of a neighbourhood's blocks: above the median, as all vessels are on the dark side of the background."""


def flattened(image: npt.NDArray[np.float32], valid: BoolArray) -> npt.NDArray[np.float32]:
    """Background minus image, (rows, columns): vessels positive, their surroundings about 0, 0 outside `valid`."""
    result = background(image, valid) - image
    result[~valid] = 0
    return result


def background(image: npt.NDArray[np.float32], valid: BoolArray) -> npt.NDArray[np.float32]:
    """(rows, columns) smooth background: the median of blocks, then a percentile over a neighbourhood of blocks.

    The two in a row ignore whatever covers less than about half of a block, and less than half of the
    neighbourhood: small arteries go in the first, carotids and sinuses in the second. Shuttered pixels take no part.
    """
    rows, columns = image.shape
    edge = max(1, round(max(rows, columns) / BLOCKS))
    down, across = -(-rows // edge), -(-columns // edge)
    padded = np.full((down * edge, across * edge), np.nan, dtype=np.float32)
    padded[:rows, :columns] = np.where(valid, image, np.nan)
    cells = padded.reshape(down, edge, across, edge).transpose(0, 2, 1, 3).reshape(down * across, edge * edge)
    known = np.isfinite(cells).any(axis=1)
    if not known.any():
        return np.zeros_like(image)
    blocks = np.zeros(down * across, dtype=np.float32)
    # NaN sorts last: the median's place is counted among the finite values only.
    ordered = np.sort(cells[known], axis=1)
    counts = np.isfinite(ordered).sum(axis=1)
    place = counts // 2
    blocks[known] = ordered[np.arange(len(ordered)), place]
    grid, known = blocks.reshape(down, across), known.reshape(down, across)
    if not known.all():
        nearest = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
        grid = grid[tuple(nearest)]
    grid = ndimage.percentile_filter(grid, BACKGROUND_PERCENTILE, size=WINDOW_BLOCKS, mode="nearest")
    grid = ndimage.gaussian_filter(grid, 1.5, mode="nearest")
    return enlarged(grid, edge)[:rows, :columns]


def enlarged(grid: npt.NDArray[np.float32], factor: int) -> npt.NDArray[np.float32]:
    """Bilinear enlargement by a whole factor; a cell's value sits in the middle of its factor x factor pixels."""
    image = sitk.GetImageFromArray(np.pad(grid, 1, mode="edge").astype(np.float32))
    image.SetSpacing((factor, factor))
    image.SetOrigin((-(factor + 1) / 2,) * 2)
    size = (grid.shape[1] * factor, grid.shape[0] * factor)
    resampled = sitk.Resample(image, size, sitk.Transform(), sitk.sitkLinear, (0.0, 0.0), (1.0, 1.0))
    return sitk.GetArrayFromImage(resampled)


def binned(image: npt.NDArray[np.float32], factor: int) -> npt.NDArray[np.float32]:
    """Mean over factor x factor pixels; an incomplete block at the far edges is filled by the edge's pixels."""
    rows, columns = image.shape
    padded = np.pad(image, ((0, -rows % factor), (0, -columns % factor)), mode="edge")
    total = np.zeros((padded.shape[0] // factor, padded.shape[1] // factor), dtype=np.float32)
    # Adding strided views is several times faster than numpy's mean over two short axes.
    for i in range(factor):
        for j in range(factor):
            total += padded[i::factor, j::factor]
    total /= factor**2
    return total
