"""Smooth fields held on every few voxels of a scan, and brought to full resolution where they are needed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray

Box = tuple[slice, slice, slice]


@dataclass(frozen=True)
class Lattice:
    """Every `steps`-th voxel along k, j, i of a grid of `size_kji` voxels, and one node more to enclose the last."""

    size_kji: tuple[int, int, int]
    steps: tuple[int, int, int]

    @classmethod
    def about(cls, spacing_mm: float, size_kji: tuple[int, int, int], ijk_to_head: FloatArray) -> Lattice:
        """The lattice whose nodes are at most `spacing_mm` apart, but not closer than the voxels."""
        edges = np.linalg.norm(ijk_to_head[:3, :3], axis=0)[::-1]
        k, j, i = (max(1, int(spacing_mm / edge + 1e-6)) for edge in edges)
        return cls(size_kji, (k, j, i))

    @property
    def shape(self) -> tuple[int, int, int]:
        """(k, j, i) nodes."""
        k, j, i = ((size - 1) // step + 2 for size, step in zip(self.size_kji, self.steps, strict=True))
        return k, j, i

    def points_mm(self, ijk_to_head: FloatArray) -> FloatArray:
        """(k, j, i, 3) the nodes in the head's frame."""
        k, j, i = (
            np.arange(count, dtype=np.float64) * step for count, step in zip(self.shape, self.steps, strict=True)
        )
        axes = ijk_to_head[:3, :3]
        points = (
            ijk_to_head[:3, 3]
            + k[:, None, None, None] * axes[:, 2]
            + j[:, None, None] * axes[:, 1]
            + i[:, None] * axes[:, 0]
        )
        return points.astype(np.float32)

    def finer(self, field: FloatArray, box: Box) -> FloatArray:
        """`field` (k, j, i nodes) at the voxels of `box`, trilinear."""
        for axis, (span, step) in enumerate(zip(box, self.steps, strict=True)):
            field = _along(field, axis, np.arange(span.start, span.stop), step)
        return field


def _along(field: FloatArray, axis: int, index: npt.NDArray[np.intp], step: int) -> FloatArray:
    if step == 1:
        return field.take(index, axis)
    node, share = np.divmod(index, step)
    shape = [1, 1, 1]
    shape[axis] = len(index)
    share = (share / np.float32(step)).astype(np.float32).reshape(shape)
    lower, upper = field.take(node, axis), field.take(node + 1, axis)
    upper -= lower
    upper *= share
    upper += lower
    return upper


def plane_finer(plane: FloatArray, steps: tuple[int, int], rows: slice, columns: slice) -> FloatArray:
    """(j, i) nodes -> (rows, columns) voxels, which start on nodes, bilinear; by strides, which is the fastest."""
    (down, across), (height, width) = steps, (rows.stop - rows.start, columns.stop - columns.start)
    nodes = plane[
        rows.start // down : rows.start // down + -(-height // down) + 1,
        columns.start // across : columns.start // across + -(-width // across) + 1,
    ]
    tall = np.empty((len(nodes) - 1, down, nodes.shape[1]), dtype=np.float32)
    for number in range(down):
        tall[:, number] = nodes[:-1] + np.float32(number / down) * (nodes[1:] - nodes[:-1])
    tall = tall.reshape(-1, nodes.shape[1])[:height]
    wide = np.empty((height, nodes.shape[1] - 1, across), dtype=np.float32)
    rise = tall[:, 1:] - tall[:, :-1]
    for number in range(across):
        wide[:, :, number] = tall[:, :-1] + np.float32(number / across) * rise
    return wide.reshape(height, -1)[:, :width]
