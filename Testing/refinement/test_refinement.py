"""The default method's parts: parameters, search, coarse to fine, and what they do with partly filled vessels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from DeepIterRegLib.common.binning import binned
from DeepIterRegLib.common.errors import RegistrationCancelled
from DeepIterRegLib.geometry.pose import radiological_pose
from DeepIterRegLib.geometry.projection import mean_projection_error_mm
from DeepIterRegLib.geometry.rigid import PivotedCorrection, invert, se3_log
from DeepIterRegLib.preparation.prepared import PreparedAngiogram
from DeepIterRegLib.refinement import default
from DeepIterRegLib.refinement.default import mixture_similarity, refine_default
from DeepIterRegLib.refinement.groups import vessel_groups, weighted_sum
from DeepIterRegLib.refinement.parameters import PoseParameters
from DeepIterRegLib.refinement.phases import PhaseSimilarity, phases
from DeepIterRegLib.refinement.posterior import Posterior
from DeepIterRegLib.refinement.prior import PosePrior
from DeepIterRegLib.refinement.pyramid import VesselPyramid
from DeepIterRegLib.refinement.saturation import saturated, saturation_slope
from DeepIterRegLib.refinement.translation_search import TranslationSearch, candidate_poses, distinct_poses
from Testing.support.vessel_tree_case import (
    CENTRE_MM,
    FRONTAL,
    LATERAL,
    prepared_angiogram,
    prepared_volume,
    tree_cloud,
)

START = radiological_pose(CENTRE_MM)
CORRECTION = PivotedCorrection.about_patient_point(START, CENTRE_MM)


def pose_off_by(rotation_deg, translation_mm):
    return CORRECTION.pose(np.concatenate([np.radians(rotation_deg), translation_mm]))


TRUTH = pose_off_by([6, -4, 5], [-12, 15, 9])


def with_phases(angiogram: PreparedAngiogram, pose) -> PreparedAngiogram:
    """The same run with an arterial phase that shows the arteries alone and a venous one that shows the veins."""
    veins, left, right = vessel_groups(tree_cloud())
    arterial = prepared_angiogram(pose, shown=[left, right])
    venous = prepared_angiogram(pose, shown=[veins])
    return replace(
        angiogram,
        artery_contrast=arterial.contrast,
        vein_contrast=venous.contrast,
        arteries=arterial.vessels,
        veins=venous.vessels,
    )


def assert_gradient_is_that_of_finite_differences(similarity, tolerance=0.03):
    parameters = PoseParameters.around(pose_off_by([5, -3, 3], [-10, 12, 8]), CENTRE_MM)
    at = np.array([1.0, -2.0, 1.5, 2.0, -1.0, 1.0])
    _, twists = similarity.value_and_gradient(parameters.pose(at)[None])
    gradient = parameters.gradient(at, twists[0])
    step = 0.02
    differences = [
        (
            similarity.value(parameters.pose(at + step * unit)[None])[0]
            - similarity.value(parameters.pose(at - step * unit)[None])[0]
        )
        / (2 * step)
        for unit in np.eye(6)
    ]
    assert np.linalg.norm(gradient - differences) < tolerance * np.linalg.norm(differences)


def test_gradient_by_the_parameters_is_that_of_finite_differences():
    angiogram = prepared_angiogram(TRUTH)
    pyramid = VesselPyramid(vessel_groups(tree_cloud()), [angiogram], [64], "cpu")
    assert_gradient_is_that_of_finite_differences(mixture_similarity(pyramid, angiogram, 0, 64))


def test_gradient_of_the_log_posterior_is_that_of_finite_differences():
    angiogram = with_phases(prepared_angiogram(TRUTH), TRUTH)
    groups = vessel_groups(tree_cloud())
    pyramid = VesselPyramid(groups, [angiogram], [64], "cpu")
    likelihood = PhaseSimilarity(pyramid.renderers(64, 0), groups, angiogram, 64)
    prior = PosePrior([START, pose_off_by([40, 0, 0], [0, 0, 90])], CENTRE_MM, LATERAL)
    assert_gradient_is_that_of_finite_differences(Posterior([(2.0, likelihood)], prior))
    assert_gradient_is_that_of_finite_differences(Posterior([], prior), 1e-4)


def test_prior_is_0_at_the_starts_and_falls_with_the_distance_least_along_the_beam():
    prior = PosePrior([START, pose_off_by([0, 0, 60], [0, 0, 0])], CENTRE_MM, LATERAL)
    np.testing.assert_allclose(prior.value(np.stack([START, pose_off_by([0, 0, 60], [0, 0, 0])])), 0, atol=1e-12)
    near, far, farthest = prior.value(np.stack([pose_off_by([0, 0, 0], [0, shift, 0]) for shift in (5, 30, 90)]))
    assert 0 > near > -0.5
    assert near > far > farthest > -25
    across, along = prior.value(
        np.stack([pose_off_by([0, 0, 0], 20 * axis) for axis in (LATERAL.row_direction, LATERAL.normal)])
    )
    assert along > across
    shift = np.array([3.0, -20.0, 8.0])
    rotation = np.radians([4.0, 9.0, -2.0])
    by_offset = prior.of_offset(rotation, shift)
    assert by_offset == pytest.approx(prior.value(pose_off_by(np.degrees(rotation), shift)[None])[0])


def test_arteries_are_compared_with_arteries_and_veins_with_veins_by_their_areas():
    groups = vessel_groups(tree_cloud())
    plain = prepared_angiogram(TRUTH)
    angiogram = with_phases(plain, TRUTH)
    arterial, venous = phases(groups, angiogram, 4)
    assert [arterial.groups, venous.groups] == [[1, 2], [0]]
    ratio = angiogram.arteries.sum() / angiogram.veins.sum()
    assert arterial.observations / venous.observations == pytest.approx(ratio)
    (both,) = phases(groups, plain, 4)
    assert sorted(both.groups) == [0, 1, 2]
    assert both.observations == pytest.approx(arterial.observations + venous.observations)


def test_registers_a_run_with_an_arterial_and_a_venous_phase():
    angiogram = with_phases(prepared_angiogram(TRUTH), TRUTH)
    stages = refine_default(prepared_volume(), [angiogram], [START])
    assert mean_projection_error_mm(stages[-1].pose, TRUTH, CENTRE_MM, LATERAL) < 0.6


def test_saturation_keeps_zero_and_the_slope_is_its_derivative():
    lengths = np.array([0.0, 0.5, 2.0, 9.0])
    values = saturated(lengths)
    assert values[0] == 0
    assert values[3] / values[1] < 6  # not 18
    np.testing.assert_allclose(
        (saturated(lengths + 1e-5) - saturated(lengths - 1e-5)) / 2e-5, saturation_slope(lengths), rtol=1e-4
    )


def test_starts_that_climb_on_are_the_best_and_not_alike():
    poses = np.stack([pose_off_by([0, 0, 0], [0, shift, 0]) for shift in (0, 1, 30, 60)])
    np.testing.assert_array_equal(distinct_poses(poses, np.array([3.0, 4.0, 1.0, 2.0]), CENTRE_MM, 2), [1, 3])
    np.testing.assert_array_equal(distinct_poses(poses, np.array([3.0, 4.0, 1.0, 2.0]), CENTRE_MM, 9), [1, 3, 2])


def test_translation_search_finds_a_head_that_lies_far_off_along_the_detector():
    # A lateral view: 60 mm towards the head and 45 mm towards the front are along the detector.
    shifted = pose_off_by([0, 0, 0], [0, 45, 60])
    angiogram = prepared_angiogram(shifted)
    pyramid = VesselPyramid(vessel_groups(tree_cloud()), [angiogram], [64], "cpu")
    search = TranslationSearch(rotations=1)
    groups, prior = vessel_groups(tree_cloud()), PosePrior([START], CENTRE_MM, LATERAL)
    found = candidate_poses(
        pyramid.renderers(64, 0),
        groups,
        angiogram,
        factor=4,
        start_pose=START,
        centre_mm=CENTRE_MM,
        search=search,
        prior=prior,
        seed=0,
    )
    assert found.shape == (1, 4, 4)
    pixel_mm = 4 * 1.2
    assert mean_projection_error_mm(found[0], shifted, CENTRE_MM, LATERAL) < pixel_mm


def test_registers_to_a_fraction_of_a_pixel_when_everything_filled():
    stages = refine_default(prepared_volume(), [prepared_angiogram(TRUTH)], [START])
    assert mean_projection_error_mm(START, TRUTH, CENTRE_MM, LATERAL) > 20
    assert mean_projection_error_mm(stages[-1].pose, TRUTH, CENTRE_MM, LATERAL) < 0.6


def test_registers_a_run_that_fills_one_side_only():
    _, left, _ = vessel_groups(tree_cloud())
    stages = refine_default(prepared_volume(), [prepared_angiogram(TRUTH, shown=[left])], [START])
    assert mean_projection_error_mm(stages[-1].pose, TRUTH, CENTRE_MM, LATERAL) < 1.0


def test_two_views_fix_the_depth_that_one_view_leaves_open():
    both = [prepared_angiogram(TRUTH, carm) for carm in (LATERAL, FRONTAL)]

    def error_mm(angiograms):
        pose = refine_default(prepared_volume(), angiograms, [START])[-1].pose
        centre = np.append(CENTRE_MM, 1)
        return float(np.linalg.norm((pose @ centre - TRUTH @ centre)[:3]))

    assert error_mm(both) < 0.5
    assert error_mm(both) < error_mm(both[:1])


def test_same_seed_gives_the_same_pose_whatever_the_number_of_threads(monkeypatch):
    poses = []
    for threads in (1, 1, 3):
        monkeypatch.setattr(default, "MAX_THREADS", threads)
        monkeypatch.setattr(default.os, "cpu_count", lambda: 4)
        poses.append(refine_default(prepared_volume(), [prepared_angiogram(TRUTH)], [START], seed=7)[-1].pose)
    np.testing.assert_array_equal(poses[0], poses[1])
    np.testing.assert_array_equal(poses[0], poses[2])


def test_every_stage_ends_at_least_as_similar_as_it_began_and_progress_ends_at_one():
    seen = []
    stages = refine_default(
        prepared_volume(),
        [prepared_angiogram(TRUTH)],
        [START],
        report=lambda name, fraction, value, pose: seen.append((name, fraction, value)),
    )
    assert all(stage.similarity >= stage.similarity_before for stage in stages)
    fractions = [fraction for _, fraction, _ in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)
    assert list(dict.fromkeys(name for name, _, _ in seen)) == [stage.name for stage in stages]


def test_what_the_caller_raises_ends_the_search():
    calls = []

    def cancel(name, fraction, value, pose):
        calls.append(name)
        if len(calls) == 3:
            raise RegistrationCancelled

    with pytest.raises(RegistrationCancelled):
        refine_default(prepared_volume(), [prepared_angiogram(TRUTH)], [START], report=cancel)
    assert len(calls) == 3


def test_groups_keep_every_point_once():
    cloud = tree_cloud()
    groups = vessel_groups(cloud)
    assert len(groups) == 3
    assert sum(len(group) for group in groups) == len(cloud)
    assert groups[0].is_vein.all()
    assert (groups[1].positions_mm[:, 0] < cloud.centre_mm[0]).all()


def test_left_and_right_are_the_heads_own():
    """Of a head that looks to its left in the CTA."""
    cloud = tree_cloud()
    turn = Rotation.from_euler("z", 90, degrees=True).as_matrix()
    positions = (cloud.positions_mm - cloud.centre_mm) @ turn.T + cloud.centre_mm
    turned = replace(cloud, positions_mm=positions.astype(np.float32))
    for straight, found in zip(vessel_groups(cloud), vessel_groups(turned, turn[:, 0]), strict=True):
        np.testing.assert_array_equal(found.weights_mm3, straight.weights_mm3)


def test_a_tree_of_one_side_stays_whole():
    cloud = tree_cloud()
    one_side = cloud.subset(~cloud.is_vein & (cloud.positions_mm[:, 0] < cloud.centre_mm[0]))
    assert len(vessel_groups(one_side)) == 1
    assert len(vessel_groups(one_side)[0]) == len(one_side)


def test_weighted_sum_drops_what_did_not_fill():
    groups = vessel_groups(tree_cloud())
    mixture = weighted_sum(groups, np.array([0.0, 2.0, 1.0]))
    assert len(mixture) == len(groups[1]) + len(groups[2])
    expected = groups[1].weights_mm3.sum() + groups[2].weights_mm3.sum() / 2
    assert mixture.weights_mm3.sum() == pytest.approx(expected, rel=1e-5)


def test_binning_takes_block_means_on_the_binned_detectors_pixels():
    image = np.arange(35, dtype=np.float32).reshape(5, 7)
    np.testing.assert_allclose(binned(image, 2), [[4, 6, 8], [18, 20, 22]])


def test_perturbing_and_correcting_about_the_centre_are_inverse():
    twist = se3_log(TRUTH @ invert(START))
    assert np.degrees(np.linalg.norm(twist[:3])) == pytest.approx(np.linalg.norm([6, -4, 5]), rel=1e-6)
