"""The similarity measures by name, for options and tables: importing them loads nothing."""

from __future__ import annotations

NCC = "ncc"
MUTUAL_INFORMATION = "mutual_information"
NORMALIZED_MUTUAL_INFORMATION = "normalized_mutual_information"
DICE = "dice"
GRADIENT_CORRELATION = "gradient_correlation"
GRADIENT_DIFFERENCE = "gradient_difference"
PATTERN_INTENSITY = "pattern_intensity"

SIMILARITY_NAMES = (
    NCC,
    MUTUAL_INFORMATION,
    NORMALIZED_MUTUAL_INFORMATION,
    DICE,
    GRADIENT_CORRELATION,
    GRADIENT_DIFFERENCE,
    PATTERN_INTENSITY,
)
"""Every measure there is, the default of the published method first."""
