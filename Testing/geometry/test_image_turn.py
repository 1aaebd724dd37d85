"""C-arms of images that were rotated or mirrored before they were stored."""

from __future__ import annotations

import numpy as np
import pytest

from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.carm_json import carm_from_json, carm_to_json
from DeepIterRegLib.geometry.image_turn import ALL_TURNS, UPRIGHT, ImageTurn
from DeepIterRegLib.geometry.projection import project

ROWS, COLUMNS = 60, 80


@pytest.mark.parametrize("turn", ALL_TURNS, ids=str)
def test_a_turned_c_arm_projects_onto_the_turned_pixel(turn: ImageTurn) -> None:
    """A pixel is marked in the upright image, which numpy turns; the point that it shows falls on the mark."""
    upright = CArm.from_angles(-70, 10, 1200, 800, 0.5, ROWS, COLUMNS, principal_point_px=(20.0, 50.0))
    point_mm = np.array([[4.0, 7.0, 9.0]])
    column, row = np.rint(project(point_mm, upright)[0]).astype(int)
    image = np.zeros((ROWS, COLUMNS))
    image[row, column] = 1
    image[50, 20] = 2  # the principal point
    stored = np.rot90(image, -turn.quarter_turns)
    stored = stored[:, ::-1] if turn.mirrored else stored
    (principal_row,), (principal_column,) = np.nonzero(stored == 2)
    carm = CArm.from_angles(
        -70, 10, 1200, 800, 0.5, *stored.shape, principal_point_px=(float(principal_column), float(principal_row)),
        image_turn=turn,
    )  # fmt: skip
    found_column, found_row = np.rint(project(point_mm, carm)[0]).astype(int)
    assert stored[found_row, found_column] == 1
    assert carm.image_turn == turn
    assert carm.sid_mm == pytest.approx(800)
    assert carm.with_angles_changed(1, -2).image_turn == turn
    again = carm_from_json(carm_to_json(carm), "The DSA")
    np.testing.assert_array_equal(again.projection_matrix, carm.projection_matrix)


def test_a_c_arm_without_angles_has_no_turn() -> None:
    carm = CArm.from_angles(0, 0, 1200, 800, 0.5, ROWS, COLUMNS)
    assert carm.image_turn == UPRIGHT
    assert carm.mirrored().image_turn is None


def test_only_quarter_turns_are_turns() -> None:
    assert ImageTurn(1).swaps_axes
    assert not ImageTurn(2, True).swaps_axes
    with pytest.raises(ValueError, match="0 to 3"):
        ImageTurn(4)


@pytest.mark.parametrize("turn", ALL_TURNS, ids=str)
def test_a_c_arm_can_be_turned_to_other_angles_as_it_lies(turn: ImageTurn) -> None:
    carm = CArm.from_angles(-70, 10, 1200, 800, 0.5, ROWS, COLUMNS, (20.0, 50.0), turn)
    there = carm.at_angles(35, -25)
    expected = CArm.from_angles(35, -25, 1200, 800, 0.5, ROWS, COLUMNS, (20.0, 50.0), turn)
    np.testing.assert_allclose(there.projection_matrix, expected.projection_matrix, atol=1e-9)
    assert (there.primary_angle_deg, there.image_turn) == (35, turn)


def test_a_c_arm_without_angles_is_turned_by_its_central_ray() -> None:
    carm = CArm.from_angles(-70, 10, 1200, 800, 0.5, ROWS, COLUMNS).mirrored()
    np.testing.assert_allclose(carm.direction_deg, (-70, 10))
    there = carm.at_angles(35, -25)
    np.testing.assert_allclose(there.direction_deg, (35, -25))
    assert there.primary_angle_deg is None
    expected = CArm.from_angles(35, -25, 1200, 800, 0.5, ROWS, COLUMNS).mirrored()
    np.testing.assert_allclose(there.projection_matrix, expected.projection_matrix, atol=1e-9)
