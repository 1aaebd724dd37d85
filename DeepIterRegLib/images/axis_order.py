"""One order and direction of voxel axes for every volume, so that none of it depends on how a file was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.images.volume import Volume, VolumeKind

ArrayT = TypeVar("ArrayT", bound=npt.NDArray[Any])

STANDARD_SIGNS: Mapping[VolumeKind, tuple[int, int, int]] = {
    "cta": (-1, -1, 1),
    "vessels": (-1, -1, 1),
    "3dra": (-1, 1, 1),
}
"""Whether i, j, k run with or against R, A, S. Any would do; CT scanners write L, P, S, and the 3DRA that the method
was tried on is L, A, S."""


@dataclass(frozen=True)
class AxisOrder:
    """How the axes of an array (K, J, I) are permuted, and then turned over."""

    axes: tuple[int, int, int]
    """For each axis of the result, which of the array it was."""
    flips: tuple[bool, bool, bool]
    """For each axis of the result, whether it runs the other way."""

    @classmethod
    def standard(cls, volume: Volume) -> AxisOrder:
        """That brings the axes as near to the patient's as the volume's obliqueness allows."""
        cosines = volume.ijk_to_ras[:3, :3] / volume.spacing_mm
        # columns[n]: the index axis (0 for i) that lies along R, A, S.
        columns = max(permutations(range(3)), key=lambda p: sum(abs(cosines[n, p[n]]) for n in range(3)))
        signs = STANDARD_SIGNS[volume.kind]
        return cls(
            axes=(2 - columns[2], 2 - columns[1], 2 - columns[0]),
            flips=tuple(bool(cosines[n, columns[n]] * signs[n] < 0) for n in (2, 1, 0)),  # type: ignore[arg-type]
        )

    @property
    def changes_nothing(self) -> bool:
        return self.axes == (0, 1, 2) and not any(self.flips)

    def apply(self, array: ArrayT) -> ArrayT:
        """(K, J, I) in the new order; a view."""
        turned = tuple(slice(None, None, -1 if flip else 1) for flip in self.flips)
        return array.transpose(self.axes)[turned]  # type: ignore[return-value]

    def undo(self, array: ArrayT) -> ArrayT:
        """(K, J, I) as it was before `apply`; a view."""
        turned = tuple(slice(None, None, -1 if flip else 1) for flip in self.flips)
        return array[turned].transpose(np.argsort(self.axes))  # type: ignore[return-value]

    def of_volume(self, volume: Volume) -> Volume:
        """The same volume, its voxels a view in the new order."""
        voxels = self.apply(volume.voxels)
        to_old = np.zeros((4, 4))
        to_old[3, 3] = 1
        for new, (old, flip) in enumerate(zip(self.axes, self.flips, strict=True)):
            # Array axis a is index axis 2 - a.
            to_old[2 - old, 2 - new] = -1 if flip else 1
            to_old[2 - old, 3] = voxels.shape[new] - 1 if flip else 0
        matrix: FloatArray = volume.ijk_to_ras @ to_old
        return replace(volume, voxels=voxels, ijk_to_ras=matrix)
