"""How far a pose is from the true one: on the detector, in space, along and across the beam."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.projection import cube_corners_mm, mean_projection_error_mm
from DeepIterRegLib.geometry.rigid import apply
from DeepIterRegLib.research.evaluate.results import MM_PER_PX, SUCCESS_MM


@dataclass(frozen=True)
class PoseError:
    """The error of a pose, by the eight corners of a cube about the CTA's centre (`projection.MPE_CUBE_MM`)."""

    mpe_mm: float
    """Mean projection error on the detector; infinite when a corner is not in front of the source."""
    tre_mm: float
    """Mean distance of the corners in the C-arm frame."""
    along_beam_mm: float
    """Of the corners' mean displacement the part along the axis from source to detector, >= 0: what one view hides."""
    across_beam_mm: float
    """... and the part parallel to the detector."""

    @property
    def mpe_px(self) -> float:
        """In the paper's pixels."""
        return self.mpe_mm / MM_PER_PX

    @property
    def success(self) -> bool:
        return self.mpe_mm < SUCCESS_MM


def pose_error(pose: FloatArray, truth: FloatArray, centre_mm: FloatArray, carm: CArm) -> PoseError:
    """Compare two poses (4, 4); centre_mm: (3,) centre of the CTA, patient frame."""
    corners = cube_corners_mm(centre_mm)
    displacement = apply(pose, corners) - apply(truth, corners)
    mean = displacement.mean(axis=0)
    along = float(mean @ carm.normal)
    return PoseError(
        mpe_mm=mean_projection_error_mm(pose, truth, centre_mm, carm),
        tre_mm=float(np.linalg.norm(displacement, axis=1).mean()),
        along_beam_mm=abs(along),
        across_beam_mm=float(np.linalg.norm(mean - along * carm.normal)),
    )
