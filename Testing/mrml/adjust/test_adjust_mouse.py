"""Dragging and keys in the DSA's slice view: real interactor events on a real slice node."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("slicer")

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.projection import detector_points_mm, project
from DeepIterRegLib.geometry.rigid import apply, rotation_angle_deg
from DeepIterRegLib.mrml.adjust.hand_input import HandInput
from DeepIterRegLib.mrml.adjust.pose_editor import PoseEditor
from DeepIterRegLib.mrml.adjust.slice_mouse import SliceMice
from Testing.support.adjust_case import Clock, FakeView, HandCase
from Testing.support.small_registration import FRONTAL, LATERAL, POSE


class Views:
    """A biplane case whose views listen to the hand."""

    def __init__(self) -> None:
        self.hand = HandCase([LATERAL, FRONTAL])
        self.clock = Clock()
        self.wanted = True
        self.editor = PoseEditor(self.clock, lambda: None)
        self.editor.open(self.hand.case)
        self.views = {name: FakeView(self.hand.scene, name) for name in ("Red", "Yellow")}
        receiver = HandInput(self.editor, lambda: self.wanted, lambda: self.wanted, lambda: (2.0, 5.0))
        self.later: list[Any] = []
        self.mice = SliceMice(
            self.hand.scene,
            lambda name: self.views[name].interactor if name in self.views else None,
            lambda callback, _: self.later.append(callback),
            receiver,
        )
        self.mice.open()

    @property
    def pose(self) -> FloatArray:
        return self.hand.case.pose

    @property
    def centre_mm(self) -> FloatArray:
        return apply(self.pose, self.hand.case.centre_mm)


@pytest.fixture
def views() -> Views:
    return Views()


def xy_of_point(view: FakeView, carm: CArm, point_mm: FloatArray) -> FloatArray:
    """Where a slice view shows the shadow of a point."""
    return view.xy_of(detector_points_mm(project(point_mm[None], carm), carm)[0])


@pytest.mark.parametrize(("name", "carm"), [("Red", LATERAL), ("Yellow", FRONTAL)])
def test_vessel_under_the_mouse_stays_under_it(views: Views, name: str, carm: CArm) -> None:
    view = views.views[name]
    # A vessel at the depth of the centre.
    vessel_mm = views.centre_mm + 12.0 * carm.column_direction - 7.0 * carm.row_direction
    of_the_head = apply(np.linalg.inv(POSE), vessel_mm)
    grabbed = np.round(xy_of_point(view, carm, vessel_mm))
    offset = xy_of_point(view, carm, vessel_mm) - grabbed
    dropped = grabbed + [23.0, -41.0]
    view.drag(grabbed, grabbed + [5, 5], dropped)
    np.testing.assert_allclose(xy_of_point(view, carm, apply(views.pose, of_the_head)) - offset, dropped, atol=1e-6)
    np.testing.assert_allclose(views.pose[:3, :3], POSE[:3, :3], atol=1e-12)
    assert carm.normal @ (views.centre_mm - apply(POSE, views.hand.case.centre_mm)) == pytest.approx(0, abs=1e-9)


def test_zoomed_and_panned_view_drags_as_exactly(views: Views) -> None:
    view = views.views["Red"]
    width, height, depth = view.node.GetFieldOfView()
    view.node.SetFieldOfView(width / 4, height / 4, depth)
    view.node.SetXYZOrigin(15.0, -8.0, 0.0)
    view.node.UpdateMatrices()
    before = xy_of_point(view, LATERAL, views.centre_mm)
    view.drag((100, 100), (160, 90))
    np.testing.assert_allclose(xy_of_point(view, LATERAL, views.centre_mm) - before, [60, -10], atol=1e-6)


@pytest.mark.parametrize("angle_deg", [25.0, -100.0])
def test_shift_turns_about_the_projected_centre_the_way_the_mouse_goes(views: Views, angle_deg: float) -> None:
    view = views.views["Red"]
    centre = xy_of_point(view, LATERAL, views.centre_mm)
    angles = np.radians(np.linspace(0, angle_deg, 12))
    path = [centre + 60 * np.array([np.cos(angle), np.sin(angle)]) for angle in angles]
    view.drag(*path, shift=True)
    change = views.pose[:3, :3] @ POSE[:3, :3].T
    assert rotation_angle_deg(change) == pytest.approx(abs(angle_deg), abs=1.5)  # whole pixels
    # Counter-clockwise as seen: to the right goes up.
    right, up = LATERAL.column_direction, -LATERAL.row_direction
    assert np.sign(up @ change @ right) == np.sign(angle_deg)
    np.testing.assert_allclose(change @ LATERAL.normal, LATERAL.normal, atol=1e-9)
    np.testing.assert_allclose(xy_of_point(view, LATERAL, views.centre_mm), centre, atol=1e-6)


def test_turning_goes_round_and_round(views: Views) -> None:
    view = views.views["Red"]
    centre = xy_of_point(view, LATERAL, views.centre_mm)
    angles = np.radians(np.linspace(0, 360 + 30, 60))
    view.drag(*[centre + 60 * np.array([np.cos(angle), np.sin(angle)]) for angle in angles], shift=True)
    assert rotation_angle_deg(views.pose[:3, :3] @ POSE[:3, :3].T) == pytest.approx(30, abs=1.5)


def test_turning_through_the_pivot_does_nothing_wild(views: Views) -> None:
    view = views.views["Red"]
    centre = xy_of_point(view, LATERAL, views.centre_mm)
    view.drag(centre, centre + [1, 0], centre + [0, 1], shift=True)
    np.testing.assert_allclose(views.pose, POSE, atol=1e-9)


def test_a_drag_is_one_step_and_slicer_does_not_see_it(views: Views) -> None:
    view = views.views["Red"]
    view.drag((100, 100), (120, 100), (140, 100))
    views.clock.wait()
    view.drag((100, 100), (120, 100), (140, 100))
    assert view.seen_by_slicer == []
    views.editor.undo()
    views.editor.undo()
    assert not views.editor.can_undo
    np.testing.assert_allclose(views.pose, POSE, atol=1e-12)


def test_second_of_two_quick_presses_drags_and_does_not_maximise_the_view(views: Views) -> None:
    view = views.views["Red"]
    view.interactor.AddObserver("LeftButtonDoubleClickEvent", lambda _, name: view.seen_by_slicer.append(name))
    view.send("LeftButtonDoubleClickEvent", (100, 100))
    view.send("MouseMoveEvent", (130, 100))
    view.send("LeftButtonReleaseEvent", (130, 100))
    assert view.seen_by_slicer == []
    assert np.linalg.norm(views.centre_mm - apply(POSE, views.hand.case.centre_mm)) > 1
    views.wanted = False
    view.send("LeftButtonDoubleClickEvent", (100, 100))
    assert view.seen_by_slicer == ["LeftButtonDoubleClickEvent"]


def test_slicer_has_the_mouse_when_it_is_not_wanted(views: Views) -> None:
    view = views.views["Red"]
    views.wanted = False
    view.drag((100, 100), (120, 100))
    view.press_key("Left")
    assert view.seen_by_slicer == [
        "LeftButtonPressEvent", "MouseMoveEvent", "LeftButtonReleaseEvent", "KeyPressEvent"
    ]  # fmt: skip
    np.testing.assert_allclose(views.pose, POSE, atol=1e-12)


@pytest.mark.parametrize("modifier", ["control", "alt"])
def test_other_modifiers_are_slicers(views: Views, modifier: str) -> None:
    view = views.views["Red"]
    view.drag((100, 100), (120, 100), **{modifier: True})
    view.press_key("Left", **{modifier: True})
    assert len(view.seen_by_slicer) == 4
    np.testing.assert_allclose(views.pose, POSE, atol=1e-12)


@pytest.mark.parametrize("event", ["RightButtonPressEvent", "MiddleButtonPressEvent", "MouseWheelForwardEvent"])
def test_zooming_and_panning_never_change_the_pose(views: Views, event: str) -> None:
    view = views.views["Red"]
    view.send(event, (100, 100))
    view.send("MouseMoveEvent", (150, 150))
    assert view.seen_by_slicer == ["MouseMoveEvent"]
    np.testing.assert_allclose(views.pose, POSE, atol=1e-12)


def test_mouse_that_moves_with_no_button_down_moves_nothing(views: Views) -> None:
    view = views.views["Red"]
    view.drag((100, 100), (120, 100))
    after = views.pose
    view.send("MouseMoveEvent", (10, 10))
    np.testing.assert_array_equal(views.pose, after)
    assert view.seen_by_slicer == ["MouseMoveEvent"]


def test_view_that_shows_no_dsa_is_left_alone(views: Views) -> None:
    view = views.views["Red"]
    view.node.SetOrientationToAxial()
    view.drag((100, 100), (120, 100))
    assert "LeftButtonPressEvent" in view.seen_by_slicer
    np.testing.assert_allclose(views.pose, POSE, atol=1e-12)


@pytest.mark.parametrize(
    ("key", "axis", "sign"),
    [("Left", 0, -1), ("Right", 0, 1), ("Up", 1, 1), ("Down", 1, -1), ("Prior", 2, 1), ("Next", 2, -1)],
)
def test_keys_move_by_the_step_as_seen_in_the_view_that_has_them(views: Views, key: str, axis: int, sign: int) -> None:
    view = views.views["Yellow"]
    view.press_key(key)
    shift_mm = views.centre_mm - apply(POSE, views.hand.case.centre_mm)
    axes = np.stack([FRONTAL.column_direction, -FRONTAL.row_direction, FRONTAL.normal])
    expected = np.zeros(3)
    expected[axis] = 2.0 * sign
    np.testing.assert_allclose(axes @ shift_mm, expected, atol=1e-9)
    assert view.seen_by_slicer == []


def test_shift_and_a_key_turns_by_the_step(views: Views) -> None:
    view = views.views["Red"]
    view.press_key("Left", shift=True)
    change = views.pose[:3, :3] @ POSE[:3, :3].T
    assert rotation_angle_deg(change) == pytest.approx(5.0)
    assert -LATERAL.row_direction @ change @ LATERAL.column_direction > 0
    views.clock.wait()
    view.press_key("Right", shift=True)
    np.testing.assert_allclose(views.pose, POSE, atol=1e-9)


def test_key_that_is_held_down_is_one_step(views: Views) -> None:
    view = views.views["Red"]
    for _ in range(5):
        view.press_key("Right")
        views.clock.wait(0.05)
    views.editor.undo()
    np.testing.assert_allclose(views.pose, POSE, atol=1e-12)


def test_other_keys_are_slicers(views: Views) -> None:
    view = views.views["Red"]
    view.press_key("r")
    assert view.seen_by_slicer == ["KeyPressEvent"]


def test_registration_that_starts_while_dragging_ends_the_drag(views: Views) -> None:
    view = views.views["Red"]
    view.send("LeftButtonPressEvent", (100, 100))
    view.send("MouseMoveEvent", (110, 100))
    there = views.pose
    views.editor.paused = True
    view.send("MouseMoveEvent", (150, 100))
    np.testing.assert_array_equal(views.pose, there)


def test_view_of_a_later_layout_listens_too(views: Views) -> None:
    scene = views.hand.scene
    layout = scene.GetFirstNodeByClass("vtkMRMLLayoutNode") or scene.AddNewNodeByClass("vtkMRMLLayoutNode")
    views.mice.close()
    hidden = views.views.pop("Yellow")
    views.mice.open()
    views.views["Yellow"] = hidden
    layout.Modified()
    assert views.later
    views.later.pop()()
    hidden.press_key("Left")
    assert hidden.seen_by_slicer == []


def test_closed_views_are_slicers(views: Views) -> None:
    views.mice.close()
    view = views.views["Red"]
    view.drag((100, 100), (120, 100))
    assert len(view.seen_by_slicer) == 3
    np.testing.assert_allclose(views.pose, POSE, atol=1e-12)
