"""The catheters in the picture: a guide in the neck, sometimes a microcatheter up to the clot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.arteries.stroke import Stroke
from DeepIterRegLib.research.simulate.flow.flow_network import attachment
from DeepIterRegLib.research.simulate.vessels.vessel import STEP_MM, Vessel, tapered

FRENCH_MM = 1 / 3
GUIDE_FRENCH = (5, 6, 6, 8)
WALL_IODINE_MM = 0.45
"""A wall with its wire braid takes as much of the beam as this length of blood with contrast, seen through the middle;
so does its lumen, filled with contrast that no blood has thinned."""
MICRO_MM, MARKER_MM = 0.7, 1.0


@dataclass(frozen=True)
class Catheter:
    """A guide catheter in the injected artery."""

    below_base_mm: float = 30.0
    """How far its tip lies below the skull base, along the body."""
    french: float = 6.0
    micro: bool = False
    """Whether a microcatheter goes on through it to the occlusion."""

    @classmethod
    def random(cls, rng: np.random.Generator) -> Catheter:
        """Tips lie anywhere from the bifurcation to the skull base; one run in eight shows a microcatheter."""
        return cls(float(rng.uniform(2, 65)), float(rng.choice(GUIDE_FRENCH)), bool(rng.random() < 0.12))

    def tip_mm(self, vessel: Vessel, skull_base_z_mm: float = -58.0) -> float:
        """Arc length of the tip along the injected artery; 0 where that begins higher."""
        along = vessel.arc_mm
        below = np.flatnonzero(vessel.points_mm[:, 2] < skull_base_z_mm - self.below_base_mm)
        # The last point below counts only while the artery has not been above.
        rising = below[below == np.arange(len(below))]
        return float(along[rising[-1]]) if len(rising) else 0.0

    def tubes(self, vessels: Sequence[Vessel], injected: int, tip_mm: float, stroke: Stroke | None) -> list[Vessel]:
        """What of it is in the vessels, as tubes in the head's frame."""
        vessel = vessels[injected]
        tip = int(np.searchsorted(vessel.arc_mm, tip_mm))
        shown = []
        if tip > 3:
            # It lies where the curve is tightest, not in the middle.
            path = _stiffened(vessel.points_mm[: tip + 1])
            radii = tapered(len(path), self.french * FRENCH_MM / 2)
            shown.append(Vessel("guide catheter", path, radii, False, "middle"))
        if self.micro and stroke is not None:
            way = _way_to(vessels, stroke, injected)
            if way is not None and len(way) > tip + 20:
                path = _stiffened(way[tip:])
                radii = tapered(len(path), MICRO_MM / 2)
                radii[-int(MARKER_MM / STEP_MM) - 1 :] *= 2.0
                shown.append(Vessel("microcatheter", path, radii, False, "middle"))
        return shown


def _stiffened(points_mm: FloatArray) -> FloatArray:
    """(N, 3) the course that a wire takes in a vessel: its bends cut short by a millimetre or so."""
    return ndimage.gaussian_filter1d(points_mm, 6.0, axis=0, mode="nearest")


def _way_to(vessels: Sequence[Vessel], stroke: Stroke, injected: int) -> FloatArray | None:
    """(N, 3) from the injected artery's first point to behind the clot; None where blood does not go that way."""
    index = stroke.vessel
    stop = int(np.searchsorted(vessels[index].arc_mm, stroke.from_mm + stroke.length_mm))
    parts = [vessels[index].points_mm[: stop + 1]]
    for _ in range(len(vessels)):
        if index == injected:
            return np.concatenate(parts[::-1])
        parent = vessels[index].upstream
        if parent is None:
            return None
        parts.append(vessels[parent].points_mm[: attachment(vessels[index].points_mm[0], vessels[parent]) + 1])
        index = parent
    return None
