"""The pose of a case in a real scene, moved by us and by others, undone, reset and refined."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("slicer")

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.hand_adjustment import HandAdjustment, adjusted_pose
from DeepIterRegLib.geometry.rigid import se3_exp
from DeepIterRegLib.mrml.adjust.handles import handles_are_shown, show_handles
from DeepIterRegLib.mrml.adjust.pose_editor import PoseEditor
from DeepIterRegLib.mrml.nodes.arrays import matrix_of_array, to_parent_of
from Testing.support.adjust_case import Clock, HandCase
from Testing.support.small_registration import LATERAL, POSE

REFINED = se3_exp(np.array([0.01, 0.0, 0.0, 1.0, 2.0, 3.0])) @ POSE


class Edited:
    """An editor of a case, and how often it said that something changed."""

    def __init__(self) -> None:
        self.hand = HandCase()
        self.clock = Clock()
        self.changes = 0
        self.editor = PoseEditor(self.clock, self._count)
        self.editor.open(self.hand.case)
        self.changes = 0

    def _count(self) -> None:
        self.changes += 1

    def adjust(self, **numbers: float) -> None:
        self.editor.adjust(HandAdjustment(**numbers), LATERAL, next(iter(numbers)))

    def from_outside(self, matrix: FloatArray) -> None:
        self.hand.case.pose_node.SetMatrixTransformToParent(matrix_of_array(matrix))

    def right_mm(self) -> float:
        return round(self.editor.adjustment(LATERAL).right_mm, 6)


@pytest.fixture
def edited() -> Edited:
    return Edited()


def test_adjustment_is_absolute_against_the_automatic_result(edited: Edited) -> None:
    edited.adjust(right_mm=10.0)
    edited.adjust(right_mm=4.0, turn_deg=3.0)
    expected = adjusted_pose(HandAdjustment(right_mm=4.0, turn_deg=3.0), POSE, edited.hand.case.centre_mm, LATERAL)
    np.testing.assert_allclose(edited.hand.case.pose, expected, atol=1e-9)
    np.testing.assert_allclose(edited.hand.case.automatic_pose, POSE, atol=1e-12)


def test_undo_and_redo_move_the_node(edited: Edited) -> None:
    for value in (1.0, 2.0):
        edited.clock.wait()
        edited.adjust(right_mm=value)
    assert (edited.editor.can_undo, edited.editor.can_redo) == (True, False)
    edited.editor.undo()
    assert edited.right_mm() == 1.0
    edited.editor.undo()
    np.testing.assert_allclose(edited.hand.case.pose, POSE, atol=1e-12)
    assert (edited.editor.can_undo, edited.editor.can_redo) == (False, True)
    edited.editor.redo()
    assert edited.right_mm() == 1.0


def test_reset_can_be_undone(edited: Edited) -> None:
    assert not edited.editor.can_reset
    edited.adjust(right_mm=7.0)
    edited.editor.reset()
    np.testing.assert_allclose(edited.hand.case.pose, POSE, atol=1e-12)
    assert not edited.editor.can_reset
    edited.editor.undo()
    assert edited.right_mm() == 7.0


def test_one_of_our_moves_is_one_change(edited: Edited) -> None:
    edited.adjust(right_mm=7.0)
    assert edited.changes == 1


def test_what_others_do_is_noticed_and_can_be_undone(edited: Edited) -> None:
    edited.adjust(right_mm=3.0)
    edited.clock.wait()
    edited.from_outside(adjusted_pose(HandAdjustment(right_mm=20.0), POSE, edited.hand.case.centre_mm, LATERAL))
    assert edited.changes == 2
    assert edited.right_mm() == 20.0
    assert edited.editor.history.current.control == "elsewhere"
    edited.editor.undo()
    assert edited.right_mm() == 3.0


def test_matrix_that_is_set_again_is_no_step(edited: Edited) -> None:
    edited.from_outside(edited.hand.case.pose)
    assert not edited.editor.can_undo


@pytest.mark.parametrize("scale", [[1.5, 1.0, 1.0], [-1.0, 1.0, 1.0], [np.nan, 1.0, 1.0]])
def test_transform_that_no_head_makes_is_a_problem_and_can_be_taken_back(edited: Edited, scale: list[float]) -> None:
    edited.adjust(right_mm=3.0)
    not_rigid = POSE @ np.diag([*scale, 1.0])
    edited.from_outside(not_rigid)
    assert edited.editor.problem is not None
    assert not edited.editor.ready
    edited.adjust(right_mm=9.0)
    np.testing.assert_array_equal(to_parent_of(edited.hand.case.pose_node), not_rigid)
    edited.editor.undo()
    assert edited.editor.ready
    assert edited.right_mm() == 3.0
    np.testing.assert_allclose(edited.hand.case.pose @ np.linalg.inv(edited.editor.pose), np.eye(4), atol=1e-9)


def test_transform_that_bends_is_a_problem_and_can_be_taken_back(edited: Edited) -> None:
    import vtk

    edited.adjust(right_mm=3.0)
    bending = vtk.vtkThinPlateSplineTransform()
    bending.SetBasisToR()
    corners = np.array(np.meshgrid([0.0, 50.0], [0.0, 50.0], [0.0, 50.0])).reshape(3, 8).T
    for landmarks, points in ((bending.SetSourceLandmarks, corners), (bending.SetTargetLandmarks, corners**1.1)):
        vtk_points = vtk.vtkPoints()
        for point in points:
            vtk_points.InsertNextPoint(*point)
        landmarks(vtk_points)
    node = edited.hand.case.pose_node
    node.SetAndObserveTransformToParent(bending)
    assert not node.IsLinear()
    assert edited.editor.problem is not None
    edited.editor.undo()
    assert node.IsLinear()
    assert edited.right_mm() == 3.0
    np.testing.assert_allclose(edited.hand.case.pose, edited.editor.pose, atol=1e-9)


def test_reset_works_from_a_transform_that_no_head_makes(edited: Edited) -> None:
    edited.from_outside(np.diag([2.0, 2.0, 2.0, 1.0]))
    assert edited.editor.can_reset
    edited.editor.reset()
    assert edited.editor.problem is None
    np.testing.assert_allclose(edited.hand.case.pose, POSE, atol=1e-12)


def test_new_registration_forgets_the_steps(edited: Edited) -> None:
    edited.adjust(right_mm=3.0)
    edited.editor.paused = True
    edited.editor.open(edited.hand.register(REFINED))
    edited.editor.paused = False
    assert (edited.editor.can_undo, edited.editor.can_reset) == (False, False)
    np.testing.assert_allclose(edited.editor.pose, REFINED, atol=1e-9)


@pytest.mark.parametrize("order", ["busy ends last", "busy ends first", "no panel knows"])
def test_refinement_is_one_more_step(edited: Edited, order: str) -> None:
    """Reset goes to the refinement, undo to the pose by hand that it started from, then to that of Register."""
    edited.adjust(right_mm=3.0)
    edited.clock.wait()
    by_hand = edited.editor.pose
    edited.editor.paused = order != "no panel knows"
    case = edited.hand.register(REFINED, initial_pose=by_hand)
    if order == "busy ends first":
        edited.editor.paused = False
    edited.editor.open(case)
    edited.editor.paused = False
    np.testing.assert_allclose(edited.editor.pose, REFINED, atol=1e-9)
    assert edited.editor.history.current.control == "computed"
    assert not edited.editor.can_reset
    edited.editor.undo()
    np.testing.assert_allclose(edited.hand.case.pose, by_hand, atol=1e-9)
    edited.editor.reset()
    np.testing.assert_allclose(edited.hand.case.pose, REFINED, atol=1e-9)
    for _ in range(3):
        edited.editor.undo()
    np.testing.assert_allclose(edited.hand.case.pose, POSE, atol=1e-9)
    assert not edited.editor.can_undo


def test_nothing_moves_the_head_while_a_registration_runs(edited: Edited) -> None:
    edited.adjust(right_mm=3.0)
    edited.editor.paused = True
    edited.adjust(right_mm=9.0)
    edited.editor.undo()
    edited.editor.reset()
    assert (edited.editor.can_undo, edited.editor.can_redo, edited.editor.can_reset) == (False, False, False)
    edited.editor.paused = False
    assert edited.right_mm() == 3.0
    assert edited.editor.can_undo


def test_closed_case_is_not_listened_to(edited: Edited) -> None:
    edited.editor.open(None)
    edited.changes = 0
    edited.from_outside(REFINED)
    edited.adjust(right_mm=9.0)
    assert edited.changes == 0
    np.testing.assert_allclose(edited.hand.case.pose, REFINED, atol=1e-9)


def test_opening_the_same_case_again_keeps_the_steps(edited: Edited) -> None:
    edited.adjust(right_mm=3.0)
    edited.editor.open(edited.hand.case)
    assert edited.editor.can_undo


def test_handles_move_and_turn_and_never_scale(edited: Edited) -> None:
    node = edited.hand.case.pose_node
    assert not handles_are_shown(node)
    show_handles(node, False)
    assert node.GetDisplayNode() is None
    show_handles(node, True)
    display = node.GetDisplayNode()
    assert handles_are_shown(node)
    assert (display.GetEditorTranslationEnabled(), display.GetEditorRotationEnabled()) == (True, True)
    assert not display.GetEditorScalingEnabled()
    assert not display.GetEditorSliceIntersectionVisibility()
    show_handles(node, False)
    assert not handles_are_shown(node)
