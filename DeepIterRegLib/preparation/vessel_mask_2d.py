"""The vessels of a flattened image as a mask: hysteresis on the line response, and a choice of trees."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from DeepIterRegLib.common.arrays import BoolArray
from DeepIterRegLib.preparation.line_filter import LineResponse

HIGH_RATIO, LOW_RATIO = 4.0, 1.7
"""A vessel has to stand out of noise and ghosts this much somewhere, and that much everywhere."""
SMALLEST_EXTENT = 0.03
"""Pieces whose bounding box's diagonal is less than this fraction of the detector's longer side are dropped."""
GAP = 0.006
"""Pieces nearer than about twice this fraction of the detector's longer side are one tree with a gap."""
LEAST_SHARE, CERTAIN_RATIO = 0.03, 10.0
"""A tree needs this share of the greatest one's contrast, and a tenth of its pixels must stand out this much: else it
is noise, or an edge of bone or scalp that moved. On cases/rotational-head such edges reach 7.6, the carotid's tree 16
to 25."""
FLANK_WIDTHS, REACHED = 2.0, 0.5
"""How far, in binned pixels of the line's own width, and how deep the edges of a vessel go beside its middle."""
HALO, HALO_REACH = 0.2, 0.025
"""Less deep than this share of a vessel nearby (in a window of that fraction of the detector) is the filter's blur."""
EDGE_PX = 4
"""Pixels at the border and along a shutter that are never vessel: filters see the edge itself there."""


def vessel_mask(response: LineResponse, contrast: npt.NDArray[np.float32], valid: BoolArray) -> BoolArray:
    """(rows, columns) mask of the vessels in a flattened image; all False where there are none."""
    longest = max(contrast.shape)
    inner = ndimage.binary_erosion(np.pad(valid, 1), iterations=EDGE_PX)[1:-1, 1:-1]
    smooth = ndimage.gaussian_filter(contrast, 0.8)
    candidate = (response.ratio > LOW_RATIO) & (smooth > 0.5 * response.dark) & inner
    labels, count = ndimage.label(candidate, structure=np.ones((3, 3)))
    if count == 0:
        return candidate
    strongest = ndimage.maximum(response.ratio, labels, index=np.arange(1, count + 1))
    extent = np.array([np.hypot(*(s.stop - s.start for s in box)) for box in ndimage.find_objects(labels)])
    keep = np.concatenate([[False], (strongest > HIGH_RATIO) & (extent > SMALLEST_EXTENT * longest)])
    trees = _main_trees(keep[labels], response, round(GAP * longest))
    if not trees.any():
        # Ghosts that touch the vessels outnumber their certain pixels; without what is doubtful they let go of them.
        trees = _main_trees(keep[labels] & (response.ratio > HIGH_RATIO), response, round(GAP * longest))
    trees &= smooth > HALO * ndimage.maximum_filter(np.where(trees, response.dark, 0), _odd(HALO_REACH * longest))
    return trees | (_flanks(trees, response, smooth) & inner)


def _odd(size: float) -> int:
    return 2 * round(size / 2) + 1


def _flanks(mask: BoolArray, response: LineResponse, smooth: npt.NDArray[np.float32]) -> BoolArray:
    """Pixels beside the mask's wide vessels that are at least REACHED as deep as these.

    The line filter marks the middle of a sinus that is wider than the filter; its edges follow from the contrast.
    """
    wide = mask & (response.factor > 1)
    grown = np.zeros_like(mask)
    if not wide.any():
        return grown
    depth = ndimage.maximum_filter(np.where(wide, response.dark, 0), _odd(2 * GAP * max(mask.shape)))
    distance, nearest = ndimage.distance_transform_edt(~wide, return_indices=True)
    close = (distance > 0) & (distance <= FLANK_WIDTHS * response.factor[wide].max())
    at = tuple(index[close] for index in nearest)
    grown[close] = (distance[close] <= FLANK_WIDTHS * response.factor[at]) & (smooth[close] > REACHED * depth[at])
    # Single pixels of noise are deep enough too: a flank is where most neighbours are.
    return ndimage.uniform_filter((wide | grown).astype(np.float32), 5) > 0.5


def _main_trees(mask: BoolArray, response: LineResponse, gap_px: int) -> BoolArray:
    """The pieces of `mask` that, over gaps, belong to a certain tree, also the greatest, if any is."""
    factor = 2
    rows, columns = mask.shape
    padded = np.pad(mask, ((0, -rows % factor), (0, -columns % factor)))
    coarse = padded.reshape(padded.shape[0] // factor, factor, padded.shape[1] // factor, factor).any(axis=(1, 3))
    near = ndimage.distance_transform_edt(~coarse) <= gap_px / factor
    trees, count = ndimage.label(near, structure=np.ones((3, 3)))
    labels = np.repeat(np.repeat(trees, factor, axis=0), factor, axis=1)[:rows, :columns][mask]
    size = np.bincount(labels, minlength=count + 1)
    weight = np.bincount(labels, response.dark[mask], minlength=count + 1)
    certain = np.bincount(labels, response.ratio[mask] > CERTAIN_RATIO, minlength=count + 1)
    keep = (weight > LEAST_SHARE * weight.max()) & (certain > 0.1 * size)
    result = np.zeros_like(mask)
    result[mask] = keep[labels]
    return result
