"""Laplace's approximation against quadratic functions, whose covariance is known."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from DeepIterRegLib.confidence.curvature import LEAST_CURVATURE, curvature
from DeepIterRegLib.geometry.pose import radiological_pose
from DeepIterRegLib.geometry.projection import mean_projection_error_mm
from DeepIterRegLib.geometry.rigid import apply
from DeepIterRegLib.refinement.parameters import PoseParameters
from DeepIterRegLib.refinement.prior import PosePrior
from Testing.support.vessel_tree_case import CENTRE_MM, LATERAL

POSE = radiological_pose(CENTRE_MM)


class Place:
    """A log likelihood of where the CTA's centre lies: normal, with a standard deviation along each C-arm axis."""

    name = "place"

    def __init__(self, sd_mm):
        self.precision = np.diag(np.asarray(sd_mm, dtype=float) ** -2)
        self.at = apply(POSE, CENTRE_MM)

    def value_and_gradient(self, poses):
        place = np.stack([apply(pose, CENTRE_MM) for pose in poses])
        force = -(place - self.at) @ self.precision
        value = 0.5 * np.einsum("bi,bi->b", force, place - self.at)
        return value, np.concatenate([np.cross(place, force), force], axis=1)

    def value(self, poses):
        return self.value_and_gradient(poses)[0]


def bent_by(*parts):
    flat = SimpleNamespace(
        value_and_gradient=lambda poses: (np.zeros(len(poses)), np.zeros((len(poses), 6))), carm=LATERAL
    )
    return curvature(parts, flat, POSE, CENTRE_MM, [LATERAL])


def test_the_covariance_of_a_normal_likelihood_is_found():
    bent = bent_by(Place([0.5, 3.0, 1.0]))
    np.testing.assert_allclose(np.sqrt(np.diag(bent.covariance))[3:], [0.5, 3.0, 1.0], rtol=1e-3)
    # What is not seen is as uncertain as it may be.
    np.testing.assert_allclose(np.diag(bent.covariance)[:3], 1 / LEAST_CURVATURE, rtol=1e-3)


def test_more_evidence_is_more_certain():
    once, twice = bent_by(Place([1, 1, 1])), bent_by(Place([1, 1, 1]), Place([1, 1, 1]))
    np.testing.assert_allclose(twice.covariance[3:, 3:], once.covariance[3:, 3:] / 2, rtol=1e-3)


def test_along_the_beam_and_on_the_detector():
    along = np.abs(LATERAL.normal) * 4 + 0.5 * (1 - np.abs(LATERAL.normal))
    bent = bent_by(Place(along))
    assert bent.along_sd_mm == pytest.approx(4, rel=1e-3)
    # The root mean square of what samples do to the projection, rotations left out.
    only_moved = bent.covariance.copy()
    only_moved[:3], only_moved[:, :3] = 0, 0
    rng = np.random.default_rng(0)
    parameters = PoseParameters.around(POSE, CENTRE_MM)
    samples = rng.multivariate_normal(np.zeros(6), only_moved, 400)
    errors = [mean_projection_error_mm(parameters.pose(one), POSE, CENTRE_MM, LATERAL) for one in samples]
    jacobian = bent.corners_mm[0]
    predicted = np.sqrt(2 * np.mean(np.einsum("ij,jk,ik->i", jacobian, only_moved, jacobian)))
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(predicted, rel=0.1)


def test_a_prior_alone_gives_its_own_width():
    bent = curvature([], PosePrior([POSE], CENTRE_MM, LATERAL), POSE, CENTRE_MM, [LATERAL])
    # Student's t with 4 degrees of freedom and 6 unknowns is (4 + 6) / 4 times as sharp in its middle as the normal.
    beam = np.abs(LATERAL.normal)
    expected = np.minimum((25.0 * beam + 15.0 * (1 - beam)) ** 2 / 2.5, 1 / LEAST_CURVATURE)
    np.testing.assert_allclose(np.diag(bent.covariance)[3:], expected, rtol=0.02)
