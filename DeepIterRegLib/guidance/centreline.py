"""Centrelines of the CTA's vessels: a tree of points with radii, the nearest one, and the way along it.

numpy alone: Slicer's own process snaps and draws by it. What makes one of a vessel cloud is `trace.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Nearest:
    """The point of a centreline that is nearest to some other one."""

    point_mm: FloatArray
    """(3,) on the line between two points of the centreline."""
    index: int
    """Of the centreline's point nearest to it."""
    distance_mm: float


@dataclass(frozen=True, eq=False)
class Way:
    """From one point to another along the vessels."""

    points_mm: FloatArray
    """(M, 3), both ends included."""
    gap_mm: float
    """Of its length, what leads from one piece of vessel to the next, where the CTA shows none; 0 where it shows all
    of it."""


@dataclass(frozen=True, eq=False)
class Centreline:
    """A forest of N points, each with the one that the blood comes from (of veins: goes to), patient frame (RAS)."""

    points_mm: FloatArray
    """(N, 3)"""
    radii_mm: FloatArray
    """(N,) of a round vessel with the same cross-section."""
    parent: IntArray
    """(N,) index, smaller than the point's own; -1 at a root."""
    bridged: BoolArray
    """(N,) True where the CTA shows no vessel between a point and its parent."""
    is_vein: BoolArray
    """(N,)"""

    def __len__(self) -> int:
        return len(self.points_mm)

    @classmethod
    def empty(cls) -> Centreline:
        """Of a CT without contrast."""
        none = np.zeros(0)
        return cls(none.reshape(0, 3), none, none.astype(np.intp), none.astype(bool), none.astype(bool))

    def nearest(self, point_mm: FloatArray) -> Nearest | None:
        """To a point (3,); None where there is no centreline at all. Bridges count as no vessel."""
        if not len(self):
            return None
        start, along, squared = self._segments
        offset = np.asarray(point_mm, dtype=np.float64) - start
        share = np.clip(np.einsum("ij,ij->i", offset, along) / squared, 0.0, 1.0)
        distances = np.linalg.norm(offset - share[:, None] * along, axis=1)
        index = int(distances.argmin())
        on_line = start[index] + share[index] * along[index]
        nearer = int(self.parent[index]) if share[index] > 0.5 else index
        return Nearest(on_line, nearer, float(distances[index]))

    def way(self, begin: int, end: int) -> Way | None:
        """From one point of the tree to another, by their indices; None where they hang together nowhere."""
        up, down = self._to_root(begin), self._to_root(end)
        shared = set(up) & set(down)
        if not shared:
            return None
        fork = max(shared)
        first, second = up[: up.index(fork) + 1], down[: down.index(fork)]
        order = [*first, *second[::-1]]
        steps = [index for index in (*first[:-1], *second) if self.bridged[index]]
        gaps = np.linalg.norm(self.points_mm[steps] - self.points_mm[self.parent[steps]], axis=1)
        return Way(self.points_mm[order], float(gaps.sum()))

    def curves(self) -> list[IntArray]:
        """The tree as curves: indices from a fork, or a root, to the next fork, or an end; bridges are left out."""
        children = np.bincount(self.parent[(self.parent >= 0) & ~self.bridged], minlength=len(self))
        curves = []
        for last in np.flatnonzero(children != 1):
            curve = [int(last)]
            while self.parent[curve[-1]] >= 0 and not self.bridged[curve[-1]]:
                curve.append(int(self.parent[curve[-1]]))
                if children[curve[-1]] != 1:
                    break
            if len(curve) > 1:
                curves.append(np.array(curve[::-1]))
        return curves

    def _to_root(self, index: int) -> list[int]:
        way = [index]
        while self.parent[way[-1]] >= 0:
            way.append(int(self.parent[way[-1]]))
        return way

    @cached_property
    def _segments(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """(N, 3) each point, (N, 3) from it to its parent, none at roots and bridges, and (N,) the square of that."""
        linked = (self.parent >= 0) & ~self.bridged
        along = np.where(linked[:, None], self.points_mm[self.parent] - self.points_mm, 0.0)
        return self.points_mm, along, np.maximum((along**2).sum(axis=1), 1e-12)
