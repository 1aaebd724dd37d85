"""The stages of a registration in the words of somebody who waits for it."""

from __future__ import annotations

from collections.abc import Callable

from DeepIterRegLib.common import stage_names


def stage_message(stage: str, translate: Callable[[str], str]) -> str:
    """The message for `Progress.stage`; a stage that is not known keeps its name."""
    return all_stage_messages(translate).get(stage, stage)


def all_stage_messages(translate: Callable[[str], str]) -> dict[str, str]:
    """By `Progress.stage`."""
    _ = translate
    return {
        stage_names.READING: _("Reading the images"),
        stage_names.SEGMENTING_DSA: _("Finding the vessels in the DSA"),
        stage_names.FINDING_HEAD: _("Finding the head in the CTA"),
        stage_names.REMOVING_BONE: _("Removing bone from the CTA"),
        stage_names.FINDING_VESSELS: _("Finding the vessels in the CTA"),
        stage_names.FINDING_VEINS: _("Finding the veins in the CTA"),
        stage_names.OUTLINING_VESSELS: _("Outlining the vessels in the CTA"),
        stage_names.SAMPLING_VESSELS: _("Sampling the vessels of the CTA"),
        stage_names.STARTING_POSE: _("Starting position"),
        stage_names.INITIALIZER: _("Looking for the head by its veins"),
        stage_names.POSE_SEARCH: _("Searching for the position"),
        stage_names.COARSE_ALIGNMENT: _("Aligning, coarse"),
        stage_names.WHAT_FILLED: _("Finding which vessels filled"),
        stage_names.VESSEL_MASKS: _("Aligning the vessels"),
        stage_names.VESSEL_ALIGNMENT: _("Aligning the vessels"),
        stage_names.FINE_ALIGNMENT: _("Aligning, fine"),
        stage_names.MINIMUM_PROJECTION: _("Last refinement"),
        stage_names.C_ARM_ANGLES: _("Correcting the C-arm's angles"),
        stage_names.CARRIED_POSE: _("Comparing the other run with the pose"),
        stage_names.REGISTERED: _("Done"),
    }
