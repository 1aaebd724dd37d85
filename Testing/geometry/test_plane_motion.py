"""The pose of a head that moved in the picture's plane: its projection moves as the picture did."""

from __future__ import annotations

import numpy as np
import pytest

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.plane_motion import motion_sizes_px, moved_pixels, pose_in_frame
from DeepIterRegLib.geometry.projection import project
from DeepIterRegLib.geometry.rigid import apply, se3_exp

CENTRE_MM = np.array([3.0, -14.0, 21.0])
POSE = se3_exp(np.array([0.3, -0.2, 0.5, 12.0, -30.0, 8.0]))
OBLIQUE = CArm.from_angles(-37.0, 22.0, 1180.0, 765.0, 0.3, 700, 600, principal_point_px=(230.0, 310.0))
CARMS = {
    "frontal": CArm.from_angles(0.0, 0.0, 1200.0, 750.0, 0.3, 512, 512),
    "lateral": CArm.from_angles(90.0, 0.0, 1200.0, 750.0, 0.2, 960, 1024),
    "oblique": OBLIQUE,
    "not mirrored": OBLIQUE.mirrored(),
}
MOTIONS = {"down": (6.0, 0.0, 0.0), "right": (0.0, 6.0, 0.0), "turn": (0.0, 0.0, 3.0), "all": (-9.0, 4.0, -2.0)}


def errors_px(carm: CArm, motion: FloatArray, points_mm: FloatArray) -> FloatArray:
    """How far points (N, 3), C-arm frame at the pose of the MinIP, are projected from where the picture moves them."""
    in_frame = pose_in_frame(POSE, motion, CENTRE_MM, carm) @ np.linalg.inv(POSE)
    expected = moved_pixels(project(points_mm, carm), motion, (carm.rows, carm.columns))
    return np.linalg.norm(project(apply(in_frame, points_mm), carm) - expected, axis=1)


@pytest.mark.parametrize("carm", CARMS.values(), ids=CARMS.keys())
@pytest.mark.parametrize("motion", MOTIONS.values(), ids=MOTIONS.keys())
def test_points_are_projected_where_the_picture_moves_them(carm: CArm, motion: tuple[float, float, float]) -> None:
    centre_mm = apply(POSE, CENTRE_MM)
    beside_mm = np.random.default_rng(0).uniform(-60, 60, (50, 2)) @ [carm.column_direction, carm.row_direction]
    assert errors_px(carm, np.array(motion), centre_mm + beside_mm).max() < 1e-6
    depths_mm = np.linspace(-20, 20, 50)[:, None] * carm.normal
    assert errors_px(carm, np.array(motion), centre_mm + beside_mm + depths_mm).max() < 0.4


def test_motions_are_as_the_picture_is_shown() -> None:
    shape = (201, 401)
    right_of_middle, middle = np.array([[300.0, 100.0]]), np.array([[200.0, 100.0]])
    np.testing.assert_allclose(moved_pixels(middle, np.array([3.0, 0.0, 0.0]), shape), [[200, 103]])
    np.testing.assert_allclose(moved_pixels(middle, np.array([0.0, 3.0, 0.0]), shape), [[203, 100]])
    # Counter-clockwise: from the right of the middle to above it.
    np.testing.assert_allclose(moved_pixels(right_of_middle, np.array([0.0, 0.0, 90.0]), shape), [[200, 0]])


def test_size_of_a_motion_is_what_pixels_move_by_in_the_mean() -> None:
    shape = (60, 90)
    pixels = np.stack(np.meshgrid(np.arange(90.0), np.arange(60.0)), axis=-1).reshape(-1, 2)
    motions = np.array([(0.0, 0.0, 0.0), (3.0, -4.0, 0.0), (1.0, 2.0, 5.0)])
    moved = [np.linalg.norm(moved_pixels(pixels, motion, shape) - pixels, axis=1) for motion in motions]
    np.testing.assert_allclose(motion_sizes_px(motions, shape), [np.sqrt((m**2).mean()) for m in moved], atol=1e-9)


def test_head_behind_the_source_stays() -> None:
    carm = CARMS["frontal"]
    behind = POSE.copy()
    behind[:3, 3] -= 2000 * carm.normal
    np.testing.assert_array_equal(pose_in_frame(behind, np.array([5.0, 5.0, 5.0]), CENTRE_MM, carm), behind)
