"""The Overlay section on real Qt widgets: what a click does to the views, and what the widgets say of the scene."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from Testing.support.paths import OUTPUT, ROOT

pytest.importorskip("slicer")

from Testing.qt_adapter import grab, installed  # isort: skip  (skips where PySide6 is missing)

from DeepIterRegLib.mrml.logic import DeepIterRegLogic
from DeepIterRegLib.mrml.nodes.arrays import to_parent_of, voxels_of
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase, registered_case, registered_cases
from DeepIterRegLib.mrml.nodes.scene import read_scene, write_scene
from DeepIterRegLib.mrml.overlay.look_attribute import look_of
from DeepIterRegLib.mrml.panel.overlay import OverlaySection
from DeepIterRegLib.mrml.views.frames_view import FRAME_REFERENCE
from DeepIterRegLib.mrml.views.frustum import frustums_are_shown
from DeepIterRegLib.mrml.views.layout import layout_number
from DeepIterRegLib.mrml.views.surfaces import show_surfaces, surfaces_are_shown
from DeepIterRegLib.registration.overlay_look import BONE_IVORY, OverlayLook
from Testing.mrml.views.test_overlay_views import composite, scene_with_views
from Testing.support.overlay_case import layout, registered_tubes, surface
from Testing.support.small_registration import (
    FRONTAL,
    LATERAL,
    OTHER_POSE,
    POSE,
    FakeRegister,
    plain,
    ring_of_bone,
    small_angiogram,
    small_volume,
    small_xray,
    with_bone,
)

FORM = ROOT / "DeepIterReg" / "Resources" / "UI" / "Overlay.ui"


class FakeTimer:
    def __init__(self, callback: Callable[[], None], interval_ms: int) -> None:
        self.callback, self.interval_ms, self.runs = callback, interval_ms, False

    def start(self) -> None:
        self.runs = True

    def stop(self) -> None:
        self.runs = False


class FakeServices:
    """The part of `Services` that the section uses, with a clock that the test moves."""

    def __init__(self, scene: Any) -> None:
        self.scene = scene
        self.timers: list[FakeTimer] = []
        self.waiting: list[Callable[[], None]] = []
        self.is_down = False

    def translate(self, text: str) -> str:
        return text

    def timer(self, callback: Callable[[], None], interval_ms: int) -> FakeTimer:
        self.timers.append(FakeTimer(callback, interval_ms))
        return self.timers[-1]

    def call_later(self, callback: Callable[[], None], ms: int) -> None:
        self.waiting.append(callback)

    def view_window(self, name: str) -> None:
        return None

    def equalize_views(self) -> None: ...

    def button_is_down(self) -> bool:
        return self.is_down

    def time_passes(self) -> None:
        waiting, self.waiting = self.waiting, []
        for callback in waiting:
            callback()

    def all_passes(self) -> None:
        """Until nothing waits any longer."""
        while self.waiting:
            self.time_passes()


class Opened:
    """The section in a window of its own, on a scene with Slicer's views."""

    def __init__(self, scene: Any) -> None:
        import slicer

        self.scene = scene
        self.form = slicer.util.loadUI(str(FORM))
        self.ui = slicer.util.childWidgetVariables(self.form)
        self.form.setMRMLScene(scene)
        self.services = FakeServices(scene)
        self.section = OverlaySection(self.ui, self.services)  # type: ignore[arg-type]

    def register(self, carms: Any = (LATERAL,)) -> RegisteredCase:
        case = registered_tubes(carms, scene=self.scene)
        self.section.show(case)
        return case


@pytest.fixture
def opened() -> Iterator[Opened]:
    scene = scene_with_views()
    with installed(scene):
        made = Opened(scene)
        yield made
        made.section.close()


def red(scene: Any) -> Any:
    return composite(scene)


def test_the_3d_view_looks_from_another_angle_with_the_vessels_in_it(opened: Opened) -> None:
    there = LATERAL.at_angles(30.0, -20.0)
    opened.section.look_from(there)  # Nothing is registered: nothing happens.
    case = opened.register()
    opened.section.look_from(there)
    camera = opened.scene.GetSingletonNode("1", "vtkMRMLCameraNode")
    np.testing.assert_allclose(camera.GetPosition(), there.source_mm, atol=1e-6)
    while opened.services.waiting:
        opened.services.waiting.pop(0)()
    assert surfaces_are_shown(case)


def test_without_a_registration_there_is_nothing_to_set(opened: Opened) -> None:
    assert not opened.ui.overlayBody.enabled
    opened.register()
    assert opened.ui.overlayBody.enabled
    opened.section.show(None)
    assert not opened.ui.overlayBody.enabled


def test_one_click_arranges_everything(opened: Opened) -> None:
    case = opened.register()
    opened.ui.arrangeButton.click()
    assert not surfaces_are_shown(case), "made later, in pieces: the application goes on"
    assert opened.ui.surfacesCheckBox.checked
    opened.services.all_passes()
    assert layout(opened.scene).GetViewArrangement() == layout_number(opened.scene, "one")
    assert red(opened.scene).GetBackgroundVolumeID() == case.views[0].plane.GetID()
    assert surfaces_are_shown(case)
    assert frustums_are_shown(case)
    assert opened.ui.surfacesCheckBox.checked
    assert opened.ui.frustumCheckBox.checked
    opened.services.time_passes()
    np.testing.assert_array_equal(to_parent_of(case.pose_node), POSE)


def test_two_dsas_are_arranged_side_by_side(opened: Opened) -> None:
    case = opened.register((LATERAL, FRONTAL))
    opened.ui.arrangeButton.click()
    assert layout(opened.scene).GetViewArrangement() == layout_number(opened.scene, "two")
    assert composite(opened.scene, "Yellow").GetBackgroundVolumeID() == case.views[1].plane.GetID()


def test_check_boxes_and_colours_change_overlay_and_surfaces(opened: Opened) -> None:
    case = opened.register()
    opened.ui.arrangeButton.click()
    opened.services.time_passes()
    opened.ui.veinsCheckBox.click()
    opened.services.all_passes()
    opened.ui.veinsCheckBox.click()
    opened.services.all_passes()
    assert surface(case, "veins").GetDisplayNode().GetVisibility()
    opened.ui.veinsCheckBox.click()
    assert not surface(case, "veins").GetDisplayNode().GetVisibility()
    colour = opened.ui.arteryColourButton.color
    colour.setRgbF(0.0, 1.0, 0.0)
    opened.ui.arteryColourButton.color = colour
    assert surface(case, "arteries").GetDisplayNode().GetColor() == (0.0, 1.0, 0.0)
    pixels = voxels_of(case.views[0].drr)[0]
    assert (pixels[pixels[..., 3] > 0][:, :3] == [0, 255, 0]).all()
    assert look_of(case.pose_node).artery_colour == (0.0, 1.0, 0.0)


def test_of_a_ct_without_contrast_bones_alone_are_offered_and_shown(opened: Opened) -> None:
    logic = DeepIterRegLogic(opened.scene, lambda *arguments: plain(FakeRegister()(*arguments)))
    cta, dsa = logic.load_cta(small_volume()), logic.load_dsa(small_xray())
    logic.register(cta, [dsa])
    opened.section.show(registered_case(cta))
    assert shown_boxes(opened.ui) == ((False, False), (False, False), (True, True))
    opened.ui.arrangeButton.click()
    opened.services.all_passes()
    drr = registered_case(cta).views[0].drr  # type: ignore[union-attr]
    assert has_ivory(drr)
    assert surfaces_are_shown(registered_case(cta))  # type: ignore[arg-type]
    opened.ui.bonesCheckBox.click()
    assert not voxels_of(drr)[0, ..., 3].any()
    opened.services.all_passes()
    assert not surfaces_are_shown(registered_case(cta))  # type: ignore[arg-type]
    opened.register()
    assert shown_boxes(opened.ui) == ((True, True), (True, True), (False, False)), "no skull was found in this CTA"


def shown_boxes(ui: Any) -> tuple[tuple[bool, bool], ...]:
    """Arteries, veins, bones: whether it is checked, and can be."""
    boxes = (ui.arteriesCheckBox, ui.veinsCheckBox, ui.bonesCheckBox)
    return tuple((bool(box.checked), bool(box.enabled)) for box in boxes)


def has_ivory(drr: Any) -> bool:
    pixels = voxels_of(drr)[0].astype(int)
    drawn = pixels[pixels[..., 3] > 20]
    return bool((np.abs(drawn[:, :3] - 255 * np.array(BONE_IVORY)).max(axis=1) < 3).any())


def test_bones_are_off_over_vessels_and_can_be_shown_hidden_coloured_and_saved(tmp_path: Path, opened: Opened) -> None:
    logic = DeepIterRegLogic(opened.scene, lambda *arguments: with_bone(FakeRegister()(*arguments)))
    cta, dsa = logic.load_cta(small_volume()), logic.load_dsa(small_angiogram(LATERAL))
    logic.register(cta, [dsa])
    case = registered_case(cta)
    assert case is not None
    opened.section.show(case)
    assert shown_boxes(opened.ui) == ((True, True), (True, True), (False, True))
    drr = case.views[0].drr
    assert not has_ivory(drr)
    vessels = voxels_of(drr)[0, ..., 3].copy()
    opened.ui.bonesCheckBox.click()
    opened.services.all_passes()
    assert has_ivory(drr)
    assert (voxels_of(drr)[0, ..., 3] > 0).sum() > 2 * (vessels > 0).sum()
    opened.ui.arteriesCheckBox.click()
    opened.ui.bonesCheckBox.click()
    assert not voxels_of(drr)[0, ..., 3].any()
    opened.ui.bonesCheckBox.click()
    colour = opened.ui.boneColourButton.color
    colour.setRgbF(0.0, 0.0, 1.0)
    opened.ui.boneColourButton.color = colour
    pixels = voxels_of(drr)[0]
    assert (pixels[pixels[..., 3] > 0][:, :3] == [0, 0, 255]).all()
    write_scene(opened.scene, path := tmp_path / "scene.mrb")
    again = registered_cases(read_scene(path))[0]
    assert again.bones is not None
    assert len(again.bones) == len(ring_of_bone(small_volume()))
    assert look_of(again.pose_node).bones is True


def test_an_xray_is_shown_with_the_bones_of_the_cta(opened: Opened) -> None:
    logic = DeepIterRegLogic(opened.scene, lambda *arguments: with_bone(FakeRegister()(*arguments)))
    cta, dsa = logic.load_cta(small_volume()), logic.load_dsa(small_xray())
    logic.register(cta, [dsa])
    case = registered_case(cta)
    opened.section.show(case)
    assert shown_boxes(opened.ui) == ((True, True), (True, True), (True, True))
    assert case is not None
    assert has_ivory(case.views[0].drr)


def test_opacity_reaches_the_view(opened: Opened) -> None:
    opened.register()
    opened.ui.opacitySlider.value = 35.0
    assert red(opened.scene).GetForegroundOpacity() == pytest.approx(0.35)


def test_style_and_comparison_are_one_of_several(opened: Opened) -> None:
    case = opened.register()
    opened.ui.outlineButton.click()
    assert look_of(case.pose_node).style == "outline"
    for button, name in (("compareSquaresButton", "checkerboard"), ("compareSwipeButton", "swipe")):
        getattr(opened.ui, button).click()
        assert opened.section.look.comparison == name
        assert opened.section.look.style == "outline"
        assert red(opened.scene).GetForegroundOpacity() == 1.0
        assert not opened.ui.opacitySlider.enabled, "opaque"
    opened.ui.swipeSlider.value = 100.0
    assert (voxels_of(case.views[0].drr)[0, :, 6:, 3] == 255).all()
    opened.ui.compareOffButton.click()
    assert opened.section.look.comparison == "none"
    assert red(opened.scene).GetForegroundOpacity() == pytest.approx(OverlayLook().opacity)


def test_only_the_sliders_of_the_comparison_are_seen(opened: Opened) -> None:
    opened.register()
    opened.form.show()
    sliders = (opened.ui.swipeSlider, opened.ui.squareSlider)
    seen = []
    for name in ("Off", "Squares", "Swipe", "Flicker"):
        getattr(opened.ui, f"compare{name}Button").click()
        seen.append(tuple(slider.visible for slider in sliders))
    assert seen == [(False, False), (False, True), (True, False), (False, False)]


def test_flicker_shows_and_hides_the_overlay_and_ends_visible(opened: Opened) -> None:
    opened.register()
    (timer,) = opened.services.timers
    assert not timer.runs
    opened.ui.compareFlickerButton.click()
    assert timer.runs
    opacities = []
    for _ in range(3):
        timer.callback()
        opacities.append(red(opened.scene).GetForegroundOpacity())
    assert opacities == [0.0, pytest.approx(0.6), 0.0]
    opened.ui.compareOffButton.click()
    assert not timer.runs
    assert red(opened.scene).GetForegroundOpacity() == pytest.approx(0.6)


def test_registration_that_runs_stops_the_flicker_and_every_setting(opened: Opened) -> None:
    opened.register()
    opened.ui.compareFlickerButton.click()
    opened.services.timers[0].callback()
    opened.section.busy(True)
    assert not opened.services.timers[0].runs
    assert red(opened.scene).GetForegroundOpacity() == pytest.approx(0.6)
    assert not opened.ui.overlayBody.enabled
    opened.section.busy(False)
    assert opened.services.timers[0].runs


def test_frames_are_shown_one_by_one_with_their_time(opened: Opened) -> None:
    case = opened.register()
    opened.form.show()
    assert not opened.ui.frameSlider.visible
    assert opened.ui.frameSlider.maximum == 3
    opened.ui.minipCheckBox.click()
    frame = case.views[0].plane.GetNodeReference(FRAME_REFERENCE)
    assert red(opened.scene).GetBackgroundVolumeID() == frame.GetID()
    opened.ui.frameSlider.value = 2.0
    assert opened.ui.frameLabel.text == "Frame 2 of 3, 0.3 s"
    assert look_of(case.pose_node).frame == 1
    opened.ui.minipCheckBox.click()
    assert red(opened.scene).GetBackgroundVolumeID() == case.views[0].plane.GetID()


def test_arranging_keeps_the_chosen_frame(opened: Opened) -> None:
    case = opened.register()
    opened.ui.minipCheckBox.click()
    opened.ui.arrangeButton.click()
    frame = case.views[0].plane.GetNodeReference(FRAME_REFERENCE)
    assert red(opened.scene).GetBackgroundVolumeID() == frame.GetID()


def test_before_is_left_when_the_cta_is_moved_or_the_views_arranged(opened: Opened) -> None:
    case = opened.register()
    after = voxels_of(case.views[0].drr).copy()
    opened.ui.beforeButton.click()
    assert not np.array_equal(voxels_of(case.views[0].drr), after)
    show_surfaces(case, opened.section.look)
    opened.ui.beforeButton.click()
    opened.ui.beforeButton.click()
    vessels = surface(case, "arteries")
    np.testing.assert_allclose(to_parent_of(vessels.GetParentTransformNode()), case.initial_pose, atol=1e-9)
    case.set_pose(OTHER_POSE)
    assert vessels.GetParentTransformNode() is case.pose_node, "the vessels in 3D go with the overlay"
    assert not opened.ui.beforeButton.checked
    opened.ui.beforeButton.click()
    opened.ui.arrangeButton.click()
    assert not opened.ui.beforeButton.checked
    np.testing.assert_array_equal(to_parent_of(case.pose_node), OTHER_POSE)


def test_hidden_surfaces_and_beams_come_back(opened: Opened) -> None:
    case = opened.register()
    opened.ui.arrangeButton.click()
    opened.services.all_passes()
    opened.ui.surfacesCheckBox.click()
    opened.ui.frustumCheckBox.click()
    assert (surfaces_are_shown(case), frustums_are_shown(case)) == (False, False)
    opened.ui.surfacesCheckBox.click()
    opened.ui.frustumCheckBox.click()
    assert (surfaces_are_shown(case), frustums_are_shown(case)) == (True, True)


def test_showing_the_same_case_again_draws_nothing(opened: Opened) -> None:
    case = opened.register()
    times = [voxels_of(case.views[0].drr).copy(), case.views[0].drr.GetImageData().GetMTime()]
    opened.section.show(registered_cases(opened.scene)[0])
    assert case.views[0].drr.GetImageData().GetMTime() == times[1]


def test_second_registration_is_drawn_in_the_look_of_the_first(opened: Opened) -> None:
    case = opened.register()
    opened.ui.veinsCheckBox.click()
    without_veins = voxels_of(case.views[0].drr)[0, ..., 3].sum()
    from DeepIterRegLib.mrml.overlay.drr_overlay import draw_drr

    draw_drr(case.views[0].drr, case.cloud, LATERAL, POSE)
    assert voxels_of(case.views[0].drr)[0, ..., 3].sum() > without_veins
    opened.section.show(registered_cases(opened.scene)[0])
    assert not opened.ui.veinsCheckBox.checked
    pixels = voxels_of(case.views[0].drr)[0]
    assert not (pixels[pixels[..., 3] > 0][:, 2] > 100).any(), "no blue"


def test_closed_section_observes_nothing(opened: Opened) -> None:
    case = opened.register()
    opened.section.close()
    before = voxels_of(case.views[0].drr).copy()
    case.set_pose(OTHER_POSE)
    opened.services.time_passes()
    np.testing.assert_array_equal(voxels_of(case.views[0].drr), before)


def test_opened_scene_restores_every_setting(tmp_path: Path, opened: Opened) -> None:
    opened.register()
    ui = opened.ui
    ui.arrangeButton.click()
    opened.services.all_passes()
    ui.veinsCheckBox.click()
    ui.opacitySlider.value = 45.0
    ui.outlineButton.click()
    ui.compareSwipeButton.click()
    ui.swipeSlider.value = 25.0
    ui.minipCheckBox.click()
    ui.frameSlider.value = 3.0
    ui.frustumCheckBox.click()
    look = opened.section.look
    write_scene(opened.scene, tmp_path / "scene.mrb")
    scene = read_scene(tmp_path / "scene.mrb")
    again = Opened(scene)
    (case,) = registered_cases(scene)
    again.section.show(case)
    assert again.section.look == look
    assert (again.ui.arteriesCheckBox.checked, again.ui.veinsCheckBox.checked) == (True, False)
    assert again.ui.opacitySlider.value == 45.0
    assert again.ui.outlineButton.checked
    assert again.ui.compareSwipeButton.checked
    assert again.ui.swipeSlider.value == 25.0
    assert again.ui.frameSlider.value == 3.0
    assert again.ui.frameLabel.text == "Frame 3 of 3, 0.7 s"
    assert (again.ui.surfacesCheckBox.checked, again.ui.frustumCheckBox.checked) == (True, False)
    again.section.close()


def test_section_looks_like_a_section(opened: Opened) -> None:
    opened.register()
    opened.form.show()
    grab(opened.form._qt(), OUTPUT / "overlay_section.png")
    assert (OUTPUT / "overlay_section.png").stat().st_size > 5000
