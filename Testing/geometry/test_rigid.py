"""Rigid transforms, corrections about a pivot, and the radiological pose."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.spatial.transform import Rotation

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.pose import PATIENT_AXES, radiological_pose
from DeepIterRegLib.geometry.rigid import (
    PivotedCorrection,
    apply,
    invert,
    require_rigid,
    rigid,
    rotation_angle_deg,
    se3_exp,
    se3_log,
    skew,
    so3_left_jacobian,
)


def twist(angle_rad: float, seed: int) -> FloatArray:
    rng = np.random.default_rng(seed)
    axis = rng.standard_normal(3)
    return np.concatenate([angle_rad * axis / np.linalg.norm(axis), rng.uniform(-80, 80, 3)])


def test_a_quarter_turn_about_the_head_axis_and_a_shift_by_hand() -> None:
    pose = rigid(Rotation.from_rotvec([0, 0, np.pi / 2]).as_matrix(), np.array([1.0, 2, 3]))
    np.testing.assert_allclose(apply(pose, np.array([[10.0, 0, 0], [0, 10, 5]])), [[1, 12, 3], [-9, 2, 8]], atol=1e-12)
    assert rotation_angle_deg(pose) == pytest.approx(90)
    np.testing.assert_allclose(skew(np.array([1, 2, 3])) @ [4, 5, 6], np.cross([1, 2, 3], [4, 5, 6]))


ANGLES = [0.0, 1e-12, 1e-8, 0.99e-4, 1.01e-4, 1e-3, 0.5, 3.0, np.pi - 1e-6, np.pi]


@pytest.mark.parametrize("angle_rad", ANGLES)
def test_exponential_is_the_matrix_exponential_and_the_logarithm_undoes_it(angle_rad: float) -> None:
    for seed in range(5):
        parameters = twist(angle_rad, seed)
        generator = np.zeros((4, 4))
        generator[:3, :3], generator[:3, 3] = skew(parameters[:3]), parameters[3:]
        matrix = se3_exp(parameters)
        np.testing.assert_allclose(matrix, expm(generator), atol=1e-10)
        recovered = se3_log(matrix)
        np.testing.assert_allclose(se3_exp(recovered), matrix, atol=1e-9)
        if angle_rad < np.pi:  # half a turn has two logarithms
            np.testing.assert_allclose(recovered, parameters, atol=1e-5 if angle_rad > 3.1 else 1e-9)


def test_the_inverse_of_a_pose_undoes_it() -> None:
    pose = se3_exp(twist(1.2, 0))
    np.testing.assert_allclose(invert(pose) @ pose, np.eye(4), atol=1e-12)


@pytest.mark.parametrize("angle_rad", ANGLES[:-1])
def test_left_jacobian_agrees_with_central_differences(angle_rad: float) -> None:
    w = twist(angle_rad, 3)[:3]
    back = Rotation.from_rotvec(w).inv()
    step = 1e-6
    for axis, direction in enumerate(step * np.eye(3)):
        forward, backward = (Rotation.from_rotvec(w + sign * direction) * back for sign in (1, -1))
        numeric = (forward.as_rotvec() - backward.as_rotvec()) / (2 * step)
        np.testing.assert_allclose(so3_left_jacobian(w)[:, axis], numeric, atol=1e-8)


# --- corrections about a pivot

PIVOT_MM = np.array([12.0, -30.0, 55.0])
START = se3_exp(twist(0.7, 1))


def test_no_correction_is_the_start_pose_and_a_rotation_leaves_the_pivot_where_it_is() -> None:
    correction = PivotedCorrection.about_patient_point(START, PIVOT_MM)
    np.testing.assert_allclose(correction.pose(np.zeros(6)), START, atol=1e-12)
    turned = correction.pose(np.array([0.3, -0.2, 0.9, 0, 0, 0]))
    np.testing.assert_allclose(apply(turned, PIVOT_MM), apply(START, PIVOT_MM), atol=1e-10)
    assert rotation_angle_deg(turned @ invert(START)) == pytest.approx(np.degrees(np.linalg.norm([0.3, -0.2, 0.9])))
    moved = correction.pose(np.array([0.3, -0.2, 0.9, 1, 2, 3]))
    np.testing.assert_allclose(apply(moved, PIVOT_MM) - apply(START, PIVOT_MM), (1, 2, 3), atol=1e-10)


@pytest.mark.parametrize("angle_rad", [0.0, 1e-5, 0.4, 2.5])
def test_gradient_by_the_corrections_parameters_agrees_with_central_differences(angle_rad: float) -> None:
    rng = np.random.default_rng(5)
    points, forces = rng.uniform(-70, 70, (9, 3)), rng.standard_normal((9, 3))
    correction = PivotedCorrection.about_patient_point(START, PIVOT_MM)

    def cost(pose: FloatArray) -> float:
        """Any smooth function of the pose."""
        return float(np.sin(apply(pose, points) * forces / 50).sum())

    parameters = twist(angle_rad, 2)
    pose = correction.pose(parameters)
    steps = 1e-5 * np.array([1, 1, 1, 50, 50, 50])
    by_twist, by_parameters = np.zeros(6), np.zeros(6)
    for axis, step in enumerate(np.diag(steps)):
        by_twist[axis] = (cost(se3_exp(step) @ pose) - cost(se3_exp(-step) @ pose)) / (2 * steps[axis])
        after, before = (cost(correction.pose(parameters + sign * step)) for sign in (1, -1))
        by_parameters[axis] = (after - before) / (2 * steps[axis])
    np.testing.assert_allclose(correction.gradient(parameters, by_twist), by_parameters, rtol=1e-6, atol=1e-7)


# --- what a transform file may hold


def test_a_rotation_with_few_digits_is_made_orthonormal() -> None:
    rounded = np.round(START, 4)
    cleaned = require_rigid(rounded, "initial.tfm")
    np.testing.assert_allclose(cleaned[:3, :3] @ cleaned[:3, :3].T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(cleaned, rounded, atol=1e-4)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.eye(3), "not a finite 4x4"),
        (np.full((4, 4), np.nan), "not a finite 4x4"),
        (np.eye(4)[::-1], "not a finite 4x4"),
        (np.diag([1.1, 1.1, 1.1, 1.0]), "scales, shears or mirrors"),
        (np.diag([-1.0, 1.0, 1.0, 1.0]), "scales, shears or mirrors"),
        (np.eye(4) + np.outer([1, 0, 0, 0], [0, 0.2, 0, 0]), "scales, shears or mirrors"),
    ],
)
def test_a_transform_that_is_not_rigid_is_refused_by_name(matrix: FloatArray, message: str) -> None:
    with pytest.raises(InputError, match=f"initial.tfm .*{message}|initial.tfm {message}"):
        require_rigid(matrix, "initial.tfm")


# --- the radiological pose


# DICOM PS3.17, FFF.1.2.2.2: the patient's left, posterior and head directions on the table, whose axes are the left,
# posterior and head of a patient who lies head first, supine.
TABLE = {
    "HFS": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "HFP": ((-1, 0, 0), (0, -1, 0), (0, 0, 1)),
    "HFDR": ((0, -1, 0), (1, 0, 0), (0, 0, 1)),
    "HFDL": ((0, 1, 0), (-1, 0, 0), (0, 0, 1)),
    "FFS": ((-1, 0, 0), (0, 1, 0), (0, 0, -1)),
    "FFP": ((1, 0, 0), (0, -1, 0), (0, 0, -1)),
    "FFDR": ((0, -1, 0), (-1, 0, 0), (0, 0, -1)),
    "FFDL": ((0, 1, 0), (1, 0, 0), (0, 0, -1)),
}
LPS = np.array([-1.0, -1.0, 1.0])


@pytest.mark.parametrize("position", list(TABLE))
def test_the_patient_lies_as_dicom_says_and_the_cta_centre_is_at_the_isocentre(position: str) -> None:
    centre = np.array([10.0, -20.0, 30.0])
    pose = radiological_pose(centre, position)
    np.testing.assert_allclose(apply(pose, centre), 0, atol=1e-12)
    for patient_direction, table_direction in zip(np.diag(LPS), TABLE[position], strict=True):
        np.testing.assert_allclose(apply(pose, centre + patient_direction) * LPS, table_direction, atol=1e-12)
    require_rigid(pose, position)


@pytest.mark.parametrize(
    ("position", "patient_direction"),
    [
        pytest.param("FFS", (0, -1, 0), id="feet first supine: the back is down"),
        pytest.param("HFP", (0, 1, 0), id="head first prone: the face is down"),
        pytest.param("FFP", (0, 1, 0), id="feet first prone: the face is down"),
        pytest.param("HFDR", (1, 0, 0), id="head first decubitus right: the right side is down"),
        pytest.param("FFDR", (1, 0, 0), id="feet first decubitus right: the right side is down"),
        pytest.param("HFDL", (-1, 0, 0), id="head first decubitus left: the left side is down"),
        pytest.param("FFDL", (-1, 0, 0), id="feet first decubitus left: the left side is down"),
    ],
)
def test_what_is_down_is_towards_the_table(position: str, patient_direction: tuple[int, int, int]) -> None:
    rotation = radiological_pose(np.zeros(3), position)[:3, :3]
    np.testing.assert_allclose(rotation @ patient_direction, (0, -1, 0))


def test_an_unknown_patient_position_is_refused_with_the_way_out() -> None:
    with pytest.raises(InputError, match=r"'SITTING'.*the starting pose"):
        radiological_pose(np.zeros(3), "SITTING")
    assert set(TABLE) == set(PATIENT_AXES)
