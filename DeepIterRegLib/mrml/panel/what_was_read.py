"""What the selected images are read as: the page of `deepiterreg inspect`, to be looked at, copied and sent.

The page itself is not translated: it goes to whoever is asked for help.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from DeepIterRegLib.common.errors import InputError, UserError
from DeepIterRegLib.common.progress import Progress
from DeepIterRegLib.mrml.panel import background_preparation
from DeepIterRegLib.mrml.panel.background_preparation import images_key
from DeepIterRegLib.mrml.panel.messages import told
from DeepIterRegLib.mrml.panel.services import Services
from DeepIterRegLib.mrml.worker_client.client import JobListener
from DeepIterRegLib.mrml.worker_client.request import RegistrationRequest

EARLIER_MS = 100
"""Than the preparation of the same images, which takes longer."""


class WhatWasRead:
    """Shows the page while its part of Inputs is open; closed, nothing is read. Implements `JobListener`.

    ui: the widgets of Inputs.ui. request: the selected images, None while a CTA or a DSA is not selected; it may raise
    InputError. inspect: `BackgroundPreparation.inspect`.
    """

    def __init__(
        self,
        ui: Any,
        services: Services,
        request: Callable[[], RegistrationRequest | None],
        inspect: Callable[[RegistrationRequest, JobListener], None],
    ) -> None:
        self._ui = ui
        self._services = services
        self._ = services.translate
        self._request = request
        self._inspect = inspect
        self._asked = ""
        """The key of the images that the worker was asked for."""
        self._is_answered = False
        self._changes = 0
        self._busy = self._is_closed = False
        ui.whatWasReadButton.connect("contentsCollapsed(bool)", lambda collapsed: self._look())
        ui.copyPageButton.connect("clicked()", self._copy)
        self._show("", "")

    def changed(self) -> None:
        """Something was selected or typed in."""
        self._changes += 1
        change = self._changes
        after_ms = background_preparation.QUIET_MS - EARLIER_MS
        self._services.call_later(lambda: self._look() if change == self._changes else None, after_ms)

    def show(self, case: Any) -> None:
        """Another scene, or other images."""
        self.changed()

    def busy(self, running: bool) -> None:
        """Nothing is read while a registration runs; what was asked before it may have been ended by it."""
        self._busy = running
        if not running:
            if not self._is_answered:
                self._asked = ""
            self.changed()

    def close(self) -> None:
        """Ask for nothing any longer."""
        self._is_closed = True

    # What the worker's client calls: see `JobListener`.

    def started(self) -> None: ...

    def prepared(self, preview: Any) -> None: ...

    def progress(self, progress: Progress) -> None: ...

    def done(self, result: Any) -> None:
        if self._asked:
            self._is_answered = True
            self._show(str(result["page"]), "")

    def failed(self, error: UserError) -> None:
        if self._asked:
            self._is_answered = True
            self._show("", told(error, self._))

    def cancelled(self) -> None:
        self._forget("")

    def _look(self) -> None:
        """Ask for the page of what is selected, unless it is there or on its way."""
        if self._is_closed or self._busy or self._ui.whatWasReadButton.collapsed:
            return
        try:
            request = self._request()
        except InputError as error:
            self._forget(told(error, self._))
            return
        if request is None:
            self._forget(self._("Select a CTA and a DSA"))
            return
        key = images_key(request)
        if key != self._asked:
            self._asked, self._is_answered = key, False
            self._show("", self._("Reading the images …"))
            self._inspect(request, self)

    def _forget(self, sentence: str) -> None:
        self._asked = ""
        self._show("", sentence)

    def _show(self, page: str, sentence: str) -> None:
        """The page, or why there is none."""
        ui = self._ui
        ui.pageText.plainText = page
        ui.pageText.visible = ui.pageNote.visible = ui.copyPageButton.visible = bool(page)
        ui.readingLabel.text = sentence
        ui.readingLabel.visible = bool(sentence)

    def _copy(self) -> None:
        """All of it, which stays selected for the user to see."""
        self._ui.pageText.selectAll()
        self._ui.pageText.copy()
