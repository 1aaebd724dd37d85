"""The stages of a registration in the words of somebody who waits for it."""

from __future__ import annotations

from collections.abc import Callable


def stage_words(stage: str, translate: Callable[[str], str]) -> str:
    """The sentence part for `Progress.stage`; a stage that is not known keeps its name."""
    return all_stage_words(translate).get(stage, stage)


def all_stage_words(translate: Callable[[str], str]) -> dict[str, str]:
    """By `Progress.stage`."""
    _ = translate
    return {
        "Reading the images": _("Reading the images"),
        "Segmenting the DSA": _("Finding the vessels in the DSA"),
        "Find the head": _("Finding the head in the CTA"),
        "Remove bone": _("Removing bone from the CTA"),
        "Find the vessels": _("Finding the vessels in the CTA"),
        "Find the veins": _("Finding the veins in the CTA"),
        "Outline the vessels": _("Outlining the vessels"),
        "Take the points": _("Preparing the overlay"),
        "Starting pose": _("Starting position"),
        "Initializer": _("Looking for the head by its veins"),
        "Search for the head": _("Searching for the position"),
        "Coarse alignment": _("Aligning, coarse"),
        "Vessel masks": _("Aligning the vessels"),
        "Vessel alignment": _("Aligning the vessels"),
        "Fine alignment": _("Aligning, fine"),
        "Minimum projection": _("Last refinement"),
        "Registered": _("Done"),
    }
