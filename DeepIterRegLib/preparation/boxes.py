"""The part of a grid that a mask covers."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray

Box = tuple[slice, slice, slice]


def bounding_box(mask: BoolArray, margin: int) -> Box:
    """Slices (K, J, I) around a non-empty mask, `margin` voxels wider, inside the grid."""
    spans = []
    for axis, length in enumerate(mask.shape):
        others = tuple(other for other in range(3) if other != axis)
        places = np.flatnonzero(mask.any(axis=others))
        spans.append(slice(max(0, int(places[0]) - margin), min(length, int(places[-1]) + 1 + margin)))
    return spans[0], spans[1], spans[2]


def placed(part: BoolArray, box: Box, shape: tuple[int, ...]) -> BoolArray:
    """(K, J, I) of `shape`, `part` in its box, nothing elsewhere."""
    if part.shape == shape:
        return part
    mask = np.zeros(shape, dtype=bool)
    mask[box] = part
    return mask
