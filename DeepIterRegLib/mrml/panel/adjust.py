"""Moving the CTA by hand: sliders, keys, the mouse, Slicer's handles, landmarks; undo, reset, refine."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.geometry.hand_adjustment import NO_ADJUSTMENT
from DeepIterRegLib.mrml.adjust.hand_input import KEYS, HandInput
from DeepIterRegLib.mrml.adjust.handles import handles_are_shown, show_handles
from DeepIterRegLib.mrml.adjust.place_mode import is_placing
from DeepIterRegLib.mrml.adjust.pose_editor import PoseEditor
from DeepIterRegLib.mrml.adjust.slice_mouse import SliceMice
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase
from DeepIterRegLib.mrml.panel.adjust_messages import redo_tip, state_sentence, undo_tip
from DeepIterRegLib.mrml.panel.landmarks import LandmarksGroup
from DeepIterRegLib.mrml.panel.services import Services

SLIDERS = {
    "right_mm": "rightSlider", "up_mm": "upSlider", "toward_you_mm": "towardYouSlider",
    "turn_deg": "turnSlider", "tip_deg": "tipSlider", "swing_deg": "swingSlider",
}  # fmt: skip
RANGE_MM, RANGE_DEG = 50.0, 30.0
"""Of the sliders, which grow when the head is farther out than that."""
STEP_MM_SETTING, STEP_DEG_SETTING = "adjust/step-mm", "adjust/step-deg"


class AdjustSection:
    """ui: the widgets of Adjust.ui. refine: starts a registration from a pose, without searching for the head first.
    arrange_landmarks: shows the CTA's slices beside the DSA. start_by_hand: makes a case without registering.
    on_adjusted: told whether the head is elsewhere than it was found.

    The sliders speak of the first DSA; a key or the mouse in a DSA's view speaks of that one. They, and undo, go
    against what the last computation found: see `PoseEditor`.
    """

    def __init__(
        self,
        ui: Any,
        services: Services,
        refine: Callable[[FloatArray], None],
        *,
        arrange_landmarks: Callable[[], None],
        start_by_hand: Callable[[], None],
        on_adjusted: Callable[[bool], None] = lambda adjusted: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ui = ui
        self._services = services
        self._ = services.translate
        self._refine = refine
        self._start_by_hand = start_by_hand
        self._on_adjusted = on_adjusted
        self._entered = True
        self._showing = False
        self._can_start = False
        self._editor = PoseEditor(clock, self._update, services.button_is_down, services.call_later)
        self._input = HandInput(self._editor, self._wants_keys, self._wants_mouse, self._steps)
        self._mice = SliceMice(services.scene, services.view_interactor, services.call_later, self._input)
        self._landmarks = LandmarksGroup(ui, services, self._editor, arrange_landmarks)
        self._shortcuts = [
            services.shortcut(f"Shift+{key}" if shift else key, self._nudge(key, shift))
            for shift in (False, True)
            for key in KEYS
        ]
        self._connect()
        self._update()

    def show(self, case: RegisteredCase | None) -> None:
        """Work on a registration; on nothing."""
        self._landmarks.show(case)
        self._editor.open(case)
        if case is None:
            self._mice.close()
        else:
            self._mice.open()

    def busy(self, running: bool) -> None:
        """While a registration runs the head stays where it is."""
        self._editor.paused = running

    def can_start(self, possible: bool) -> None:
        """Whether there is something selected that could be placed by hand."""
        if possible != self._can_start:
            self._can_start = possible
            self._update()

    def enter(self) -> None:
        """The module is shown: keys and mouse mean the head."""
        self._entered = True
        self._update()

    def exit(self) -> None:
        """Another module is shown: keys and mouse are Slicer's."""
        self._entered = False
        self._landmarks.stop_placing()
        self._update()

    def close(self) -> None:
        """Let go of scene and views."""
        self._mice.close()
        self._landmarks.close()
        self._editor.close()

    def _connect(self) -> None:
        ui = self._ui
        for control, name in SLIDERS.items():
            getattr(ui, name).connect("valueChanged(double)", self._slide(control))
        ui.undoButton.connect("clicked()", self._editor.undo)
        ui.redoButton.connect("clicked()", self._editor.redo)
        ui.resetButton.connect("clicked()", self._editor.reset)
        ui.startByHandButton.connect("clicked()", self._start_by_hand)
        ui.refineButton.connect("clicked()", self._refine_from_here)
        ui.handlesCheckBox.connect("toggled(bool)", self._show_handles)
        ui.adjustButton.connect("contentsCollapsed(bool)", self._on_collapsed)
        for box, setting in ((ui.stepMmSpinBox, STEP_MM_SETTING), (ui.stepDegSpinBox, STEP_DEG_SETTING)):
            kept = _number(self._services.settings.get(setting))
            if kept is not None:
                box.value = kept
            box.connect("valueChanged(double)", self._keep(setting))

    # What the widgets do.

    def _slide(self, control: str) -> Callable[[float], None]:
        def slide(value: float) -> None:
            if not self._showing and self._editor.ready:
                # The other five numbers are the pose's, not those that their sliders have rounded.
                adjustment = replace(self._editor.adjustment(self._carm()), **{control: value})
                self._editor.adjust(adjustment, self._carm(), control)

        return slide

    def _nudge(self, key: str, shift: bool) -> Callable[[], None]:
        def nudge() -> None:
            if self._editor.case is not None:
                self._input.nudge(key, shift, self._carm())

        return nudge

    def _keep(self, setting: str) -> Callable[[float], None]:
        return lambda value: self._services.settings.set(setting, f"{value:g}")

    def _refine_from_here(self) -> None:
        if self._editor.ready:
            self._refine(self._editor.pose)

    def _show_handles(self, shown: bool) -> None:
        if not self._showing and self._editor.case is not None:
            show_handles(self._editor.case.pose_node, shown)

    def _on_collapsed(self, _collapsed: bool) -> None:
        self._update()

    # What keys and mouse ask.

    def _wants_keys(self) -> bool:
        return self._entered and not self._ui.adjustButton.collapsed

    def _wants_mouse(self) -> bool:
        return self._wants_keys() and self._ui.mouseCheckBox.checked and not is_placing(self._services.scene)

    def _steps(self) -> tuple[float, float]:
        return self._ui.stepMmSpinBox.value, self._ui.stepDegSpinBox.value

    def _carm(self) -> CArm:
        assert self._editor.case is not None
        return self._editor.case.views[0].carm

    # What is shown.

    def _update(self) -> None:
        """Follow the pose, whoever moved it."""
        ui, editor, case = self._ui, self._editor, self._editor.case
        self._showing = True
        try:
            adjustment = NO_ADJUSTMENT if case is None else editor.adjustment(self._carm())
            for control, name in SLIDERS.items():
                slider = getattr(ui, name)
                _show_value(slider, getattr(adjustment, control), RANGE_MM if control.endswith("mm") else RANGE_DEG)
                slider.enabled = editor.ready
            for widget in (ui.stepMmSpinBox, ui.stepDegSpinBox, ui.mouseCheckBox, ui.handlesCheckBox):
                widget.enabled = case is not None
            ui.handlesCheckBox.checked = case is not None and handles_are_shown(case.pose_node)
            ui.refineButton.enabled = editor.ready
            ui.startByHandButton.visible = case is None
            ui.startByHandButton.enabled = self._can_start and not editor.paused
            ui.undoButton.enabled, ui.redoButton.enabled = editor.can_undo, editor.can_redo
            ui.resetButton.enabled = editor.can_reset
            ui.undoButton.toolTip = undo_tip(None if case is None else editor.history.current, self._)
            ui.redoButton.toolTip = redo_tip(None if case is None else editor.history.after, self._)
            ui.adjustmentLabel.text = state_sentence(editor, adjustment, self._)
        finally:
            self._showing = False
        if case is not None:
            self._on_adjusted(editor.is_adjusted)
        for shortcut in self._shortcuts:
            shortcut.enabled = editor.ready and self._wants_keys()
        self._landmarks.update()


def _show_value(slider: Any, value: float, range_: float) -> None:
    """Set a slider, with room for values beyond its usual range; leave alone what shows the value already."""
    limit = max(range_, 10.0 * math.ceil(abs(value) / 10.0))
    if slider.maximum != limit:
        slider.maximum, slider.minimum = limit, -limit
    # Setting the value it has would put the cursor of somebody who is typing to the end.
    if abs(slider.value - value) > 0.5 * 10.0**-slider.decimals:
        slider.value = value


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
