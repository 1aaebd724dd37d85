"""The images are segmented while the user still looks at them: then a press on Register takes a second, not ten.

Quiet: nothing of the scene is changed, and what goes wrong is said when Register is pressed. The worker does one thing
at a time, so what the panel wants to know of the images beside a registration waits here for its turn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from DeepIterRegLib.common.errors import InputError, UserError
from DeepIterRegLib.common.progress import Progress
from DeepIterRegLib.mrml.worker_client.client import JobListener, WorkerClient
from DeepIterRegLib.mrml.worker_client.messages import disk_full
from DeepIterRegLib.mrml.worker_client.request import RegistrationRequest

QUIET_MS = 400
"""How long nothing has to be selected or typed in before it begins: each letter of a number is a change."""
Ask = Callable[[Callable[[JobListener], str], JobListener], None]
"""`BackgroundPreparation.ask`."""


@dataclass(frozen=True, eq=False)
class _Question:
    """Somebody wants to know something of the worker."""

    begin: Callable[[JobListener], str]
    """Gives it to the worker."""
    listener: JobListener
    request: RegistrationRequest | None = None
    """Whose images it is about, where it reads them."""


class BackgroundPreparation:
    """Lets the worker prepare what is selected, and read what is asked for. request: what would be registered now, None
    while something is missing; it may raise InputError. call_later: calls back once, in so many ms. Implements
    `JobListener`.
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
        self._answering: _Question | None = None
        """What runs, where it is no preparation."""
        self._wanted: list[_Question] = []
        """To be begun when the worker is free, one of each listener."""
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
        wanted, self._wanted = self._wanted, []
        for question in wanted:
            question.listener.cancelled()
        if (self._running is not None or self._answering is not None) and self._waiting_start is None:
            self._worker.cancel()

    def resume(self) -> None:
        self._paused = False
        self.changed()

    def remember(self, request: RegistrationRequest) -> None:
        """The worker has these images by now."""
        self._prepared = images_key(request)

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
        """Call `start` as soon as the worker is free: at once, or when the CTA to be registered is prepared or read.

        Another CTA's preparation is ended. on_progress: of the preparation that is waited for. on_cancelled: the worker
        was told to cancel meanwhile; `start` is then not called.
        """
        self._changes += 1
        if self._running is None and self._answering is None:
            start()
        elif self._running is not None and self._running.cta_key != request.cta_key:
            self._worker.cancel()
            start()
        else:
            self._waiting_start, self._on_progress, self._on_cancelled = start, on_progress, on_cancelled

    def inspect(self, request: RegistrationRequest, listener: JobListener) -> None:
        """Let the worker read the images of a request as soon as it is free; its answer goes to the listener.

        A later call takes the place of an earlier one, whose listener hears nothing more.
        """
        self._ask(_Question(lambda to: self._worker.inspect(request, to), listener, request))

    def ask(self, begin: Callable[[JobListener], str], listener: JobListener) -> None:
        """Let the worker do something else as soon as it is free; its answer goes to the listener.

        begin: gives it to the worker, with whoever is to hear of it. A later call of the same listener takes the place
        of an earlier one.
        """
        self._ask(_Question(begin, listener))

    # What the worker's client calls: see `JobListener`.

    def started(self) -> None: ...

    def prepared(self, preview: Any) -> None: ...

    def progress(self, progress: Progress) -> None:
        if self._waiting_start is not None:
            self._on_progress(progress)

    def done(self, result: Any) -> None:
        self._finished(lambda listener: listener.done(result))

    def failed(self, error: UserError) -> None:
        # A preparation's is not said before Register is pressed, which meets it again; and it is not tried again before
        # something changes.
        if self._answering is not None:
            # The worker may be another one from now on.
            self.forget()
        self._finished(lambda listener: listener.failed(error))

    def cancelled(self) -> None:
        self.forget()
        on_cancelled = self._on_cancelled if self._waiting_start is not None else None
        answering = self._answering
        self._end()
        self._tell(answering, lambda listener: listener.cancelled())
        if on_cancelled is not None:
            on_cancelled()

    def _begin(self) -> None:
        if self._paused or (self._worker.state == "busy" and self._running is None):
            return
        if self._running is None and self._begin_question():
            return
        try:
            request = self._request()
        except InputError:
            return
        if request is None or images_key(request) == self._prepared:
            return
        if self._running is not None:
            if self._running.cta_key == request.cta_key:
                # The CTA is the long part of it; looked at again when it is done.
                return
            self._worker.cancel()
        if self._begin_question():
            return
        self._running = request
        try:
            self._worker.prepare(request, self)
        except OSError:
            self._running = None

    def _ask(self, question: _Question) -> None:
        self._wanted = [other for other in self._wanted if other.listener is not question.listener] + [question]
        self._begin_question()

    def _begin_question(self) -> bool:
        """Begin what is wanted, if the worker is free; whether it was begun."""
        if not self._wanted or self._paused or self._worker.state == "busy":
            return False
        question = self._wanted.pop(0)
        self._answering, self._running = question, question.request
        try:
            question.begin(self)
        except OSError:
            self._answering = self._running = None
            question.listener.failed(disk_full())
            return False
        return True

    def _finished(self, tell: Callable[[JobListener], None]) -> None:
        answering = self._answering
        if answering is None and self._running is not None:
            self.remember(self._running)
        start = self._end()
        self._tell(answering, tell)
        if start is not None:
            start()
        elif not self._begin_question():
            self.changed()

    def _tell(self, answered: _Question | None, tell: Callable[[JobListener], None]) -> None:
        """Unless its listener has asked again."""
        if answered is not None and all(other.listener is not answered.listener for other in self._wanted):
            tell(answered.listener)

    def _end(self) -> Callable[[], None] | None:
        self._running = self._answering = None
        start, self._waiting_start = self._waiting_start, None
        return start


def images_key(request: RegistrationRequest) -> str:
    """Equal exactly if the images of a request and their masks are, whatever is to be done with them."""
    masks = (request.cta_vessels, request.cta_veins, *request.dsa_vessels, *request.dsa_veins)
    return repr((request.cta_key, request.dsa_keys, [None if mask is None else mask.key for mask in masks]))
