"""From a similarity's image gradient through the splat renderer to the six pose parameters."""

from __future__ import annotations

import numpy as np
import pytest

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.rigid import PivotedCorrection, rigid, se3_exp
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.render.splat_numpy import SplatNumpy
from DeepIterRegLib.similarity.choose import SIMILARITIES, similarity
from DeepIterRegLib.similarity.mixture_correlation import MixtureCorrelation
from DeepIterRegLib.similarity.mutual_information import MutualInformation

CARM = CArm.from_angles(20, -10, 1000, 700, 3.0, 64, 72)
CENTRE_MM = np.array([4.0, -9.0, 12.0])


def vessel_tree(seed: int) -> VesselCloud:
    """Six smooth tubes of 3 mm radius that wind through 100 mm: 40 points per mm, in cells of a pixel (2.1 mm)."""
    rng = np.random.default_rng(seed)
    points = []
    for _ in range(6):
        s = rng.random((4000, 1))
        start, step, bend = rng.uniform(-45, 45, 3), rng.uniform(-60, 60, 3), rng.uniform(-25, 25, 3)
        points.append(start + s * step + np.sin(3 * s) * bend + rng.normal(scale=1.5, size=(4000, 3)))
    positions = np.concatenate(points) + CENTRE_MM
    weights = np.full(len(positions), np.pi * 3**2 * 100 / 4000)
    is_vein = np.zeros(len(positions), dtype=bool)
    return VesselCloud(positions.astype(np.float32), weights.astype(np.float32), is_vein, 2.1, CENTRE_MM)


START = se3_exp(np.array([0.05, -0.08, 0.1, 0, 0, 0])) @ rigid(translation_mm=-CENTRE_MM)
CORRECTION = PivotedCorrection.about_patient_point(START, CENTRE_MM)
FIXED_PARAMETERS = np.array([0.03, -0.02, 0.04, 3.0, -5.0, 2.0])
HERE = np.array([0.02, 0.01, -0.03, -2.0, 4.0, 5.0])
# Big enough for the splat's float32 images, small enough for the measures' curvature: rad, mm.
STEPS = np.array([1e-4, 1e-4, 1e-4, 0.01, 0.01, 0.01])


def assert_gradients_agree(analytic: FloatArray, numeric: FloatArray) -> None:
    # A radian moves a head by some 50 mm: gradients per radian and per mm become comparable.
    lever_mm = np.array([50.0, 50, 50, 1, 1, 1])
    difference = np.linalg.norm((analytic - numeric) / lever_mm)
    assert difference < 0.01 * np.linalg.norm(numeric / lever_mm)


@pytest.mark.parametrize("name", list(SIMILARITIES))
def test_pose_gradient_of_every_similarity_agrees_with_central_differences(name: str) -> None:
    renderer = SplatNumpy(vessel_tree(1), CARM)
    fixed = renderer.render(CORRECTION.pose(FIXED_PARAMETERS)[None])[0]
    measure = similarity(name, fixed)
    if isinstance(measure, MutualInformation):
        # The brightest pixel moves with the pose; give it room below the range's end, where MI has a kink.
        measure.moving_range = (0.0, 1.5 * float(fixed.max()))

    def value(parameters: FloatArray) -> float:
        return float(measure.value(renderer.render(CORRECTION.pose(parameters)[None]))[0])

    pose = CORRECTION.pose(HERE)[None]
    _, image_gradient = measure.value_and_gradient(renderer.render(pose))
    analytic = CORRECTION.gradient(HERE, renderer.backward(pose, image_gradient)[0])
    numeric = np.array([
        (value(HERE + step) - value(HERE - step)) / (2 * step.sum()) for step in np.diag(STEPS)
    ])  # fmt: skip
    assert_gradients_agree(analytic, numeric)


def test_pose_gradient_of_the_mixture_correlation_is_the_sum_over_its_groups() -> None:
    renderers = [SplatNumpy(vessel_tree(seed), CARM) for seed in (1, 2, 3)]

    def groups(parameters: FloatArray) -> FloatArray:
        pose = CORRECTION.pose(parameters)[None]
        return np.stack([renderer.render(pose)[0] for renderer in renderers])[None]

    truth = groups(FIXED_PARAMETERS)[0]
    correlation = MixtureCorrelation(truth[0] + 0.4 * truth[1])
    np.testing.assert_allclose(correlation.value(truth[None]), 1, atol=1e-6)
    pose = CORRECTION.pose(HERE)[None]
    _, gradients = correlation.value_and_gradient(groups(HERE))
    twist = sum(
        renderer.backward(pose, gradient[None])[0]
        for renderer, gradient in zip(renderers, gradients[0], strict=True)
    )  # fmt: skip
    numeric = np.array([
        (correlation.value(groups(HERE + step)) - correlation.value(groups(HERE - step)))[0] / (2 * step.sum())
        for step in np.diag(STEPS)
    ])  # fmt: skip
    assert_gradients_agree(CORRECTION.gradient(HERE, np.asarray(twist)), numeric)
