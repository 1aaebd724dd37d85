"""The vessels of the 3D angiogram as weighted points: about 1 % of the head's voxels, and all that is rendered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from DeepIterRegLib.common.arrays import BoolArray, FloatArray


@dataclass(frozen=True, eq=False)
class VesselCloud:
    """Occupied voxels of the vessel tree as points; none where the CT shows no contrast."""

    positions_mm: npt.NDArray[np.float32]
    """(N, 3), patient frame (RAS)."""
    weights_mm3: npt.NDArray[np.float32]
    """(N,) contrast-filled volume each point stands for: cell volume x fill (1 where the cell is all vessel)."""
    is_vein: BoolArray
    """(N,) True for the large veins that follow the skull."""
    cell_mm: float
    """Edge of the (cubic) cell a point stands for."""
    centre_mm: FloatArray
    """(3,) centre of the head (`HeadFrame.centre_mm`), patient frame: the pivot of corrections."""

    @classmethod
    def empty(cls, cell_mm: float, centre_mm: FloatArray) -> VesselCloud:
        """No points: what a CT without contrast shows of its vessels."""
        none = np.zeros(0, dtype=np.float32)
        return cls(none.reshape(0, 3), none, none.astype(bool), cell_mm, centre_mm)

    def __len__(self) -> int:
        return len(self.positions_mm)

    def subset(self, keep: BoolArray) -> VesselCloud:
        """The points where `keep` (N,) is True."""
        return VesselCloud(
            self.positions_mm[keep], self.weights_mm3[keep], self.is_vein[keep], self.cell_mm, self.centre_mm
        )

    @property
    def veins(self) -> VesselCloud:
        return self.subset(self.is_vein)

    @property
    def arteries(self) -> VesselCloud:
        """Everything that is not one of the large veins."""
        return self.subset(~self.is_vein)


def joined(parts: Sequence[VesselCloud]) -> VesselCloud:
    """One cloud of all points of at least one cloud, in their order; cell and centre are the first one's."""
    return VesselCloud(
        np.concatenate([part.positions_mm for part in parts]),
        np.concatenate([part.weights_mm3 for part in parts]),
        np.concatenate([part.is_vein for part in parts]),
        parts[0].cell_mm,
        parts[0].centre_mm,
    )
