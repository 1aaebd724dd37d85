"""The cortical arteries of a source that marks the trunks alone: grown from their ends, as the generated ones are."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.research.simulate.arteries.arteries import territories_of
from DeepIterRegLib.research.simulate.arteries.artery_grower import ArteryGrower
from DeepIterRegLib.research.simulate.arteries.willis import SIDES
from DeepIterRegLib.research.simulate.head.brain_surface import Hemisphere
from DeepIterRegLib.research.simulate.vessels.vessel import STEP_MM, Vessel

TERRITORIES = (
    (("pericallosal", "A1", "ACA"), {"influence_mm": 32.0, "kill_mm": 6.0, "wave_mm": 3.4}, 60.0),
    (("M3", "M2"), {"kill_mm": 4.8}, 6.0),
    (("PCA", "P2"), {"influence_mm": 34.0, "wave_mm": 3.4}, 20.0),
)
"""(first words of the names of the arteries that a territory's grow from, how they grow, over how many mm before their
ends): ACA, MCA and PCA, with the values of the generated ones."""


def with_cortical_branches(arteries: list[Vessel], rng: np.random.Generator) -> list[Vessel]:
    """The arteries of the template, the ends of the trunks grown on over the cortex; parents before children."""
    grower = ArteryGrower(rng, 1.0, 1.0, vessels=list(arteries))
    for side in SIDES:
        hemisphere = Hemisphere.random(1.0 if side == "right" else -1.0, rng)
        for attractors, (words, growing, before_mm) in zip(territories_of(hemisphere, rng), TERRITORIES, strict=True):
            ends = _ends(grower.vessels, side, words)
            if not ends:
                continue
            lengths = [STEP_MM * (len(grower.vessels[end].points_mm) - 1) for end in ends]
            grower.grow(
                ends, attractors, hemisphere.onto, hemisphere.within,
                from_fraction=[max(0.0, 1 - before_mm / length) for length in lengths], **growing,
            )  # fmt: skip
    return grower.vessels


def _ends(vessels: list[Vessel], side: str, words: tuple[str, ...]) -> list[int]:
    """Indices of a side's arteries of these names from whose ends none goes on, and that open into no other."""
    goes_on = set()
    for vessel in vessels:
        if vessel.upstream is not None:
            points = vessels[vessel.upstream].points_mm
            at = int(((points - vessel.points_mm[0]) ** 2).sum(axis=1).argmin())
            if at >= len(points) - 2:
                goes_on.add(vessel.upstream)
    return [
        index
        for index, vessel in enumerate(vessels)
        if vessel.side == side and vessel.name.split()[0] in words
        and vessel.downstream is None and index not in goes_on and len(vessel.points_mm) > 3
    ]  # fmt: skip
