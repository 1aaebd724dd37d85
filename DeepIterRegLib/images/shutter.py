"""Which pixels of an angiogram the X-rays reached: the shutter's tags, and black borders in the pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from DeepIterRegLib.common.arrays import BoolArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.images.functional_groups import numbers_of_frame, words_of_frame

if TYPE_CHECKING:
    from pydicom import Dataset

BLACK_RAW = 0.04
"""How black a shutter is in raw frames, where dense bone is dark too (see `without_black_border`)."""
BLACK_SUBTRACTED = 0.2
"""The same in subtracted frames, whose background is nowhere near black."""
MIN_BORDER = 0.08
"""A dark area that meets less than this part of an image side may be a vessel: the carotid comes in at the border."""
PENUMBRA_PX = 3
"""The shutter's edge is blurred over a few pixels, and the enhancement filters of the scanner ring there."""


def valid_from_tags(dataset: Dataset, rows: int, columns: int, frame: int = 0) -> BoolArray:
    """(rows, columns) True inside the shutter and the collimator that the tags describe; all True without them.

    Rectangular (0018,1602 to 1608), circular (0018,1610 and 1612) and polygonal (0018,1620) shutters and the
    collimator's equivalents (0018,1700 to 1720); DICOM counts rows and columns from 1. frame: whose functional groups
    count.
    """
    valid = np.ones((rows, columns), dtype=bool)
    for device in ("Shutter", "Collimator"):
        try:
            shapes = words_of_frame(dataset, f"{device}Shape", frame, "")
        except InputError:
            continue
        for shape in shapes:
            try:
                valid &= _inside(dataset, device, shape, rows, columns, frame)
            except (InputError, ValueError):
                continue  # An incomplete shutter is ignored: its black border shows in the pixels.
    return valid


def _inside(dataset: Dataset, device: str, shape: str, rows: int, columns: int, frame: int) -> BoolArray:
    """Raises ValueError or InputError where the shape is not described."""

    def numbers(keyword: str, count: int | None = None) -> npt.NDArray[np.float64]:
        found = numbers_of_frame(dataset, keyword, frame, "", count=count)
        if found is None:
            raise ValueError(keyword)
        return found.astype(np.float64)

    row, column = np.mgrid[1 : rows + 1, 1 : columns + 1]
    if shape == "RECTANGULAR":
        left, right = (float(numbers(f"{device}{side}VerticalEdge", 1)[0]) for side in ("Left", "Right"))
        upper, lower = (float(numbers(f"{device}{side}HorizontalEdge", 1)[0]) for side in ("Upper", "Lower"))
        return (column >= left) & (column <= right) & (row >= upper) & (row <= lower)
    if shape == "CIRCULAR":
        centre_row, centre_column = numbers(f"CenterOfCircular{device}", 2)
        radius = float(numbers(f"RadiusOfCircular{device}", 1)[0])
        return (row - centre_row) ** 2 + (column - centre_column) ** 2 <= radius**2
    if shape == "POLYGONAL":
        return _in_polygon(row, column, numbers(f"VerticesOfThePolygonal{device}").reshape(-1, 2))
    raise ValueError(shape)


def _in_polygon(row: npt.NDArray[np.int_], column: npt.NDArray[np.int_], corners: npt.NDArray[np.float64]) -> BoolArray:
    """Even-odd rule; corners: (N, 2) row and column."""
    inside = np.zeros(row.shape, dtype=bool)
    for (row_a, column_a), (row_b, column_b) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if row_a != row_b:
            crosses = (row >= min(row_a, row_b)) & (row < max(row_a, row_b))
            inside ^= crosses & (column < column_a + (row - row_a) * (column_b - column_a) / (row_b - row_a))
    return inside


def without_black_border(frames: npt.NDArray[np.float32], valid: BoolArray, black: float) -> BoolArray:
    """`valid` (rows, columns) less the areas that are black throughout the run and lie along the border of it.

    frames: (T, rows, columns), as stored (shutters are dark). valid: what the tags leave. black: part of the way from
    the darkest value to the median up to which a pixel may be shuttered. A vessel is not mistaken for a shutter: it is
    narrow where it meets the border.
    """
    picked = frames[:: max(1, len(frames) // 16)]
    seen = picked.mean(axis=0)
    rows, columns = seen.shape
    dark = float(seen.min())
    lit = seen[valid & (seen > dark)]
    if lit.size == 0:
        return valid
    is_black = ~valid | (seen <= dark + black * (float(np.median(lit)) - dark))
    # Opened by a small width, so that a vessel or a wire that leaves the shutter is not taken with it.
    width = max(3, round(0.01 * min(rows, columns)))
    opened = ndimage.binary_opening(np.pad(is_black, width, mode="edge"), np.ones((width, width)))
    labels, count = ndimage.label(valid & opened[width:-width, width:-width])
    at_border = valid & ~ndimage.binary_erosion(valid, border_value=0)
    contact = np.bincount(labels[at_border], minlength=count + 1)
    shuttered = contact >= MIN_BORDER * min(rows, columns)
    shuttered[0] = False
    found = shuttered[labels]
    return valid & ~ndimage.binary_dilation(found, iterations=PENUMBRA_PX) if found.any() else valid


def without_bright_border(frames: npt.NDArray[np.float32], valid: BoolArray, bright: float) -> BoolArray:
    """The same for areas as bright: open air, or a shutter where black and white are exchanged."""
    return without_black_border(-frames, valid, bright)
