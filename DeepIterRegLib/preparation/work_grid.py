"""A coarser grid of about 1 mm, for all steps that need no finer one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from DeepIterRegLib.common.arrays import BoolArray, FloatArray, IntArray
from DeepIterRegLib.preparation.boxes import Box, bounding_box

WORK_EDGE_MM = 1.0
SLAB_LAYERS = 32


@dataclass(frozen=True, eq=False)
class WorkGrid:
    """Means over blocks of whole voxels, so that a mask goes back to the fine grid by repeating it."""

    hu: npt.NDArray[np.float32]
    """(k, j, i) block means."""
    spacing_kji: FloatArray
    """(3,) mm."""
    factors: IntArray
    """(3,) fine voxels per block along K, J, I."""
    fine_shape: tuple[int, ...]

    @property
    def voxel_ml(self) -> float:
        return float(np.prod(self.spacing_kji)) / 1000

    def within(self, box: Box) -> WorkGrid:
        """The part of it in a box; it has lost its way back to the fine grid."""
        hu = np.ascontiguousarray(self.hu[box])
        return WorkGrid(hu, self.spacing_kji, np.ones(3, dtype=int), hu.shape)

    def to_fine(self, values: BoolArray) -> BoolArray:
        """`values` (k, j, i) on the fine grid (K, J, I); a remainder at the far end continues the last block."""
        for axis in range(3):
            values = values.take(self._blocks(axis), axis)
        return values

    def slabs(self, values: BoolArray) -> Iterator[tuple[Box, BoolArray]]:
        """`values` (k, j, i), not empty, on the fine grid, one layer of blocks after the other.

        Each with its box (K, J, I), and what of `values` lies there, (1, J, I). Beyond the boxes there is nothing.
        """
        layers, *across = bounding_box(values, margin=0)
        rows, columns = (self._fine(axis, span) for axis, span in enumerate(across, start=1))
        row_of, column_of = (self._blocks(axis)[span] for axis, span in ((1, rows), (2, columns)))
        for layer in range(layers.start, layers.stop):
            box = self._fine(0, slice(layer, layer + 1)), rows, columns
            yield box, values[layer][row_of][:, column_of][None]

    def _fine(self, axis: int, blocks: slice) -> slice:
        """The fine voxels along an axis that belong to `blocks`."""
        length, factor, count = self._fine_axes[axis]
        return slice(blocks.start * factor, length if blocks.stop == count else blocks.stop * factor)

    def _blocks(self, axis: int) -> IntArray:
        """For each fine voxel along an axis, the number of its block."""
        length, factor, count = self._fine_axes[axis]
        return np.minimum(np.arange(length) // factor, count - 1)

    @property
    def _fine_axes(self) -> list[tuple[int, int, int]]:
        """Along K, J, I: fine voxels, fine voxels per block, blocks."""
        return list(zip(self.fine_shape, map(int, self.factors), self.hu.shape, strict=True))

    def from_fine(self, mask: BoolArray) -> BoolArray:
        """(k, j, i) blocks that hold a voxel of `mask` (K, J, I); a remainder at the far end belongs to none."""
        for axis, (_, factor, blocks) in enumerate(self._fine_axes):
            whole = mask[(slice(None),) * axis + (slice(blocks * factor),)]
            split = whole.reshape(*whole.shape[:axis], blocks, factor, *whole.shape[axis + 1 :])
            mask = np.asarray(split.any(axis=axis + 1))
        return mask


def work_grid(voxels: FloatArray | npt.NDArray[np.int16], spacing_kji: FloatArray) -> WorkGrid:
    """The block means of `voxels` (K, J, I) with edges as near `WORK_EDGE_MM` as whole voxels allow."""
    factors = np.clip(np.rint(WORK_EDGE_MM / spacing_kji), 1, voxels.shape).astype(int)
    hu = np.empty([n // int(factor) for n, factor in zip(voxels.shape, factors, strict=True)], dtype=np.float32)
    for first in range(0, len(hu), SLAB_LAYERS):  # not the whole volume at once, of which SimpleITK makes a copy
        slab = hu[first : first + SLAB_LAYERS]
        start = first * int(factors[0])
        image = sitk.GetImageFromArray(voxels[start : start + len(slab) * int(factors[0])])
        slab[...] = sitk.GetArrayFromImage(sitk.BinShrink(image, [int(factor) for factor in factors[::-1]]))
    return WorkGrid(hu, spacing_kji * factors, factors, voxels.shape)


def coarser(grid: WorkGrid, edge_mm: float) -> WorkGrid:
    """Every n-th voxel of `grid`; its `to_fine` leads back to `grid`. Not averaged: thin bone must not fade away."""
    factors = np.clip(np.rint(edge_mm / grid.spacing_kji), 1, grid.hu.shape).astype(int)
    sampled = grid.hu[tuple(slice(factor // 2, None, factor) for factor in factors)]
    return WorkGrid(np.ascontiguousarray(sampled), grid.spacing_kji * factors, factors, grid.hu.shape)
