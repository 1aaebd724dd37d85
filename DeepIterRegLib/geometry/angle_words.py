"""The C-arm's angles in the words in which they are dialled."""

from __future__ import annotations


def angle_words(primary_deg: float, secondary_deg: float) -> str:
    """As radiologists say them, whole degrees: "LAO 30, CRA 10"."""
    sides = "RAO" if primary_deg < 0 else "LAO", "CAU" if secondary_deg < 0 else "CRA"
    return f"{sides[0]} {abs(primary_deg):.0f}, {sides[1]} {abs(secondary_deg):.0f}"
