"""The stages of a registration by the names that `Progress.stage`, reports and saved scenes carry.

The panel says each in the user's language (`mrml/panel/stage_messages.py`).
"""

from __future__ import annotations

READING = "Reading the images"
SEGMENTING_DSA = "Segmenting the DSA"
FINDING_HEAD = "Finding the head"
REMOVING_BONE = "Removing bone"
FINDING_VESSELS = "Finding the vessels"
FINDING_VEINS = "Finding the veins"
OUTLINING_VESSELS = "Outlining the vessels"
SAMPLING_VESSELS = "Sampling the vessels"
STARTING_POSE = "Starting pose"
INITIALIZER = "Initializer"
POSE_SEARCH = "Search for the head"
COARSE_ALIGNMENT = "Coarse alignment"
WHAT_FILLED = "What filled"
VESSEL_ALIGNMENT = "Vessel alignment"
FINE_ALIGNMENT = "Fine alignment"
VESSEL_MASKS = "Vessel masks"
MINIMUM_PROJECTION = "Minimum projection"
C_ARM_ANGLES = "C-arm angles"
CARRIED_POSE = "Carried pose"
REGISTERED = "Registered"

STAGE_NAMES = tuple(value for name, value in list(globals().items()) if name.isupper() and isinstance(value, str))
"""All of them, in the order in which they come."""
