"""*Use this pose*: the registration on show, laid over another run of the unmoved patient; then *Refine*."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase
from DeepIterRegLib.mrml.panel.result import is_adjusted
from DeepIterRegLib.mrml.panel.services import Services
from DeepIterRegLib.registration.report import origin_of
from DeepIterRegLib.registration.result import CarriedFrom


class CarriedPose:
    """Two buttons of Run.ui, each there when it makes sense: the pose can be used on the selected DSA, which is not the
    one it was found on; a carried pose can be refined.

    use: carries a pose. refine: registers from a pose.
    """

    def __init__(
        self,
        ui: Any,
        services: Services,
        *,
        use: Callable[[FloatArray, CarriedFrom], None],
        refine: Callable[[FloatArray], None],
    ) -> None:
        self._ui = ui
        self._ = services.translate
        self._case: RegisteredCase | None = None
        self._selected: Sequence[Any] = ()
        self._busy = False
        self._can_start = False
        self._use, self._refine = use, refine
        ui.usePoseButton.connect("clicked()", self._use_clicked)
        ui.refineCarriedButton.connect("clicked()", self._refine_clicked)
        self.show(None)

    def show(self, case: RegisteredCase | None) -> None:
        """Show a registration, or that there is none."""
        self._case = case
        self._update()

    def show_selected(self, dsas: Sequence[Any]) -> None:
        """The selected DSAs: the sequences behind proxies."""
        self._selected = tuple(node for node in dsas if node is not None)
        self._update()

    def can_start(self, possible: bool) -> None:
        """Whether nothing is missing for a registration of what is selected."""
        self._can_start = possible
        self._update()

    def busy(self, running: bool) -> None:
        """Nothing is carried while the worker has something to do."""
        self._busy = running
        self._update()

    def close(self) -> None:
        self._case = None

    @property
    def _is_another_run(self) -> bool:
        case = self._case
        return case is not None and bool(self._selected) and list(self._selected) != [view.dsa for view in case.views]

    def _update(self) -> None:
        ui, case = self._ui, self._case
        ui.usePoseButton.visible = self._is_another_run
        ui.usePoseButton.enabled = self._can_start and not self._busy
        carried = case is not None and case.report.get("method") == "carried"
        ui.refineCarriedButton.visible = carried and not self._is_another_run
        ui.refineCarriedButton.enabled = self._can_start and not self._busy
        if case is not None:
            names = self._(" and ").join(view.dsa.GetName() for view in case.views)
            ui.usePoseButton.text = self._("Use the pose of {run}").format(run=names)

    def _use_clicked(self) -> None:
        case = self._case
        if case is None:
            return
        try:
            self._use(case.pose, origin_of(case.report, is_adjusted(case)))
        except InputError:
            # The pose is no rigid motion any more, which the other sections say.
            return

    def _refine_clicked(self) -> None:
        case = self._case
        if case is None:
            return
        try:
            self._refine(case.pose)
        except InputError:
            return
