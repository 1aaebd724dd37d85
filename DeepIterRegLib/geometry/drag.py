"""A mouse drag on the image of a DSA as a motion of the head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.hand_adjustment import HandAdjustment, adjusted_pose, viewer_axes
from DeepIterRegLib.geometry.rigid import apply

NEAR_PIVOT_MM = 2.0
"""So close to the pivot the mouse's direction means nothing."""


@dataclass
class Drag:
    """One drag of the mouse, from where the button went down. Points are (3,) mm on the detector, C-arm frame."""

    start_pose: FloatArray
    """(4, 4) when the button went down."""
    centre_mm: FloatArray
    """(3,) the CTA's centre, patient frame."""
    carm: CArm
    start_mm: FloatArray
    turning: bool
    """Turn in the plane of the image, about the projected centre, instead of moving in it."""

    def __post_init__(self) -> None:
        self._last_angle = self._angle(self.start_mm)
        self._turned = 0.0

    def pose(self, point_mm: FloatArray) -> FloatArray:
        """(4, 4) with the mouse at a point of the detector; to be asked in the order in which the mouse moves.

        Moving, what lies under the mouse at the depth of the CTA's centre stays under it. Turning, the head follows
        the mouse's direction from the projected centre, round and round.
        """
        if self.turning:
            angle = self._angle(point_mm)
            if angle is not None and self._last_angle is not None:
                self._turned += (angle - self._last_angle + np.pi) % (2 * np.pi) - np.pi
            self._last_angle = angle if angle is not None else self._last_angle
            adjustment = HandAdjustment(turn_deg=float(np.degrees(self._turned)))
        else:
            shift = viewer_axes(self.carm).T @ (point_mm - self.start_mm) * self._depth_mm() / self.carm.sdd_mm
            adjustment = HandAdjustment(right_mm=float(shift[0]), up_mm=float(shift[1]))
        return adjusted_pose(adjustment, self.start_pose, self.centre_mm, self.carm)

    def _depth_mm(self) -> float:
        """Of the CTA's centre, from the source."""
        return float(self.carm.normal @ (apply(self.start_pose, self.centre_mm) - self.carm.source_mm))

    def _angle(self, point_mm: FloatArray) -> float | None:
        """Counter-clockwise from the right, rad; None too close to the pivot."""
        pivot_mm = apply(self.start_pose, self.centre_mm)
        projected = self.carm.source_mm + (pivot_mm - self.carm.source_mm) * self.carm.sdd_mm / self._depth_mm()
        right, up, _ = viewer_axes(self.carm).T @ (point_mm - projected)
        return None if np.hypot(right, up) < NEAR_PIVOT_MM else float(np.arctan2(up, right))
