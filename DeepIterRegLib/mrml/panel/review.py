"""The blind comparison of the paper: two poses side by side without their names, and five answers."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase
from DeepIterRegLib.mrml.panel.messages import saved_message, told
from DeepIterRegLib.mrml.panel.review_messages import result_text
from DeepIterRegLib.mrml.panel.services import Services
from DeepIterRegLib.mrml.review.candidate import candidate_of
from DeepIterRegLib.mrml.review.session import Candidate, ReviewSession
from DeepIterRegLib.mrml.review.table import add_table, last_table, save_csv
from DeepIterRegLib.mrml.review.views import ReviewViews, register_review_layouts
from DeepIterRegLib.review.scale import SCALE

LAYOUT_MS = 100
"""After which a new arrangement of views has its final size."""


def random_seed() -> int:
    return random.SystemRandom().randrange(2**31)


class ReviewSection:
    """Chooses transforms, shows pairs, keeps the answers as a table in the scene. ui: the widgets of Review.ui."""

    def __init__(
        self,
        ui: Any,
        services: Services,
        new_seed: Callable[[], int] = random_seed,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ui = ui
        self._services = services
        self._ = services.translate
        self._new_seed, self._clock = new_seed, clock
        self._case: RegisteredCase | None = None
        self._busy = False
        self._session: ReviewSession | None = None
        self._views: ReviewViews | None = None
        self._choices = [getattr(ui, f"reviewChoice{number}Button") for number in range(1, len(SCALE) + 1)]
        for choice in self._choices:
            choice.connect("clicked()", self._enable)
        ui.reviewStartButton.connect("clicked()", self.start)
        ui.reviewNextButton.connect("clicked()", self.next)
        ui.reviewCancelButton.connect("clicked()", self.cancel)
        ui.reviewVesselsCheckBox.connect("toggled(bool)", self._show_vessels)
        ui.reviewSaveButton.connect("clicked()", self._save)
        register_review_layouts(services.scene)
        self.show(None)

    @property
    def is_running(self) -> bool:
        return self._session is not None

    def show(self, case: RegisteredCase | None) -> None:
        """Compare transforms of this registration from now on; a comparison of another one ends."""
        same = case is not None and self._case is not None and case.pose_node is self._case.pose_node
        if not same:
            self._end()
            self._say("")
        self._case = case
        self._enable()

    def busy(self, running: bool) -> None:
        """No comparison begins while a registration runs."""
        self._busy = running
        self._enable()

    def close(self) -> None:
        """Bring back the views."""
        self._end()

    def start(self) -> None:
        """Show the first pair, or say why there is none."""
        if self._case is None or self.is_running:
            return
        try:
            session = ReviewSession(self._candidates(self._case), self._new_seed(), self._clock)
            self._views = ReviewViews(self._case, self._services.equalize_views)
        except InputError as error:
            self._say(told(error, self._))
            return
        self._session = session
        self._say("")
        self._show_pair()
        self._services.call_later(self._fit, LAYOUT_MS)

    def next(self) -> None:
        """Keep the answer; show the next pair, or what was what after the last."""
        choice = self._chosen()
        session = self._session
        if session is None or choice is None:
            return
        session.answer(choice, self._ui.reviewCommentEdit.text)
        if not session.is_finished:
            self._show_pair()
            return
        table = add_table(self._services.scene, session)
        self._end()
        self._say(result_text(session, table.GetName(), self._))

    def cancel(self) -> None:
        """End the comparison; asks when answers would be lost."""
        session = self._session
        if session is None:
            return
        if session.answers and not self._services.dialogs.ask(
            self._("End the comparison"),
            self._("The answers given so far are not kept. End the comparison?"),
            self._("End it"),
            self._("Go on"),
        ):
            return
        self._end()
        self._say(self._("Cancelled; the views are as they were."))

    def _candidates(self, case: RegisteredCase) -> list[Candidate]:
        first, second, third = (
            getattr(self._ui, f"review{which}Selector").currentNode() for which in ("First", "Second", "Third")
        )
        chosen = [
            candidate_of(first) if first is not None else Candidate(self._("Automatic result"), case.automatic_pose),
            candidate_of(second) if second is not None else Candidate(self._("Pose as it is now"), case.pose),
        ]
        return chosen if third is None else [*chosen, candidate_of(third)]

    def _show_pair(self) -> None:
        assert self._session is not None
        assert self._views is not None
        left, right = self._session.current
        self._views.show(left.pose, right.pose)
        ui = self._ui
        ui.reviewProgressLabel.text = self._("Comparison {number} of {count}").format(
            number=len(self._session.answers) + 1, count=self._session.count
        )
        is_last = len(self._session.answers) + 1 == self._session.count
        ui.reviewNextButton.text = self._("Finish") if is_last else self._("Next")
        ui.reviewCommentEdit.text = ""
        ui.reviewVesselsCheckBox.checked = True
        for choice in self._choices:
            # A group that excludes one another keeps one of them checked.
            choice.autoExclusive = False
            choice.checked = False
            choice.autoExclusive = True
        self._enable()

    def _chosen(self) -> int | None:
        return next((number for number, choice in enumerate(self._choices, start=1) if choice.checked), None)

    def _show_vessels(self, visible: bool) -> None:
        if self._views is not None:
            self._views.show_vessels(visible)

    def _fit(self) -> None:
        if self._views is not None:
            self._views.fit()

    def _end(self) -> None:
        views, self._views, self._session = self._views, None, None
        if views is not None:
            views.close()
        self._enable()

    def _enable(self) -> None:
        ui = self._ui
        ready = self._case is not None and not self._busy and not self.is_running
        ui.reviewSetup.visible = not self.is_running
        ui.reviewReading.visible = self.is_running
        for widget in (ui.reviewFirstSelector, ui.reviewSecondSelector, ui.reviewThirdSelector, ui.reviewStartButton):
            widget.enabled = ready
        ui.reviewNextButton.enabled = self._chosen() is not None
        ui.reviewSaveButton.visible = not self.is_running and last_table(self._services.scene) is not None

    def _say(self, text: str) -> None:
        self._ui.reviewLabel.text = text
        self._ui.reviewLabel.visible = bool(text)

    def _save(self) -> None:
        table = last_table(self._services.scene)
        if table is None:
            return
        kinds = {".csv": self._("Table, CSV")}
        path = self._services.dialogs.save_file(self._("Save the answers"), "registration_review.csv", kinds)
        if path is None:
            return
        try:
            save_csv(table, path)
        except InputError as error:
            self._say(told(error, self._))
            return
        self._say(saved_message([Path(path)], self._))
