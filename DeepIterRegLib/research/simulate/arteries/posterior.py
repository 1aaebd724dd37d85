"""Vertebral and basilar arteries, cerebellar arteries, posterior cerebral arteries with the communicating arteries."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.arteries.artery_grower import ArteryGrower
from DeepIterRegLib.research.simulate.arteries.willis import SIDES, Circle, communicating_waypoints
from DeepIterRegLib.research.simulate.head.brain_surface import Hemisphere, inside_table
from DeepIterRegLib.research.simulate.vessels.vessel import Side

VERTEBRAL_DIAMETER_MM = (3.2, 0.6)
HYPOPLASTIC_SHARE: dict[Side, float] = {"right": 0.071, "left": 0.094}
"""Ergun et al., "Evaluation of vertebral artery dominance, hypoplasia and variations in the origin: angiographic study
in 254 patients", Folia Morphologica (2015), 10.5603/FM.a2015.0061: diameters 3.21 and 3.16 mm, SD
0.7; hypoplasia 7.1 % right, 9.4 % left, drawn apart here, hence the smaller SD."""
CEREBELLUM_MIDDLE_MM, CEREBELLUM_HALF_MM = np.array([0.0, -44.0, -41.0]), np.array([44.0, 27.0, 17.0])


def on_cerebellum(points_mm: FloatArray) -> FloatArray:
    """(N, 3) the points on the cerebellum's surface, an ellipsoid below the tentorium."""
    relative = (points_mm - CEREBELLUM_MIDDLE_MM) / CEREBELLUM_HALF_MM
    surface = relative / np.maximum(np.linalg.norm(relative, axis=1, keepdims=True), 1e-6)
    return inside_table(CEREBELLUM_MIDDLE_MM + surface * CEREBELLUM_HALF_MM, 3.0)


def grow_vertebrobasilar(tree: ArteryGrower) -> int:
    """Both vertebral arteries, the basilar artery and the arteries of the cerebellum; returns the basilar's index."""
    rng = tree.rng
    radius: dict[Side, float] = {}
    for side in SIDES:
        radius[side] = float(np.clip(rng.normal(*VERTEBRAL_DIAMETER_MM), 2.2, 4.6)) / 2
        if rng.random() < HYPOPLASTIC_SHARE[side]:
            radius[side] = float(rng.uniform(0.6, 0.95))
            tree.variants[f"VA {side}"] = "hypoplastic"
    dominant = max(SIDES, key=lambda side: radius[side])
    tree.variants["dominant vertebral artery"] = dominant
    away = -1.0 if dominant == "right" else 1.0
    # The basilar bows away from the larger vertebral artery.
    join = np.array([away * rng.uniform(-1, 2), -12.5 + rng.normal(0, 1), -50 + rng.normal(0, 2.5)])
    top = np.array([rng.normal(0, 1.0), -4 + rng.normal(0, 1.5), -25 + rng.normal(0, 2.5)])
    bow = away * abs(rng.normal(0, 2.5)) * tree.tortuosity
    vertebrals: dict[Side, int] = {}
    for side in SIDES:
        vertebrals[side] = _vertebral(tree, side, radius[side])
    first = len(tree.vessels)
    basilar = first + 2
    for side in sorted(SIDES, key=lambda one: one != dominant):
        start = tree.point(vertebrals[side], 1.0)
        s = 1.0 if side == "right" else -1.0
        way = [start, 0.5 * (start + join) + [s * rng.uniform(0, 2), -1.0, rng.normal(0, 1.5)], join]
        tree.add(f"V4 {side}", side, way, (0.92 * radius[side], 0.85 * radius[side]), vertebrals[side],
                 downstream=basilar, wiggle_mm=0.3)  # fmt: skip
    way = [join, [join[0] + bow, -8.0, -43], [top[0] + bow, -5.0, -34], top]
    size = float(rng.normal(1.6, 0.15))
    tree.add("basilar", "middle", way, (size, 0.92 * size), first, jitter_mm=0.7, wiggle_mm=0.3)
    for side in SIDES:
        v4 = first + (side != dominant)
        _cerebellar(tree, side, v4, basilar)
    return basilar


def _vertebral(tree: ArteryGrower, side: Side, radius: float) -> int:
    """V2 in the transverse foramina, V3 round the atlas, through the dura."""
    rng, s = tree.rng, 1.0 if side == "right" else -1.0
    out = rng.uniform(-1, 3)
    path = np.array([
        [17, -26, -152], [16.5, -26, -138], [17, -25.5, -124], [17, -26, -110], [17.5, -27, -99], [21, -29, -91],
        [24 + out, -31, -84], [25 + out, -33, -77], [22 + out, -41, -74], [14, -44, -72.5], [9, -37, -68],
        [7.5, -29, -62],
    ])  # fmt: skip
    path[5:9] += rng.normal(0, 1.0, (4, 3))
    path[:, 0] *= s
    return tree.add(f"VA {side}", side, path, (radius, 0.95 * radius), None, jitter_mm=0.7, wiggle_mm=0.2)


def _cerebellar(tree: ArteryGrower, side: Side, v4: int, basilar: int) -> None:
    """PICA with its loops, AICA, SCA, and their hemispheric branches."""
    rng, s = tree.rng, 1.0 if side == "right" else -1.0
    low = rng.normal(-58, 4)
    # AICA and PICA of one side share a territory: where one is small the other is large.
    balance = float(rng.uniform(0.65, 1.2))
    ends = []
    pica = [tree.point(v4, float(rng.uniform(0.15, 0.6))), [12 * s, -22, low + 6], [11 * s, -31, low],
            [8 * s, -37, low + 8], [7 * s, -43, low + 3], [10 * s, -54, -56], [18 * s, -58, -53]]  # fmt: skip
    ends.append(tree.add(f"PICA {side}", side, pica, (0.7 * balance, 0.5), v4, jitter_mm=1.4, wiggle_mm=0.8))
    aica = [tree.point(basilar, float(rng.uniform(0.2, 0.5))), [11 * s, -12, -42], [22 * s, -20, -44],
            [27 * s, -26, -41], [36 * s, -30, -46]]  # fmt: skip
    ends.append(tree.add(f"AICA {side}", side, aica, (0.6 / balance, 0.4), basilar, jitter_mm=1.2, wiggle_mm=0.8))
    sca = [tree.point(basilar, 0.9), [9 * s, -9, -29], [17 * s, -20, -26], [15 * s, -32, -24], [16 * s, -42, -24]]
    ends.append(tree.add(f"SCA {side}", side, sca, (0.75, 0.55), basilar, jitter_mm=1.0, wiggle_mm=0.6))
    direction = rng.normal(size=(260, 3))
    direction[:, 0] = s * np.abs(direction[:, 0])
    unit = direction / np.linalg.norm(direction, axis=1, keepdims=True)
    # Its front lies against the brain stem and the petrous bone.
    unit = unit[(unit[:, 1] < 0.35) & (np.abs(unit[:, 0]) > 0.08)]
    attractors = inside_table(CEREBELLUM_MIDDLE_MM + unit * CEREBELLUM_HALF_MM, 3.0)
    tree.grow(
        ends,
        attractors,
        on_cerebellum,
        inside_table,
        from_fraction=[0.6] * 3,
        kill_mm=7.5,
        influence_mm=30,
        shortest_mm=10,
        wave_mm=2.0,
    )


def grow_posterior_cerebral(
    tree: ArteryGrower, side: Side, circle: Circle, carotid: int, basilar: int, hemisphere: Hemisphere,
    attractors_mm: FloatArray,
) -> None:  # fmt: skip
    """P1 or the fetal trunk, PCOM, P2 and the cortical branches of one side."""
    rng, s = tree.rng, hemisphere.sign
    top = tree.point(basilar, 1.0)
    bend = np.array([s * rng.uniform(9, 12), rng.normal(-2.5, 1.0), rng.normal(-22, 1.2)])
    if circle.p1[side] > 0:
        way = [top, 0.5 * (top + bend) + rng.normal(0, 0.8, 3), bend]
        source = tree.add(f"P1 {side}", side, way, (circle.p1[side],) * 2, basilar, jitter_mm=0.3, wiggle_mm=0.2)
        bend = tree.point(source, 1.0)
        if circle.pcom[side] > 0:
            way = communicating_waypoints(tree, s, carotid, bend)
            pcom = tree.add(f"PCOM {side}", side, way, (circle.pcom[side],) * 2, carotid, downstream=source,
                            jitter_mm=0.3, wiggle_mm=0.2)  # fmt: skip
            if circle.pcom[side] > circle.p1[side]:
                source = pcom
    else:
        way = communicating_waypoints(tree, s, carotid, bend)
        source = tree.add(f"PCOM {side}", side, way, (circle.pcom[side],) * 2, carotid, jitter_mm=0.3, wiggle_mm=0.2)
    way = [tree.point(source, 1.0), [s * 17, -10, -22], [s * 22, -20, -19], [s * 20, -31, -14], [s * 14, -40, -9]]
    p2 = tree.add(f"P2 {side}", side, way, (1.05, 0.8), source, jitter_mm=1.4, wiggle_mm=0.8)
    trunks = [
        tree.add(f"PCA {name} {side}", side, [tree.point(p2, where), *path], radii, p2, jitter_mm=1.6, wiggle_mm=1.1)
        for name, where, path, radii in (
            ("anterior temporal", 0.3, [[s * 27, -12, -26], [s * 34, -3, -32]], (0.5, 0.4)),
            ("posterior temporal", 0.55, [[s * 27, -32, -19], [s * 34, -42, -23], [s * 38, -50, -24]], (0.6, 0.5)),
            ("calcarine", 1.0, [[s * 9, -50, -6], [s * 4, -59, -3], [s * 3, -66, -4]], (0.65, 0.5)),
            ("parieto-occipital", 0.95, [[s * 8, -47, -2], [s * 4, -54, 5], [s * 3, -60, 13]], (0.65, 0.5)),
        )
    ]
    tree.grow(
        trunks, attractors_mm, hemisphere.onto, hemisphere.within, from_fraction=[0.6] * 4, influence_mm=34, wave_mm=3.4
    )
