"""The Overlay section: one click arranges the views, the rest says how the DRR lies over the DSA."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.geometry.carm import CArm
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase
from DeepIterRegLib.mrml.nodes.scene_transaction import SceneTransaction
from DeepIterRegLib.mrml.overlay.live_overlay import LiveOverlay
from DeepIterRegLib.mrml.panel.coloured_vessels import ColouredVessels, FindFilled
from DeepIterRegLib.mrml.panel.services import Services, Timer
from DeepIterRegLib.mrml.panel.verdict_in_views import pose_or_none
from DeepIterRegLib.mrml.views.case_views import arrange_case, fit_case, has_second_view, hide_others
from DeepIterRegLib.mrml.views.frames_view import frame_count, frame_seconds, show_frame
from DeepIterRegLib.mrml.views.frustum import frustums_are_shown, show_frustums
from DeepIterRegLib.mrml.views.in_steps import InSteps
from DeepIterRegLib.mrml.views.layout import Arrangement, register_layouts
from DeepIterRegLib.mrml.views.source_view import SourceView
from DeepIterRegLib.mrml.views.surfaces import place_surfaces, show_surfaces, show_surfaces_steps, surfaces_are_shown
from DeepIterRegLib.mrml.views.views import THREE_D_VIEW, look_from_source
from DeepIterRegLib.registration.overlay_look import Colour, OverlayLook
from DeepIterRegLib.registration.report import shows_skull

FLICKER_MS = 500
SETTLE_MS = (0, 150)
"""When to fit the views again after they were arranged: their windows get their sizes meanwhile."""
COMPARISONS = {"none": "Off", "flicker": "Flicker", "checkerboard": "Squares", "swipe": "Swipe"}


class OverlaySection:
    """Arranges the views and sets the overlay's look. ui: the widgets of Overlay.ui.

    The look is kept with the scene; zooming and panning the views is left to Slicer, and moves nothing but the views.
    """

    def __init__(self, ui: Any, services: Services, find_filled: FindFilled | None = None) -> None:
        """find_filled: asks what the selected runs fill; without it the vessels are coloured by kind alone."""
        self._ui = ui
        self._services = services
        self._ = services.translate
        self._case: RegisteredCase | None = None
        self._live: LiveOverlay | None = None
        self._busy = False
        self._shows = False
        self._source_view: SourceView | None = None
        self._surfaces = InSteps(services.call_later)
        self._flicker: Timer = services.timer(self._flicker_once, FLICKER_MS)
        self._flickered_away = False
        self._comparisons = {name: getattr(ui, f"compare{text}Button") for name, text in COMPARISONS.items()}
        self.coloured = ColouredVessels(ui, services, find_filled, self._make_surfaces_and)
        register_layouts(services.scene)
        self._connect()
        self.show(None)

    def show(self, case: RegisteredCase | None) -> None:
        """Show a registration's settings, or that there is none. The overlay follows its pose from now on."""
        if case is None or self._live is None or not self._live.draws(case):
            self._forget()
            if case is not None:
                try:
                    self._live = LiveOverlay(
                        case, self._services.call_later, self._look_changed, self._services.button_is_down
                    )
                    self._live.redraw_soon()
                except InputError:
                    case = None
        self._case = case
        if case is not None and self._live is not None:
            self._live.take_up_look()
            self._live.apply_opacity()
            if self._source_view is None:
                self._mirror(case)
        self._show_look()
        self._enable()

    def busy(self, running: bool) -> None:
        """Nothing is changed while a registration runs and shows its own overlay."""
        self._busy = running
        self._enable()

    def close(self) -> None:
        """Observe nothing any longer."""
        self._forget()
        self._case = None

    def arrange_for_landmarks(self) -> None:
        """Arrange, with the vessels in 3D: they are what is clicked on."""
        self.arrange()
        self.show_vessels()

    def show_vessels(self) -> None:
        """Show the vessels in 3D, in whatever views there are."""
        if self._case is not None and not self._surfaces.is_running and not surfaces_are_shown(self._case):
            self._make_surfaces(show_surfaces_steps(self._case, self.look))

    def arrange(self) -> None:
        """Show the result: the DSAs with the overlay, as a whole, beside the scene seen from the X-ray source."""
        case, live = self._case, self._live
        if case is None or live is None:
            return
        live.set_look(replace(live.look, moment="after"))
        chosen: Arrangement = "two" if has_second_view(case) else "one"
        arrange_case(case, chosen, live.look, self._services.equalize_views, self._make_surfaces)
        live.apply_opacity()
        self._show_frame(live.look)
        self._show_look()
        # The views of a new layout may be there only after everybody was told about it.
        self._services.call_later(self._services.equalize_views, SETTLE_MS[0])
        self._mirror(case)
        for ms in SETTLE_MS:
            self._services.call_later(lambda: self._fit(case), ms)

    def look_from(self, carm: CArm) -> None:
        """Turn the 3D view to where another C-arm would see the head from, with the vessels in it."""
        case = self._case
        if case is None:
            return
        with SceneTransaction(self._services.scene) as transaction:
            look_from_source(self._services.scene, transaction, carm)
        if self._source_view is None:
            self._mirror(case)
        if self._source_view is not None:
            self._source_view.stand_for(carm)
        if not self._surfaces.is_running and not surfaces_are_shown(case):
            self._make_surfaces(show_surfaces_steps(case, self.look))

    @property
    def makes_surfaces(self) -> bool:
        """Whether the vessels in 3D are still being made."""
        return self._surfaces.is_running

    @property
    def look(self) -> OverlayLook:
        """The look on show; the default where there is no registration."""
        return OverlayLook() if self._live is None else self._live.look

    def _connect(self) -> None:
        ui = self._ui
        ui.arrangeButton.connect("clicked()", self._arrange_clicked)
        ui.arteriesCheckBox.connect("toggled(bool)", lambda on: self._set(arteries=bool(on)))
        ui.veinsCheckBox.connect("toggled(bool)", lambda on: self._set(veins=bool(on)))
        ui.bonesCheckBox.connect("toggled(bool)", lambda on: self._set(bones=bool(on)))
        ui.boneColourButton.connect("colorChanged(QColor)", lambda colour: self._set(bone_colour=_rgb(colour)))
        ui.arteryColourButton.connect("colorChanged(QColor)", lambda colour: self._set(artery_colour=_rgb(colour)))
        ui.veinColourButton.connect("colorChanged(QColor)", lambda colour: self._set(vein_colour=_rgb(colour)))
        ui.opacitySlider.connect("valueChanged(double)", lambda value: self._set(opacity=value / 100))
        ui.filledButton.connect("toggled(bool)", self._chooses(style="filled"))
        ui.outlineButton.connect("toggled(bool)", self._chooses(style="outline"))
        for name, button in self._comparisons.items():
            button.connect("toggled(bool)", self._chooses(comparison=name))
        ui.swipeSlider.connect("valueChanged(double)", lambda value: self._set(swipe=value / 100))
        ui.squareSlider.connect("valueChanged(double)", lambda value: self._set(tile_mm=float(value)))
        ui.minipCheckBox.connect("toggled(bool)", lambda _: self._frame_chosen())
        ui.frameSlider.connect("valueChanged(double)", lambda _: self._frame_chosen())
        ui.beforeButton.connect("toggled(bool)", lambda on: self._set(moment="before" if on else "after"))
        ui.surfacesCheckBox.connect("toggled(bool)", lambda on: self._show_surfaces(bool(on)))
        ui.frustumCheckBox.connect("toggled(bool)", lambda on: self._show_frustums(bool(on)))

    def _chooses(self, **changes: str) -> Callable[[bool], None]:
        """What one of several buttons does when it is pressed; nothing when another one is."""

        def toggled(on: bool) -> None:
            if on:
                self._set(**changes)

        return toggled

    def _arrange_clicked(self) -> None:
        self.arrange()

    def _set(self, **changes: Any) -> None:
        """The user changed something of the look."""
        if self._shows or self._live is None or self._case is None:
            return
        before = self._live.look
        self._live.set_look(replace(before, **changes))
        look = self._live.look
        if look.frame != before.frame:
            self._show_frame(look)
        hidden = not surfaces_are_shown(self._case) and not self._surfaces.is_running
        if not hidden or not self._has_surfaces(before):
            self._make_surfaces(show_surfaces_steps(self._case, look, bool(self._ui.surfacesCheckBox.checked)))
        self._show_dependent(look)

    def _has_surfaces(self, look: OverlayLook) -> bool:
        """Whether a look shows anything in 3D: of bones only those of a CT without contrast."""
        case = self._case
        if case is not None and shows_skull(case.report):
            return bool(look.settled(case.bones_first).bones)
        return look.arteries or look.veins

    def _look_changed(self, _look: OverlayLook) -> None:
        """The overlay went back to the pose in use, because somebody moves it."""
        self._show_look()

    def _frame_chosen(self) -> None:
        if self._shows:
            return
        self._set(frame=None if self._ui.minipCheckBox.checked else round(self._ui.frameSlider.value) - 1)

    def _show_frame(self, look: OverlayLook) -> None:
        for view in self._case.views if self._case is not None else ():
            count = frame_count(view.dsa)
            show_frame(view, None if look.frame is None or count == 0 else min(look.frame, count - 1))

    def _show_surfaces(self, on: bool) -> None:
        if not self._shows and self._case is not None:
            self._make_surfaces(show_surfaces_steps(self._case, self.look, on))

    def _make_surfaces(self, steps: Iterator[None]) -> None:
        """In turns of the event loop: all of it at once would stop the application."""
        self._surfaces.start(steps, self._surfaces_made)

    def _make_surfaces_and(self, rest: Callable[[RegisteredCase], Iterator[None]]) -> None:
        case = self._case
        if case is not None:
            self._make_surfaces(chain(show_surfaces_steps(case, self.look), _of(case, rest)))

    def _surfaces_made(self) -> None:
        # The look may have changed meanwhile.
        if self._case is not None and surfaces_are_shown(self._case):
            show_surfaces(self._case, self.look)
        self._show_look()

    def _show_frustums(self, on: bool) -> None:
        if not self._shows and self._case is not None:
            show_frustums(self._case, on)
            if not on:
                hide_others(self._case)

    def _fit(self, case: RegisteredCase) -> None:
        """Fit the views that still show what they were arranged for."""
        if self._case is case and not self._busy:
            fit_case(case)

    def _mirror(self, case: RegisteredCase) -> None:
        """Let the 3D view show what the first DSA shows."""
        self._unmirror()
        window = self._services.view_window(THREE_D_VIEW)
        camera = self._services.scene.GetSingletonNode(THREE_D_VIEW, "vtkMRMLCameraNode")
        if window is not None and camera is not None:
            self._source_view = SourceView(window, camera, case.views[0].carm, lambda: pose_or_none(case))

    def _unmirror(self) -> None:
        if self._source_view is not None:
            self._source_view.close()
        self._source_view = None

    def _flicker_once(self) -> None:
        if self._live is not None:
            self._flickered_away = not self._flickered_away
            self._live.apply_opacity(not self._flickered_away)

    def _forget(self) -> None:
        self._flicker.stop()
        self._surfaces.stop()
        self._unmirror()
        if self._live is not None:
            if self._flickered_away:
                self._live.apply_opacity()
            self._live.close()
        self._live = None
        self._flickered_away = False

    def _show_look(self) -> None:
        """Let the widgets say what the look is, without their saying it back."""
        case, look, ui = self._case, self.look, self._ui
        self._shows = True
        try:
            no_vessels = case is not None and shows_skull(case.report)
            ui.arteriesCheckBox.checked = look.arteries and not no_vessels
            ui.veinsCheckBox.checked = look.veins and not no_vessels
            bones_first = case is not None and case.bones_first
            ui.bonesCheckBox.checked = bool(look.settled(bones_first).bones)
            _show_colour(ui.boneColourButton, look.bone_colour)
            _show_colour(ui.arteryColourButton, look.artery_colour)
            _show_colour(ui.veinColourButton, look.vein_colour)
            ui.opacitySlider.value = 100 * look.opacity
            (ui.outlineButton if look.style == "outline" else ui.filledButton).checked = True
            self._comparisons[look.comparison].checked = True
            ui.swipeSlider.value = 100 * look.swipe
            ui.squareSlider.value = look.tile_mm
            ui.minipCheckBox.checked = look.frame is None
            count = 0 if case is None else frame_count(case.views[0].dsa)
            ui.frameSlider.maximum = max(count, 1)
            if look.frame is not None:
                ui.frameSlider.value = look.frame + 1
            ui.beforeButton.checked = look.moment == "before"
            making = self._surfaces.is_running
            ui.surfacesCheckBox.checked = case is not None and (making or surfaces_are_shown(case))
            ui.frustumCheckBox.checked = case is not None and frustums_are_shown(case)
            self.coloured.show(case)
        finally:
            self._shows = False
        self._show_dependent(look)

    def _show_dependent(self, look: OverlayLook) -> None:
        """What is visible or said because of something else."""
        ui, case = self._ui, self._case
        if case is not None:
            place_surfaces(case, look.moment == "before")
        for widget in (ui.swipeCaption, ui.swipeSlider):
            widget.visible = look.comparison == "swipe"
        for widget in (ui.squareCaption, ui.squareSlider):
            widget.visible = look.comparison == "checkerboard"
        skull = case is not None and shows_skull(case.report)
        for widget in (ui.arteriesCheckBox, ui.arteryColourButton, ui.veinsCheckBox, ui.veinColourButton):
            widget.enabled = not skull
        ui.bonesCheckBox.enabled = ui.boneColourButton.enabled = case is not None and case.bones is not None
        ui.opacitySlider.enabled = not look.is_opaque
        ui.filledButton.enabled = ui.outlineButton.enabled = not look.is_opaque
        count = 0 if case is None else frame_count(case.views[0].dsa)
        for widget in (ui.frameNumberCaption, ui.frameSlider, ui.frameLabel):
            widget.visible = look.frame is not None
        ui.minipCheckBox.enabled = count > 1
        ui.frameLabel.text = self._frame_text(look, count)
        if look.comparison == "flicker" and case is not None and not self._busy:
            self._flicker.start()
        else:
            self._flicker.stop()
            if self._flickered_away and self._live is not None:
                self._live.apply_opacity()
            self._flickered_away = False

    def _frame_text(self, look: OverlayLook, count: int) -> str:
        if self._case is None or count == 0 or look.frame is None:
            return ""
        index = min(look.frame, count - 1)
        seconds = frame_seconds(self._case.views[0].dsa, index)
        if seconds is None:
            return self._("Frame {number} of {count}").format(number=index + 1, count=count)
        text = self._("Frame {number} of {count}, {seconds:.1f} s")
        return text.format(number=index + 1, count=count, seconds=seconds)

    def _enable(self) -> None:
        self._ui.overlayBody.enabled = self._case is not None and not self._busy
        self._show_dependent(self.look)


def _rgb(colour: Any) -> Colour:
    """Red, green and blue of a QColor, 0 to 1, as exact as a QColor is."""
    return round(colour.redF(), 4), round(colour.greenF(), 4), round(colour.blueF(), 4)


def _show_colour(button: Any, colour: Colour) -> None:
    # A colour of Qt's own, changed: the section makes none itself.
    shown = button.color
    if _rgb(shown) != tuple(round(value, 4) for value in colour):
        shown.setRgbF(*colour)
        button.color = shown


def _of(case: RegisteredCase, rest: Callable[[RegisteredCase], Iterator[None]]) -> Iterator[None]:
    """What is to be done with a case's surfaces, begun when they are there; nothing once the case has gone."""
    if case.pose_node.GetScene() is not None:
        yield from rest(case)
