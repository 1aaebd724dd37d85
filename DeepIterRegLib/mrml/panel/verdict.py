"""The verdict on a registration as a person reads it at a glance: a word, a colour, a number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from DeepIterRegLib.common.confidence import percent

Rgb = tuple[int, int, int]
COLOURS: dict[str, tuple[Rgb, Rgb]] = {
    "registered": ((36, 118, 48), (255, 255, 255)),
    "check": ((250, 190, 40), (0, 0, 0)),
    "wrong": ((190, 28, 28), (255, 255, 255)),
    "none": ((96, 104, 112), (255, 255, 255)),
}
"""Ground and ink, as legible on Slicer's light panel as on its dark one and over an angiogram."""


@dataclass(frozen=True)
class ShownVerdict:
    """What the panel and the corner of a DSA's view show."""

    sentence: str
    """For the panel."""
    short: str
    """For the corner of a view."""
    ground: Rgb
    ink: Rgb

    @property
    def style(self) -> str:
        """Of a QLabel."""
        ground, ink = ("#{:02x}{:02x}{:02x}".format(*colour) for colour in (self.ground, self.ink))
        return f"background: {ground}; color: {ink}; font-weight: bold; padding: 5px; border-radius: 3px;"


def verdict_of(report: Mapping[str, Any], adjusted: bool, translate: Callable[[str], str] = str) -> ShownVerdict:
    """Of a registration's report. adjusted: somebody moved the head since, of which the report knows nothing."""
    _ = translate
    confidence = report.get("confidence")
    if adjusted:
        sentence = _("Moved by hand: judge it by eye.")
        if confidence is not None:
            sentence = _("Moved by hand: judge it by eye. The automatic result was: {verdict}.").format(
                verdict=_word(confidence["verdict"], _)
            )
        return ShownVerdict(sentence, _("Moved by hand"), *COLOURS["none"])
    if confidence is None:
        by_hand = report["method"] == "by hand"
        sentence = _("Not registered: place it by hand.") if by_hand else _("No verdict: judge it by eye.")
        return ShownVerdict(sentence, _("Not registered") if by_hand else _("No verdict"), *COLOURS["none"])
    verdict, sure = confidence["verdict"], percent(confidence["probability"])
    sentence = {
        "registered": _("Good: {sure} sure to be within 5\u00a0mm"),
        "check": _("Check: {sure} sure to be within 5\u00a0mm"),
        "wrong": _("Wrong: {sure} sure to be within 5\u00a0mm"),
    }[verdict]
    return ShownVerdict(sentence.format(sure=sure), f"{_word(verdict, _)} {sure}", *COLOURS[verdict])


def uncertainty_text(report: Mapping[str, Any], translate: Callable[[str], str] = str) -> str:
    """How exact a result is if it is right; nothing where it most probably is not."""
    _ = translate
    confidence = report.get("confidence")
    if confidence is None or confidence["verdict"] == "wrong":
        return ""
    numbers = (confidence["across_mm"], confidence["along_mm"], confidence["rotation_deg"])
    if any(number is None for number in numbers):
        return ""
    sentence = _("If right: ± {across:.1f} mm across, ± {along:.1f} mm along the beam, ± {turn:.1f}°")
    for apart, together in (("± ", "±\u00a0"), (" mm", "\u00a0mm")):
        sentence = sentence.replace(apart, together)
    return sentence.format(across=numbers[0], along=numbers[1], turn=numbers[2])


def _word(verdict: str, translate: Callable[[str], str]) -> str:
    _ = translate
    return {"registered": _("Good"), "check": _("Check"), "wrong": _("Wrong")}[verdict]
