"""Smooth displacement fields of a picture: where every pixel of one frame lies in another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from DeepIterRegLib.common.arrays import FloatArray

SMOOTH_NODES, SHARP_NODES = 33, 129
"""Of the grid along either side, from the first pixel to the last, between which a field is bilinear: enough for a
head, and for a jaw's sharp edge."""
INVERSION_STEPS = 4
"""Of the fixed point: the error shrinks each time by the field's gradient, at most some hundredths."""


@dataclass(frozen=True, eq=False)
class Displacement:
    """Point p of this frame is point p + u(p) of the other one."""

    nodes_px: FloatArray
    """(2, K, K) u along rows and along columns."""
    shape: tuple[int, int]
    """Rows and columns of the frames."""

    @classmethod
    def none(cls, shape: tuple[int, int]) -> Displacement:
        return cls(np.zeros((2, SMOOTH_NODES, SMOOTH_NODES)), shape)

    @property
    def nodes(self) -> int:
        """Of the grid, along either side."""
        return self.nodes_px.shape[1]

    def refined(self, nodes: int) -> Displacement:
        """The same on a grid of more nodes."""
        return self if nodes == self.nodes else Displacement(self.at(node_points(self.shape, nodes)), self.shape)

    def at(self, points_px: FloatArray) -> FloatArray:
        """(2, ...) u at (2, ...) rows and columns; beyond the picture as at its edge."""
        steps = np.array([(n - 1) / (self.nodes - 1) for n in self.shape])
        grid = points_px / steps.reshape(2, *[1] * (points_px.ndim - 1))
        return np.stack([ndimage.map_coordinates(axis, grid, order=1, mode="nearest") for axis in self.nodes_px])

    def then(self, other: Displacement) -> Displacement:
        """From this frame to the other one of `other`, which starts where this one ends."""
        first = self.refined(max(self.nodes, other.nodes))
        places = node_points(self.shape, first.nodes) + first.nodes_px
        return Displacement(first.nodes_px + other.at(places), self.shape)

    def inverted(self) -> Displacement:
        """From the other frame to this one."""
        places = node_points(self.shape, self.nodes)
        back = -self.nodes_px
        for _ in range(INVERSION_STEPS):
            back = -self.at(places + back)
        return Displacement(back, self.shape)

    def warped(self, image: npt.NDArray[np.float32], order: int = 1) -> npt.NDArray[np.float32]:
        """(rows, columns) the other frame's image as this frame would show it.

        order: of the interpolating spline; 1 is bilinear. Pixels that come from beyond the edge repeat it.
        """
        return ndimage.map_coordinates(image, self._sources(), order=order, mode="nearest", output=np.float32)

    def _sources(self) -> npt.NDArray[np.float32]:
        """(2, rows, columns)."""
        rows, columns = self.shape
        down, across = (_hats(n, self.nodes) for n in self.shape)
        sources = np.empty((2, rows, columns), dtype=np.float32)
        for axis, nodes in zip(sources, self.nodes_px.astype(np.float32), strict=True):
            np.matmul(down @ nodes, across.T, out=axis)
        sources[0] += np.arange(rows, dtype=np.float32)[:, None]
        sources[1] += np.arange(columns, dtype=np.float32)
        return sources


def node_points(shape: tuple[int, int], nodes: int = SMOOTH_NODES) -> FloatArray:
    """(2, nodes, nodes) rows and columns of a grid's nodes, px."""
    return np.stack(np.meshgrid(*(np.linspace(0, n - 1, nodes) for n in shape), indexing="ij"))


def _hats(count: int, nodes: int) -> npt.NDArray[np.float32]:
    """(count, nodes) weights of the nodes at each pixel of a side."""
    place = np.linspace(0, nodes - 1, count)
    return np.maximum(1 - np.abs(place[:, None] - np.arange(nodes)), 0).astype(np.float32)
