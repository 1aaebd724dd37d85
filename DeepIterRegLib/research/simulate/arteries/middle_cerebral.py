"""Middle cerebral artery: M1, its division, M2 over the insula, M3 round the opercula, M4 on the convexity."""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.arteries.artery_grower import ArteryGrower
from DeepIterRegLib.research.simulate.head.brain_surface import PIA_BELOW_TABLE_MM, TEMPLATE_SKULL, Hemisphere
from DeepIterRegLib.research.simulate.vessels.vessel import Side

DIVISION_SHARES = {"superior dominant": 0.28, "inferior dominant": 0.32, "equal": 0.18, "trifurcation": 0.22}
"""Osborn, "Diagnostic Cerebral Angiography" (1999), and Gibo et al., J Neurosurg 54:151 (1981): bifurcation in 78 % (of
which these three), trifurcation in 12 %, more trunks in 10 %; the last two are drawn as one here."""
EARLY_BRANCH_SHARE = 0.52
"""A cortical branch of M1 itself (52 % of 100 hemispheres), and M1_LENGTH_MM: "Variable Anatomy of the Middle Cerebral
Artery from Its Origin to the Edge of the Sylvian Fissure", The Scientific World Journal 2021, 6652676."""
M1_LENGTH_MM = (20.6, 4.5)
"""Mean of that study (its SD is 6.2); SD of Reci and Bexheti, J Neurol Neurol Sci Disord 5:52 (2019: 19.8, SD 4.4)."""

# (name, share of hemispheres that have it (same study), y where it leaves the Sylvian fissure, whether upwards, and the
# direction (y, z) in which it goes on over the convexity as a lateral view shows it).
BRANCHES = (
    ("orbitofrontal", 0.98, 24.0, True, (1.0, 0.25)),
    ("prefrontal", 0.99, 18.0, True, (0.6, 0.8)),
    ("precentral", 0.95, 8.0, True, (0.25, 1.0)),
    ("central", 0.98, -3.0, True, (-0.1, 1.0)),
    ("anterior parietal", 0.88, -16.0, True, (-0.3, 1.0)),
    ("posterior parietal", 0.57, -28.0, True, (-0.7, 0.8)),
    ("angular", 0.83, -37.0, True, (-1.0, 0.3)),
    ("temporo-occipital", 0.69, -35.0, False, (-1.0, -0.25)),
    ("posterior temporal", 0.62, -24.0, False, (-0.7, -0.7)),
    ("middle temporal", 0.24, -10.0, False, (-0.4, -1.0)),
    ("anterior temporal", 0.89, 4.0, False, (-0.2, -1.0)),
    ("temporopolar", 0.87, 16.0, False, (0.5, -1.0)),
)


def fissure_z(y: float, tilt: float) -> float:
    """Height of the Sylvian fissure's lips at y: it rises backwards."""
    return -14.0 + (24.0 - y) * (0.33 + tilt)


def grow_middle_cerebral(
    tree: ArteryGrower, side: Side, ica: int, hemisphere: Hemisphere, attractors_mm: FloatArray
) -> int:
    """The MCA of one side down to its cortical twigs; returns the index of M1.

    attractors_mm: (K, 3) of its territory, in the sulci.
    """
    rng, s = tree.rng, hemisphere.sign
    tilt = float(rng.normal(0, 0.06))
    start = tree.point(ica, 1.0)
    length = float(np.clip(rng.normal(*M1_LENGTH_MM), 11, 31))
    # The further the division lies from the limen insulae, the longer the trunks run side by side.
    bow = float(rng.normal(0, 2.0))
    limen = np.array([s * 33.5, 11.0, -15.0]) + rng.normal(0, [1.2, 2.0, 1.5])
    way = np.array([start, 0.5 * (start + limen) + [0, 2.5, bow], limen, limen + [s * 4.0, -2.0, 6.0]])
    calibre = float(np.clip(rng.normal(1, 0.07), 0.82, 1.18))
    m1 = tree.add(f"M1 {side}", side, way, (1.5 * calibre, 1.35 * calibre), ica, jitter_mm=0.5, wiggle_mm=0.3)
    tree.cut(m1, length)
    division = str(rng.choice(list(DIVISION_SHARES), p=list(DIVISION_SHARES.values())))
    tree.variants[f"MCA division {side}"] = division
    present = [branch for branch in BRANCHES if rng.random() < branch[1]]
    early = [b for b in present if b[0] in ("temporopolar", "anterior temporal")]
    early = early[-1:] if rng.random() < EARLY_BRANCH_SHARE else []
    groups = _groups(division, [b for b in present if b not in early])
    end, ends = tree.point(m1, 1.0), []
    for name, members in groups.items():
        ends += _trunk(tree, side, s, m1, end, name, members, tilt, calibre)
    for branch in early:
        ends.append(_stem(tree, side, s, m1, 0.6, branch, tilt, 0.65))
    tree.grow(
        ends, attractors_mm, hemisphere.onto, hemisphere.within,
        from_fraction=[max(0.0, 1 - 10 / (0.4 * len(tree.vessels[i].points_mm))) for i in ends],
        kill_mm=4.8,
    )  # fmt: skip
    return m1


def _groups(division: str, branches: list[tuple]) -> dict[str, list[tuple]]:
    """Which trunk carries which cortical branch."""
    first_of_inferior = {"superior dominant": 8, "equal": 6, "inferior dominant": 4, "trifurcation": 8}[division]
    names = [branch[0] for branch in BRANCHES]
    groups: dict[str, list[tuple]] = {"superior": [], "inferior": []}
    if division == "trifurcation":
        groups = {"superior": [], "middle": [], "inferior": []}
    for branch in branches:
        number = names.index(branch[0])
        if division == "trifurcation" and 4 <= number < 8:
            groups["middle"].append(branch)
        else:
            groups["superior" if number < first_of_inferior else "inferior"].append(branch)
    return {name: members for name, members in groups.items() if members}


def _trunk(
    tree: ArteryGrower, side: Side, s: float, m1: int, end: FloatArray, name: str, members: list[tuple], tilt: float,
    calibre: float,
) -> list[int]:  # fmt: skip
    """One M2 trunk over the insula to its farthest branch, and the stems of its branches; returns the stems."""
    rng = tree.rng
    far = min(members, key=lambda branch: branch[2])
    last_y = max(far[2] + 12.0, -24.0)
    low = {"superior": 5.0, "middle": 0.5, "inferior": -4.0}[name]
    way = [end]
    for t in (0.2, 0.45, 0.72, 1.0):
        y = 8.0 + t * (last_y - 8.0)
        way.append(np.array([s * (37.0 + 3 * t), y, fissure_z(y, tilt) + low * (0.4 + 0.6 * t) + 1.5]))
    size = calibre * float(np.clip(1.3 * (len(members) / 9) ** (1 / 3), 0.85, 1.25))
    m2 = tree.add(f"M2 {name} {side}", side, way, (size, 0.75 * size), m1, jitter_mm=1.5, wiggle_mm=0.7)
    y_of = tree.vessels[m2].points_mm[:, 1]
    stems = []
    for branch in members:
        at = float(np.clip(np.argmin(np.abs(y_of - (branch[2] + rng.uniform(6, 14)))) / len(y_of), 0.08, 1.0))
        stems.append(_stem(tree, side, s, m2, 1.0 if branch is far else at, branch, tilt, 0.72 * calibre))
    return stems


def _stem(
    tree: ArteryGrower, side: Side, s: float, parent: int, fraction: float, branch: tuple, tilt: float, radius: float
) -> int:
    """A cortical artery from the insula round the operculum to the first centimetre on the convexity."""
    rng = tree.rng
    name, _, lip_y, up, toward = branch
    lip_y += rng.normal(0, 4.0)
    start = tree.point(parent, fraction)
    lip_z = fissure_z(lip_y, tilt) + rng.normal(0, 1.5)
    turn_y = 0.55 * start[1] + 0.45 * lip_y
    # M2 climbs to the circular sulcus before M3 doubles back along the operculum: higher above the fissure than below.
    reach = float(rng.uniform(7, 14) if up else -rng.uniform(3, 7))
    if lip_y > 12:
        reach *= 0.6
    turn = np.array([s * (39.5 + rng.normal(0, 1)), turn_y, fissure_z(turn_y, tilt) + reach])
    under = np.array([s * (47.5 + rng.normal(0, 1)), lip_y + rng.normal(0, 2), lip_z + 0.25 * reach])
    direction = np.array(toward) / np.linalg.norm(toward)
    lip = TEMPLATE_SKULL.lateral_point(s, lip_y, lip_z, PIA_BELOW_TABLE_MM + rng.uniform(0.5, 3))
    steps = [
        TEMPLATE_SKULL.lateral_point(s, lip_y + d * direction[0], lip_z + d * direction[1], PIA_BELOW_TABLE_MM + 1.0)
        for d in (6.0, 12.0)
    ]
    way = [start, 0.5 * (start + turn) + rng.normal(0, 1.5, 3), turn, under, lip, *steps]
    return tree.add(f"M4 {name} {side}", side, way, (radius, 0.9 * radius, 0.75 * radius), parent,
                    jitter_mm=0.9, wiggle_mm=0.9)  # fmt: skip
