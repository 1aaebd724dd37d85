"""Rigid transforms: 4x4 matrices, their exponential and logarithm on SE(3), and corrections about a pivot.

A twist is ordered (rotation in radians, translation in mm). Formulas: Barfoot, "State Estimation for Robotics"
(2017), chapter 7.

scipy is imported by the functions that need it: in Slicer's own process the rest of this module has to do without.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import Field, InputError

LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""(4, 4) from the patient frame (RAS) to DICOM's and ITK's (LPS), and back: it is its own inverse."""

SMALL_ANGLE_RAD = 1e-4
"""Below this the closed forms divide by almost nothing; their Taylor series are exact to double precision there."""


def skew(vector: FloatArray) -> FloatArray:
    """The (3, 3) matrix whose product with x is `vector` cross x."""
    x, y, z = np.asarray(vector, dtype=np.float64)
    return np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])


def rigid(rotation: FloatArray | None = None, translation_mm: FloatArray | None = None) -> FloatArray:
    """Put a (3, 3) rotation and a (3,) translation into a (4, 4) matrix; what is left out is the identity."""
    matrix = np.eye(4)
    if rotation is not None:
        matrix[:3, :3] = rotation
    if translation_mm is not None:
        matrix[:3, 3] = translation_mm
    return matrix


def require_rigid(matrix: FloatArray, what: str, tolerance: float = 1e-3, field: Field | None = None) -> FloatArray:
    """Return `matrix` as float64 (4, 4), or raise InputError if it scales, shears, mirrors or is not finite.

    what: names the matrix in the error ("initial.tfm"). field: what the user gave it for. A rotation off by less than
    `tolerance` (files carry few digits) is made orthonormal.
    """
    array = np.asarray(matrix, dtype=np.float64)
    if array.shape != (4, 4) or not np.isfinite(array).all() or not np.allclose(array[3], [0, 0, 0, 1]):
        raise InputError(
            "{what} is not a finite 4x4 rigid transform; give a rigid (rotation and translation) one[ for {field}].",
            field=field,
            what=what,
        )
    rotation = array[:3, :3]
    too_long = np.abs(rotation).max() > 1 + tolerance  # the product would be infinite where this is huge
    if too_long or np.abs(rotation @ rotation.T - np.eye(3)).max() > tolerance or np.linalg.det(rotation) < 0:
        raise InputError(
            "{what} scales, shears or mirrors; give a rigid (rotation and translation) transform[ for {field}].",
            field=field,
            what=what,
        )
    u, _, vt = np.linalg.svd(rotation)
    return rigid(u @ vt, array[:3, 3])


def invert(matrix: FloatArray) -> FloatArray:
    """Inverse of a rigid (4, 4) matrix."""
    rotation = matrix[:3, :3].T
    return rigid(rotation, -rotation @ matrix[:3, 3])


def apply(matrix: FloatArray, points_mm: FloatArray) -> FloatArray:
    """Move (..., 3) points by a (4, 4) matrix."""
    return np.asarray(points_mm) @ matrix[:3, :3].T + matrix[:3, 3]


def so3_left_jacobian(rotation_vector_rad: FloatArray) -> FloatArray:
    """Left Jacobian (3, 3) of SO(3) (Barfoot, eq. 7.77): exp((w + dw)^) = exp((J dw)^) exp(w^) to first order."""
    w = np.asarray(rotation_vector_rad, dtype=np.float64)
    angle = float(np.linalg.norm(w))
    w_hat = skew(w)
    if angle < SMALL_ANGLE_RAD:
        a, b = 0.5 - angle**2 / 24, 1 / 6 - angle**2 / 120
    else:
        a, b = (1 - np.cos(angle)) / angle**2, (angle - np.sin(angle)) / angle**3
    return np.eye(3) + a * w_hat + b * w_hat @ w_hat


def se3_exp(twist: FloatArray) -> FloatArray:
    """Rigid (4, 4) matrix of a twist (rotation rad, translation mm)."""
    from scipy.spatial.transform import Rotation

    twist = np.asarray(twist, dtype=np.float64)
    rotation = Rotation.from_rotvec(twist[:3]).as_matrix()
    return rigid(rotation, so3_left_jacobian(twist[:3]) @ twist[3:])


def se3_log(matrix: FloatArray) -> FloatArray:
    """Twist (6,) of a rigid matrix; the rotation's angle is in [0, pi]. Inverse of `se3_exp`."""
    from scipy.spatial.transform import Rotation

    rotation_vector = Rotation.from_matrix(matrix[:3, :3]).as_rotvec()
    translation = np.linalg.solve(so3_left_jacobian(rotation_vector), matrix[:3, 3])
    return np.concatenate([rotation_vector, translation])


def rotation_angle_deg(matrix: FloatArray) -> float:
    """Angle of the rotation in a rigid matrix, degrees, in [0, 180]."""
    r = matrix[:3, :3]
    axis = [r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]]
    return float(np.degrees(np.arctan2(np.linalg.norm(axis), np.trace(r) - 1)))


@dataclass(frozen=True)
class PivotedCorrection:
    """Corrections of a pose that turn about a pivot: six numbers that hardly influence one another.

    A pose about the isocentre mixes rotation and translation as soon as the head is off centre. Here the parameters
    are (rotation vector rad, translation mm), both in C-arm axes, and the rotation is about where the start pose puts
    the pivot (the CTA's centre):  p -> R(w) (p - c) + c + t.
    """

    start_pose: FloatArray
    pivot_mm: FloatArray
    """The point that stays put when only the rotation changes: (3,), C-arm frame, at the start pose."""

    @classmethod
    def about_patient_point(cls, start_pose: FloatArray, point_mm: FloatArray) -> PivotedCorrection:
        """Turn about `point_mm` (3,), given in the patient frame (RAS)."""
        return cls(start_pose, apply(start_pose, point_mm))

    def pose(self, parameters: FloatArray) -> FloatArray:
        """(4, 4) pose for six parameters (rad, mm); zeros give the start pose."""
        from scipy.spatial.transform import Rotation

        rotation = Rotation.from_rotvec(parameters[:3]).as_matrix()
        translation = self.pivot_mm + parameters[3:] - rotation @ self.pivot_mm
        return rigid(rotation, translation) @ self.start_pose

    def gradient(self, parameters: FloatArray, twist_gradient: FloatArray) -> FloatArray:
        """Chain rule from the renderers' gradient, by a left twist about the isocentre, to the parameters.

        twist_gradient: (6,) derivative of a scalar f(exp(twist) @ pose) at twist = 0.
        """
        force = twist_gradient[3:]
        torque = twist_gradient[:3] - np.cross(self.pivot_mm + parameters[3:], force)
        return np.concatenate([so3_left_jacobian(parameters[:3]).T @ torque, force])
