"""The module's panel: its sections put together, one after the other as the clinician goes through them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.mrml.nodes.carried_case import use_registration_of
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase, registered_case, registered_cases
from DeepIterRegLib.mrml.panel.adjust import AdjustSection
from DeepIterRegLib.mrml.panel.carried_pose import CarriedPose
from DeepIterRegLib.mrml.panel.inputs import InputsSection
from DeepIterRegLib.mrml.panel.messages import told
from DeepIterRegLib.mrml.panel.overlay import OverlaySection
from DeepIterRegLib.mrml.panel.register_section import RegisterSection
from DeepIterRegLib.mrml.panel.result import ResultSection
from DeepIterRegLib.mrml.panel.review import ReviewSection
from DeepIterRegLib.mrml.panel.save import SaveSection
from DeepIterRegLib.mrml.panel.services import Services
from DeepIterRegLib.mrml.panel.targets import TargetsSection
from DeepIterRegLib.mrml.panel.what_was_read import WhatWasRead
from DeepIterRegLib.mrml.panel.working_angle import WorkingAngleSection
from DeepIterRegLib.mrml.views.layout import register_layouts
from DeepIterRegLib.mrml.views.selected_dsa import show_selected_dsa
from DeepIterRegLib.mrml.views.surfaces import surfaces_are_shown, unhide_surfaces
from DeepIterRegLib.mrml.views.views import SLICE_VIEWS

ARRANGE_AFTER_MS = 30
FORMS = ("Inputs", "Run", "Result", "Overlay", "Targets", "Adjust", "WorkingAngle", "Save", "Review")
"""The .ui files, from top to bottom."""


class RegistrationPanel:
    """Inputs, Register, Result, Overlay, Targets, Adjust by hand, Working angle, Save and send, Review.

    ui: the widgets of all .ui files by name. `set_parameters` gives it the module's parameter node. The scene is the
    truth: after loading one, `refresh` shows what it holds.
    """

    def __init__(self, ui: Any, services: Services) -> None:
        self._services = services
        self._parameters: Any = None
        self._case: RegisteredCase | None = None
        self._in_front = False
        self._to_be_arranged = False
        """A scene was loaded while another module was in front."""
        self._looks_at_nodes = self._is_closed = False
        self._seen: list[Any] = []
        """The selected DSAs that have been shown."""
        self.inputs = InputsSection(ui, services, on_changed=self.update)
        self.overlay = OverlaySection(
            ui, services, lambda pose, on_map: self.register_section.find_filled(pose, on_map)
        )
        self.register_section = RegisterSection(
            ui,
            services,
            self.inputs,
            begin=self.inputs.offer_packages,
            on_running=self._running,
            on_done=self._done,
            look=lambda: self.overlay.look,
        )
        self.what_was_read = WhatWasRead(
            ui, services, self.inputs.request_to_read, self.register_section.background_preparation.inspect
        )
        self.carried = CarriedPose(ui, services, use=self.register_section.carry, refine=self._refine)
        self.result = ResultSection(ui, services)
        self.targets = TargetsSection(
            ui,
            services,
            self.register_section.background_preparation.ask,
            self.overlay.show_vessels,
        )
        self.adjust = AdjustSection(
            ui,
            services,
            self._refine,
            arrange_landmarks=self.overlay.arrange_for_landmarks,
            start_by_hand=self.register_section.start_by_hand,
            on_adjusted=self._adjusted,
        )
        self.working_angle = WorkingAngleSection(
            ui, services, self.register_section.background_preparation.ask, self.overlay.look_from
        )
        self.save = SaveSection(ui, services)
        self.review = ReviewSection(ui, services)
        self._of_a_case = (
            self.what_was_read,
            self.carried,
            self.result,
            self.overlay,
            self.targets,
            self.adjust,
            self.working_angle,
            self.save,
            self.review,
        )

    @property
    def case(self) -> RegisteredCase | None:
        """The registration on show."""
        return self._case

    def set_parameters(self, parameters: Any) -> None:
        """Work with another parameter node; None while there is none."""
        self._parameters = parameters
        self.inputs.set_parameters(parameters)
        self.refresh()

    def update(self) -> None:
        """Something was selected or typed in."""
        self._update_button()
        self.what_was_read.changed()
        self.register_section.background_preparation.changed()
        self._show_selected()
        cta = None if self._parameters is None else self._parameters.cta
        if (self._case and self._case.cta) is not cta or self._goes_back_to_another():
            self.refresh()
        self._show_selected_dsas()

    def refresh(self) -> None:
        """Show the registration of the selected CTA as the scene has it, or that there is none."""
        cta = None if self._parameters is None else self._parameters.cta
        try:
            self._case = registered_case(cta)
        except InputError as error:
            self._case = None
            self.register_section.say(told(error, self._services.translate))
        self._show_selected()
        for section in self._of_a_case:
            section.show(self._case)
        self._update_button()

    def scene_loaded(self) -> None:
        """A scene was opened or added: select its registered images where nothing is selected yet."""
        parameters = self._parameters
        if parameters is not None and parameters.cta is None:
            for case in registered_cases(self._services.scene):
                parameters.cta = case.cta
                parameters.dsa = case.views[0].dsa
                parameters.secondDsa = case.views[1].dsa if len(case.views) > 1 else None
                break
        self.refresh()
        self._to_be_arranged = self._case is not None
        self._arrange_loaded()

    def nodes_removed(self) -> None:
        """Something went from the scene: let go of a registration that is no longer whole."""
        case, scene = self._case, self._services.scene
        if case is not None:
            nodes = [case.cta, case.pose_node, case.cloud_node]
            nodes += [node for view in case.views for node in (view.dsa, view.plane, view.drr)]
            if not all(scene.IsNodePresent(node) for node in nodes):
                self.refresh()
        # Several go together, and each would have its images looked at.
        self.nodes_added()

    def nodes_added(self) -> None:
        """Something was loaded: once all of it is there, offer it, and propose it where nothing is selected."""
        if not self._looks_at_nodes:
            self._looks_at_nodes = True
            self._later(self._look_at_nodes, 0)

    def enter(self) -> None:
        """The module came to the front."""
        self._in_front = True
        register_layouts(self._services.scene)
        self._services.worker.start()
        self.register_section.background_preparation.resume()
        self.adjust.enter()
        self.refresh()
        self._arrange_loaded()
        self.inputs.propose()

    def leave(self) -> None:
        """Another module came to the front: a registration that still runs is cancelled, nothing has changed."""
        self._in_front = False
        self.register_section.cancel()
        self.register_section.background_preparation.pause()
        self.adjust.exit()

    def scene_closes(self) -> None:
        """Let go of the scene's nodes."""
        self.register_section.cancel()
        self.register_section.background_preparation.pause()
        self._case, self._to_be_arranged, self._seen = None, False, []
        for section in self._of_a_case:
            section.show(None)
        self._tell_selected([])
        self.register_section.say("")

    def end_worker(self) -> None:
        """End the worker and what it does; the next registration starts another one."""
        self._services.worker.close()

    def close(self) -> None:
        """End the worker and everything that observes the scene."""
        self._is_closed = True
        self.register_section.cancel()
        self.register_section.background_preparation.pause()
        self._parameters = None
        self.inputs.close()
        for section in self._of_a_case:
            section.close()
        self._services.worker.close()

    def _update_button(self) -> None:
        """Register, Start by hand and Use this pose need the same."""
        possible = self.register_section.update()
        self.adjust.can_start(possible)
        self.carried.can_start(possible)

    def _adjusted(self, adjusted: bool) -> None:
        self.result.show_adjusted(adjusted)
        self.overlay.coloured.show(self._case)

    def _goes_back_to_another(self) -> bool:
        """Whether the selected DSAs are those of another registration of the same CTA, which is put to use."""
        case = self._case
        if case is None or self._parameters is None or self.register_section.is_running:
            return False
        visible = surfaces_are_shown(case)
        if not use_registration_of(case.cta, self.inputs.nodes()[1]):
            return False
        if visible and (other := registered_case(case.cta)) is not None:
            unhide_surfaces(other)
        return True

    def _show_selected(self) -> None:
        if self._parameters is not None:
            self._tell_selected(self.inputs.nodes()[1])

    def _tell_selected(self, dsas: list[Any]) -> None:
        self.result.show_selected(dsas)
        self.carried.show_selected(dsas)
        self.overlay.coloured.show_selected(dsas)

    def _look_at_nodes(self) -> None:
        self._looks_at_nodes = False
        if self._parameters is not None and not self.register_section.is_running:
            self._update_button()
            if self._in_front:
                self.inputs.propose()

    def _show_selected_dsas(self) -> None:
        """Let the user see a DSA that was selected: as it was loaded, or with its overlay where it is registered."""
        if self._parameters is None or self.register_section.is_running or not self._in_front:
            return
        selected = [node for node in self.inputs.nodes()[1] if self._services.scene.IsNodePresent(node)]
        if selected == self._seen:
            return
        before, self._seen = self._seen, selected
        registered = [] if self._case is None else [view.dsa for view in self._case.views]
        if selected and selected == registered:
            self.overlay.arrange()
            return
        for name, dsa in zip(SLICE_VIEWS, selected, strict=False):
            if dsa not in before:
                show_selected_dsa(self._services.scene, name, dsa)

    def _arrange_loaded(self) -> None:
        """Show what a loaded scene holds as soon as the module is in front."""
        if self._in_front and self._to_be_arranged and self._case is not None:
            self._to_be_arranged = False
            self._seen = self.inputs.nodes()[1]
            self.overlay.arrange()

    def _running(self, running: bool) -> None:
        for section in (self.inputs, *self._of_a_case):
            section.busy(running)

    def _refine(self, pose: FloatArray) -> None:
        """Refine the result on show, on its DSAs where others are selected; one that was added counts too."""
        case, parameters = self._case, self._parameters
        if case is not None and parameters is not None:
            dsas = [view.dsa for view in case.views]
            if not any(node in dsas for node in self.inputs.nodes()[1]):
                parameters.dsa, parameters.secondDsa = dsas[0], dsas[1] if len(dsas) > 1 else None
        self.register_section.refine(pose)

    def _done(self, cta: Any) -> None:
        self._seen = self.inputs.nodes()[1]
        # One after the other, with turns of the event loop between them: together they would be felt.
        self._later(self.refresh, 0)
        self._later(self.overlay.arrange, ARRANGE_AFTER_MS)

    def _later(self, callback: Callable[[], None], ms: int) -> None:
        """Once, unless the panel is gone by then."""
        self._services.call_later(lambda: None if self._is_closed else callback(), ms)
