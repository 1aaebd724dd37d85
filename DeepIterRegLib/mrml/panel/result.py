"""What came out: by what it was registered, how well that agrees, how far the CTA moved, warnings, time."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from DeepIterRegLib.common.confidence import percent
from DeepIterRegLib.mrml.nodes.registered_case import RegisteredCase
from DeepIterRegLib.mrml.panel.services import Services
from DeepIterRegLib.registration.report import compared_terms

EMPTY = "–"
LIST_STYLE = "margin-top:2px; margin-bottom:0px; margin-left:-24px"


class ResultSection:
    """Shows the report that a registration left in the scene. ui: the widgets of Result.ui."""

    def __init__(self, ui: Any, services: Services) -> None:
        self._ui = ui
        self._ = services.translate
        self._case: RegisteredCase | None = None
        self._busy = False
        ui.appliedCheckBox.connect("toggled(bool)", self._apply)
        self.show(None)

    def show(self, case: RegisteredCase | None) -> None:
        """Show a registration, or that there is none."""
        self._case = case
        ui = self._ui
        report = None if case is None else case.report
        ui.transformLabel.text = EMPTY if case is None else case.pose_node.GetName()
        ui.similarityLabel.text = EMPTY if report is None else similarity_text(report, self._)
        ui.movedLabel.text = EMPTY if report is None else moved_text(report, self._)
        ui.durationLabel.text = EMPTY if report is None else duration_text(report, self._)
        warnings = [] if report is None else list(report["warnings"])
        if self._is_stale():
            warnings.insert(0, self._("The CTA was moved or hardened after it was registered; register it again."))
        ui.warningsLabel.text = warnings_html(warnings, self._)
        ui.warningsLabel.visible = bool(warnings)
        confidence = None if report is None else report.get("confidence")
        for widget in (ui.confidenceLabel, ui.confidenceCaption):
            widget.visible = confidence is not None
        ui.confidenceLabel.text = "" if confidence is None else confidence_text(confidence, self._)
        before = ui.appliedCheckBox.blockSignals(True)
        ui.appliedCheckBox.checked = case is not None and case.is_applied
        ui.appliedCheckBox.blockSignals(before)
        self._enable()

    def busy(self, running: bool) -> None:
        """Leave the CTA where it is while a registration runs."""
        self._busy = running
        self._enable()

    def close(self) -> None:
        """Nothing is observed; the scene is asked whenever something is shown."""

    def _enable(self) -> None:
        self._ui.appliedCheckBox.enabled = self._case is not None and not self._busy and not self._is_stale()

    def _is_stale(self) -> bool:
        return self._case is not None and self._case.cta_has_moved

    def _apply(self, applied: bool) -> None:
        if self._case is not None:
            self._case.apply_to_cta(applied)


def similarity_text(report: Mapping[str, Any], translate: Any = str) -> str:
    """By what the head was registered; then for each DSA the NCC of DRR and DSA before and after, where both show
    vessels, and how well the skull agrees, where both show it."""
    _ = translate
    several = len(report["angiograms"]) > 1
    sure = (report.get("confidence") or {"verdict": "registered"})["verdict"] == "registered"
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


def confidence_text(confidence: Mapping[str, Any], translate: Any = str) -> str:
    """The verdict and how sure it is, then why."""
    _ = translate
    sentence = {
        "registered": _("Registered: {sure} sure to be within 5 mm"),
        "check": _("CHECK before you rely on it: {sure} sure to be within 5 mm"),
        "wrong": _("PROBABLY WRONG: {sure} sure to be within 5 mm"),
    }[confidence["verdict"]]
    return "\n".join([sentence.format(sure=percent(confidence["probability"])), *confidence["reasons"]])


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


def warnings_html(warnings: Sequence[str], translate: Any = str) -> str:
    """The warnings as a list, escaped."""
    _ = translate
    if not warnings:
        return ""
    lines = [f"<li>{html.escape(warning)}</li>" for warning in warnings]
    heading = _("Please note")
    return f"<b>{html.escape(heading)}</b><ul style='{LIST_STYLE}'>{''.join(lines)}</ul>"


def two_digits(value: float) -> str:
    """Without the sign of a number that is rounded to nothing."""
    return f"{round(value, 2) + 0.0:.2f}"
