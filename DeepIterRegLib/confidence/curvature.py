"""The posterior's curvature at the result: how far the pose may be off if the result is the right optimum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.projection import cube_corners_mm, project
from DeepIterRegLib.geometry.rigid import apply
from DeepIterRegLib.refinement.parameters import PoseParameters
from DeepIterRegLib.refinement.pose_similarity import PoseSimilarity
from DeepIterRegLib.refinement.prior import PosePrior

STEP_MM = 0.7
"""Of the differences of gradients: about half a pixel at 128 px, wider than the images' fine structure."""
LEAST_CURVATURE = 25.0**-2
"""Nats per mm²: what the images leave flatter is known from the prior, 25 mm wide at most."""


@dataclass(frozen=True, eq=False)
class Curvature:
    """Laplace's approximation of the posterior."""

    covariance: FloatArray
    """(6, 6) of `PoseParameters`: rotation and translation in mm."""
    scale: FloatArray
    """(6,) rad and mm per unit of them."""
    corners_mm: tuple[FloatArray, ...]
    """For each view (2 * 8, 6): how the cube's corners move on the detector by each parameter."""
    beams: tuple[FloatArray, ...]
    """(3,) of each view."""
    magnification: float
    """Of the first view, from the isocentre to the detector."""

    @property
    def beam(self) -> FloatArray:
        """(3,) of the first view."""
        return self.beams[0]

    @property
    def projection_sd_mm(self) -> float:
        """Root of the mean square of the corners' distances on the detector; of two views the larger."""
        return max(
            float(np.sqrt(2 * np.mean(np.einsum("ij,jk,ik->i", jacobian, self.covariance, jacobian))))
            for jacobian in self.corners_mm
        )

    @property
    def along_sd_mm(self) -> float:
        """Of the head's centre along the first view's beam."""
        return float(np.sqrt(self.beam @ self.covariance[3:, 3:] @ self.beam))


def curvature(
    parts: Sequence[PoseSimilarity],
    prior: PosePrior,
    pose: FloatArray,
    centre_mm: FloatArray,
    carms: Sequence[CArm],
) -> Curvature:
    """At a pose (4, 4), from central differences of the analytic gradients of log likelihoods and log prior."""
    parameters = PoseParameters.around(pose, centre_mm)
    steps = STEP_MM * np.concatenate([np.eye(6), -np.eye(6)])
    poses = np.stack([parameters.pose(step) for step in steps])
    twists = prior.value_and_gradient(poses)[1]
    for part in parts:
        twists = twists + part.value_and_gradient(poses)[1]
    gradients = np.stack([parameters.gradient(step, twist) for step, twist in zip(steps, twists, strict=True)])
    hessian = -(gradients[:6] - gradients[6:]) / (2 * STEP_MM)
    values, vectors = np.linalg.eigh((hessian + hessian.T) / 2)
    covariance = (vectors / np.maximum(values, LEAST_CURVATURE)) @ vectors.T
    return Curvature(
        covariance,
        parameters.scale,
        tuple(_corners(parameters, centre_mm, carm) for carm in carms),
        tuple(carm.normal for carm in carms),
        carms[0].sdd_mm / carms[0].sid_mm,
    )


def _corners(parameters: PoseParameters, centre_mm: FloatArray, carm: CArm) -> FloatArray:
    corners = cube_corners_mm(centre_mm)
    row_mm, column_mm = carm.pixel_spacing_mm
    moved = []
    for step in STEP_MM * np.eye(6):
        ahead, behind = (project(apply(parameters.pose(s), corners), carm) for s in (step, -step))
        moved.append(((ahead - behind) * [column_mm, row_mm] / (2 * STEP_MM)).ravel())
    return np.array(moved).T
