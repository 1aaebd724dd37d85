"""External carotid artery: facial, occipital, maxillary with the middle meningeal, superficial temporal artery."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.arteries.artery_grower import ArteryGrower
from DeepIterRegLib.research.simulate.head.brain_surface import TEMPLATE_SKULL
from DeepIterRegLib.research.simulate.vessels.vessel import Side

SCALP_ABOVE_TABLE_MM = 10.5
"""From the inner table to the galea, in which the arteries of the scalp run: vault and half of the scalp."""


def grow_external_carotid(tree: ArteryGrower, side: Side, ica: int) -> None:
    """The ECA of one side with its branches, from where it leaves the common carotid (the lower part of vessel `ica`).

    It has no upstream: an injection into the internal carotid artery does not fill it.
    """
    rng, s = tree.rng, 1.0 if side == "right" else -1.0
    neck = tree.vessels[ica].points_mm
    fork = neck[int(np.argmin(np.abs(neck[:, 2] - np.clip(rng.normal(-116, 7), -132, -104))))]
    way = np.array([[30, fork[1] + 7, fork[2] + 12], [35, fork[1] + 9, -94], [44, -3, -80], [50, -4, -66]])
    way[:, 0] *= s
    eca = tree.add(f"ECA {side}", side, [fork, *way], (1.9, 1.6, 1.25), None, jitter_mm=1.5, wiggle_mm=0.5)
    low = [tree.point(eca, 0.25), [36 * s, 14, -103], [43 * s, 28, -104], [41 * s, 46, -92], [30 * s, 62, -78],
           [19 * s, 72, -62]]  # fmt: skip
    facial = tree.add(f"facial {side}", side, low, (0.95, 0.75, 0.45), eca, jitter_mm=2.0, wiggle_mm=1.8)
    _twigs(tree, facial, 3, 14)
    back = [tree.point(eca, 0.35), [43 * s, -26, -86], [44 * s, -50, -76], [36 * s, -74, -62], [29 * s, -90, -42],
            [24 * s, -97, -18], [20 * s, -93, 8]]  # fmt: skip
    occipital = tree.add(f"occipital {side}", side, back, (0.95, 0.8, 0.4), eca, jitter_mm=2.0, wiggle_mm=2.4)
    for index in (occipital, *_twigs(tree, occipital, 4, 16)):
        _within_scalp(tree, index)
    deep = [tree.point(eca, 1.0), [44 * s, 10, -64], [36 * s, 22, -60], [26 * s, 30, -57], [17 * s, 36, -52]]
    maxillary = tree.add(f"maxillary {side}", side, deep, (1.15, 0.95, 0.7), eca, jitter_mm=1.5, wiggle_mm=1.2)
    _twigs(tree, maxillary, 4, 18)
    _meningeal(tree, side, s, maxillary)
    _superficial_temporal(tree, side, s, eca)


def _meningeal(tree: ArteryGrower, side: Side, s: float, maxillary: int) -> None:
    """Middle meningeal artery: through the foramen spinosum, then in grooves of the inner table."""
    rng = tree.rng
    start = tree.point(maxillary, 0.3)
    front = rng.normal(0, 3)
    path = [(6 + front, -43), (15 + front, -28), (20 + front, -10), (16 + front, 12), (8 + front, 32), (-2, 48)]
    way = [start, [32 * s, 2, -52], [36 * s, 4, -46]]
    way += [TEMPLATE_SKULL.lateral_point(s, y, z, 0.8) for y, z in path]
    trunk = tree.add(f"MMA {side}", side, way, (0.75, 0.6, 0.3), maxillary, jitter_mm=0.5, wiggle_mm=0.5)
    _onto_table(tree, trunk, 60)
    start = tree.point(trunk, 0.33)
    path = [(-4, -22), (-20, -8), (-38, 10), (-50, 26)]
    way = [start, *(TEMPLATE_SKULL.lateral_point(s, y, z + front, 0.8) for y, z in path)]
    back = tree.add(f"MMA {side} twig", side, way, (0.5, 0.28), trunk, jitter_mm=0.5, wiggle_mm=0.7)
    _onto_table(tree, back, 1)


def _onto_table(tree: ArteryGrower, vessel: int, first: int) -> None:
    points = tree.vessels[vessel].points_mm
    table = TEMPLATE_SKULL.on_table(points, 0.8)
    weight = np.clip((np.arange(len(points)) - first) / 40, 0, 1)[:, None]
    above = (points[:, 2] > -40)[:, None]
    points[:] = np.where(above, points + weight * (table - points), points)


def _superficial_temporal(tree: ArteryGrower, side: Side, s: float, eca: int) -> None:
    """STA in front of the ear, its frontal and parietal branches winding in the scalp."""
    rng = tree.rng
    fork_z = float(rng.uniform(-22, 4))
    way = [tree.point(eca, 1.0), [64 * s, -7, -54], [72 * s, -6, -40], _scalp(s, -5, fork_z)]
    sta = tree.add(f"STA {side}", side, way, (0.95, 0.85, 0.75), eca, jitter_mm=1.2, wiggle_mm=1.2)
    shift = rng.normal(0, 5, 2)
    for name, path in (
        ("frontal", [(12, fork_z + 12), (28, 22 + shift[0]), (42, 36 + shift[0]), (48, 48)]),
        ("parietal", [(-10, fork_z + 16), (-14 + shift[1], 30), (-22 + shift[1], 50), (-30, 62)]),
    ):
        branch = [tree.point(sta, 1.0), *(_scalp(s, y, z) for y, z in path)]
        index = tree.add(f"STA {name} {side}", side, branch, (0.7, 0.55, 0.3), sta, jitter_mm=1.0, wiggle_mm=2.3)
        _onto_scalp(tree, index)
        for twig in _twigs(tree, index, 2, 16):
            _onto_scalp(tree, twig)


def _scalp(s: float, y: float, z: float) -> FloatArray:
    """(3,) point of the scalp that a lateral view shows at about (y, z)."""
    grow = 1 + SCALP_ABOVE_TABLE_MM / 70
    return TEMPLATE_SKULL.lateral_point(s, y / grow, z / grow, -SCALP_ABOVE_TABLE_MM, medial_mm=16)


def _onto_scalp(tree: ArteryGrower, vessel: int) -> None:
    points = tree.vessels[vessel].points_mm
    scalp = TEMPLATE_SKULL.on_table(points, -SCALP_ABOVE_TABLE_MM)
    points[:] += np.clip(np.arange(len(points)) / 25, 0, 1)[:, None] * (scalp - points)


def _within_scalp(tree: ArteryGrower, vessel: int) -> None:
    """Bring points that lie outside the scalp back into it; those deep in the neck stay.

    A function of the point alone, so that branches stay attached.
    """
    points = tree.vessels[vessel].points_mm
    scalp = TEMPLATE_SKULL.on_table(points, -SCALP_ABOVE_TABLE_MM)
    outside = np.linalg.norm(points, axis=1) > np.linalg.norm(scalp, axis=1)
    # Below the nuchal line the outline is the neck's muscle, no longer the skull's.
    share = outside * np.clip((points[:, 2] + 68) / 20, 0, 1)
    points[:] += share[:, None] * (scalp - points)


def _twigs(tree: ArteryGrower, parent: int, count: int, reach_mm: float) -> list[int]:
    """Side branches that leave forwards along the parent; returns their indices."""
    first = len(tree.vessels)
    rng, vessel = tree.rng, tree.vessels[parent]
    name = vessel.name if vessel.name.endswith("twig") else f"{vessel.name} twig"
    for _ in range(count):
        fraction = float(rng.uniform(0.35, 0.95))
        start, ahead = tree.point(parent, fraction), tree.heading(parent, fraction)
        aside = rng.normal(0, 1, 3)
        aside -= aside @ ahead * ahead
        end = start + reach_mm * (0.7 * ahead + 0.8 * aside / np.linalg.norm(aside)) * rng.uniform(0.6, 1.3)
        radius = min(0.42, 0.7 * tree.radius(parent, fraction) / tree.calibre)
        tree.add(name, vessel.side, [start, 0.5 * (start + end) + rng.normal(0, 2, 3), end], (radius, 0.26), parent,
                 wiggle_mm=1.2)  # fmt: skip
    return list(range(first, len(tree.vessels)))
