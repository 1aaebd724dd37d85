"""The network's input: a square window of fixed size about the head's centre, the same for every C-arm.

The window lies in the plane through the head's centre, parallel to the detector. Seen from the X-ray source it is one
rectangle of the detector's pixels, so detector and window show each other's images by scaling alone, and neither
source-to-detector distance nor pixel size is left in what the network sees.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import BoolArray, FloatArray, IntArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.rigid import apply
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.render.choose import splat_renderer
from DeepIterRegLib.render.sampling import resampled

FIELD_MM = 256.0
"""Edge of the window: a head seen from the side, and as much room on each side as poses are wrong by."""
SIZE_PX = 96
PIXEL_MM = FIELD_MM / SIZE_PX
OPAQUE_MM = 1.0
"""Path through veins that shows as 63 %: thick and thin veins look nearly alike, as in a mask, without its jagged
edge."""
UNSEEN = -1.0
"""Value of the fixed image where the detector saw nothing."""

Image = npt.NDArray[np.float32]


def window_of(pose: FloatArray, centre_mm: FloatArray, carm: CArm, finer: int = 1) -> CArm:
    """The window as a detector of `SIZE_PX` rows and columns with the source of `carm`, C-arm frame.

    pose: (4, 4). centre_mm: (3,) the head's centre, patient frame. finer: so many times more, smaller pixels. Raises
    InputError where `pose` puts the centre so near the source, or behind it, that no detector fits there.
    """
    middle = apply(pose, centre_mm)
    pixel_mm, count = PIXEL_MM / finer, SIZE_PX * finer
    origin = middle - (FIELD_MM - pixel_mm) / 2 * (carm.column_direction + carm.row_direction)
    return CArm(
        source_mm=carm.source_mm,
        detector_origin_mm=origin,
        column_direction=carm.column_direction,
        row_direction=carm.row_direction,
        pixel_spacing_mm=(pixel_mm, pixel_mm),
        rows=count,
        columns=count,
    )


class MovingVessels:
    """Vessels of the CTA, ready to be drawn into windows. The network wants the veins alone."""

    def __init__(self, vessels: VesselCloud) -> None:
        self._cloud = resampled(vessels, PIXEL_MM)

    def path_mm(self, window: CArm, pose: FloatArray) -> Image:
        """(SIZE_PX, SIZE_PX) length of vessel along each ray at `pose` (4, 4), mm."""
        return splat_renderer(self._cloud, window, resample=False).render(pose[None])[0]

    def seen_in(self, window: CArm, pose: FloatArray) -> Image:
        """(SIZE_PX, SIZE_PX) how much shows at `pose` (4, 4); of the veins, the network's first channel."""
        return softened(self.path_mm(window, pose))


def softened(path_mm: Image) -> Image:
    """How much of vessels of this length along each ray shows: 0 where there is none, towards 1 where it is long."""
    return -np.expm1(-path_mm / np.float32(OPAQUE_MM))


class FixedMasks:
    """Masks of the DSA, ready to be resampled into windows.

    masks: (rows, columns) each, as `seen`, of the detector of `carm`; `seen` is False where the image shows nothing.
    """

    def __init__(self, masks: Sequence[BoolArray], seen: BoolArray, carm: CArm) -> None:
        self._carm = carm
        self._tables = np.stack([_summed(mask & seen) for mask in masks] + [_summed(seen)])

    def seen_in(self, window: CArm) -> Image:
        """(masks, SIZE_PX, SIZE_PX) the share of each pixel that is vessel, or `UNSEEN`; of the veins, the network's
        second channel."""
        columns, rows = self._edges(window)
        area = np.outer(np.diff(rows), np.diff(columns))
        # Differences of large sums: rounding must not make them negative, which would mean unseen.
        shares = np.maximum(_inside(self._tables, rows, columns), 0) / area
        covered, seen = shares[:-1], shares[-1]
        return np.where(seen < 0.5, UNSEEN, covered / np.maximum(seen, 0.5)).astype(np.float32)

    def _edges(self, window: CArm) -> tuple[FloatArray, FloatArray]:
        """(SIZE_PX + 1,) columns and rows of the detector, 0 at its first pixel's outer edge, that the pixels of the
        window have as edges: straight lines to straight lines, because the planes are parallel."""
        carm = self._carm
        magnification = carm.sdd_mm / window.sdd_mm
        first = carm.source_mm + magnification * (window.detector_origin_mm - carm.source_mm) - carm.detector_origin_mm
        row_mm, column_mm = carm.pixel_spacing_mm
        steps = np.arange(SIZE_PX + 1) - 0.5
        columns = (first @ carm.column_direction + steps * PIXEL_MM * magnification) / column_mm + 0.5
        rows = (first @ carm.row_direction + steps * PIXEL_MM * magnification) / row_mm + 0.5
        return columns, rows


def _summed(mask: BoolArray) -> IntArray:
    """(rows + 1, columns + 1) sums over the rectangle before each pixel's corner."""
    table = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1), dtype=np.int32)
    np.cumsum(mask.cumsum(axis=1, dtype=np.int32), axis=0, out=table[1:, 1:])
    return table


def _inside(tables: IntArray, rows: FloatArray, columns: FloatArray) -> FloatArray:
    """(T, len(rows) - 1, len(columns) - 1) sums over the rectangles between neighbouring edges, exact for fractions,
    from T `_summed` tables."""
    (row, below), (column, right) = (
        _between(places, size) for places, size in zip((rows, columns), tables.shape[1:], strict=True)
    )
    # Only the corners that are needed are read: a detector has a hundred times more.
    upper, lower = (
        (1 - right) * tables[:, index[:, None], column] + right * tables[:, index[:, None], column + 1]
        for index in (row, row + 1)
    )
    corners: FloatArray = (1 - below[:, None]) * upper + below[:, None] * lower
    return np.diff(np.diff(corners, axis=1), axis=2)


def _between(places: FloatArray, size: int) -> tuple[IntArray, FloatArray]:
    """The index before each place and how far beyond it lies, 0 to 1; places beyond the ends are at the ends."""
    places = np.clip(places, 0, size - 1)
    first = np.minimum(places.astype(np.intp), size - 2)
    return first, places - first
