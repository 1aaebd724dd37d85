"""How a head lies in one frame of a run, and the pose that it has there.

A motion is (3,): px down, px right, degrees turned counter-clockwise, all as the picture is shown. The turn is about
the picture's middle and comes first. It leads from where the head lay when the arteries were full to where it lies in
the frame.
"""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.hand_adjustment import HandAdjustment, adjusted_pose
from DeepIterRegLib.geometry.projection import project
from DeepIterRegLib.geometry.rigid import apply


def moved_pixels(pixels: FloatArray, motion: FloatArray, shape: tuple[int, int]) -> FloatArray:
    """(N, 2) columns and rows where a motion (3,) takes (N, 2) columns and rows. shape: rows and columns."""
    down_px, right_px, turn_deg = motion
    middle = (np.array(shape[::-1]) - 1) / 2
    cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    # Rows grow downwards: seen so, this turns counter-clockwise.
    turn = np.array([[cos, sin], [-sin, cos]])
    return (pixels - middle) @ turn.T + middle + (right_px, down_px)


def motion_sizes_px(motions: FloatArray, shape: tuple[int, int]) -> FloatArray:
    """(T,) root mean square over the picture of how far motions (T, 3) move its pixels. shape: rows and columns."""
    down_px, right_px, turn_deg = motions.T
    squared_radius_px = (shape[0] ** 2 + shape[1] ** 2 - 2) / 12
    return np.sqrt(down_px**2 + right_px**2 + 4 * np.sin(np.radians(turn_deg) / 2) ** 2 * squared_radius_px)


def pose_in_frame(pose: FloatArray, motion: FloatArray, centre_mm: FloatArray, carm: CArm) -> FloatArray:
    """The (4, 4) pose of a head that a motion (3,) of the picture has taken from `pose` (4, 4).

    centre_mm: (3,) the CTA's centre, patient frame. The head moves parallel to the detector and turns about the normal
    `n` of DESIGN.md: what lies as deep as the centre moves exactly as the picture does where pixels are square, the
    rest by its own magnification. A pose behind the source, which shows nothing, stays.
    """
    depth_mm = float(carm.normal @ (apply(pose, centre_mm) - carm.source_mm))
    if depth_mm <= 0:
        return pose
    seen_px = project(apply(pose, centre_mm)[None], carm)
    right_px, down_px = (moved_pixels(seen_px, motion, (carm.rows, carm.columns)) - seen_px)[0]
    row_mm, column_mm = carm.pixel_spacing_mm
    demagnified = depth_mm / carm.sdd_mm
    adjustment = HandAdjustment(
        right_mm=float(right_px * column_mm * demagnified),
        up_mm=float(-down_px * row_mm * demagnified),
        turn_deg=float(motion[2]),
    )
    return adjusted_pose(adjustment, pose, centre_mm, carm)
