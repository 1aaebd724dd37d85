"""How bright the contrast of a CT angiogram is in each vessel: phase, mixing, occlusion and collaterals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.research.simulate.arteries.stroke import Stroke, downstream_of, in_clot, past_clot_mm
from DeepIterRegLib.research.simulate.ct.ct_plan import BLOOD_HU, CtPlan
from DeepIterRegLib.research.simulate.vessels.vessel import STEP_MM, Vessel

CLOT_HU = 62.0
"""A fresh red clot is denser than blood."""
COLLATERAL_FILL = (0.0, 0.35, 0.7, 0.92)
"""Enhancement behind the clot relative to before it, per collateral score; a choice, after what the score's classes
(nothing, up to half, more than half, all of the territory fills) look like."""
COLLATERAL_SHARE = (0.0, 0.45, 0.8, 1.0)
"""Of the branches behind the clot that fill at all."""
RETROGRADE_MM = 50.0
"""Collaterals fill a tree from its far end: over this way the enhancement rises from half its value to all of it."""
COLLAPSE = (0.75, 0.8, 0.9, 0.97)
"""Radius behind the clot relative to what it was."""


@dataclass(frozen=True, eq=False)
class Lumen:
    """One vessel as the scan finds it."""

    radii_mm: FloatArray
    """(N,)"""
    hu: FloatArray
    """(N,) of the blood in it, or of the clot."""


def lumens(
    vessels: Sequence[Vessel], stroke: Stroke | None, plan: CtPlan, rng: np.random.Generator
) -> list[Lumen]:  # fmt: skip
    """The lumen of every vessel under `plan`, in order. Each vessel draws the same numbers, whatever the stroke."""
    clot, behind, way = _occlusion(vessels, stroke)
    found = []
    for index, vessel in enumerate(vessels):
        own = float(np.clip(rng.normal(1.0, 0.12 if vessel.is_vein else 0.03), 0.6, 1.3))
        luck = float(rng.random())
        rise = (_vein_hu(vessel, plan) if vessel.is_vein else np.full(len(vessel.radii_mm), plan.artery_hu)) - BLOOD_HU
        rise = rise * (own if not vessel.follows_skull or "sinus" not in vessel.name else 1.0)
        radii = vessel.radii_mm
        if stroke is not None:
            score = stroke.collateral_score
            if vessel.is_vein and vessel.side == stroke.side and stroke.site != "basilar":
                rise = rise * _late_drainage(vessel, score)
            if behind[index].any():
                share = COLLATERAL_FILL[score] * (luck < COLLATERAL_SHARE[score])
                share = share * np.clip(0.5 + 0.5 * (way[index] - stroke.length_mm) / RETROGRADE_MM, 0.5, 1.0)
                rise = np.where(behind[index], rise * share, rise)
                radii = np.where(behind[index], radii * COLLAPSE[score], radii)
            rise = np.where(clot[index], CLOT_HU - BLOOD_HU, rise)
        found.append(Lumen(radii, BLOOD_HU + rise))
    return found


def _occlusion(
    vessels: Sequence[Vessel], stroke: Stroke | None
) -> tuple[list[BoolArray], list[BoolArray], list[FloatArray]]:
    if stroke is None:
        return [], [], []
    behind = [share > 0 for share in downstream_of(stroke, vessels)]
    return in_clot(stroke, vessels), behind, past_clot_mm(stroke, vessels)


def _vein_hu(vessel: Vessel, plan: CtPlan) -> FloatArray:
    """(N,) by the vein's name."""
    count = len(vessel.radii_mm)
    name = vessel.name
    if "jugular" in name:
        # The sinus' blood reaches a poorly filled jugular vein first, and thins out on the way down.
        return np.interp(np.arange(count) * STEP_MM, [0, 25], [plan.sinus_hu, plan.jugular_hu])
    if any(word in name for word in ("internal cerebral", "basal vein", "Galen", "straight", "inferior sagittal")):
        return np.full(count, plan.deep_vein_hu)
    return np.full(count, plan.sinus_hu if "sinus" in name else plan.cortical_vein_hu)


def _late_drainage(vessel: Vessel, score: int) -> float:
    """The cortical veins of a hemisphere with poor collaterals fill late."""
    return (0.45, 0.65, 0.85, 1.0)[score] if "sinus" not in vessel.name and "jugular" not in vessel.name else 1.0
