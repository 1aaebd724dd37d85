"""The angles that a C-arm reaches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.errors import InputError

MOST_PRIMARY_DEG, MOST_SECONDARY_DEG = 180.0, 90.0


@dataclass(frozen=True)
class Reach:
    """How far a C-arm turns from frontal, degrees, each positive; in the table's reading, for it is the arm that turns.

    Raises InputError for angles that no C-arm has.
    """

    rao_deg: float
    lao_deg: float
    caudal_deg: float
    cranial_deg: float

    def __post_init__(self) -> None:
        for degrees, most in (
            (self.rao_deg, MOST_PRIMARY_DEG),
            (self.lao_deg, MOST_PRIMARY_DEG),
            (self.caudal_deg, MOST_SECONDARY_DEG),
            (self.cranial_deg, MOST_SECONDARY_DEG),
        ):
            if not 0 <= degrees <= most:
                raise InputError(
                    "A C-arm does not reach {degrees:g} degrees; give RAO and LAO from 0 to 180, CAU and CRA from 0 to"
                    " 90.",
                    degrees=degrees,
                )

    def primary_deg(self, step_deg: float) -> FloatArray:
        """(A,) primary angles from RAO (negative) to LAO, multiples of the step."""
        return _steps(self.rao_deg, self.lao_deg, step_deg)

    def secondary_deg(self, step_deg: float) -> FloatArray:
        """(B,) secondary angles from caudal (negative) to cranial."""
        return _steps(self.caudal_deg, self.cranial_deg, step_deg)


ASSUMED_REACH = Reach(rao_deg=90.0, lao_deg=90.0, caudal_deg=45.0, cranial_deg=45.0)
"""Where nobody says what the system reaches."""


def _steps(below_deg: float, above_deg: float, step_deg: float) -> FloatArray:
    return step_deg * np.arange(-np.floor(below_deg / step_deg), np.floor(above_deg / step_deg) + 1)
