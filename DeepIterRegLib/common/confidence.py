"""How sure a registration is, as it travels. Importing it loads nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy.typing as npt

Verdict: TypeAlias = Literal["registered", "check", "wrong"]


@dataclass(frozen=True, eq=False)
class Confidence:
    """What may be expected of a result, and why."""

    probability: float
    """That the mean projection error is below 5 mm, 0 to 1."""
    probability_2mm: float
    """The same below 2 mm."""
    verdict: Verdict
    """"registered"; "check": look before you rely on it; "wrong": most probably it is."""
    across_mm: float
    """Standard deviations, if the head was found at all: across the beam, at its centre, the larger direction,"""
    along_mm: float
    """along the beam,"""
    rotation_deg: float
    """and of the rotation, about the worst axis."""
    covariance: npt.NDArray
    """(6, 6) of rotation (rad) and translation (mm) about the head's centre, C-arm axes (`PivotedCorrection`)."""
    reasons: tuple[str, ...]
    """What weighed most, a sentence each; the first weighed most."""
    model: str
    """SHA-256 of the model's numbers."""


def percent(probability: float) -> str:
    """For people: nothing is quite certain, and nothing quite impossible."""
    if probability > 0.99:
        return "over 99 %"
    return "under 1 %" if probability < 0.01 else f"{100 * probability:.0f} %"
