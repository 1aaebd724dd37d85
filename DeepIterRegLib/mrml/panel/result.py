"""What came out: the verdict, what to know before relying on it; under Details by what, how far, how long."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.mrml.adjust.pose_editor import SAME_POSE
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase
from DeepIterRegLib.mrml.panel.services import Services
from DeepIterRegLib.mrml.panel.verdict import uncertainty_text, verdict_of
from DeepIterRegLib.mrml.panel.verdict_in_views import VerdictInViews
from DeepIterRegLib.registration.report import compared_terms

EMPTY = "–"
LIST_STYLE = "margin-top:2px; margin-bottom:0px; margin-left:-24px"


class ResultSection:
    """Shows the report that a registration left in the scene, the verdict first. ui: the widgets of Result.ui."""

    def __init__(self, ui: Any, services: Services) -> None:
        self._ui = ui
        self._ = services.translate
        self._case: RegisteredCase | None = None
        self._selected: Sequence[Any] = ()
        self._adjusted = False
        self._busy = False
        self._in_views = VerdictInViews(services)
        ui.appliedCheckBox.connect("toggled(bool)", self._apply)
        self.show(None)

    def show(self, case: RegisteredCase | None) -> None:
        """Show a registration, or that there is none."""
        self._case = case
        self._adjusted = case is not None and is_adjusted(case)
        ui = self._ui
        report = None if case is None else case.report
        ui.transformLabel.text = EMPTY if case is None else case.pose_node.GetName()
        ui.similarityLabel.text = EMPTY if report is None else similarity_text(report, self._)
        ui.movedLabel.text = EMPTY if report is None else moved_text(report, self._)
        ui.durationLabel.text = EMPTY if report is None else duration_text(report, self._)
        assumed = "" if report is None else assumed_text(report, self._)
        self._say(ui.assumedLabel, assumed)
        ui.assumedCaption.visible = bool(assumed)
        before = ui.appliedCheckBox.blockSignals(True)
        ui.appliedCheckBox.checked = case is not None and case.is_applied
        ui.appliedCheckBox.blockSignals(before)
        self._show_verdict()
        self._enable()

    def show_adjusted(self, adjusted: bool) -> None:
        """The head was moved by hand, or is back where it was found."""
        if adjusted != self._adjusted:
            self._adjusted = adjusted
            self._show_verdict()

    def show_selected(self, dsas: Sequence[Any]) -> None:
        """Other DSAs were selected: a result of others says so. dsas: the sequences behind proxies."""
        if list(dsas) != list(self._selected):
            self._selected = tuple(dsas)
            self._show_verdict()

    def busy(self, running: bool) -> None:
        """Leave the CTA where it is while a registration runs."""
        self._busy = running
        self._enable()

    def close(self) -> None:
        """Take the verdict out of the views."""
        self._in_views.close()

    def _show_verdict(self) -> None:
        ui, case = self._ui, self._case
        verdict = None if case is None else verdict_of(case.report, self._adjusted, self._)
        ui.verdictLabel.text = self._("Nothing is registered yet.") if verdict is None else verdict.sentence
        ui.verdictLabel.styleSheet = "" if verdict is None else verdict.style
        self._say(ui.uncertaintyLabel, "" if case is None or self._adjusted else uncertainty_text(case.report, self._))
        self._say(ui.ofLabel, "" if case is None else self._of_text(case))
        self._say(ui.warningsLabel, "" if case is None else notes_html(self._notes(case), self._))
        self._in_views.show(case, verdict)

    def _of_text(self, case: RegisteredCase) -> str:
        """Which images the result is of; that others are selected."""
        names = self._(" and ").join(view.dsa.GetName() for view in case.views)
        by = went_by(case.report, self._)
        sentence = self._("{cta} on {dsas}, by {by}.") if by else self._("{cta} on {dsas}.")
        text = sentence.format(cta=case.cta.GetName(), dsas=names, by=by)
        if case.report.get("method") == "carried":
            text = f"{text} {carried_text(case.report, self._)}"
        if [node for node in self._selected if node is not None] not in ([], [view.dsa for view in case.views]):
            return self._("{of} Another DSA is selected, which is not registered yet.").format(of=text)
        return text

    def _notes(self, case: RegisteredCase) -> list[str]:
        """What to know before relying on it, what decides first: what makes the verdict doubtful, then what was found
        at the result, then what was found in the images, which the report lists in the order of time."""
        confidence = case.report.get("confidence")
        doubts = [] if confidence is None or confidence["verdict"] == "registered" else list(confidence["reasons"])
        notes = [*doubts, *reversed(case.report["warnings"])]
        if self._is_stale():
            notes.insert(0, self._("The CTA was moved or hardened after it was registered; register it again."))
        return list(dict.fromkeys(notes))

    def _say(self, label: Any, text: str) -> None:
        label.text = text
        label.visible = bool(text)

    def _enable(self) -> None:
        self._ui.appliedCheckBox.enabled = self._case is not None and not self._busy and not self._is_stale()

    def _is_stale(self) -> bool:
        return self._case is not None and self._case.cta_has_moved

    def _apply(self, applied: bool) -> None:
        if self._case is not None:
            self._case.apply_to_cta(applied)


def is_adjusted(case: RegisteredCase) -> bool:
    """Whether the head is elsewhere than the last computation found it."""
    try:
        return bool(np.abs(case.pose - case.automatic_pose).max() > SAME_POSE)
    except InputError:
        return True


def went_by(report: Mapping[str, Any], translate: Any = str) -> str:
    """By what of the head it was registered; nothing where nobody did, or the report does not tell."""
    _ = translate
    return {
        ("vessels", "skull"): _("vessels and skull"), ("vessels",): _("the vessels"), ("skull",): _("the skull"),
    }.get(() if report.get("method") in ("by hand", "carried") else compared_terms(report), "")  # fmt: skip


def carried_text(report: Mapping[str, Any], translate: Any = str) -> str:
    """Which run a carried pose comes from."""
    _ = translate
    origin = report.get("carried_from") or {}
    first, second = origin.get("primary_angle_deg"), origin.get("secondary_angle_deg")
    if first is None or second is None:
        return _("Carried over from another run, not registered.")
    side = _("LAO {angle:.0f}°") if first >= 0 else _("RAO {angle:.0f}°")
    tilt = _("CRA {angle:.0f}°") if second >= 0 else _("CAU {angle:.0f}°")
    return _("Carried over from the run at {side}, {tilt}, not registered.").format(
        side=side.format(angle=abs(first)), tilt=tilt.format(angle=abs(second))
    )


def similarity_text(report: Mapping[str, Any], translate: Any = str) -> str:
    """By what the head was registered; then for each DSA the NCC of DRR and DSA before and after, where both show
    vessels, and how well the skull agrees, where both show it."""
    _ = translate
    several = len(report["angiograms"]) > 1
    sure = (report.get("confidence") or {"verdict": "registered"})["verdict"] == "registered"
    sure = sure and report.get("method") != "carried"
    by = {
        ("vessels", "skull"): _("Registered by vessels and skull") if sure else _("Compared: vessels and skull"),
        ("vessels",): _("Registered by the vessels") if sure else _("Compared: the vessels"),
        ("skull",): _("Registered by the skull") if sure else _("Compared: the skull"),
    }.get(compared_terms(report))
    lines = [] if by is None else [by]
    for number, view in enumerate(report["angiograms"], start=1):
        name = _("DSA {number}: ").format(number=number) if several else ""
        before, after = (EMPTY if view[key] is None else two_digits(view[key]) for key in ("ncc_before", "ncc_after"))
        skulls = [term for term in report.get("terms", ()) if (term["term"], term["angiogram"]) == ("skull", number)]
        if view["ncc_after"] is not None or not skulls:
            lines.append(_("{name}{before} before, {after} after").format(name=name, before=before, after=after))
        for term in skulls:
            value = EMPTY if term["similarity"] is None else two_digits(term["similarity"])
            line = _("{name}skull {value} ({seen_in})")
            lines.append(line.format(name=name, value=value, seen_in=seen_in_text(term["seen_in"], _)))
    return "\n".join(lines)


def seen_in_text(seen_in: str, translate: Any = str) -> str:
    """What of a DSA shows the skull; what is not known keeps its name."""
    _ = translate
    return {
        "mask frame": _("in the mask frame"),
        "native image": _("in the X-ray"),
        "noise": _("in the noise of the DSA"),
    }.get(seen_in, seen_in)


def moved_text(report: Mapping[str, Any], translate: Any = str) -> str:
    """How far the CTA moved: centre, rotation, and mean shift on each detector."""
    _ = translate
    moved = report["moved"]
    lines = [_("{shift:.1f} mm, turned by {angle:.1f}°").format(
        shift=moved["translation_mm"], angle=moved["rotation_deg"]
    )]  # fmt: skip
    several = len(report["angiograms"]) > 1
    for number, view in enumerate(report["angiograms"], start=1):
        if view["moved_px"] is not None:
            on = _(" on DSA {number}").format(number=number) if several else _(" on the DSA")
            lines.append(f"{view['moved_px']:.0f} px ({view['moved_mm']:.1f} mm){on}")
    return "\n".join(lines)


def duration_text(report: Mapping[str, Any], translate: Any = str) -> str:
    """Seconds of the preparation and of the registration, and the device."""
    _ = translate
    seconds = report["seconds"]
    sentence = _("{register:.1f} s, after {prepare:.1f} s to prepare the images ({device})")
    return sentence.format(
        register=seconds.get("register", 0.0), prepare=seconds.get("prepare", 0.0), device=report["device"].upper()
    )


def assumed_text(report: Mapping[str, Any], translate: Any = str) -> str:
    """What of each DSA's geometry no tag says."""
    _ = translate
    several = len(report["angiograms"]) > 1
    lines = []
    for number, view in enumerate(report["angiograms"], start=1):
        name = _("DSA {number}: ").format(number=number) if several else ""
        lines += [f"{name}{sentence}" for sentence in view.get("assumed", ())]
    return "\n".join(lines)


def notes_html(notes: Sequence[str], translate: Any = str) -> str:
    """The notes as a list, escaped."""
    _ = translate
    if not notes:
        return ""
    lines = [f"<li>{html.escape(note)}</li>" for note in notes]
    heading = _("Please note")
    return f"<b>{html.escape(heading)}</b><ul style='{LIST_STYLE}'>{''.join(lines)}</ul>"


def two_digits(value: float) -> str:
    """Without the sign of a number that is rounded to nothing."""
    return f"{round(value, 2) + 0.0:.2f}"
