"""The images are segmented while the user still looks at them: then a press on Register takes a second, not ten.

Quiet: nothing of the scene is changed, and what goes wrong is said when Register is pressed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from DeepIterRegLib.common.errors import InputError, UserError
from DeepIterRegLib.common.progress import Progress
from DeepIterRegLib.mrml.worker_client.client import WorkerClient
from DeepIterRegLib.mrml.worker_client.request import RegistrationRequest

QUIET_MS = 400
"""How long nothing has to be selected or typed in before it begins: each letter of a number is a change."""


class BackgroundPreparation:
    """Lets the worker prepare what is selected. request: what would be registered now, None while something is missing;
    it may raise InputError. call_later: calls back once, in so many ms. Implements `JobListener`.
    """

    def __init__(
        self,
        worker: WorkerClient,
        request: Callable[[], RegistrationRequest | None],
        call_later: Callable[[Callable[[], None], int], None],
    ) -> None:
        self._worker = worker
        self._request = request
        self._call_later = call_later
        self._running: RegistrationRequest | None = None
        self._prepared = ""
        self._changes = 0
        self._paused = True
        self._waiting_start: Callable[[], None] | None = None
        self._on_progress: Callable[[Progress], None] = lambda step: None
        self._on_cancelled: Callable[[], None] = lambda: None

    @property
    def is_running(self) -> bool:
        return self._running is not None

    def pause(self) -> None:
        """Begin nothing any longer, and end what runs: another module came to the front, the scene closes."""
        self._paused = True
        if self._running is not None and self._waiting_start is None:
            self._worker.cancel()

    def resume(self) -> None:
        self._paused = False
        self.changed()

    def remember(self, request: RegistrationRequest) -> None:
        """The worker has these images by now."""
        self._prepared = _key(request)

    def forget(self) -> None:
        """The worker that had prepared something is gone."""
        self._prepared = ""

    def changed(self) -> None:
        """Something was selected or typed in."""
        self._changes += 1
        change = self._changes
        self._call_later(lambda: self._begin() if change == self._changes else None, QUIET_MS)

    def when_ready(
        self,
        request: RegistrationRequest,
        start: Callable[[], None],
        on_progress: Callable[[Progress], None],
        on_cancelled: Callable[[], None],
    ) -> None:
        """Call `start` as soon as the worker is free: at once, or when the CTA to be registered is prepared.

        Another CTA's preparation is ended. on_progress: of the preparation that is waited for. on_cancelled: the worker
        was told to cancel meanwhile; `start` is then not called.
        """
        self._changes += 1
        if self._running is None:
            start()
        elif self._running.cta_key != request.cta_key:
            self._worker.cancel()
            start()
        else:
            self._waiting_start, self._on_progress, self._on_cancelled = start, on_progress, on_cancelled

    # What the worker's client calls: see `JobListener`.

    def started(self) -> None: ...

    def prepared(self, preview: Any) -> None: ...

    def progress(self, progress: Progress) -> None:
        if self._waiting_start is not None:
            self._on_progress(progress)

    def done(self, result: Any) -> None:
        self._finished()

    def failed(self, error: UserError) -> None:
        # Not said before Register is pressed, which meets it again; and not tried again before something changes.
        self._finished()

    def cancelled(self) -> None:
        self.forget()
        on_cancelled = self._on_cancelled if self._waiting_start is not None else None
        self._end()
        if on_cancelled is not None:
            on_cancelled()

    def _begin(self) -> None:
        if self._paused or (self._worker.state == "busy" and self._running is None):
            return
        try:
            request = self._request()
        except InputError:
            return
        if request is None or _key(request) == self._prepared:
            return
        if self._running is not None:
            if self._running.cta_key == request.cta_key:
                # The CTA is the long part of it; looked at again when it is done.
                return
            self._worker.cancel()
        self._running = request
        try:
            self._worker.prepare(request, self)
        except OSError:
            self._running = None

    def _finished(self) -> None:
        if self._running is not None:
            self.remember(self._running)
        start = self._end()
        if start is not None:
            start()
        else:
            self.changed()

    def _end(self) -> Callable[[], None] | None:
        self._running = None
        start, self._waiting_start = self._waiting_start, None
        return start


def _key(request: RegistrationRequest) -> str:
    """What the worker would remember of it."""
    masks = (request.cta_vessels, request.cta_veins, *request.dsa_vessels, *request.dsa_veins)
    return repr((request.cta_key, request.dsa_keys, [None if mask is None else mask.key for mask in masks]))
