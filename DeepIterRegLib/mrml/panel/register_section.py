"""The button that registers and cancels, its progress, and the overlay that moves meanwhile.

The scene is not touched before the result is there: cancelled, failed, left or killed, everything stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError, UserError
from DeepIterRegLib.common.progress import Progress
from DeepIterRegLib.filling.branch_map import BranchMap
from DeepIterRegLib.mrml.nodes.carried_case import show_carried
from DeepIterRegLib.mrml.nodes.result_nodes import show_registration
from DeepIterRegLib.mrml.overlay.live_preview import LivePreview
from DeepIterRegLib.mrml.panel.background_preparation import BackgroundPreparation
from DeepIterRegLib.mrml.panel.messages import told
from DeepIterRegLib.mrml.panel.services import Services
from DeepIterRegLib.mrml.panel.stage_messages import stage_message
from DeepIterRegLib.mrml.worker_client.client import JobListener, PreparedPreview
from DeepIterRegLib.mrml.worker_client.messages import disk_full
from DeepIterRegLib.mrml.worker_client.request import RegistrationRequest
from DeepIterRegLib.registration.overlay_look import OverlayLook
from DeepIterRegLib.registration.result import CarriedFrom, Outcome
from DeepIterRegLib.render.vessel_images import Detail


class SelectedImages(Protocol):
    """The part of `InputsSection` that says what to register."""

    def missing(self) -> str | None:
        """What has to be selected or typed in first, as the button says it; None when all is there."""
        ...

    def request(self, initial_pose: FloatArray | None) -> RegistrationRequest:
        """What to send to the worker. Raises InputError."""
        ...

    def nodes(self) -> tuple[Any, list[Any]]:
        """The CTA's node, and the DSAs' nodes (the sequences behind proxies) in the request's order."""
        ...


CANCEL_AFTER_MS = 400

Job = Callable[[RegistrationRequest, JobListener], str]
"""The worker's `register`, `start_by_hand`, `carry` or `vessel_map`."""

Show = Callable[[Any, Any, Sequence[Any], Outcome, Detail], Any]
"""`show_registration`, or `show_carried`."""


@dataclass(eq=False)
class _RunningRegistration:
    """One press of the button."""

    cta: Any
    dsas: Sequence[Any]
    request: RegistrationRequest
    show: Show
    on_map: Callable[[BranchMap], None] | None = None
    """Who gets a vessel map; None where a pose is asked for."""
    preview: LivePreview | None = None


class RegisterSection:
    """Register, and Cancel while it runs. ui: the widgets of Run.ui.

    begin: called before a registration starts, False stops it (the offer at the first use). on_running: whether one
    runs, for the other sections. on_done: called with the CTA's node once its result is in the scene. look: of the
    overlay that moves meanwhile.
    """

    def __init__(
        self,
        ui: Any,
        services: Services,
        images: SelectedImages,
        *,
        begin: Callable[[], bool],
        on_running: Callable[[bool], None],
        on_done: Callable[[Any], None],
        look: Callable[[], OverlayLook],
    ) -> None:
        self._ui = ui
        self._services = services
        self._ = services.translate
        self._images = images
        self._begin = begin
        self._on_running = on_running
        self._on_done = on_done
        self._look = look
        self._nothing_is_missing = False
        self._running: _RunningRegistration | None = None
        self.background_preparation = BackgroundPreparation(services.worker, self._request, services.call_later)
        ui.registerButton.connect("clicked()", self.register_or_cancel)
        ui.progressBar.visible = False
        self.say("")

    @property
    def is_running(self) -> bool:
        return self._running is not None

    def update(self) -> bool:
        """Let the button say what it does, or what is missing before it can; returns whether nothing is."""
        if self._running is None:
            missing = self._images.missing()
            self._nothing_is_missing = missing is None
            self._ui.registerButton.enabled = missing is None
            self._ui.registerButton.text = self._("Register") if missing is None else missing
        return self._nothing_is_missing

    def register_or_cancel(self) -> None:
        """Press of the button."""
        if self._running is not None:
            self.cancel()
        elif self._images.missing() is None and self._begin():
            self._start(None, self._services.worker.register)

    def refine(self, pose: FloatArray) -> None:
        """Register again from a pose (4, 4), without looking for the head first."""
        self._start_or_say(pose, self._services.worker.register)

    def start_by_hand(self) -> None:
        """Show the CTA at the starting pose without registering, to be moved by hand."""
        self._start_or_say(None, self._services.worker.start_by_hand)

    def carry(self, pose: FloatArray, origin: CarriedFrom) -> None:
        """Show a pose (4, 4) that was found on another run on the selected one, without registering."""

        def job(request: RegistrationRequest, listener: JobListener) -> str:
            return self._services.worker.carry(request, origin, listener)

        self._start_or_say(pose, job, show_carried)

    def find_filled(self, pose: FloatArray, on_map: Callable[[BranchMap], None]) -> None:
        """Ask what the selected runs fill at a pose (4, 4); on_map gets the answer, where there is one."""
        self._start_or_say(pose, self._services.worker.vessel_map, on_map=on_map)

    def cancel(self) -> None:
        """End a running registration at once; nothing happens where none runs."""
        if self._running is not None:
            self._services.worker.cancel()

    def say(self, sentence: str) -> None:
        """Show a sentence under the button."""
        self._ui.stageLabel.text = sentence
        self._ui.stageLabel.visible = bool(sentence)

    # What the worker's client calls: see its `Listener`.

    def started(self) -> None:
        self._show_stage(self._("Starting"))

    def prepared(self, preview: PreparedPreview) -> None:
        running = self._running
        if running is None:
            return
        services = self._services
        running.preview = LivePreview(
            services.scene, preview.cloud, preview.views, self._look(), services.equalize_views,
            bones=preview.bones, bones_first=preview.bones_first,
        )  # fmt: skip
        running.preview.show(preview.initial_pose)

    def progress(self, progress: Progress) -> None:
        if self._running is None:
            return
        self._ui.progressBar.value = round(100 * progress.fraction)
        self._show_stage(stage_message(progress.stage, self._))
        if progress.pose is not None and self._running.preview is not None:
            self._running.preview.show(progress.pose)

    def done(self, result: Outcome | BranchMap) -> None:
        running = self._end()
        if running is None:
            return
        self.background_preparation.remember(running.request)
        if isinstance(result, BranchMap):
            self.say("")
            if running.on_map is not None:
                running.on_map(result)
            return
        scene = self._services.scene
        if not all(scene.IsNodePresent(node) for node in (running.cta, *running.dsas)):
            self.say(self._("The images were removed while they were registered; nothing was changed."))
            return
        try:
            # The panel draws the overlay finely as soon as it shows the result.
            running.show(scene, running.cta, running.dsas, result, "quick")
        except Exception:
            self.say(self._("The result could not be put into the scene; everything is as it was."))
            raise
        self.say("")
        self._on_done(running.cta)

    def failed(self, error: UserError) -> None:
        self.background_preparation.forget()
        if self._end() is not None:
            self.say(told(error, self._))

    def cancelled(self) -> None:
        self.background_preparation.forget()
        if self._end() is not None:
            self.say(self._("Cancelled; everything is as it was."))

    def _start_or_say(
        self,
        initial_pose: FloatArray | None,
        job: Job,
        show: Show = show_registration,
        on_map: Callable[[BranchMap], None] | None = None,
    ) -> None:
        missing = self._images.missing() if self._running is None else None
        if missing is not None:
            self.say(missing)
        elif self._running is None:
            self._start(initial_pose, job, show, on_map)

    def _start(
        self,
        initial_pose: FloatArray | None,
        job: Job,
        show: Show = show_registration,
        on_map: Callable[[BranchMap], None] | None = None,
    ) -> None:
        try:
            request = self._images.request(initial_pose)
        except InputError as error:
            self.say(told(error, self._))
            return
        cta, dsas = self._images.nodes()
        self._running = _RunningRegistration(cta, dsas, request, show, on_map)
        self._ui.registerButton.text = self._("Cancel")
        # The second click of a double click would cancel.
        self._ui.registerButton.enabled = False
        self._services.call_later(self._offer_to_cancel, CANCEL_AFTER_MS)
        self._ui.progressBar.value = 0
        self._ui.progressBar.visible = True
        self._on_running(True)
        self._show_stage(self._("Starting"))
        self.background_preparation.when_ready(
            request, lambda: self._send(request, job), on_progress=self.progress, on_cancelled=self.cancelled
        )

    def _offer_to_cancel(self) -> None:
        if self._running is not None:
            self._ui.registerButton.enabled = True

    def _send(self, request: RegistrationRequest, job: Job) -> None:
        try:
            job(request, self)
        except OSError:
            self.failed(disk_full())

    def _request(self) -> RegistrationRequest | None:
        """What Register would register now, None while something is missing or a registration runs."""
        if self._running is not None or self._images.missing() is not None:
            return None
        return self._images.request(None)

    def _end(self) -> _RunningRegistration | None:
        """Take the preview away; returns the registration that ended, None where there was none."""
        running, self._running = self._running, None
        if running is None:
            return None
        if running.preview is not None:
            running.preview.close()
        self._ui.progressBar.visible = False
        self.update()
        self._on_running(False)
        return running

    def _show_stage(self, stage: str) -> None:
        device = self._services.worker.device
        self.say(f"{stage} … ({device})" if device else f"{stage} …")
