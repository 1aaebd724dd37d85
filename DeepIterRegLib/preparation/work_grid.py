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
    factors = _factors(WORK_EDGE_MM, spacing_kji, voxels.shape)
    hu = np.empty([n // int(factor) for n, factor in zip(voxels.shape, factors, strict=True)], dtype=np.float32)
    for first in range(0, len(hu), SLAB_LAYERS):  # not the whole volume at once, of which SimpleITK makes a copy
        slab = hu[first : first + SLAB_LAYERS]
        slab[...] = _block_means(voxels, factors, first, len(slab))
    return WorkGrid(hu, spacing_kji * factors, factors, voxels.shape)


def coarser(grid: WorkGrid, edge_mm: float) -> WorkGrid:
    """Every n-th voxel of `grid`; its `to_fine` leads back to `grid`. Not averaged: thin bone must not fade away."""
    factors = _factors(edge_mm, grid.spacing_kji, grid.hu.shape)
    sampled = grid.hu[tuple(slice(factor // 2, None, factor) for factor in factors)]
    return WorkGrid(np.ascontiguousarray(sampled), grid.spacing_kji * factors, factors, grid.hu.shape)


def coarse_grid(voxels: FloatArray | npt.NDArray[np.int16], spacing_kji: FloatArray, edge_mm: float) -> WorkGrid:
    """`coarser` of the `work_grid` of `voxels` without making that: of a whole trunk it takes a gigabyte.

    Its `factors` and `fine_shape` are those of `coarser`: its way to the work grid.
    """
    fine = _factors(WORK_EDGE_MM, spacing_kji, voxels.shape)
    shape = tuple(n // int(factor) for n, factor in zip(voxels.shape, fine, strict=True))
    factors = _factors(edge_mm, spacing_kji * fine, shape)
    layers, *across = (range(int(factor) // 2, n, int(factor)) for factor, n in zip(factors, shape, strict=True))
    hu = np.empty((len(layers), len(across[0]), len(across[1])), dtype=np.float32)
    for number, layer in enumerate(layers):
        hu[number] = _block_means(voxels, fine, layer, 1)[0][np.ix_(*across)]
    return WorkGrid(hu, spacing_kji * fine * factors, factors, shape)


def grid_to_ras(volume_to_ras: FloatArray, factors: IntArray) -> FloatArray:
    """(4, 4) index (i, j, k, 1) of blocks of `factors` (K, J, I) voxels to the centre of that block, mm."""
    of_ijk = factors[::-1]
    block_to_voxel = np.diag([*of_ijk.astype(float), 1.0])
    block_to_voxel[:3, 3] = (of_ijk - 1) / 2
    return volume_to_ras @ block_to_voxel


def coarse_to_ras(volume_to_ras: FloatArray, fine: IntArray, coarse: IntArray) -> FloatArray:
    """(4, 4) index (k, j, i, 1) of `coarser` of the work grid to the patient frame, mm.

    fine, coarse: (3,) voxels per block of the work grid, and blocks per coarse voxel, along K, J, I.
    """
    work = grid_to_ras(volume_to_ras, fine)[:, [2, 1, 0, 3]]
    sampled = np.diag([*coarse.astype(float), 1.0])
    sampled[:3, 3] = coarse // 2
    return work @ sampled


def _factors(edge_mm: float, spacing_kji: FloatArray, shape: tuple[int, ...]) -> IntArray:
    """(3,) how many cells make about `edge_mm`."""
    factors: IntArray = np.clip(np.rint(edge_mm / spacing_kji), 1, shape).astype(int)
    return factors


def _block_means(
    voxels: FloatArray | npt.NDArray[np.int16], factors: IntArray, first: int, count: int
) -> npt.NDArray[np.float32]:
    """(count, j, i) means over blocks of `factors`, from layer `first` of blocks on."""
    start, thick = first * int(factors[0]), int(factors[0])
    image = sitk.GetImageFromArray(voxels[start : start + count * thick])
    means: npt.NDArray[np.float32] = sitk.GetArrayFromImage(
        sitk.BinShrink(image, [int(factor) for factor in factors[::-1]])
    )
    return means
