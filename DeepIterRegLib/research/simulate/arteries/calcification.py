"""Calcified plaques in the walls of carotids and vertebral arteries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.vessels.vessel import Vessel

HU = (600.0, 1200.0)
SIPHON_MM = (8.0, 46.0)
"""Before the carotid's end."""
BULB_MM = 14.0
"""From the carotid's beginning, where the tree has its neck."""
NECK_LENGTH_MM = 110.0
"""A carotid shorter than this has no bulb."""
SHARES = {"siphon": 0.75, "bulb": 0.6, "V4": 0.25}
"""Of patients of about 70 who have any there; rounded from general radiology texts, each side drawn for itself."""


@dataclass(frozen=True, eq=False)
class Plaque:
    """Grains of chalk in a wall."""

    where: str
    """ "siphon left", "bulb right", ... """
    points_mm: FloatArray
    """(N, 3), head's frame."""
    radii_mm: FloatArray
    """(N,)."""
    hu: float


def draw_plaques(vessels: Sequence[Vessel], rng: np.random.Generator) -> list[Plaque]:
    """The plaques of one patient, on arteries with canonical names ("ICA ...", "V4 ..."); none where there are none."""
    burden = float(rng.beta(1.6, 1.6))
    plaques: list[Plaque] = []
    for vessel in vessels:
        kind = vessel.name.split()[0]
        if vessel.is_vein or kind not in ("ICA", "V4"):
            continue
        along = vessel.arc_mm
        length = along[-1]
        spans = {"V4": (0.1 * length, 0.9 * length)}
        if kind == "ICA":
            spans = {"siphon": (max(length - SIPHON_MM[1], 0), max(length - SIPHON_MM[0], 0))}
            if length > NECK_LENGTH_MM:
                spans["bulb"] = (0.0, BULB_MM)
        for where, (low, high) in spans.items():
            if rng.random() > SHARES[where] * (0.4 + 1.2 * burden):
                continue
            for _ in range(int(1 + rng.poisson(2.5 * burden))):
                at = float(rng.uniform(low, high))
                plaques.append(_plaque(f"{where} {vessel.side}", vessel, along, at, burden, rng))
    return plaques


def _plaque(
    where: str, vessel: Vessel, along: FloatArray, at_mm: float, burden: float, rng: np.random.Generator
) -> Plaque:  # fmt: skip
    """A strip of wall, `at_mm` along the vessel, around a random part of its circumference."""
    half_length = float(rng.uniform(0.6, 1.5 + 2.5 * burden))
    index = np.flatnonzero(np.abs(along - at_mm) <= half_length)
    if not len(index):
        index = np.array([int(np.abs(along - at_mm).argmin())])
    tangent = np.gradient(vessel.points_mm, axis=0)[index]
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    first = np.cross(tangent, rng.normal(size=3))
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(tangent, first)
    spread = float(rng.uniform(0.3, 0.6 + 1.2 * burden))
    angles = np.arange(-spread, spread + 1e-6, 0.35)
    thickness = float(rng.uniform(0.3, 0.9))
    reach = vessel.radii_mm[index] + 0.1
    points = [
        vessel.points_mm[index] + reach[:, None] * (np.cos(angle) * first + np.sin(angle) * second) for angle in angles
    ]
    positions = np.concatenate(points)
    radii = thickness * rng.uniform(0.6, 1.1, len(positions))
    return Plaque(where, positions, radii, float(rng.uniform(*HU)))
