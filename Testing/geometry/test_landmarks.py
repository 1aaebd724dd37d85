"""Poses from pairs of landmarks, against the truth they were made with."""

from __future__ import annotations

import time

import numpy as np
import pytest

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.landmarks import LandmarkPose, pose_from_landmarks
from DeepIterRegLib.geometry.projection import mean_projection_error_mm, project
from DeepIterRegLib.geometry.resection import LandmarkView
from DeepIterRegLib.geometry.rigid import apply, rotation_angle_deg, se3_exp

CENTRE_MM = np.array([4.0, -20.0, 30.0])
FRONTAL = CArm.from_angles(-5.0, 15.0, 1200.0, 760.0, (0.3, 0.35), 768, 700, principal_point_px=(330.0, 400.0))
LATERAL = CArm.from_angles(88.0, 0.0, 1150.0, 750.0, 0.4, 512, 512)
TRUTH = se3_exp(np.array([0.15, -0.1, 0.2, 6.0, 18.0, -25.0]))
LANDMARKS_MM = CENTRE_MM + np.array(
    [[40.0, 5, 10], [-35.0, 20, -15], [5.0, -45, 25], [10.0, 30, 40], [-20.0, -25, -35], [0.0, 60, -5]]
)


def seen(carm: CArm, points_mm: FloatArray, noise_px: float = 0.0, seed: int = 0) -> LandmarkView:
    pixels = project(apply(TRUTH, points_mm), carm)
    return LandmarkView(carm, points_mm, pixels + np.random.default_rng(seed).normal(0, noise_px, pixels.shape))


def away(pose: FloatArray, turn_deg: float, shift_mm: float, seed: int) -> FloatArray:
    rng = np.random.default_rng(seed)
    turn, shift = (vector / np.linalg.norm(vector) for vector in rng.normal(size=(2, 3)))
    return se3_exp(np.concatenate([np.radians(turn_deg) * turn, shift_mm * shift])) @ pose


def error_mm(found: LandmarkPose, carm: CArm = FRONTAL) -> float:
    return mean_projection_error_mm(found.pose, TRUTH, CENTRE_MM, carm)


@pytest.mark.parametrize("turn_deg", [0.0, 40.0, 100.0, 179.0])
def test_exact_landmarks_give_the_pose_from_any_start(turn_deg: float) -> None:
    for seed in range(4):
        found = pose_from_landmarks([seen(FRONTAL, LANDMARKS_MM)], away(TRUTH, turn_deg, 120.0, seed), CENTRE_MM)
        np.testing.assert_allclose(found.pose, TRUTH, atol=1e-5)
        assert found.rms_px < 1e-6
        assert found.equally_good == 1


def test_two_views_fix_the_depth_that_one_leaves_loose() -> None:
    start = away(TRUTH, 20.0, 40.0, 1)
    depth_errors = []
    for views in ([FRONTAL], [FRONTAL, LATERAL]):
        shifts = []
        for seed in range(12):
            landmarks = [seen(carm, LANDMARKS_MM, 2.0, seed + 50 * index) for index, carm in enumerate(views)]
            found = pose_from_landmarks(landmarks, start, CENTRE_MM)
            shifts.append(FRONTAL.normal @ (apply(found.pose, CENTRE_MM) - apply(TRUTH, CENTRE_MM)))
        depth_errors.append(float(np.sqrt(np.mean(np.square(shifts)))))
    assert depth_errors[1] < 0.35 * depth_errors[0]


def test_landmarks_clicked_a_pixel_or_two_off_give_a_pose_that_is_a_start() -> None:
    errors = [
        error_mm(pose_from_landmarks([seen(FRONTAL, LANDMARKS_MM, 2.0, seed)], away(TRUTH, 30, 60, seed), CENTRE_MM))
        for seed in range(20)
    ]
    assert np.median(errors) < 1.5
    assert max(errors) < 4.0


def test_of_the_poses_at_which_three_landmarks_fit_the_nearest_is_taken() -> None:
    view = seen(FRONTAL, LANDMARKS_MM[:3])
    found = pose_from_landmarks([view], away(TRUTH, 8.0, 15.0, 3), CENTRE_MM)
    np.testing.assert_allclose(found.pose, TRUTH, atol=1e-4)
    # The others fit as well, and from them one gets to them.
    assert 2 <= found.equally_good <= 4
    opposite = pose_from_landmarks([view], away(TRUTH, 170.0, 15.0, 3), CENTRE_MM)
    assert opposite.rms_mm < 1e-3
    assert rotation_angle_deg(opposite.pose @ np.linalg.inv(TRUTH)) > 20


def test_distances_are_those_of_the_pairs() -> None:
    view = seen(FRONTAL, LANDMARKS_MM)
    pixels = view.pixels.copy()
    pixels[2] += [30.0, 0.0]
    found = pose_from_landmarks([LandmarkView(FRONTAL, LANDMARKS_MM, pixels)], TRUTH, CENTRE_MM)
    (distances,) = found.distances_px
    assert int(np.argmax(distances)) == 2
    np.testing.assert_allclose(
        distances, np.linalg.norm(project(apply(found.pose, LANDMARKS_MM), FRONTAL) - pixels, axis=1)
    )
    assert found.rms_px == pytest.approx(np.sqrt((distances**2).mean()))


def test_pair_that_does_not_belong_together_shows_as_a_poor_fit() -> None:
    good = pose_from_landmarks([seen(FRONTAL, LANDMARKS_MM, 2.0)], TRUTH, CENTRE_MM)
    assert not good.fits_poorly
    swapped = seen(FRONTAL, LANDMARKS_MM)
    pixels = swapped.pixels[[1, 0, 2, 3, 4, 5]]
    assert pose_from_landmarks([LandmarkView(FRONTAL, LANDMARKS_MM, pixels)], TRUTH, CENTRE_MM).fits_poorly


@pytest.mark.parametrize(("bow_mm", "in_a_row"), [(0.0, True), (4.0, True), (40.0, False)])
def test_landmarks_in_a_row_are_noticed(bow_mm: float, in_a_row: bool) -> None:
    along = np.linspace(-50, 50, 4)
    points = CENTRE_MM + np.column_stack([along, bow_mm * np.array([0, 1, 1, 0]), 0.3 * along])
    found = pose_from_landmarks([seen(FRONTAL, points)], TRUTH, CENTRE_MM)
    assert found.nearly_in_a_row == in_a_row
    assert found.rms_px < 0.1
    np.testing.assert_allclose(found.pose[:3, :3] @ found.pose[:3, :3].T, np.eye(3), atol=1e-9)


@pytest.mark.parametrize("points_mm", [np.empty((0, 3)), LANDMARKS_MM[:2], LANDMARKS_MM[[0, 1, 1, 0]]])
def test_fewer_than_three_landmarks_are_refused(points_mm: FloatArray) -> None:
    with pytest.raises(InputError, match=r"^There are [02] different landmarks; place at least 3 "):
        pose_from_landmarks([seen(FRONTAL, points_mm)], TRUTH, CENTRE_MM)


def test_third_landmark_may_be_in_the_other_view() -> None:
    views = [seen(FRONTAL, LANDMARKS_MM[:2]), seen(LATERAL, LANDMARKS_MM[2:4])]
    found = pose_from_landmarks(views, away(TRUTH, 5.0, 10.0, 2), CENTRE_MM)
    np.testing.assert_allclose(found.pose, TRUTH, atol=1e-3)


def test_no_one_waits_for_it() -> None:
    views = [seen(FRONTAL, LANDMARKS_MM, 1.0), seen(LATERAL, LANDMARKS_MM, 1.0)]
    started = time.process_time()
    pose_from_landmarks(views, TRUTH, CENTRE_MM)
    assert time.process_time() - started < 1.0
