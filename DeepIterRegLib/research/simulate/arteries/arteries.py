"""All arteries of one generated patient, brought from the template into the person's head."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.research.simulate.arteries.anterior_cerebral import Callosum, draw_pattern, grow_anterior_cerebrals
from DeepIterRegLib.research.simulate.arteries.artery_grower import ArteryGrower
from DeepIterRegLib.research.simulate.arteries.carotid import grow_carotid
from DeepIterRegLib.research.simulate.arteries.external_carotid import grow_external_carotid
from DeepIterRegLib.research.simulate.arteries.middle_cerebral import grow_middle_cerebral
from DeepIterRegLib.research.simulate.arteries.posterior import grow_posterior_cerebral, grow_vertebrobasilar
from DeepIterRegLib.research.simulate.arteries.willis import SIDES, Circle, grow_anterior_part
from DeepIterRegLib.research.simulate.head.brain_surface import Hemisphere, base_mm, is_base, is_medial
from DeepIterRegLib.research.simulate.head.head_shape import HeadShape
from DeepIterRegLib.research.simulate.vessels.vessel import Side, Vessel, evenly_spaced

ATTRACTORS = 2300
"""Per hemisphere: more densely than arteries lie beside each other."""


def grow_arteries(shape: HeadShape, rng: np.random.Generator) -> tuple[list[Vessel], dict[str, str]]:
    """The arteries of one patient in the head's frame (RAS, mm), parents first, and the variants that were drawn.

    First points lie exactly on a point of the parent's centreline, last points of vessels with a `downstream` likewise.
    """
    tortuosity = float(np.clip(np.exp(rng.normal(0, 0.25)), 0.7, 1.7))
    tree = ArteryGrower(rng, tortuosity, float(np.clip(rng.normal(1, 0.06), 0.85, 1.15)))
    circle, callosum = Circle.random(rng), Callosum.random(rng)
    tree.variants.update(circle.variants)
    hemispheres = {side: Hemisphere.random(1.0 if side == "right" else -1.0, rng) for side in SIDES}
    territories = {side: territories_of(hemispheres[side], rng) for side in SIDES}
    carotids: dict[Side, int] = {side: grow_carotid(tree, side) for side in SIDES}
    pattern = draw_pattern(rng)
    origins = grow_anterior_part(tree, circle, carotids, pattern == "azygos")
    anterior = {side: territories[side][0] for side in SIDES}
    grow_anterior_cerebrals(tree, origins, hemispheres, anterior, callosum, pattern)
    for side in SIDES:
        grow_middle_cerebral(tree, side, carotids[side], hemispheres[side], territories[side][1])
    basilar = grow_vertebrobasilar(tree)
    for side in SIDES:
        grow_posterior_cerebral(tree, side, circle, carotids[side], basilar, hemispheres[side], territories[side][2])
        grow_external_carotid(tree, side, carotids[side])
    return into_head(tree.vessels, shape), tree.variants


def territories_of(hemisphere: Hemisphere, rng: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Attractors (K, 3) of ACA, MCA and PCA.

    The borders (watersheds) differ by a centimetre or two between people: van der Zwan et al., "Variability of the
    territories of the major cerebral arteries", J Neurosurg 77:927 (1992).
    """
    flat, folded = hemisphere.attractors(ATTRACTORS, rng)
    x, y, z = np.abs(flat[:, 0]), flat[:, 1], flat[:, 2]
    wavy = 3 * np.sin(y / 13 + rng.uniform(0, 6)) + 3 * np.sin(z / 11 + rng.uniform(0, 6))
    strip, occipital, temporal, cut = rng.normal([19, -66, -25, -46], [4, 5, 4, 6])
    medial, base = is_medial(flat), is_base(flat)
    pca = (medial & (y + 0.5 * (z - 5) < cut + wavy) & (z < 40)) | (base & (y < 4 + wavy))
    convex: BoolArray = ~medial & ~base
    low_behind = z < temporal + 0.35 * np.maximum(-20 - y, 0) + wavy
    pca |= convex & ((y < occipital + wavy) & (z < 22) | low_behind & (y < 0) & (z < base_mm(flat[:, 0], y) + 14))
    aca = ~pca & (medial | convex & (x < strip + wavy) & ((z > 15) | (y > 60)) | base & (y > 22) & (x < 14 + wavy))
    mca = ~pca & ~aca
    return folded[aca], folded[mca], folded[pca]


def into_head(vessels: list[Vessel], shape: HeadShape) -> list[Vessel]:
    """The vessels brought from the template into the person's head, sampled again every STEP_MM, ends attached."""
    counts = np.array([len(vessel.points_mm) for vessel in vessels])
    mapped = np.split(shape.from_template(np.concatenate([v.points_mm for v in vessels])), np.cumsum(counts)[:-1])
    placed: list[Vessel] = []
    size = float(np.cbrt(np.prod(shape.scale)))
    for vessel, points in zip(vessels, mapped, strict=True):
        if vessel.upstream is not None:
            points[0] = _nearest(placed[vessel.upstream].points_mm, points[0])
        even, radii = evenly_spaced(points, size * vessel.radii_mm)
        placed.append(replace(vessel, points_mm=even, radii_mm=radii))
    for number, vessel in enumerate(placed):
        if vessel.downstream is not None:
            vessel.points_mm[-1] = _nearest(placed[vessel.downstream].points_mm, vessel.points_mm[-1])
            placed[number] = vessel
    return placed


def _nearest(points: FloatArray, to: FloatArray) -> FloatArray:
    return points[int(np.argmin(((points - to) ** 2).sum(axis=1)))]
