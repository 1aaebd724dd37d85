"""An adjustment by hand of a computed pose, in the terms of a person who looks at the DSA.

She sees the image as a slice view shows it: columns grow to the right, rows downwards, and towards her is right x up.
For an angiogram (an image mirrored as radiologists have it) she stands beyond the detector and `towards her` is the
direction from the source to the detector; an image that is not mirrored is seen from the source. The three axes are
the C-arm's, so they stay what they are while the head moves.

The head turns about its CTA's centre in this order: swing first, then tip, turn last. So a turn is a rotation in the
plane of the image whatever the other two are, and the three angles are found again from a pose while the tip stays
between -90 and 90 degrees.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.rigid import apply, rigid

GIMBAL_LOCK = 1e-12
"""Cosine of the tip below which turn and swing are the same motion, and the turn alone is told."""


@dataclass(frozen=True)
class HandAdjustment:
    """Six numbers beside a computed pose; all zero leaves it as it is."""

    right_mm: float = 0.0
    """The CTA's centre moves to the right of the image."""
    up_mm: float = 0.0
    toward_you_mm: float = 0.0
    turn_deg: float = 0.0
    """In the plane of the image, counter-clockwise."""
    tip_deg: float = 0.0
    """About the horizontal: what is at the top comes towards you."""
    swing_deg: float = 0.0
    """About the vertical: what is nearest to you goes to the right."""


NO_ADJUSTMENT = HandAdjustment()


def viewer_axes(carm: CArm) -> FloatArray:
    """(3, 3) orthonormal: the columns point right, up and towards the viewer of the DSA; C-arm frame."""
    right = carm.column_direction
    towards = np.cross(carm.column_direction, -carm.row_direction)
    towards = towards / np.linalg.norm(towards)
    # A calibrated detector's axes may be off by a thousandth; the inverse is exact for exact axes only.
    right = right / np.linalg.norm(right)
    return np.column_stack([right, np.cross(towards, right), towards])


def adjusted_pose(adjustment: HandAdjustment, pose: FloatArray, centre_mm: FloatArray, carm: CArm) -> FloatArray:
    """The (4, 4) pose that an adjustment makes of a computed one.

    pose: (4, 4) patient frame to C-arm frame. centre_mm: (3,) the CTA's centre, patient frame.
    carm: of the DSA that is looked at.
    """
    axes = viewer_axes(carm)
    numbers = np.array(astuple(adjustment))
    rotation = axes @ _rotation(*np.radians(numbers[3:])) @ axes.T
    pivot_mm = apply(pose, centre_mm)
    return rigid(rotation, pivot_mm + axes @ numbers[:3] - rotation @ pivot_mm) @ pose


def adjustment_between(pose: FloatArray, adjusted: FloatArray, centre_mm: FloatArray, carm: CArm) -> HandAdjustment:
    """The adjustment that makes `adjusted` of `pose`, both (4, 4) and rigid: the inverse of `adjusted_pose`.

    The tip is between -90 and 90 degrees, turn and swing between -180 and 180. At a tip of exactly 90 degrees, where
    turn and swing are one motion, the swing is 0.
    """
    axes = viewer_axes(carm)
    shift_mm = axes.T @ (apply(adjusted, centre_mm) - apply(pose, centre_mm))
    angles_deg = np.degrees(_angles(axes.T @ adjusted[:3, :3] @ pose[:3, :3].T @ axes))
    return HandAdjustment(*map(float, (*shift_mm, *angles_deg)))


def _rotation(turn: float, tip: float, swing: float) -> FloatArray:
    """(3, 3) about towards (turn), right (tip) and up (swing), in viewer's axes; rad."""
    (ca, cb, cc), (sa, sb, sc) = np.cos([turn, tip, swing]), np.sin([turn, tip, swing])
    return (
        np.array([[ca, -sa, 0], [sa, ca, 0], [0, 0, 1]])
        @ np.array([[1, 0, 0], [0, cb, -sb], [0, sb, cb]])
        @ np.array([[cc, 0, sc], [0, 1, 0], [-sc, 0, cc]])
    )


def _angles(rotation: FloatArray) -> tuple[float, float, float]:
    """Turn, tip and swing (rad) of a rotation in viewer's axes."""
    r = rotation
    cos_tip = np.hypot(r[2, 0], r[2, 2])
    tip = np.arctan2(r[2, 1], cos_tip)
    if cos_tip < GIMBAL_LOCK:
        return np.arctan2(r[1, 0], r[0, 0]), tip, 0.0
    return np.arctan2(-r[0, 1], r[1, 1]), tip, np.arctan2(-r[2, 0], r[2, 2])
