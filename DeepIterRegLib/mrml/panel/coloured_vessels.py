"""What colours the vessels in 3D: arteries and veins, what filled in this run, or when contrast arrives; the legend."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.filling.branch_map import BranchMap
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase
from DeepIterRegLib.mrml.panel.services import Services
from DeepIterRegLib.mrml.panel.verdict_in_views import pose_or_none
from DeepIterRegLib.mrml.views.coloured_vessels import (
    arrival_limits,
    colour_by,
    coloured_by,
    has_map,
    keep_map_steps,
)
from DeepIterRegLib.registration.overlay_look import Colour
from DeepIterRegLib.registration.vessel_colours import (
    EMPTY_ORANGE,
    FILLED_BLUE,
    UNKNOWN_GREY,
    UNSURE_PINK,
    ColouredBy,
    arrival_colours,
)

FindFilled = Callable[[FloatArray, Callable[[BranchMap], None]], None]
"""Asks what the selected runs fill at a pose; `RegisterSection.find_filled`."""
BUTTONS: dict[ColouredBy, str] = {"kind": "byKindButton", "filled": "byFilledButton", "arrival": "byArrivalButton"}
SQUARE = "\u25a0"


class ColouredVessels:
    """Three radio buttons of Overlay.ui and the legend below them.

    find_filled: asks the worker, which takes seconds. make: makes the surfaces, in turns of the event loop; called with
    what is to be done once they are there.
    """

    def __init__(
        self,
        ui: Any,
        services: Services,
        find_filled: FindFilled | None,
        make: Callable[[Callable[[RegisteredCase], Iterator[None]]], None],
    ) -> None:
        self._ui = ui
        self._ = services.translate
        self._find_filled = find_filled
        self._make = make
        self._case: RegisteredCase | None = None
        self._selected: Sequence[Any] | None = None
        self._shows = False
        for by, name in BUTTONS.items():
            getattr(ui, name).connect("toggled(bool)", lambda on, by=by: self._chosen(by) if on else None)

    def show(self, case: RegisteredCase | None) -> None:
        """Let the buttons and the legend say how the vessels are coloured. Colours of another pose are taken off."""
        self._case = case
        by: ColouredBy = "kind"
        if case is not None:
            by = coloured_by(case)
            if by != "kind" and not (pose_or_none(case) is not None and has_map(case)):
                colour_by(case, "kind")
                by = "kind"
        self._say(by)

    def show_selected(self, dsas: Sequence[Any]) -> None:
        """The selected DSAs: only of the registered ones it can be asked what they fill."""
        self._selected = [node for node in dsas if node is not None]
        self._enable()

    def _chosen(self, by: ColouredBy) -> None:
        case = self._case
        if self._shows or case is None:
            return
        pose = pose_or_none(case)
        if by == "kind" or (pose is not None and has_map(case)):
            colour_by(case, by)
            self._say(by)
            return
        self._say(coloured_by(case))
        if pose is not None and self._find_filled is not None and self._can_ask():
            self._find_filled(pose, lambda found: self._found(found, by))

    def _found(self, found: BranchMap, by: ColouredBy) -> None:
        def coloured(case: RegisteredCase) -> Iterator[None]:
            yield from keep_map_steps(case, found)
            colour_by(case, by)
            self._say(by)

        self._make(coloured)

    def _can_ask(self) -> bool:
        case = self._case
        if case is None or case.bones_first:
            return False
        return self._selected is None or list(self._selected) == [view.dsa for view in case.views]

    def _say(self, by: ColouredBy) -> None:
        self._shows = True
        try:
            getattr(self._ui, BUTTONS[by]).checked = True
        finally:
            self._shows = False
        legend = "" if self._case is None else legend_html(by, arrival_limits(self._case), self._)
        self._ui.colourLegendLabel.text = legend
        self._ui.colourLegendLabel.visible = bool(legend)
        self._enable()

    def _enable(self) -> None:
        case = self._case
        known = case is not None and pose_or_none(case) is not None and has_map(case)
        for by in ("filled", "arrival"):
            possible = known or (self._find_filled is not None and self._can_ask())
            getattr(self._ui, BUTTONS[by]).enabled = possible


def legend_html(by: ColouredBy, limits: tuple[float, float, str] | None, translate: Callable[[str], str] = str) -> str:
    """What the colours mean; nothing where they are the overlay's."""
    _ = translate
    if by == "filled":
        words = ((FILLED_BLUE, _("filled")), (UNSURE_PINK, _("cannot tell")), (EMPTY_ORANGE, _("not filled")))
        return " ".join(f"{_square(colour)} {html.escape(word)}" for colour, word in words)
    if by == "arrival":
        not_known = _("not known")
        unknown = f"{_square(UNKNOWN_GREY)} {html.escape(not_known)}"
        if limits is None:
            return unknown
        first, last, unit = limits
        form = _("{time:.1f} s") if unit == "s" else _("frame {time:.0f}")
        first_text, last_text = (form.format(time=time + (unit != "s")) for time in (first, last))
        scale = "".join(map(_square, arrival_colours(np.linspace(first, last, 9), (first, last)).tolist()))
        return f"{html.escape(first_text)} {scale} {html.escape(last_text)} {unknown}"
    return ""


def _square(colour: Colour | Sequence[float]) -> str:
    text = "#{:02x}{:02x}{:02x}".format(*(round(255 * part) for part in colour))
    return f"<span style='color:{text}'>{SQUARE}</span>"
