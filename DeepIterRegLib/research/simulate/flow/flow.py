"""When contrast reaches each point of the vessels after an injection into one carotid, and for how long it stays."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.research.simulate.vessels.vessel import STEP_MM, Side, Vessel

ARTERIES_START_S, VEINS_START_S = 0.35, 3.0
INJECTION_S = 1.9


@dataclass(frozen=True, eq=False)
class FilledVessel:
    """A vessel with the passage of the bolus."""

    vessel: Vessel
    arrival_s: FloatArray
    """(N,) when the contrast arrives at each centreline point; inf where it never does."""

    @property
    def fills(self) -> bool:
        return bool(np.isfinite(self.arrival_s).any())


def speed_mm_per_s(vessel: Vessel) -> FloatArray:
    """(N,) about 260 mm/s in a carotid, 60 mm/s in a cortical artery, 200 mm/s in a sinus."""
    factor, least, most = (55.0, 70.0, 210.0) if vessel.is_vein else (115.0, 55.0, 280.0)
    return np.clip(factor * vessel.radii_mm, least, most)


def inject(vessels: list[Vessel], side: Side) -> list[FilledVessel]:
    """Arrival times after an injection into the internal carotid artery of `side`.

    Only that carotid's territory fills. Of the veins, those of the other side do not, except for its transverse
    sinus and jugular vein, which get the sagittal sinus' blood half a second later and diluted.
    """
    filled: list[FilledVessel] = []
    for vessel in vessels:
        if vessel.upstream is not None:
            feeder = filled[vessel.upstream]
            nearest = int(np.linalg.norm(feeder.vessel.points_mm - vessel.points_mm[0], axis=1).argmin())
            start = float(feeder.arrival_s[nearest])
        elif vessel.is_vein:
            start = VEINS_START_S + vessel.onset_s if vessel.side in (side, "middle") else np.inf
        else:
            start = ARTERIES_START_S if vessel.name == f"ICA {side}" else np.inf
        delay = np.concatenate([[0.0], np.cumsum(STEP_MM / speed_mm_per_s(vessel)[:-1])])
        if vessel.is_vein and vessel.upstream is not None and vessel.side not in (side, "middle"):
            start += 0.4
            vessel = replace(vessel, opacity=0.45 * vessel.opacity)
        if vessel.name.startswith("PCOM"):
            start = np.inf
        filled.append(FilledVessel(vessel, start + delay))
    return filled


def concentration(time_s: float, arrival_s: FloatArray, is_vein: BoolArray | bool) -> FloatArray:
    """Contrast at `time_s` where it arrives at `arrival_s`, relative to the injected: a bolus with blurred edges.

    The bolus disperses on its way, and far more in the capillaries.
    """
    width = np.where(is_vein, 0.32, 0.09 + 0.07 * np.clip(arrival_s, 0, 5))
    duration = np.where(is_vein, INJECTION_S + 0.7, INJECTION_S)
    with np.errstate(over="ignore", invalid="ignore"):
        rise = 1 / (1 + np.exp((arrival_s + 2 * width - time_s) / width))
        fall = 1 / (1 + np.exp((arrival_s + 2 * width + duration - time_s) / (1.6 * width)))
    return np.where(np.isfinite(arrival_s), np.maximum(rise - fall, 0.0), 0.0)
