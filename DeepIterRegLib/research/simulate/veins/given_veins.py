"""Veins that are known, of a real person, in place of those that would be drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from DeepIterRegLib.common.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class GivenVein:
    """The course of one vein, with the blood."""

    points_mm: FloatArray
    """(N, 3)"""
    radii_mm: FloatArray
    """(N,)"""


GivenVeins = Mapping[str, GivenVein]
"""By the names that the generated ones have; what is not in it is generated."""
