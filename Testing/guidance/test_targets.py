"""Targets: snapped, inside the CTA, on the detector with the right ellipse, behind one another."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.projection import project
from DeepIterRegLib.geometry.rigid import PivotedCorrection, apply
from DeepIterRegLib.guidance.centreline import Centreline
from DeepIterRegLib.guidance.ellipse import (
    QUANTILE,
    detector_jacobian,
    ellipse_of,
)
from DeepIterRegLib.guidance.targets import Placed, Target, behind, mark_of, placed_on, require_inside
from DeepIterRegLib.guidance.trace import traced
from Testing.guidance.tubes import forked_cloud
from Testing.support.small_registration import FRONTAL, LATERAL, POSE

PIVOT_MM = np.array([0.0, 0.0, -5.0])
COVARIANCE = np.diag([0.01, 0.015, 0.02, 1.0, 4.0, 0.5]) ** 2
STRAIGHT = CArm.from_angles(0.0, 0.0, 1200.0, 800.0, 0.5, 400, 500)


@cache
def forked() -> Centreline:
    return traced(forked_cloud())


def point(*place_mm: float, name: str = "clot") -> Target:
    place = np.array([place_mm])
    return Target(name, place, place, False, np.zeros(1), None, 0.0)


def test_a_point_beside_a_vessel_is_put_into_its_middle_and_one_far_off_stays():
    beside, far = placed_on(
        forked(), [Placed("clot", np.array([[3.0, 0.5, -20.0]])), Placed("dome", np.array([[15.0, 12.0, -20.0]]))]
    )
    assert beside.end_mm == pytest.approx([0, 0, -20], abs=0.5)
    assert beside.snapped_mm[0] == pytest.approx(3.04, abs=0.5)
    assert beside.radius_mm == pytest.approx(2.0, rel=0.15)
    assert far.end_mm == pytest.approx([15, 12, -20])
    assert np.isnan(far.snapped_mm[0])
    assert far.radius_mm is None


def test_a_path_follows_the_vessels_between_the_points_that_were_placed():
    (path,) = placed_on(forked(), [Placed("wire", np.array([[1.0, 0, -30], [20.0, 1, 10.0]]), is_path=True)])
    assert path.points_mm[0] == pytest.approx([0, 0, -30], abs=0.5)
    assert path.points_mm[-1] == pytest.approx([20, 0, 10], abs=0.7)
    assert path.length_mm == pytest.approx(30 + np.hypot(20, 10), abs=2.0)
    assert np.linalg.norm(path.points_mm, axis=1).min() < 2.5, "over the fork"
    steps = np.diff(path.points_mm, axis=0)
    along = np.einsum("ij,ij->i", steps[1:], steps[:-1])
    assert (along > 0).all(), "never back again"
    assert path.gap_mm == 0


def test_a_path_between_places_far_from_all_vessels_is_straight_and_all_gap():
    (path,) = placed_on(forked(), [Placed("free", np.array([[60.0, 0, 0], [60.0, 30, 40]]), is_path=True)])
    assert path.points_mm == pytest.approx(path.placed_mm)
    assert path.gap_mm == pytest.approx(50)
    assert path.length_mm == pytest.approx(50)


def test_without_a_centreline_targets_stay_where_they_were_placed():
    placed = Placed("clot", np.array([[1.0, 2, 3]])), Placed("way", np.array([[1.0, 2, 3], [4, 2, 3]]), is_path=True)
    clot, way = placed_on(Centreline.empty(), placed)
    assert clot.end_mm == pytest.approx([1, 2, 3])
    assert way.gap_mm == pytest.approx(3)


def test_a_target_outside_the_cta_is_refused_by_name_and_place():
    ijk_to_ras = np.diag([-1.0, -1.0, 2.0, 1.0])
    inside = Placed("clot", np.array([[-9.4, -19.4, 58.9]]))
    require_inside([inside], ijk_to_ras, (30, 20, 10))
    outside = Placed("clot", np.array([[0.0, 0.0, 0.0], [-9.6, 0, 0]]), is_path=True)
    with pytest.raises(InputError, match=r"The target clot \(point 2\) lies outside the CTA at R -9\.6, A 0\.0"):
        require_inside([inside, outside], ijk_to_ras, (30, 20, 10))


@pytest.mark.parametrize("carm", [LATERAL, FRONTAL, STRAIGHT])
def test_the_jacobian_is_that_of_small_corrections_of_the_pose(carm):
    place = np.array([21.0, -13.0, 34.0])
    correction = PivotedCorrection.about_patient_point(POSE, PIVOT_MM)
    row_mm, column_mm = carm.pixel_spacing_mm
    differences = []
    for index in range(6):
        step = np.zeros(6)
        step[index] = 1e-5
        ahead, back = (project(apply(correction.pose(sign * step), place)[None], carm)[0] for sign in (1, -1))
        differences.append((ahead - back) * (column_mm, row_mm) / 2e-5)
    assert detector_jacobian(place, POSE, carm, PIVOT_MM) == pytest.approx(np.array(differences).T, rel=1e-5, abs=1e-5)


def test_the_ellipse_holds_95_percent_of_the_poses_that_the_covariance_allows():
    place = np.array([21.0, -13.0, 34.0])
    ellipse = ellipse_of(place, POSE, LATERAL, COVARIANCE, PIVOT_MM, own_mm=0.0)
    assert ellipse is not None
    correction = PivotedCorrection.about_patient_point(POSE, PIVOT_MM)
    draws = np.random.default_rng(3).multivariate_normal(np.zeros(6), COVARIANCE, 4000)
    pixels = np.concatenate([project(apply(correction.pose(draw), place)[None], LATERAL) for draw in draws])
    assert ellipse.contains(pixels).mean() == pytest.approx(0.95, abs=0.012)


def test_a_shift_across_the_beam_alone_gives_a_circle_that_is_magnified():
    covariance = np.diag([0, 0, 0, 1.0, 0, 1.0])
    pose = np.eye(4)
    ellipse = ellipse_of(np.array([0.0, 40.0, 0.0]), pose, STRAIGHT, covariance, np.zeros(3), own_mm=0.0)
    assert ellipse is not None
    # At 0 degrees the beam runs along A: 40 mm farther from the source than the isocentre.
    expected = np.sqrt(QUANTILE) * 1200 / 840
    assert ellipse.semi_axes_mm == pytest.approx([expected, expected])
    outline = ellipse.outline_px()
    assert np.linalg.norm((outline - ellipse.centre_px) * 0.5, axis=1) == pytest.approx(expected)
    assert ellipse.contains(ellipse.centre_px + 0.99 * (outline - ellipse.centre_px)).all()
    assert not ellipse.contains(ellipse.centre_px + 1.01 * (outline - ellipse.centre_px)).any()


def test_a_target_is_no_more_exact_than_its_own_place_in_the_cta():
    ellipse = ellipse_of(np.zeros(3), np.eye(4), STRAIGHT, np.zeros((6, 6)), np.zeros(3), own_mm=0.4)
    assert ellipse is not None
    assert ellipse.semi_axes_mm == pytest.approx([0.4 * 1.5 * np.sqrt(QUANTILE)] * 2)


def test_the_longer_axis_points_where_the_pose_is_looser():
    # Head's right is image's left: a loose shift along R and S together lies along minus columns and minus rows.
    loose = np.zeros((6, 6))
    loose[3:, 3:] = np.outer([1, 0, 1], [1, 0, 1]) + 0.01 * np.eye(3)
    ellipse = ellipse_of(np.zeros(3), np.eye(4), STRAIGHT, loose, np.zeros(3), own_mm=0.0)
    assert ellipse is not None
    assert ellipse.angle_deg == pytest.approx(45)
    assert ellipse.semi_axes_mm[0] > 5 * ellipse.semi_axes_mm[1]


def test_without_a_covariance_nothing_is_drawn_nor_is_what_lies_behind_the_source():
    assert mark_of(point(1, 2, 3), POSE, LATERAL, None, PIVOT_MM) is None
    behind_source = point(*(np.linalg.inv(POSE) @ [*(2 * LATERAL.source_mm), 1])[:3])
    assert mark_of(behind_source, POSE, LATERAL, COVARIANCE, PIVOT_MM) is None
    mark = mark_of(point(1, 2, 3), POSE, LATERAL, COVARIANCE, PIVOT_MM)
    assert mark is not None
    assert mark.pixels == pytest.approx(project(apply(POSE, np.array([[1, 2, 3]])), LATERAL))
    assert len(mark.ellipses) == 1


def test_a_path_has_an_ellipse_at_both_ends():
    way = np.array([[0, 0, 0], [0, 0, 10], [5.0, 0, 20]])
    mark = mark_of(
        Target("wire", way, way, True, np.zeros(3), None, 0.0), POSE, LATERAL, COVARIANCE, PIVOT_MM
    )  # fmt: skip
    assert mark is not None
    assert np.array([each.centre_px for each in mark.ellipses]) == pytest.approx(mark.pixels[[0, 2]])


def test_what_is_farther_from_the_source_lies_behind():
    # At 0 degrees the source lies behind the patient, and the beam runs towards A.
    carotid = np.array([[0, -10, -20], [0, -10, 20.0]])
    vessel = Target("carotid", carotid, carotid, True, np.zeros(2), None, 0.0)
    found = behind(point(0, 15, 0), vessel, np.eye(4), STRAIGHT)
    assert found is not None
    assert found.other == "carotid"
    assert found.behind_mm == pytest.approx(25)
    assert found.beside_mm == pytest.approx(0, abs=0.2)
    before = behind(point(0, -30, 0), vessel, np.eye(4), STRAIGHT)
    assert before is not None
    assert before.behind_mm == pytest.approx(-20)
    beside = behind(point(6, 15, 0), vessel, np.eye(4), STRAIGHT)
    assert beside is not None
    assert beside.beside_mm == pytest.approx(6, abs=0.2)
