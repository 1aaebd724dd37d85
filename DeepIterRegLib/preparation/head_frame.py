"""Where a head lies in a CT: the point and the axes that a registration starts from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.rigid import rotation_angle_deg

ISOCENTRE_MM = (0.0, 5.0, -12.0)
"""From the middle of the deep brain (right, front, top): where an operator puts the isocentre, 8 mm below the middle of
the whole brain (the simulator's, from the level of the skull base in published runs)."""
NORMAL_OFFSET_MM = 35.0
"""The middle of an ordinary head CTA lies nearer to that point: 5 to 26 mm in ten simulated ones, 31 mm in a real one
that shows much of the neck (docs/measurements/cta_preparation.md)."""


@dataclass(frozen=True, eq=False)
class HeadFrame:
    """A head's own frame in the patient frame (RAS, mm)."""

    centre_mm: FloatArray
    """(3,) what a start puts on the isocentre, and the pivot of corrections."""
    axes: FloatArray
    """(3, 3) columns: the head's right, front and top; the identity for a head that lies about straight."""
    found: bool = True
    """False: no head was found, and the grid stands for it."""

    @classmethod
    def of_grid(cls, centre_mm: FloatArray) -> HeadFrame:
        """Where no head is found. centre_mm: (3,) of the grid."""
        return cls(centre_mm, np.eye(3), found=False)

    @property
    def right(self) -> FloatArray:
        return self.axes[:, 0]

    @property
    def askew_deg(self) -> float:
        """By how much the head's axes are turned from the patient frame's."""
        return rotation_angle_deg(self.axes)


def frame_about(brain_mm: FloatArray, axes: FloatArray, grid_centre_mm: FloatArray) -> HeadFrame:
    """The frame of a head with its deep brain's middle at `brain_mm` (3,) and these `axes` (3, 3).

    grid_centre_mm: (3,) stays the centre where it is about the head's: whoever planned the scan centred it.
    """
    centre = brain_mm + axes @ np.array(ISOCENTRE_MM)
    near = float(np.linalg.norm(grid_centre_mm - centre)) <= NORMAL_OFFSET_MM
    return HeadFrame(grid_centre_mm if near else centre, axes)
