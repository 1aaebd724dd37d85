"""What a hand's six numbers do to the image, in the viewer's terms, and that they are found again from a pose."""

from __future__ import annotations

from dataclasses import astuple, replace

import numpy as np
import pytest

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.hand_adjustment import (
    NO_ADJUSTMENT,
    HandAdjustment,
    adjusted_pose,
    adjustment_between,
    viewer_axes,
)
from DeepIterRegLib.geometry.projection import project
from DeepIterRegLib.geometry.rigid import apply, rotation_angle_deg, se3_exp

CENTRE_MM = np.array([3.0, -14.0, 21.0])
POSE = se3_exp(np.array([0.3, -0.2, 0.5, 12.0, -30.0, 8.0]))
CARMS = {
    "frontal": CArm.from_angles(0.0, 0.0, 1200.0, 750.0, 0.3, 512, 512),
    "oblique": CArm.from_angles(-37.0, 22.0, 1180.0, 765.0, (0.4, 0.3), 600, 500, principal_point_px=(230.0, 310.0)),
    "seen from the source": CArm(
        np.array([4.0, -700.0, 3.0]), np.array([-80.0, 400.0, 81.0]), np.array([1.0, 0.0, 1e-4]),
        np.array([0.0, 0.0, -1.0]), (0.5, 0.5), 300, 320,
    ),
    "calibrated": CArm(
        np.array([0.0, -700.0, 0.0]), np.array([80.0, 400.0, 80.0]), np.array([-1.0, 0.0, 0.0]),
        np.array([0.0, 0.0, -1.0]), (0.5, 0.5), 320, 320,
    ),
}  # fmt: skip
every_carm = pytest.mark.parametrize("carm", CARMS.values(), ids=CARMS.keys())


def pixel_of_centre(pose: FloatArray, carm: CArm) -> FloatArray:
    return project(apply(pose, CENTRE_MM)[None], carm)[0]


def moved(carm: CArm, **numbers: float) -> FloatArray:
    return adjusted_pose(HandAdjustment(**numbers), POSE, CENTRE_MM, carm)


def magnification(carm: CArm) -> float:
    return float(carm.sdd_mm / (carm.normal @ (apply(POSE, CENTRE_MM) - carm.source_mm)))


def seen(point_mm: FloatArray, carm: CArm) -> FloatArray:
    """(3,) right, up, towards the viewer, of a point relative to the CTA's centre."""
    return viewer_axes(carm).T @ (point_mm - apply(POSE, CENTRE_MM))


@every_carm
def test_right_moves_the_image_to_larger_columns_and_nothing_else(carm: CArm) -> None:
    shift_px = pixel_of_centre(moved(carm, right_mm=10.0), carm) - pixel_of_centre(POSE, carm)
    np.testing.assert_allclose(shift_px, [10 * magnification(carm) / carm.pixel_spacing_mm[1], 0], rtol=2e-3, atol=2e-2)


@every_carm
def test_up_moves_the_image_to_smaller_rows_and_nothing_else(carm: CArm) -> None:
    shift_px = pixel_of_centre(moved(carm, up_mm=10.0), carm) - pixel_of_centre(POSE, carm)
    np.testing.assert_allclose(
        shift_px, [0, -10 * magnification(carm) / carm.pixel_spacing_mm[0]], rtol=2e-3, atol=2e-2
    )


def test_towards_you_goes_from_the_source_to_the_detector_and_makes_the_head_smaller() -> None:
    carm = CARMS["oblique"]
    closer = moved(carm, toward_you_mm=50.0)
    np.testing.assert_allclose(apply(closer, CENTRE_MM) - apply(POSE, CENTRE_MM), 50 * carm.normal, atol=1e-9)
    sides = CENTRE_MM + np.array([[-50.0, 0, 0], [50.0, 0, 0]])
    width_before, width_after = (np.ptp(project(apply(p, sides), carm), axis=0).max() for p in (POSE, closer))
    assert width_after < 0.97 * width_before


def test_image_that_is_not_mirrored_is_seen_from_the_source() -> None:
    np.testing.assert_allclose(
        viewer_axes(CARMS["seen from the source"])[:, 2], -CARMS["seen from the source"].normal, atol=1e-12
    )


@every_carm
@pytest.mark.parametrize(
    ("turned", "point", "expected"),
    [
        ("turn_deg", [1, 0, 0], [0, 1, 0]),
        ("turn_deg", [0, 1, 0], [-1, 0, 0]),
        ("tip_deg", [0, 1, 0], [0, 0, 1]),
        ("tip_deg", [1, 0, 0], [1, 0, 0]),
        ("swing_deg", [0, 0, 1], [1, 0, 0]),
        ("swing_deg", [0, 1, 0], [0, 1, 0]),
    ],
)
def test_each_angle_turns_the_way_its_description_says(
    carm: CArm, turned: str, point: list[int], expected: list[int]
) -> None:
    """A point of the head that is to the right of, above or nearer than the centre, after a quarter turn."""
    start_mm = apply(POSE, CENTRE_MM) + 30.0 * viewer_axes(carm) @ np.array(point, dtype=float)
    of_the_head = apply(np.linalg.inv(POSE), start_mm)
    angle = 90.0 if turned != "tip_deg" else 89.999999
    np.testing.assert_allclose(
        seen(apply(moved(carm, **{turned: angle}), of_the_head), carm), 30.0 * np.array(expected), atol=1e-5
    )


@every_carm
def test_turn_stays_in_the_plane_of_the_image_whatever_tip_and_swing_are(carm: CArm) -> None:
    before, after = (moved(carm, tip_deg=40.0, swing_deg=-65.0, turn_deg=turn) for turn in (0.0, 25.0))
    change = after[:3, :3] @ before[:3, :3].T
    towards = viewer_axes(carm)[:, 2]
    np.testing.assert_allclose(change @ towards, towards, atol=1e-12)
    assert rotation_angle_deg(after @ np.linalg.inv(before)) == pytest.approx(25.0)


@every_carm
def test_centre_stays_where_it_is_while_the_head_turns(carm: CArm) -> None:
    pose = moved(carm, turn_deg=12.0, tip_deg=-7.0, swing_deg=33.0)
    np.testing.assert_allclose(apply(pose, CENTRE_MM), apply(POSE, CENTRE_MM), atol=1e-10)


@every_carm
def test_adjustment_is_found_again_from_the_pose(carm: CArm) -> None:
    rng = np.random.default_rng(5)
    for tip in (-89.0, -30.0, 0.0, 5.0, 88.0):
        shift, (turn, swing) = rng.uniform(-120, 120, 3), rng.uniform(-179, 179, 2)
        given = HandAdjustment(shift[0], shift[1], shift[2], turn, tip, swing)
        found = adjustment_between(POSE, adjusted_pose(given, POSE, CENTRE_MM, carm), CENTRE_MM, carm)
        np.testing.assert_allclose(astuple(found), astuple(given), atol=1e-9, rtol=0)


@every_carm
@pytest.mark.parametrize("tip", [-90.0, 90.0])
def test_pose_is_found_again_even_where_turn_and_swing_are_one_motion(carm: CArm, tip: float) -> None:
    pose = moved(carm, right_mm=3.0, turn_deg=20.0, tip_deg=tip, swing_deg=35.0)
    again = adjusted_pose(adjustment_between(POSE, pose, CENTRE_MM, carm), POSE, CENTRE_MM, carm)
    np.testing.assert_allclose(again, pose, atol=1e-6)


@every_carm
def test_no_adjustment_is_the_computed_pose(carm: CArm) -> None:
    np.testing.assert_allclose(adjusted_pose(NO_ADJUSTMENT, POSE, CENTRE_MM, carm), POSE, atol=1e-12)
    np.testing.assert_allclose(astuple(adjustment_between(POSE, POSE, CENTRE_MM, carm)), 0, atol=1e-12)


def test_two_views_agree_about_the_same_pose() -> None:
    """What one view calls towards you, another calls right: the numbers differ, the pose they mean does not."""
    frontal, lateral = (
        CArm.from_angles(0, 0, 1200, 750, 0.3, 512, 512),
        CArm.from_angles(90, 0, 1200, 750, 0.3, 512, 512),
    )
    pose = moved(frontal, toward_you_mm=8.0)
    as_seen_laterally = adjustment_between(POSE, pose, CENTRE_MM, lateral)
    assert abs(as_seen_laterally.right_mm) == pytest.approx(8.0)
    assert as_seen_laterally.toward_you_mm == pytest.approx(0.0, abs=1e-9)
    np.testing.assert_allclose(adjusted_pose(replace(as_seen_laterally), POSE, CENTRE_MM, lateral), pose, atol=1e-9)
