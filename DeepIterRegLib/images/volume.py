"""The 3D angiogram as an array with its place in the patient."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import FloatArray

VolumeKind = Literal["cta", "vessels", "3dra"]
"""cta: Hounsfield units, with bone. vessels: without bone, soft tissue or none. 3dra: vessels alone,
arbitrary units."""
VOLUME_NAMES: dict[VolumeKind, str] = {"cta": "CTA", "vessels": "CTA", "3dra": "3DRA"}


@dataclass(frozen=True, eq=False)
class Volume:
    """A 3D angiogram: a CTA in Hounsfield units, with its bones or without, or a 3DRA (arbitrary units)."""

    voxels: npt.NDArray[np.float32] | npt.NDArray[np.int16]
    """(K, J, I): the slowest index first, as SimpleITK and `slicer.util.arrayFromVolume` give it."""
    ijk_to_ras: FloatArray
    """(4, 4): index (i, j, k, 1) to the patient frame, RAS, mm."""
    kind: VolumeKind
    name: str = "CTA"
    """For messages and node names: never the patient's."""
    warnings: tuple[str, ...] = ()

    @property
    def spacing_mm(self) -> FloatArray:
        """(3,) voxel size along i, j, k."""
        return np.linalg.norm(self.ijk_to_ras[:3, :3], axis=0)

    @property
    def centre_mm(self) -> FloatArray:
        """(3,) centre of the grid, patient frame: the pivot of corrections and the centre of the MPE's cube."""
        last_kji = np.array(self.voxels.shape) - 1
        return self.ijk_to_ras[:3, :3] @ (last_kji[::-1] / 2) + self.ijk_to_ras[:3, 3]

    def within(self, box: tuple[slice, slice, slice]) -> Volume:
        """The part of it in slices (K, J, I), where it was in the patient frame; the voxels are not copied."""
        matrix = self.ijk_to_ras.copy()
        matrix[:3, 3] += matrix[:3, :3] @ [span.start or 0 for span in box[::-1]]
        return replace(self, voxels=self.voxels[box], ijk_to_ras=matrix)
