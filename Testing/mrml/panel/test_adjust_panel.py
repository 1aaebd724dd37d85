""" "Adjust by hand" on the real form, real Qt widgets and a real scene."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from Testing.support.paths import ROOT

pytest.importorskip("slicer")
pytest.importorskip("PySide6")

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.hand_adjustment import HandAdjustment, adjusted_pose
from DeepIterRegLib.geometry.projection import detector_points_mm, project
from DeepIterRegLib.geometry.rigid import apply, rotation_angle_deg, se3_exp
from DeepIterRegLib.mrml.nodes.arrays import matrix_of_array
from DeepIterRegLib.mrml.panel.adjust import SLIDERS, AdjustSection
from DeepIterRegLib.mrml.panel.services import Services
from Testing.qt_adapter import application, grab, installed
from Testing.support.adjust_case import Clock, FakeShortcut, FakeView, HandCase
from Testing.support.small_registration import FRONTAL, LATERAL, POSE

FORM = ROOT / "DeepIterReg" / "Resources" / "UI" / "Adjust.ui"
OUTPUT = ROOT / "Testing" / "output"
IN_HEAD_MM = np.array([[20.0, 5.0, -10.0], [-15.0, 12.0, 20.0], [0.0, -20.0, 5.0], [10.0, 20.0, 15.0]])


class FakeSettings:
    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    def get(self, name: str) -> str | None:
        return self.kept.get(name)

    def set(self, name: str, value: str) -> None:
        self.kept[name] = value


class Panel:
    """The section on its form, with the views of a biplane case."""

    def __init__(self, hand: HandCase, settings: FakeSettings) -> None:
        import slicer

        self.hand = hand
        self.clock = Clock()
        self.settings = settings
        self.button_is_down = False
        self.later: list[Any] = []
        self.refined: list[FloatArray] = []
        self.shortcuts: dict[str, FakeShortcut] = {}
        self.views = {name: FakeView(hand.scene, name) for name in ("Red", "Yellow")}
        self.form = slicer.util.loadUI(str(FORM))
        self.ui = slicer.util.childWidgetVariables(self.form)
        self.form.setMRMLScene(hand.scene)
        unused: Any = None
        services = Services(
            scene=hand.scene,
            worker=unused,
            dialogs=unused,
            settings=settings,
            timer=unused,
            call_later=lambda callback, _: self.later.append(callback) if self.button_is_down else callback(),
            button_is_down=lambda: self.button_is_down,
            shortcut=self._shortcut,
            view_interactor=lambda name: self.views[name].interactor if name in self.views else None,
            view_window=lambda _: None,
            equalize_views=lambda: None,
            file_of_instance=lambda _: "",
        )
        self.section = AdjustSection(
            self.ui,
            services,
            self.refined.append,
            arrange_landmarks=lambda: None,
            start_by_hand=lambda: None,
            clock=self.clock,
        )

    def _shortcut(self, key: str, callback: Any) -> FakeShortcut:
        self.shortcuts[key] = FakeShortcut(callback)
        return self.shortcuts[key]

    @property
    def pose(self) -> FloatArray:
        return self.hand.case.pose

    def expected(self, **numbers: float) -> FloatArray:
        return adjusted_pose(HandAdjustment(**numbers), POSE, self.hand.case.centre_mm, LATERAL)

    def open(self) -> None:
        self.section.show(self.hand.case)
        self.ui.adjustButton.collapsed = False

    def slider(self, control: str) -> Any:
        return getattr(self.ui, SLIDERS[control])

    def slide(self, control: str, value: float) -> None:
        self.clock.wait()
        self.slider(control).value = value

    def shown(self) -> list[float]:
        return [round(self.slider(control).value, 1) for control in SLIDERS]

    def from_outside(self, matrix: FloatArray) -> None:
        self.clock.wait()
        self.hand.case.pose_node.SetMatrixTransformToParent(matrix_of_array(matrix))

    def mark(self, noise_px: float = 0.0) -> None:
        """Place four landmarks in CTA and first DSA, as they belong together at POSE."""
        self.ui.placeCtaButton.click()
        node = self.hand.scene.GetFirstNodeByName("Landmarks in the CTA")
        for point in IN_HEAD_MM:
            node.AddControlPoint(*point)
        self.ui.placeDsaButton.click()
        node = self.hand.scene.GetFirstNodeByName("Landmarks in the DSA")
        pixels = project(apply(POSE, IN_HEAD_MM), LATERAL)
        pixels += np.random.default_rng(1).normal(0, noise_px, pixels.shape)
        for point in detector_points_mm(pixels, LATERAL):
            node.AddControlPointWorld(*point)
        self.ui.placeDsaButton.click()


@pytest.fixture
def panel() -> Iterator[Panel]:
    hand = HandCase([LATERAL, FRONTAL])
    with installed(hand.scene):
        panel = Panel(hand, FakeSettings())
        panel.open()
        yield panel
        panel.section.close()


@pytest.mark.parametrize("control", SLIDERS)
def test_slider_moves_the_node_and_nothing_else(panel: Panel, control: str) -> None:
    panel.slide(control, -7.5)
    np.testing.assert_allclose(panel.pose, panel.expected(**{control: -7.5}), atol=1e-9)
    assert panel.shown() == [-7.5 if name == control else 0.0 for name in SLIDERS]


def test_sliders_do_not_round_one_another(panel: Panel) -> None:
    exact = panel.expected(right_mm=3.14159, swing_deg=2.71828)
    panel.from_outside(exact)
    panel.slide("turn_deg", 5.0)
    expected = panel.expected(right_mm=3.14159, swing_deg=2.71828, turn_deg=5.0)
    np.testing.assert_allclose(panel.pose, expected, atol=1e-9)


def test_sliders_follow_the_node_without_moving_it(panel: Panel) -> None:
    elsewhere = panel.expected(right_mm=3.14159, up_mm=-2.0, tip_deg=8.08)
    panel.from_outside(elsewhere)
    assert panel.shown() == [3.1, -2.0, 0.0, 0.0, 8.1, 0.0]
    np.testing.assert_allclose(panel.pose, elsewhere, atol=1e-12)


def test_sliders_make_room_for_a_head_that_is_farther_out(panel: Panel) -> None:
    far = panel.expected(right_mm=-87.0, turn_deg=120.0)
    panel.from_outside(far)
    assert panel.shown() == [-87.0, 0.0, 0.0, 120.0, 0.0, 0.0]
    np.testing.assert_allclose(panel.pose, far, atol=1e-12)
    panel.ui.resetButton.click()
    assert panel.shown() == [0.0] * 6
    assert (panel.slider("right_mm").minimum, panel.slider("right_mm").maximum) == (-50.0, 50.0)


def test_undo_redo_and_reset_by_their_buttons(panel: Panel) -> None:
    ui = panel.ui
    assert not any(button.enabled for button in (ui.undoButton, ui.redoButton, ui.resetButton))
    assert ui.adjustmentLabel.text == "As found automatically."
    panel.slide("right_mm", 4.0)
    panel.slide("turn_deg", 3.0)
    assert ui.adjustmentLabel.text == "Moved by hand: 4.0 mm, turned by 3.0°."
    assert ui.undoButton.toolTip == "Takes the last change back: turn."
    ui.undoButton.click()
    assert panel.shown() == [4.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    assert ui.redoButton.toolTip == "Does again what was undone: turn."
    ui.redoButton.click()
    assert panel.shown() == [4.0, 0.0, 0.0, 3.0, 0.0, 0.0]
    ui.resetButton.click()
    np.testing.assert_allclose(panel.pose, POSE, atol=1e-12)
    ui.undoButton.click()
    np.testing.assert_allclose(panel.pose, panel.expected(right_mm=4.0, turn_deg=3.0), atol=1e-9)


def test_one_drag_of_a_slider_is_one_step(panel: Panel) -> None:
    for value in (1.0, 2.0, 3.0):
        panel.slider("up_mm").value = value
        panel.clock.wait(0.05)
    panel.ui.undoButton.click()
    np.testing.assert_allclose(panel.pose, POSE, atol=1e-12)


def test_shortcuts_nudge_by_the_steps_in_the_terms_of_the_first_dsa(panel: Panel) -> None:
    panel.ui.stepMmSpinBox.value = 2.5
    panel.ui.stepDegSpinBox.value = 4.0
    panel.shortcuts["Up"].press()
    panel.clock.wait()
    panel.shortcuts["Shift+Left"].press()
    np.testing.assert_allclose(panel.pose, panel.expected(up_mm=2.5, turn_deg=4.0), atol=1e-9)
    assert panel.settings.kept == {"adjust/step-mm": "2.5", "adjust/step-deg": "4"}


def test_steps_are_remembered() -> None:
    settings = FakeSettings()
    settings.kept = {"adjust/step-mm": "0.3", "adjust/step-deg": "no number"}
    hand = HandCase()
    with installed(hand.scene):
        panel = Panel(hand, settings)
        assert (panel.ui.stepMmSpinBox.value, panel.ui.stepDegSpinBox.value) == (0.3, 1.0)


def test_keys_are_the_heads_only_while_the_section_is_open_and_the_module_shown(panel: Panel) -> None:
    view = panel.views["Red"]
    keys = panel.shortcuts["Right"]

    def are_ours() -> bool:
        view.seen_by_slicer.clear()
        view.press_key("Right")
        panel.clock.wait()
        by_view = not view.seen_by_slicer
        assert keys.enabled == by_view
        return by_view

    assert are_ours()
    panel.ui.adjustButton.collapsed = True
    assert not are_ours()
    panel.ui.adjustButton.collapsed = False
    panel.section.exit()
    assert not are_ours()
    panel.section.enter()
    assert are_ours()
    panel.section.busy(True)
    assert not are_ours()
    panel.section.busy(False)
    panel.section.show(None)
    assert not are_ours()


def test_dragging_needs_the_check_box(panel: Panel) -> None:
    view = panel.views["Red"]
    view.drag((100, 100), (140, 100))
    np.testing.assert_allclose(panel.pose, POSE, atol=1e-12)
    panel.ui.mouseCheckBox.checked = True
    view.drag((100, 100), (140, 100))
    assert panel.shown()[0] > 1.0
    assert panel.shown()[1:] == [0.0] * 5


def test_placing_a_landmark_goes_before_dragging(panel: Panel) -> None:
    panel.ui.mouseCheckBox.checked = True
    panel.ui.placeDsaButton.click()
    view = panel.views["Red"]
    view.drag((100, 100), (140, 100))
    assert view.seen_by_slicer == ["LeftButtonPressEvent", "MouseMoveEvent", "LeftButtonReleaseEvent"]
    np.testing.assert_allclose(panel.pose, POSE, atol=1e-12)


def test_handles_by_the_check_box_and_the_check_box_by_the_handles(panel: Panel) -> None:
    node = panel.hand.case.pose_node
    panel.ui.handlesCheckBox.click()
    assert node.GetDisplayNode().GetEditorVisibility()
    node.GetDisplayNode().SetEditorVisibility(False)
    assert not panel.ui.handlesCheckBox.checked


@pytest.mark.parametrize("what", ["handles in 3D", "up"])
def test_a_slow_drag_is_one_step_by_its_name_and_the_next_one_another(panel: Panel, what: str) -> None:
    panel.ui.handlesCheckBox.click()

    def drag(*values: float) -> None:
        panel.button_is_down = True
        for value in values:
            panel.clock.wait(2.0)
            if what == "up":
                panel.slider("up_mm").value = value
            else:
                panel.from_outside(panel.expected(up_mm=value))
        panel.button_is_down = False
        waiting, panel.later = panel.later, []
        for callback in waiting:
            callback()

    drag(1.0, 2.0, 3.0)
    drag(4.0, 5.0)
    assert panel.ui.undoButton.toolTip == f"Takes the last change back: {what}."
    for left in (3.0, 0.0):
        panel.ui.undoButton.click()
        np.testing.assert_allclose(panel.pose, panel.expected(up_mm=left), atol=1e-9)
    assert not panel.ui.undoButton.enabled


def test_refine_starts_where_the_head_is_and_its_result_is_what_reset_goes_to(panel: Panel) -> None:
    panel.slide("right_mm", 4.0)
    by_hand = panel.pose
    panel.ui.refineButton.click()
    np.testing.assert_allclose(panel.refined, [by_hand], atol=1e-9)
    panel.section.busy(True)
    assert not panel.ui.refineButton.enabled
    refined = se3_exp(np.array([0.0, 0.02, 0.0, 1.0, 0.0, 0.0])) @ by_hand
    panel.section.show(panel.hand.register(refined, initial_pose=by_hand))
    panel.section.busy(False)
    assert panel.shown() == [0.0] * 6
    assert not panel.ui.resetButton.enabled
    panel.ui.undoButton.click()
    np.testing.assert_allclose(panel.pose, by_hand, atol=1e-9)
    panel.ui.resetButton.click()
    np.testing.assert_allclose(panel.pose, refined, atol=1e-9)


def test_transform_that_no_head_makes_is_said_and_undone(panel: Panel) -> None:
    panel.slide("right_mm", 4.0)
    panel.from_outside(np.diag([2.0, 1.0, 1.0, 1.0]))
    assert "bends or scales" in panel.ui.adjustmentLabel.text
    assert not panel.slider("right_mm").enabled
    panel.ui.undoButton.click()
    assert panel.slider("right_mm").enabled
    np.testing.assert_allclose(panel.pose, panel.expected(right_mm=4.0), atol=1e-9)


def test_nothing_works_without_a_registration_or_while_one_runs(panel: Panel) -> None:
    panel.slide("right_mm", 4.0)
    buttons = [
        panel.ui.undoButton, panel.ui.redoButton, panel.ui.resetButton, panel.ui.refineButton, panel.ui.alignButton
    ]  # fmt: skip
    panel.section.busy(True)
    assert not any(widget.enabled for widget in (*buttons, *(panel.slider(name) for name in SLIDERS)))
    panel.section.busy(False)
    panel.section.show(None)
    assert not any(widget.enabled for widget in (*buttons, *(panel.slider(name) for name in SLIDERS)))
    assert panel.ui.adjustmentLabel.text == "Register first, or start by hand."
    assert panel.shown() == [0.0] * 6


def test_landmarks_bring_a_lost_head_back(panel: Panel) -> None:
    panel.mark(noise_px=0.3)
    lost = se3_exp(np.array([0.9, -0.5, 0.7, 40.0, -60.0, 30.0])) @ POSE
    panel.from_outside(lost)
    panel.ui.placeCtaButton.click()
    assert panel.ui.landmarksLabel.text == "4 pairs of landmarks."
    panel.ui.alignButton.click()
    assert not panel.ui.placeCtaButton.checked, "the next click of the mouse places nothing"
    assert panel.ui.alignedLabel.text.startswith("Aligned; the landmarks fit to 0.")
    assert rotation_angle_deg(panel.pose @ np.linalg.inv(POSE)) < 3
    assert (
        np.linalg.norm(project(apply(panel.pose, IN_HEAD_MM), LATERAL) - project(apply(POSE, IN_HEAD_MM), LATERAL)) < 2
    )
    panel.ui.undoButton.click()
    np.testing.assert_allclose(panel.pose, lost, atol=1e-9)


def test_a_point_outside_of_the_cta_is_taken_back_with_a_sentence(panel: Panel) -> None:
    """A click in 3D beside a vessel hits the image plane, or nothing."""
    panel.mark()
    planes = [panel.hand.scene.GetSingletonNode(name, "vtkMRMLSliceNode") for name in ("Red", "Yellow")]
    assert all(plane.GetSliceVisible() for plane in planes)
    panel.ui.placeCtaButton.click()
    assert not any(plane.GetSliceVisible() for plane in planes), "nothing to hit but the CTA"
    points = panel.hand.scene.GetFirstNodeByName("Landmarks in the CTA")
    on_detector_mm = detector_points_mm(np.array([[40.0, 50.0]]), LATERAL)[0]
    points.AddControlPointWorld(*on_detector_mm)
    assert points.GetNumberOfControlPoints() == 4
    assert "outside of the CTA" in panel.ui.alignedLabel.text
    panel.ui.placeDsaButton.click()
    assert all(plane.GetSliceVisible() for plane in planes)


def test_three_pairs_claim_nothing(panel: Panel) -> None:
    panel.mark(noise_px=3.0)
    for name in ("Landmarks in the CTA", "Landmarks in the DSA"):
        panel.hand.scene.GetFirstNodeByName(name).RemoveNthControlPoint(3)
    panel.from_outside(se3_exp(np.array([0.0, 0.0, 0.2, 9.0, 0.0, 0.0])) @ POSE)
    assert "mm" in panel.ui.alignedLabel.text, "before, they say how far off it is"
    panel.ui.alignButton.click()
    assert panel.ui.alignedLabel.text == (
        "Three pairs always fit, right or wrong: place a fourth one, and press Align again."
    )


def test_text_says_what_is_missing(panel: Panel) -> None:
    ui = panel.ui
    assert "at least three points" in ui.landmarksLabel.text
    panel.mark()
    scene = panel.hand.scene
    scene.GetFirstNodeByName("Landmarks in the DSA").RemoveNthControlPoint(1)
    assert ui.landmarksLabel.text == "3 pairs of landmarks. Missing in the DSA: 2."
    scene.GetFirstNodeByName("Landmarks in the CTA").RemoveNthControlPoint(2)
    assert ui.landmarksLabel.text == "2 pairs of landmarks. Missing in the DSA: 2. Missing in the CTA: 3."
    assert not ui.alignButton.enabled
    ui.placeDsaButton.click()
    ui.clearLandmarksButton.click()
    assert not ui.placeDsaButton.checked
    assert "at least three points" in ui.landmarksLabel.text
    assert not ui.clearLandmarksButton.enabled


def test_distances_follow_the_head(panel: Panel) -> None:
    panel.mark()
    assert panel.ui.alignedLabel.text == (
        "Distances on the DSA: 0.0\xa0mm\xa0(1), 0.0\xa0mm\xa0(2), 0.0\xa0mm\xa0(3), 0.0\xa0mm\xa0(4)."
    )
    panel.slide("right_mm", 10.0)
    assert "0.0\xa0mm" not in panel.ui.alignedLabel.text


def test_place_buttons_show_what_clicks_do(panel: Panel) -> None:
    ui = panel.ui
    ui.placeCtaButton.click()
    assert (ui.placeCtaButton.checked, ui.placeDsaButton.checked) == (True, False)
    ui.placeSecondDsaButton.click()
    assert (ui.placeCtaButton.checked, ui.placeSecondDsaButton.checked) == (False, True)
    # As a click with the right button does.
    panel.hand.scene.GetFirstNodeByClass("vtkMRMLInteractionNode").SwitchToViewTransformMode()
    assert not ui.placeSecondDsaButton.checked
    ui.placeCtaButton.click()
    panel.section.exit()
    assert not ui.placeCtaButton.checked


def test_second_dsa_has_its_button_only_where_there_is_one(panel: Panel) -> None:
    panel.ui.landmarksButton.collapsed = False
    assert panel.ui.placeSecondDsaButton.isVisibleTo(panel.form)
    one = HandCase()
    panel.section.show(one.case)
    assert not panel.ui.placeSecondDsaButton.isVisibleTo(panel.form)


def test_section_that_is_closed_leaves_the_scene_alone(panel: Panel) -> None:
    panel.section.close()
    panel.from_outside(np.diag([2.0, 1.0, 1.0, 1.0]))
    view = panel.views["Red"]
    view.drag((100, 100), (140, 100))
    assert len(view.seen_by_slicer) == 3


def test_sliders_are_faster_than_the_eye(panel: Panel) -> None:
    started = time.process_time()
    for index in range(200):
        panel.slider("right_mm").value = 0.1 * (index + 1)
    per_second = 200 / (time.process_time() - started)
    print(f"{per_second:.0f} slider to node updates per second")
    assert per_second > 60


def test_whole_section_fits_a_narrow_panel(panel: Panel) -> None:
    panel.mark(noise_px=1.0)
    panel.slide("right_mm", 7.5)
    panel.slide("turn_deg", -3.0)
    panel.ui.landmarksButton.collapsed = False
    application().processEvents()
    assert panel.form._qt().minimumSizeHint().width() <= 380
    grab(panel.form._qt(), OUTPUT / "adjust.png", 380)


def test_section_loads_nothing_heavy_into_the_application() -> None:
    code = (
        "import sys; import DeepIterRegLib.mrml.panel.adjust\n"
        "from DeepIterRegLib.geometry.landmarks import *\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not set(done.stdout.split()) & {"scipy", "torch", "numba", "matplotlib", "PIL", "pydicom", "slicer", "vtk"}
