"""Resection: the poses at which points of the patient fall on given pixels, from every direction at once.

Damped Gauss-Newton (Levenberg-Marquardt) on the distance on the detector, for many starts in one array, so that numpy
alone takes a few hundredths of a second for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.common.head import ROTATION_LEVER_MM
from DeepIterRegLib.geometry.carm import CArm

ITERATIONS = 40
INITIAL_DAMPING, MIN_DAMPING, MAX_DAMPING = 1e-2, 1e-9, 1e9
ROTATION_STEPS = 6
"""Starting rotations: 6 x 6 x 6 about three axes cover the sphere to about 35 degrees."""


@dataclass(frozen=True, eq=False)
class LandmarkView:
    """The landmarks that one DSA shows."""

    carm: CArm
    points_mm: FloatArray
    """(N, 3) where they are in the CTA, patient frame."""
    pixels: FloatArray
    """(N, 2) column and row where the DSA shows each."""


def resect(views: Sequence[LandmarkView], start_rotation: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Poses (S, 4, 4) that fit best among their neighbours, and for each the root mean square distance (S,) in mm on
    the detector. The same pose comes many times; none at which a point is not between source and detector.

    start_rotation: (3, 3) one of the rotations that are started from; the others are all around.
    """
    problem = _Problem(views)
    poses = _refine(problem, problem.poses_at(_rotations_everywhere() @ start_rotation))
    squares = problem.mean_squares_mm2(poses)
    return poses[np.isfinite(squares)], np.sqrt(squares[np.isfinite(squares)])


class _Problem:
    """All observations in one row, so that all starts are moved at once."""

    def __init__(self, views: Sequence[LandmarkView]) -> None:
        self.points_mm = np.concatenate([np.asarray(view.points_mm, dtype=np.float64) for view in views])
        """(N, 3)"""
        scaled, depths, pixels_mm = [], [], []
        for view in views:
            row_mm, column_mm = view.carm.pixel_spacing_mm
            matrix = np.diag([column_mm, row_mm, 1.0]) @ view.carm.projection_matrix
            scaled.append(np.repeat(matrix[None], len(view.points_mm), axis=0))
            depths.append(np.full(len(view.points_mm), view.carm.sdd_mm))
            pixels_mm.append(np.asarray(view.pixels, dtype=np.float64) * (column_mm, row_mm))
        self.matrices = np.concatenate(scaled)
        """(N, 3, 4) to homogeneous mm on the detector; the third row is the depth in mm."""
        self.sdd_mm = np.concatenate(depths)
        self.pixels_mm = np.concatenate(pixels_mm)

    def poses_at(self, rotations: FloatArray) -> FloatArray:
        """(S, 4, 4) for each rotation the translation that fits best in the sense of the linear equations."""
        slopes = self.matrices[:, :2] - self.pixels_mm[:, :, None] * self.matrices[:, 2:]
        left = slopes[..., :3].reshape(-1, 3)
        turned = np.einsum("sij,nj->sni", rotations, self.points_mm)
        right = -(np.einsum("nij,snj->sni", slopes[..., :3], turned) + slopes[..., 3])
        translations = np.linalg.lstsq(left, right.reshape(len(rotations), -1).T, rcond=None)[0].T
        poses = np.repeat(np.eye(4)[None], len(rotations), axis=0)
        poses[:, :3, :3], poses[:, :3, 3] = rotations, translations
        return poses

    def residuals(self, poses: FloatArray) -> tuple[FloatArray, FloatArray, BoolArray]:
        """Offsets on the detector (S, 2N) mm; their derivative (S, 2N, 6) by a turn about the landmarks' middle
        (radians times ROTATION_LEVER_MM) and a shift (mm), both in C-arm axes; (S,) whether all points are in the beam.
        """
        moved = np.einsum("sij,nj->sni", poses[:, :3, :3], self.points_mm) + poses[:, None, :3, 3]
        homogeneous = np.einsum("nij,snj->sni", self.matrices[..., :3], moved) + self.matrices[..., 3]
        depth = homogeneous[..., 2:]
        valid = ((depth[..., 0] > 0) & (depth[..., 0] < self.sdd_mm)).all(axis=1)
        depth = np.where(np.abs(depth) < 1.0, 1.0, depth)
        seen = homogeneous[..., :2] / depth
        by_point = (self.matrices[:, :2, :3] - seen[..., None] * self.matrices[:, 2:, :3]) / depth[..., None]
        arm = (moved - moved.mean(axis=1, keepdims=True))[:, :, None, :]
        by_turn = np.cross(arm, by_point) / ROTATION_LEVER_MM
        jacobian = np.concatenate([by_turn, by_point], axis=-1).reshape(len(poses), -1, 6)
        return (seen - self.pixels_mm).reshape(len(poses), -1), jacobian, valid

    def mean_squares_mm2(self, poses: FloatArray) -> FloatArray:
        """(S,) mean squared distance per observation; infinite where a point is not in the beam."""
        residual, _, valid = self.residuals(poses)
        return np.where(valid, 2 * (residual**2).mean(axis=1), np.inf)

    def stepped(self, poses: FloatArray, steps: FloatArray) -> FloatArray:
        """(S, 4, 4) after steps (S, 6) in the parameters of the derivative."""
        middles = np.einsum("sij,j->si", poses[:, :3, :3], self.points_mm.mean(axis=0)) + poses[:, :3, 3]
        turns = _rotations(steps[:, :3] / ROTATION_LEVER_MM)
        result = poses.copy()
        result[:, :3, :3] = turns @ poses[:, :3, :3]
        result[:, :3, 3] = np.einsum("sij,sj->si", turns, poses[:, :3, 3] - middles) + middles + steps[:, 3:]
        return result


def _refine(problem: _Problem, poses: FloatArray) -> FloatArray:
    """Levenberg-Marquardt on each of (S, 4, 4) poses."""
    damping = np.full(len(poses), INITIAL_DAMPING)
    residual, jacobian, valid = problem.residuals(poses)
    cost = np.where(valid, (residual**2).sum(axis=1), np.inf)
    for _ in range(ITERATIONS):
        normal = np.einsum("sij,sik->sjk", jacobian, jacobian)
        gradient = np.einsum("sij,si->sj", jacobian, residual)
        # A part of the trace too: where landmarks leave a direction open, nothing should move along it.
        diagonal = np.einsum("sii->si", normal) + 1e-9 * np.einsum("sii->s", normal)[:, None] + 1e-12
        damped = normal + damping[:, None, None] * diagonal[:, :, None] * np.eye(6)
        tried = problem.stepped(poses, -np.linalg.solve(damped, gradient[..., None])[..., 0])
        new_residual, new_jacobian, new_valid = problem.residuals(tried)
        new_cost = np.where(new_valid, (new_residual**2).sum(axis=1), np.inf)
        better = new_cost < cost
        poses = np.where(better[:, None, None], tried, poses)
        residual = np.where(better[:, None], new_residual, residual)
        jacobian = np.where(better[:, None, None], new_jacobian, jacobian)
        cost = np.where(better, new_cost, cost)
        damping = np.clip(np.where(better, damping / 5, damping * 5), MIN_DAMPING, MAX_DAMPING)
    return poses


def _rotations_everywhere() -> FloatArray:
    """(S, 3, 3), the identity first."""
    around = np.arange(ROTATION_STEPS) * 2 * np.pi / ROTATION_STEPS
    tilts = np.arccos(np.linspace(1, -1, ROTATION_STEPS))
    first, tilt, second = (grid.ravel() for grid in np.meshgrid(around, tilts, around, indexing="ij"))
    zero = np.zeros_like(first)
    z1, x, z2 = (
        _rotations(np.column_stack(axis)) for axis in ((zero, zero, first), (tilt, zero, zero), (zero, zero, second))
    )
    return z1 @ x @ z2


def _rotations(vectors_rad: FloatArray) -> FloatArray:
    """(S, 3, 3) of rotation vectors (S, 3): Rodrigues' formula."""
    angles = np.linalg.norm(vectors_rad, axis=1)[:, None, None]
    x, y, z = vectors_rad.T
    zero = np.zeros_like(x)
    skew = np.array([[zero, -z, y], [z, zero, -x], [-y, x, zero]]).transpose(2, 0, 1)
    # np.sinc(t) is sin(pi t) / (pi t): exact for small angles too.
    return np.eye(3) + np.sinc(angles / np.pi) * skew + 0.5 * np.sinc(angles / (2 * np.pi)) ** 2 * skew @ skew
