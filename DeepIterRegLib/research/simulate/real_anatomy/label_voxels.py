"""A label map as the list of its marked voxels: of a head's grid they are one in a hundred."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class LabelVoxels:
    """The N marked voxels of a map."""

    kji: IntArray
    """(N, 3) indices."""
    labels: IntArray
    """(N,) above 0."""
    ijk_to_ras: FloatArray
    """(4, 4)"""

    @classmethod
    def of(cls, labels: npt.NDArray[np.integer], ijk_to_ras: FloatArray) -> LabelVoxels:
        """Of a map (K, J, I)."""
        kji = np.argwhere(labels)
        return cls(kji, labels[tuple(kji.T)].astype(np.int64), ijk_to_ras)

    @property
    def present(self) -> frozenset[int]:
        """The labels that there are."""
        return frozenset(np.unique(self.labels).tolist())

    def where(self, labels: Collection[int]) -> IntArray:
        """(M, 3) indices of the voxels of these labels."""
        return self.kji[np.isin(self.labels, list(labels))]

    def points_mm(self, labels: Collection[int]) -> FloatArray:
        """(M, 3) centres of these voxels."""
        return self.where(labels)[:, ::-1] @ self.ijk_to_ras[:3, :3].T + self.ijk_to_ras[:3, 3]

    def part(self, labels: Collection[int]) -> tuple[npt.NDArray[np.uint8], FloatArray]:
        """A map (K, J, I) of these labels alone, no larger than it must be, and its (4, 4) place."""
        mine = np.isin(self.labels, list(labels))
        kji = self.kji[mine]
        first = kji.min(axis=0)
        grid = np.zeros(kji.max(axis=0) - first + 1, dtype=np.uint8)
        grid[tuple((kji - first).T)] = self.labels[mine]
        matrix = self.ijk_to_ras.copy()
        matrix[:3, 3] += matrix[:3, :3] @ first[::-1]
        return grid, matrix

    def with_more(self, kji: IntArray, labels: IntArray) -> LabelVoxels:
        """The map with voxels (M, 3) marked that were not, by labels (M,); what was marked stays."""
        both = np.concatenate([self.kji, kji])
        first = np.sort(np.unique(both, axis=0, return_index=True)[1])
        return replace(self, kji=both[first], labels=np.concatenate([self.labels, labels])[first])
