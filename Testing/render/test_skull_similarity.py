"""The skull's log likelihood: its gradient by the pose through every renderer, its sign, its weight."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.pose import radiological_pose
from DeepIterRegLib.geometry.rigid import PivotedCorrection
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.refinement.parameters import PoseParameters
from DeepIterRegLib.refinement.skull_similarity import LARGEST_CELL, LEAST_PX, SkullSimilarity, skull_factor, tile_mm
from DeepIterRegLib.render.protocol import Renderer
from DeepIterRegLib.render.splat_numpy import SplatNumpy
from Testing.support.skull_case import skull_cloud, skull_image
from Testing.support.vessel_tree_case import CENTRE_MM, LATERAL

START = radiological_pose(CENTRE_MM)
CORRECTION = PivotedCorrection.about_patient_point(START, CENTRE_MM)
TRUTH = CORRECTION.pose(np.array([0.1, -0.07, 0.09, -12, 15, 9]))
SIZE_PX = 64
FACTOR = 4
COARSE = skull_cloud(4.0)
IMAGE = skull_image(TRUTH)


def renderer_named(name: str, cloud: VesselCloud, carm: CArm) -> Renderer:
    if name == "numba":
        pytest.importorskip("numba")
        from DeepIterRegLib.render.splat_numba import SplatNumba

        return SplatNumba(cloud, carm)
    if name == "torch":
        pytest.importorskip("torch")
        from DeepIterRegLib.render.splat_torch import SplatTorch

        return SplatTorch(cloud, carm)
    return SplatNumpy(cloud, carm)


def similarity_on(name: str = "numpy", image=IMAGE) -> SkullSimilarity:
    return SkullSimilarity(renderer_named(name, COARSE, LATERAL.binned(FACTOR)), image, FACTOR, SIZE_PX)


def poses_near(truth: np.ndarray, count: int) -> np.ndarray:
    random = np.random.default_rng(2)
    correction = PivotedCorrection.about_patient_point(truth, CENTRE_MM)
    return np.stack([
        correction.pose(random.normal(size=6) * [0.03, 0.03, 0.03, 3, 3, 3]) for _ in range(count)
    ])  # fmt: skip


@pytest.mark.parametrize("name", ["numpy", "numba", "torch"])
def test_gradient_by_the_parameters_is_that_of_finite_differences(name):
    similarity = similarity_on(name)
    parameters = PoseParameters.around(CORRECTION.pose(np.array([0.08, -0.05, 0.07, -10, 12, 8])), CENTRE_MM)
    at = np.array([1.0, -2.0, 1.5, 2.0, -1.0, 1.0])
    value, twists = similarity.value_and_gradient(parameters.pose(at)[None])
    assert value[0] > 20
    np.testing.assert_allclose(value, similarity.value(parameters.pose(at)[None]), rtol=1e-5)
    step = 0.02
    differences = [
        (
            similarity.value(parameters.pose(at + step * unit)[None])[0]
            - similarity.value(parameters.pose(at - step * unit)[None])[0]
        )
        / (2 * step)
        for unit in np.eye(6)
    ]
    gradient = parameters.gradient(at, twists[0])
    assert np.linalg.norm(gradient - differences) < 0.03 * np.linalg.norm(differences)


@pytest.mark.parametrize("name", ["numpy", "numba", "torch"])
def test_a_batch_of_poses_is_measured_as_one_by_one(name):
    similarity, poses = similarity_on(name), poses_near(TRUTH, 4)
    values, gradients = similarity.value_and_gradient(poses)
    for pose, value, gradient in zip(poses, values, gradients, strict=True):
        alone, alone_gradient = similarity.value_and_gradient(pose[None])
        assert alone[0] == pytest.approx(value, rel=1e-4)
        np.testing.assert_allclose(alone_gradient[0], gradient, atol=1e-3 * np.abs(gradient).max())


def test_the_true_pose_is_likelier_than_all_about_it_and_the_negative_is_worth_nothing():
    similarity = similarity_on()
    assert similarity.value(TRUTH[None])[0] > similarity.value(poses_near(TRUTH, 8)).max() + 5
    assert similarity.correlation(TRUTH[None])[0] > 0.5
    negative = similarity_on(image=IMAGE.negative())
    values, gradients = negative.value_and_gradient(TRUTH[None])
    assert negative.correlation(TRUTH[None])[0] < -0.3
    assert values[0] == 0
    assert not gradients.any()


def test_likelihood_is_in_proportion_to_the_trust():
    half = similarity_on(image=replace(IMAGE, trust=0.5))
    whole, half_value = similarity_on().value_and_gradient(TRUTH[None]), half.value_and_gradient(TRUTH[None])
    for part, expected in zip(half_value, whole, strict=True):
        np.testing.assert_allclose(part, expected / 2, rtol=1e-6)


def test_tiles_shrink_with_the_pixels_and_pixels_stay_as_wide_as_the_points_cells():
    assert [tile_mm(size) for size in (64, 128, 192, 256)] == [80, 60, 40, 40]
    cloud = skull_cloud()
    assert skull_factor(LATERAL, cloud, 64) == 4
    # Pixels of 0.8 mm at the isocentre would leave holes between points of 2 mm.
    assert skull_factor(LATERAL, cloud, 256) == 2
    zoomed = CArm.from_angles(90, 0, 1150, 750, 0.3, 256, 256)
    assert skull_factor(zoomed, cloud, 128) * 0.3 * 750 / 1150 > LARGEST_CELL * cloud.cell_mm
    # Of a strongly zoomed detector some pixels have to be left.
    assert zoomed.rows // skull_factor(zoomed, skull_cloud(4.0), 256) == LEAST_PX
