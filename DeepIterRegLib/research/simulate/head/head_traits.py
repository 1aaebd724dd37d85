"""What differs from head to head besides its shape: fat, ventricles, sinuses, teeth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class HeadTraits:
    """One adult's traits; the ranges are drawn from general textbooks of radiology, for patients of about 70."""

    neck_scale: float = 1.0
    fat_mm: float = 4.5
    """Below the skin of face and neck."""
    scalp_mm: float = 5.5
    ventricle_scale: float = 1.0
    third_ventricle_mm: float = 4.0
    """Half its width is 1 to 6 mm in the old."""
    atrophy: float = 0.5
    """0 (young, narrow sulci) to 1."""
    frontal_sinus: tuple[float, float] = (1.0, 1.0)
    """Size right and left; below 0.3 there is none."""
    sphenoid_sinus: float = 1.0
    maxillary_sinus: tuple[float, float] = (1.0, 1.0)
    swollen_mucosa: tuple[float, float] = (0.0, 0.0)
    """Share of each maxillary sinus that is filled from below."""
    mastoid_air: tuple[float, float] = (1.0, 1.0)
    cortex_hu: float = 1450.0
    marrow_hu: float = 620.0
    fillings: int = 0
    missing_teeth: int = 0
    pineal_calcified: bool = True
    choroid_calcified: bool = True
    airway_scale: float = 1.0
    chin_drop_mm: float = 0.0
    """How far the mouth is open."""

    @classmethod
    def random(cls, rng: np.random.Generator) -> HeadTraits:
        def about(mean: float, spread: float, low: float, high: float) -> float:
            return float(np.clip(rng.normal(mean, spread), low, high))

        def pair(mean: float, spread: float, low: float, high: float) -> tuple[float, float]:
            common = rng.normal(mean, spread)
            right, left = np.clip(common + rng.normal(0, 0.4 * spread, 2), low, high)
            return float(right), float(left)

        atrophy = about(0.5, 0.22, 0.05, 1.0)
        return cls(
            neck_scale=about(1.0, 0.07, 0.85, 1.18),
            fat_mm=about(4.5, 1.8, 1.5, 10.0),
            scalp_mm=about(5.5, 1.0, 3.5, 8.5),
            ventricle_scale=about(0.85 + 0.35 * atrophy, 0.12, 0.7, 1.5),
            third_ventricle_mm=about(1.5 + 2.5 * atrophy, 0.7, 0.8, 5.5),
            atrophy=atrophy,
            frontal_sinus=pair(0.8, 0.35, 0.0, 1.5),
            sphenoid_sinus=about(0.95, 0.2, 0.5, 1.3),
            maxillary_sinus=pair(1.0, 0.1, 0.75, 1.15),
            swollen_mucosa=pair(-0.05, 0.15, 0.0, 0.7),
            mastoid_air=pair(0.85, 0.25, 0.15, 1.2),
            cortex_hu=about(1450, 130, 1150, 1750),
            marrow_hu=about(620, 130, 300, 950),
            fillings=int(rng.choice([0, 1, 2, 3, 4, 6], p=[0.4, 0.15, 0.15, 0.12, 0.1, 0.08])),
            missing_teeth=int(rng.choice([0, 2, 5, 10, 28], p=[0.3, 0.25, 0.2, 0.13, 0.12])),
            pineal_calcified=bool(rng.random() < 0.65),
            choroid_calcified=bool(rng.random() < 0.5),
            airway_scale=about(1.0, 0.18, 0.6, 1.4),
            chin_drop_mm=about(3.0, 4.0, 0.0, 14.0),
        )
