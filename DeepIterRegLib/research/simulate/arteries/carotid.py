"""Internal carotid artery: neck, carotid canal, siphon, ophthalmic and anterior choroidal artery, terminus."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.arteries.artery_grower import ArteryGrower
from DeepIterRegLib.research.simulate.head.brain_surface import inside_table
from DeepIterRegLib.research.simulate.vessels.vessel import Side

SIPHON_SHARES = {"U": 0.357, "V": 0.307, "C": 0.272, "S": 0.064}
"""Zhou, Chen, Duan, "Three-dimensional reconstruction of the carotid artery: anatomical measurement and calcification
distribution of the carotid siphon" (2015): sides without calcification, CT angiography."""

# Lateral view (y, z) in mm from the posterior genu to the supraclinoid segment, drawn from the definitions of the four
# types: U parallel limbs, V limbs that meet at an acute angle, C a wide open bow, S limbs that cross over.
SIPHON_YZ = {
    "U": ((5, -37.5), (12, -39), (19, -38), (24.5, -34.5), (23, -30), (17, -28.5), (11, -26.5)),
    "V": ((5, -36.5), (12, -37), (19, -36.5), (26, -33.5), (22, -30), (16, -26.5), (12, -23.5)),
    "C": ((5, -38), (11, -40.5), (17, -40), (21.5, -36), (22, -30.5), (18.5, -26), (14, -23)),
    "S": ((7, -35.5), (12, -40), (19, -41.5), (25, -38), (25, -32.5), (18.5, -30.5), (9.5, -29)),
}
CAROTID_MM = (2.55, 2.5, 2.45, 2.45, 2.4, 1.75)
"""Radius from the neck to the terminus; lumen of the siphon 4.9 mm, SD 0.6, on CTA (Zhou 2015), less at its end."""


def grow_carotid(tree: ArteryGrower, side: Side) -> int:
    """The ICA of one side from below the skull base to its terminus, with its branches; returns its index."""
    rng, s = tree.rng, 1.0 if side == "right" else -1.0
    shape = str(rng.choice(list(SIPHON_SHARES), p=list(SIPHON_SHARES.values())))
    tree.variants[f"carotid siphon {side}"] = shape
    siphon = np.array(SIPHON_YZ[shape]) + rng.normal(0, 0.9, (7, 2))
    middle = np.array([15.0, -32.0])
    siphon = middle + (siphon - middle) * rng.uniform(0.85, 1.15, 2) + rng.normal(0, [1.5, 1.0])
    siphon_x = np.array([12.0, 12.5, 13.0, 13.0, 12.0, 11.0, 11.0]) + rng.normal(0, 0.8, 7) + rng.normal(0, 0.8)
    terminus = np.array([11.5, 10.5, -19.5]) + rng.normal(0, [1.2, 1.5, 1.3])
    cavernous = np.column_stack([siphon_x, siphon])
    canal = np.array([[23.0, -3, -62], [22, 0, -53.5], [17.5, 4, -50], [13, 5, -45]]) + rng.normal(0, 1.0, (4, 3))
    path = np.vstack([_neck(tree), canal, cavernous, terminus])
    path[:, 0] *= s
    radii = np.array(CAROTID_MM) * float(np.clip(rng.normal(1, 0.08), 0.8, 1.2))
    ica = tree.add(f"ICA {side}", side, path, radii.tolist(), None, jitter_mm=0.3, wiggle_mm=0.12)
    _ophthalmic(tree, side, s, ica)
    _anterior_choroidal(tree, side, s, ica)
    return ica


def _neck(tree: ArteryGrower) -> FloatArray:
    """(M, 3) waypoints below the skull base: a straight, a curved or a looping course, more so when tortuous."""
    rng = tree.rng
    z = np.array([-152.0, -138, -125, -113, -101, -89, -77, -69])
    bow = tree.tortuosity * np.abs(rng.normal(0, 4.5))
    place, width = rng.uniform(-112, -88), rng.uniform(11, 18)
    bend = np.exp(-(((z - place) / width) ** 2))
    angle = rng.uniform(0, 2 * np.pi)
    counter = 0.7 * np.exp(-(((z - place + 1.7 * width) / width) ** 2))
    x = 25.5 + rng.normal(0, 2) + bow * np.cos(angle) * (bend - counter)
    y = np.interp(z, [-152, -110, -69], [-12 + rng.normal(0, 4), -8 + rng.normal(0, 3), -4])
    y = y + 1.6 * bow * np.sin(angle) * (bend - counter)
    fade = np.clip((-66 - z) / 14, 0, 1)
    return np.column_stack([24 + fade * (x - 24), -4 + fade * (y + 4), z])


def _ophthalmic(tree: ArteryGrower, side: Side, s: float, ica: int) -> None:
    """Ophthalmic artery through the optic canal into the orbit (from the supraclinoid segment's beginning)."""
    points = tree.vessels[ica].points_mm
    front = len(points) - 120 + int(np.argmax(points[-120:, 1]))
    start = points[min(front + 8, len(points) - 20)]
    path = [start, [14 * s, 33, -31], [19 * s, 43, -31], [17 * s, 53, -28], [20 * s, 64, -28]]
    ophthalmic = tree.add(f"ophthalmic {side}", side, path, (0.7, 0.6, 0.35), ica, wiggle_mm=0.9)
    for target in ([30 * s, 58, -26], [11 * s, 62, -27]):
        start = tree.point(ophthalmic, float(tree.rng.uniform(0.5, 0.75)))
        tree.add(f"ophthalmic {side} twig", side, [start, (start + target) / 2, target], (0.38, 0.25), ophthalmic)


def _anterior_choroidal(tree: ArteryGrower, side: Side, s: float, ica: int) -> None:
    """Anterior choroidal artery along the optic tract to the temporal horn's plexus."""
    path = [tree.point(ica, 0.965), [15 * s, 3, -20], [20 * s, -9, -17], [26 * s, -19, -15], [29 * s, -27, -9]]
    choroidal = tree.add(f"anterior choroidal {side}", side, path, (0.5, 0.45, 0.3), ica, wiggle_mm=0.8)
    points = tree.vessels[choroidal].points_mm
    points[1:] = inside_table(points[1:])
