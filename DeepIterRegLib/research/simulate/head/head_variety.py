"""What one head has that the average of `head_tissue` lacks: rough tables, grooves, pits, large sinuses, much metal."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.head.head_detail import Detail
from DeepIterRegLib.research.simulate.head.head_shape import (
    TEMPLATE_DEPTH_MM,
    TEMPLATE_HALF_LENGTH_MM,
    TEMPLATE_HALF_WIDTH_MM,
    TEMPLATE_HEIGHT_MM,
)
from DeepIterRegLib.research.simulate.head.head_traits import HeadTraits
from DeepIterRegLib.research.simulate.head.implicit import Point, f32, tube
from DeepIterRegLib.research.simulate.head.skull import Skull
from DeepIterRegLib.research.simulate.head.texture import Texture

INNER_CELL_MM, OUTER_CELL_MM, WAVE_CELL_MM = 4.0, 3.0, 11.0
"""Of the impressions of gyri, of the outer table's roughness, and of slow changes of thickness."""
GROOVE_HU = 60.0
MENINGEAL: tuple[tuple[Point, ...], ...] = (
    ((40, 12, -36), (54, 22, -18), (52, 26, 4), (44, 26, 26), (30, 20, 48), (14, 8, 60)),
    ((54, 22, -18), (60, 4, -8), (58, -18, 6), (48, -36, 22), (32, -44, 38)),
    ((52, 26, 4), (40, 44, 18), (28, 56, 26)),
    ((60, 4, -8), (54, -8, 28), (40, -14, 46)),
)
"""Directions of the middle meningeal artery's groove on the right, from the middle of the brain (template, mm)."""
EDENTULOUS = 28


@dataclass(frozen=True)
class HeadVariety:
    """Drawn once per person: CTA and X-ray show the same."""

    seed: int = 0
    """Of the random fields and places."""
    inner_mm: float = 0.0
    """Standard deviation of the inner table's roughness: impressions of gyri."""
    outer_mm: float = 0.0
    wave_mm: float = 0.0
    """Standard deviation of slow changes of the vault's thickness, on its inner side."""
    spongy: float = 1.0
    """Contrast of the marrow's texture over the usual."""
    groove_mm: float = 0.0
    """Radius of the meningeal vessels' grooves; 0: none."""
    pits: int = 0
    """Granulations beside the sagittal sinus and venous lakes, which thin the vault."""
    suture_mm: float = 0.0
    """By how much the usual sutures are displaced."""
    frontal_sinus: tuple[float, float] | None = None
    """As `HeadTraits.frontal_sinus`, in its place."""
    fillings: int = 0
    """More fillings and crowns than the head's traits say."""

    @classmethod
    def random(cls, rng: np.random.Generator) -> HeadVariety:
        """Rough bones, without metal."""
        none = rng.random() < 0.1
        right, left = rng.uniform(0.4, 1.45, 2)
        return cls(
            seed=int(rng.integers(2**31)),
            inner_mm=float(rng.uniform(0.25, 0.7)),
            outer_mm=float(rng.uniform(0.1, 0.35)),
            wave_mm=float(rng.uniform(0.2, 0.8)),
            spongy=float(rng.uniform(1.0, 2.2)),
            groove_mm=float(rng.uniform(0.7, 1.5)),
            pits=int(rng.integers(4, 16)),
            suture_mm=float(rng.normal(0, 4)),
            frontal_sinus=(0.0, 0.0) if none else (float(right), float(left)),
        )

    def traits(self, traits: HeadTraits) -> HeadTraits:
        """The head's traits with this variety's in their place."""
        if self.frontal_sinus is not None:
            traits = replace(traits, frontal_sinus=self.frontal_sinus)
        if self.fillings:
            traits = replace(traits, fillings=traits.fillings + self.fillings)
            if traits.missing_teeth >= EDENTULOUS:
                traits = replace(traits, missing_teeth=5)
        return traits

    def textures(self) -> tuple[Texture, Texture, Texture]:
        """Of the inner table, the outer table, and the slow changes of thickness."""
        rng = np.random.default_rng(self.seed)
        return Texture(INNER_CELL_MM, rng), Texture(OUTER_CELL_MM, rng), Texture(WAVE_CELL_MM, rng)

    def details(self) -> list[Detail]:
        """Grooves and pits, to be painted over the vault."""
        rng = np.random.default_rng((self.seed, 1))
        found = []
        for sign in (1, -1):
            for path in MENINGEAL if self.groove_mm else ():
                bent = np.array(path) + rng.normal(0, 3.0, (len(path), 3))
                points = SKULL.on_table(bent * [sign, 1, 1], -0.3 * self.groove_mm)
                found.append(_hollow(_fine(points), self.groove_mm * float(rng.uniform(0.7, 1.2))))
        for _ in range(self.pits):
            towards = np.array([rng.normal(0, 16), rng.uniform(-60, 45), rng.uniform(42, 60)])
            size = float(rng.uniform(1.5, 4.0))
            found.append(_hollow(SKULL.on_table(np.stack([towards, towards + [0.0, 2.0, 0.0]]), 0.0), size))
        return found


SKULL = Skull(TEMPLATE_HALF_WIDTH_MM, TEMPLATE_HALF_LENGTH_MM, TEMPLATE_HEIGHT_MM, TEMPLATE_DEPTH_MM)


def _fine(points: FloatArray) -> FloatArray:
    """(M, 3) points in between, brought onto the table: straight pieces would leave its curve."""
    between = np.linspace(0, len(points) - 1, 3 * len(points))
    line = np.stack([np.interp(between, np.arange(len(points)), points[:, axis]) for axis in range(3)], axis=1)
    return SKULL.on_table(line, 0.0)


def _hollow(points: FloatArray, radius_mm: float) -> Detail:
    """A chain of capsules in which bone is replaced by what vessels and dura show."""
    path = [(float(x), float(y), float(z)) for x, y, z in points]

    def paint(hu: FloatArray, x: FloatArray, y: FloatArray, z: FloatArray) -> None:
        share = np.clip(tube(x, y, z, path, radius_mm) / f32(0.6) + f32(0.5), 0, 1)
        hu -= share * np.maximum(hu - f32(GROOVE_HU), 0)

    reach = radius_mm + 1
    low, high = points.min(axis=0) - reach, points.max(axis=0) + reach
    return Detail((low[0], low[1], low[2]), (high[0], high[1], high[2]), paint)
