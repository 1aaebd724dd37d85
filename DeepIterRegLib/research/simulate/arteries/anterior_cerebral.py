"""Anterior cerebral artery beyond the communicating artery: A2, pericallosal, callosomarginal, cortical branches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.arteries.artery_grower import ArteryGrower
from DeepIterRegLib.research.simulate.arteries.willis import SIDES
from DeepIterRegLib.research.simulate.head.brain_surface import Hemisphere, inside_table
from DeepIterRegLib.research.simulate.vessels.vessel import Side

CALLOSOMARGINAL_SHARE = 0.904
AZYGOS_SHARE, BIHEMISPHERIC_SHARE = 0.015, 0.145
"""Chrissicopoulos et al., "The Anatomical Variation of the Distal Anterior Cerebral Artery", Cureus 16:e54800 (2024):
DSA of 456 patients; callosomarginal artery in 90.4 % of hemispheres."""


@dataclass(frozen=True)
class Callosum:
    """Where the corpus callosum of a person lies in the lateral view: shared by both pericallosal arteries."""

    forward_mm: float
    up_mm: float
    arch: float
    """Height of the arch over the template's."""

    @classmethod
    def random(cls, rng: np.random.Generator) -> Callosum:
        return cls(float(rng.normal(0, 3)), float(rng.normal(0, 2.5)), float(np.clip(rng.normal(1, 0.1), 0.78, 1.16)))

    def place(self, y: float, z: float) -> tuple[float, float]:
        """The person's (y, z) of a point of the template."""
        rises = np.clip((z + 12) / 20, 0, 1)
        return y + self.forward_mm * rises, -10 + (z + 10) * (1 + (self.arch - 1) * rises) + self.up_mm * rises


PATTERNS = ("paired", "azygos", "bihemispheric right", "bihemispheric left")


def draw_pattern(rng: np.random.Generator) -> str:
    """One of PATTERNS, in the proportions of the literature."""
    each = BIHEMISPHERIC_SHARE / 2
    return str(rng.choice(PATTERNS, p=[1 - AZYGOS_SHARE - 2 * each, AZYGOS_SHARE, each, each]))


def grow_anterior_cerebrals(
    tree: ArteryGrower, origins: dict[Side, tuple[int, FloatArray]], hemispheres: dict[Side, Hemisphere],
    attractors_mm: dict[Side, FloatArray], callosum: Callosum, pattern: str,
) -> None:  # fmt: skip
    """Both ACAs from their origins (vessel, point on it) to their cortical twigs.

    pattern: "azygos" is one A2 for both hemispheres; "bihemispheric right" a right ACA that also serves the left
    hemisphere's posterior part.
    """
    rng = tree.rng
    generous: Side | None = None
    if pattern.startswith("bihemispheric"):
        generous = "right" if pattern.endswith("right") else "left"
    shared = None
    if pattern != "paired":
        tree.variants["A2"] = pattern
    if pattern == "azygos":
        wide = max(SIDES, key=lambda side: tree.radius(origins[side][0]))
        shared = _a2(tree, "A2", "middle", 0.0, *origins[wide], callosum, 1.3)
    pericallosal: dict[Side, int] = {}
    for side in SIDES:
        s = hemispheres[side].sign
        a2 = shared if shared is not None else _a2(tree, f"A2 {side}", side, s * 2.2, *origins[side], callosum, 1.1)
        own, reach = attractors_mm[side], 1.0
        if generous not in (None, side):
            own, reach = own[own[:, 1] > rng.normal(0, 6)], 0.6
        pericallosal[side] = _branches(tree, side, a2, hemispheres[side], own, callosum, reach)
    if generous is not None:
        other: Side = "left" if generous == "right" else "right"
        behind = attractors_mm[other][attractors_mm[other][:, 1] < -4]
        # Below the falx's edge the artery crosses to the other side.
        tree.grow([pericallosal[generous]], behind, hemispheres[other].onto, hemispheres[other].within,
                  from_fraction=[0.5], influence_mm=32, kill_mm=6.0, wave_mm=3.4)  # fmt: skip


def _a2(
    tree: ArteryGrower, name: str, side: Side, x: float, source: int, start: FloatArray, callosum: Callosum,
    radius: float,
) -> int:  # fmt: skip
    """A2 round the rostrum and genu of the corpus callosum."""
    way = [[x, *callosum.place(y, z)] for y, z in ((24, -13), (29, -5), (37, 4), (40.5, 13))]
    return tree.add(name, side, [start, *way], (radius, 0.9 * radius), source, jitter_mm=1.0, wiggle_mm=0.6)


def _branches(
    tree: ArteryGrower, side: Side, a2: int, hemisphere: Hemisphere, attractors_mm: FloatArray, callosum: Callosum,
    reach: float,
) -> int:  # fmt: skip
    """Pericallosal, callosomarginal and cortical arteries of one side; returns the index of the pericallosal artery.

    reach: 1 to the splenium, less for a short pericallosal artery.
    """
    rng, s = tree.rng, hemisphere.sign
    x = s * 2.2

    def at(y: float, z: float, off: float = 0.0) -> list[float]:
        return [x + s * off, *callosum.place(y, z)]

    arch = [at(39.5, 20), at(33, 28), at(20, 33), at(3, 34.5), at(-14, 32), at(-29, 25), at(-38, 14)]
    arch = arch[: max(3, round(reach * len(arch)))]
    has_marginal = bool(rng.random() < CALLOSOMARGINAL_SHARE)
    thin = 0.72 if has_marginal else 0.9
    pericallosal = tree.add(
        f"pericallosal {side}", side, [tree.point(a2, 1.0), *arch], (thin, 0.8 * thin, 0.5 * thin), a2,
        jitter_mm=1.1, wiggle_mm=0.7,
    )  # fmt: skip
    trunks, fractions = [pericallosal], [0.25]
    if has_marginal:
        origin = float(rng.uniform(0.55, 1.0))
        lift = rng.uniform(6, 11)
        end = int(rng.integers(3, 6))
        way = [at(44, 22), at(40, 31 + 0.3 * lift), at(28, 33 + 0.75 * lift), at(12, 35 + lift), at(-4, 36 + lift)]
        marginal = tree.add(
            f"ACA callosomarginal {side}", side, [tree.point(a2, origin), *way[:end]], (0.8, 0.65, 0.55), a2,
            jitter_mm=1.8, wiggle_mm=1.3,
        )  # fmt: skip
        trunks.append(marginal)
        fractions.append(0.2)
    else:
        tree.variants[f"callosomarginal artery {side}"] = "absent"
    for name, where, way2 in (
        ("orbitofrontal", rng.uniform(0.2, 0.4), [at(33, -15, 2), at(43, -19, 3), at(50, -19, 3)]),
        ("frontopolar", rng.uniform(0.5, 0.9), [at(45, 2, 1), at(54, 4, 1), at(61, 7, 1)]),
    ):
        trunks.append(
            tree.add(f"ACA {name} {side}", side, [tree.point(a2, float(where)), *way2], (0.55, 0.45), a2,
                     jitter_mm=2.0, wiggle_mm=1.2)
        )  # fmt: skip
        fractions.append(0.6)
    for trunk in trunks:
        points = tree.vessels[trunk].points_mm
        points[1:] = inside_table(hemisphere.within(points[1:]), 9.0)
    tree.grow(
        trunks,
        attractors_mm,
        hemisphere.onto,
        hemisphere.within,
        from_fraction=fractions,
        influence_mm=32,
        kill_mm=6.0,
        wave_mm=3.4,
    )
    return pericallosal
