"""Which variant of the dural sinuses a patient has: dominance, torcula, rostral end, deviation from the midline."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.vessels.vessel import Side

Smaller = Literal["absent", "hypoplastic", "symmetric"]
TRANSVERSE_PATTERNS: dict[tuple[str, Smaller], int] = {
    ("left", "absent"): 21, ("left", "hypoplastic"): 41, ("", "symmetric"): 33, ("right", "hypoplastic"): 6,
    ("right", "absent"): 4,
}  # fmt: skip
"""Smaller transverse sinus and how it is, in 105 persons with normal MR (Alper et al. 2004, Cerebrovasc Dis 18:236)."""
ONE_SIDED_OF_HYPOPLASTIC = 0.6
"""Share of hypoplastic sides to which the sagittal sinus does not drain at all. With the absent ones it makes the 51 %
of skulls whose sagittal groove turns to one side only (Singh et al. 2004, Surg Radiol Anat 26:480: 66 + 16 of 160)."""
CONFLUENCE, BIFURCATION = 56, 22
"""The other skulls of that study: a common pool, or a sagittal sinus that divides."""
SYMMETRIC_RIGHT = 0.7
"""Of heads with even transverse sinuses, how often the right one still takes the sagittal sinus' end."""
DRIFTS_TO_DOMINANT, DRIFTS_AWAY = 0.72, 0.08
"""The rest stays in the midline. To the right come 60 % (64 % of 50 cadavers at lambda, Clin Neurol Neurosurg 2011,
113:89); with the dominant side as in Kitamura et al. 2017, Arq Neuropsiquiatr 75:295."""
ROSTRAL_UNILATERAL, ROSTRAL_BILATERAL = 0.07, 0.03
"""Hypoplasia of one or both halves of the sinus before the coronal suture (San Millan Ruiz et al. 2012, AJNR
33:286)."""
ROSTRAL_SHORTENED = 0.58
"""Of the other heads, how often 1 to 3 cm are missing at the foramen caecum (58 % of cadavers, "Atresia of the rostral
superior sagittal sinus", Neuroradiology 1972, doi 10.1007/BF02469131)."""
DOMINANT_RADIUS_MM, RADIUS_SD_MM = 3.5, 0.45
"""Gives mean diameters near those measured: right 6.7 +- 1.6, left 5.4 +- 1.4 mm in 58 volunteers (J Transl Neurosci
2024, 9:15)."""
SAGITTAL_RADII_MM = ((-15.0, 0.8), (40.0, 1.4), (80.0, 2.2), (115.0, 2.6), (150.0, 2.9), (198.0, 3.2))
"""(angle, radius) along the superior sagittal sinus: diameters 2.6, 3.7, 5.1 and 5.7 mm before, at and behind bregma
and at lambda in 100 CT venograms ("Morphometry of Superior Sagittal Sinus and Its Clinical Significance"), but 6.7 x
5.3 at the coronal suture in 30 others ("Computed tomographic angiography of the superior sagittal sinus and bridging
veins", Surg Radiol Anat, doi 10.1007/s00276-010-0714-5)."""


class RostralEnd(Enum):
    """How the superior sagittal sinus begins."""

    FULL = "full"
    SHORTENED = "shortened"
    LEFT = "left half hypoplastic"
    RIGHT = "right half hypoplastic"
    ABSENT = "absent"


@dataclass(frozen=True)
class SinusPlan:
    """The drawn variant."""

    dominant: Side
    smaller: Smaller
    ratio: float
    """Radius of the smaller transverse sinus over the dominant's; 0 where it is absent."""
    torcula: Literal["confluence", "bifurcation", "one-sided"]
    torcula_x_mm: float
    dominant_radius_mm: float
    drift_mm: float
    """The sagittal sinus' distance from the midline at lambda, positive to the right."""
    rostral: RostralEnd
    rostral_deg: float
    """Angle at which the sagittal sinus begins, see `sinuses.midline_point`."""
    sagittal_radii_mm: tuple[FloatArray, FloatArray]
    """Angles and radii to interpolate."""

    @classmethod
    def random(cls, rng: np.random.Generator) -> SinusPlan:
        """Proportions as cited above."""
        counts = np.array(list(TRANSVERSE_PATTERNS.values()))
        side, smaller = list(TRANSVERSE_PATTERNS)[int(rng.choice(len(counts), p=counts / counts.sum()))]
        right = side == "left" if side else bool(rng.random() < SYMMETRIC_RIGHT)
        sign = 1.0 if right else -1.0
        ratio = {"absent": 0.0, "hypoplastic": rng.uniform(0.35, 0.65), "symmetric": rng.uniform(0.82, 1.0)}[smaller]
        one_sided = smaller == "absent" or (smaller == "hypoplastic" and rng.random() < ONE_SIDED_OF_HYPOPLASTIC)
        pool = rng.random() < CONFLUENCE / (CONFLUENCE + BIFURCATION)
        drifts = rng.random()
        drift = float(np.clip(abs(rng.normal(5.0, 2.0)), 1.5, 10))
        if drifts < DRIFTS_TO_DOMINANT:
            drift *= sign
        elif drifts < DRIFTS_TO_DOMINANT + DRIFTS_AWAY:
            drift *= -sign
        else:
            drift = float(rng.normal(0, 0.7))
        rostral, start = _rostral_end(rng)
        angles, radii = np.array(SAGITTAL_RADII_MM).T
        radii = radii * np.clip(rng.lognormal(0, 0.13), 0.75, 1.3)
        if rostral in (RostralEnd.LEFT, RostralEnd.RIGHT):
            radii = np.where(angles < 75, 0.62 * radii, radii)
        return cls(
            "right" if right else "left", smaller, float(ratio),
            "one-sided" if one_sided else "confluence" if pool else "bifurcation",
            sign * float(rng.uniform(3, 8) if one_sided else rng.uniform(0, 4)),
            float(np.clip(rng.normal(DOMINANT_RADIUS_MM, RADIUS_SD_MM), 2.6, 4.5)), drift, rostral, start,
            (angles, radii),
        )  # fmt: skip

    def radius_mm(self, side: Side) -> float:
        """Radius of a transverse sinus."""
        return self.dominant_radius_mm * (1.0 if side == self.dominant else self.ratio)

    def sigmoid_radius_mm(self, side: Side) -> float:
        """Radius of a sigmoid sinus: other veins come in, so that the sides differ less than above."""
        return self.dominant_radius_mm * (1.1 if side == self.dominant else 0.45 + 0.62 * self.ratio)

    def rostral_hypoplasia(self, side: Side) -> bool:
        """Whether a large frontal vein takes the place of this side's rostral sinus."""
        return self.rostral is RostralEnd.ABSENT or self.rostral.name.lower() == side


def _rostral_end(rng: np.random.Generator) -> tuple[RostralEnd, float]:
    kind, length_mm = rng.random(), rng.uniform(10, 30)
    full_deg = float(rng.uniform(-14, -9))
    if kind < ROSTRAL_BILATERAL:
        return RostralEnd.ABSENT, float(rng.uniform(66, 76))
    if kind < ROSTRAL_BILATERAL + ROSTRAL_UNILATERAL:
        return (RostralEnd.LEFT if rng.random() < 0.5 else RostralEnd.RIGHT), full_deg
    if rng.random() < ROSTRAL_SHORTENED:
        return RostralEnd.SHORTENED, full_deg + float(length_mm) / 1.35
    return RostralEnd.FULL, full_deg
