"""The optimiser's six parameters: a correction about the head's centre, in which a unit step moves about 1 mm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.head import ROTATION_LEVER_MM
from DeepIterRegLib.geometry.rigid import PivotedCorrection


@dataclass(frozen=True, eq=False)
class PoseParameters:
    """Poses around a start pose as six numbers of similar effect: rotation, translation, mm at the head's surface."""

    correction: PivotedCorrection

    @classmethod
    def around(cls, start_pose: FloatArray, centre_mm: FloatArray) -> PoseParameters:
        """start_pose: (4, 4). centre_mm: (3,), patient frame, the point that rotations leave in place."""
        return cls(PivotedCorrection.about_patient_point(start_pose, centre_mm))

    @property
    def scale(self) -> FloatArray:
        """(6,) rad and mm per unit."""
        return np.array([1 / ROTATION_LEVER_MM] * 3 + [1.0] * 3)

    def pose(self, parameters: FloatArray) -> FloatArray:
        """(4, 4) pose of (6,) parameters; zeros give the start pose."""
        return self.correction.pose(parameters * self.scale)

    def gradient(self, parameters: FloatArray, twist_gradient: FloatArray) -> FloatArray:
        """(6,) gradient by the parameters, from the gradient by a left twist at their pose."""
        return self.scale * self.correction.gradient(parameters * self.scale, twist_gradient)
