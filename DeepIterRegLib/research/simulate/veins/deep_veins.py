"""The deep veins of the cerebrum: to the internal cerebral veins, the basal veins and the vein of Galen.

Courses in the template's frame are drawn from general anatomy; proportions and calibres as cited at each constant.
"""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.research.simulate.veins.sinuses import Sinuses
from DeepIterRegLib.research.simulate.veins.skull_base_veins import SkullBase
from DeepIterRegLib.research.simulate.veins.venous_tree import SIDES, VenousTree
from DeepIterRegLib.research.simulate.vessels.vessel import Side, centreline

INTERNAL_CEREBRAL_RADII_MM = (0.75, 1.02)
"""Diameters 1.49 +- 0.39 and 2.05 +- 0.47 mm at begin and end, length 36.9 +- 3.7 mm, and 9.3 +- 4.8 mm of vein of
Galen: Hou et al. 2021, Int J Med Sci 18:1699 (CTA of 100 patients)."""
BASAL_VEIN_DRAINS = {"vein of Galen": 0.878, "superior petrosal sinus": 0.072, "tentorial sinus": 0.05}
BASAL_VEIN_IN_TWO = 0.369
"""Where the basal vein goes, and of those to the vein of Galen how many lack the connection to the first segment, which
then drains to the cavernous sinus: 500 sides by CT angiography (Suzuki et al. 2001, AJNR 22:670)."""


def grow_deep_veins(tree: VenousTree, sinuses: Sinuses, base: SkullBase) -> int:
    """Add the deep veins; returns the index of the vein of Galen."""
    rng = tree.rng
    end = tree.at(sinuses.straight, 0.0)
    begin = end + [rng.normal(0, 0.4), rng.uniform(7, 12), rng.normal(-2.5, 1.2)]
    under_splenium = 0.5 * (begin + end) + [0, 0, -rng.uniform(2.0, 4.0)]
    size = rng.uniform(0.85, 1.2)
    galen = tree.add_given("vein of Galen", "middle", end, sinuses.straight)
    if galen is None:
        curve = centreline(np.array([begin, under_splenium, end]))
        galen = tree.add("vein of Galen", "middle", curve, (1.5 * size, 1.7 * size), sinuses.straight)
    for side, sign in SIDES:
        _internal_cerebral(tree, side, sign, galen)
        _basal(tree, side, sign, galen, sinuses, base)
    return galen


def _internal_cerebral(tree: VenousTree, side: Side, sign: float, galen: int) -> None:
    """Internal cerebral vein; thalamostriate and septal veins meet at the venous angle behind the foramen of Monro."""
    rng, mirror = tree.rng, np.array([sign, 1, 1])
    size = float(np.clip(rng.normal(1, 0.2), 0.6, 1.4))
    monro = np.array([3.2, 6.5, 6.0]) + rng.normal(0, [0.5, 2.0, 1.5])
    end = tree.at(galen, 0.0)
    roof = np.array([monro, [2.6, 1.0, 10.5], [2.2, -10, 12.5], [2.2, -22, 10.5]])
    roof[1:] += rng.normal(0, [0.3, 0.8, 1.0])
    curve = tree.free(np.vstack([roof * mirror, end]), 0.3)
    vein = tree.add_given("internal cerebral vein", side, end, galen)
    if vein is None:
        vein = tree.add("internal cerebral vein", side, curve, np.multiply(INTERNAL_CEREBRAL_RADII_MM, size), galen)
    angle = tree.at(vein, 0.0)
    striate = np.array([[20, -24, 14], [18.5, -12, 17], [15, 0, 16.5], [9, 7.5, 11.5]]) + rng.normal(0, 1.2, (4, 3))
    curve = tree.free(np.vstack([striate * mirror, angle]), 0.5)
    thalamostriate = tree.add("thalamostriate vein", side, curve, (0.35 * size, 0.6 * size), vein)
    septal = np.array([[5, 33, 8], [3, 24, 9], [2.5, 14, 8]]) + rng.normal(0, [0.6, 1.5, 1.2], (3, 3))
    tree.add("septal vein", side, tree.free(np.vstack([septal * mirror, angle]), 0.4), (0.3, 0.45 * size), vein)
    # Veins of the caudate nucleus and of the white matter come in along the ventricle's wall.
    for fraction in np.sort(rng.uniform(0.05, 0.85, int(rng.integers(3, 6)))):
        root = tree.at(thalamostriate, fraction)
        tip = root + [sign * rng.uniform(3, 9), rng.uniform(2, 12), rng.uniform(5, 14)]
        curve = tree.free([tip, 0.5 * (root + tip) + [sign * 2, 0, 0], root], 0.5)
        tree.add("thalamostriate vein tributary", side, curve, (0.22, 0.32), thalamostriate)
    atrial = np.array([[21, -38, 10], [15, -33, 13], [7, -26, 12]]) + rng.normal(0, 1.2, (3, 3))
    root = tree.at(vein, rng.uniform(0.7, 0.9))
    tree.add("medial atrial vein", side, tree.free(np.vstack([atrial * mirror, root]), 0.5), (0.3, 0.42), vein)


def _basal(tree: VenousTree, side: Side, sign: float, galen: int, sinuses: Sinuses, base: SkullBase) -> None:
    """Basal vein round the cerebral peduncle, whole or in two, and its variants."""
    rng, mirror = tree.rng, np.array([sign, 1, 1])
    drain = str(rng.choice(list(BASAL_VEIN_DRAINS), p=list(BASAL_VEIN_DRAINS.values())))
    given = f"basal vein {side}" in tree.given
    if given:
        drain = "vein of Galen"
    size = float(rng.uniform(0.75, 1.25))
    first = np.array([[19, 12, -16], [13, 8, -18], [11, 0, -19]]) + rng.normal(0, 0.8, (3, 3))
    rest = np.array([[15, -8, -15.5], [17.5, -16, -10], [16, -24, -4]]) + rng.normal(0, 1.0, (3, 3))
    in_two = drain == "vein of Galen" and rng.random() < BASAL_VEIN_IN_TWO and not given
    course = rest if in_two else np.vstack([first, rest])
    if drain == "vein of Galen":
        end, into = tree.at(galen, rng.uniform(0.1, 0.5)), galen
        path = np.vstack([course * mirror, [10 * sign, -31, 1.0], end])
    elif drain == "tentorial sinus":
        # Along the tentorium to the straight sinus.
        end, into = tree.at(sinuses.straight, rng.uniform(0.35, 0.7)), sinuses.straight
        path = np.vstack([course * mirror, [14 * sign, -36, -4], 0.5 * (end + [14 * sign, -40, -5]), end])
    else:
        into = base.superior_petrosal[side]
        end = tree.at(into, rng.uniform(0.25, 0.5))
        path = np.vstack([course[:-1] * mirror, [18 * sign, -18, -18], [20 * sign, -14, -28], end])
    vein = tree.add_given("basal vein", side, end, into)
    if vein is None:
        vein = tree.add("basal vein", side, tree.free(path, 0.4), (0.4 * size, 0.7 * size, 0.95 * size), into)
    if drain != "vein of Galen":
        tree.variants[f"basal vein {side}"] = f"drains into the {drain}"
    deep_sylvian = np.array([[37, 2, -6], [34, 8, -13], [26, 11, -17]]) + rng.normal(0, 1.0, (3, 3))
    if in_two:
        tree.variants[f"basal vein {side}"] = "in two segments"
        end = tree.at(base.cavernous[side], 0.15)
        front = np.vstack([deep_sylvian * mirror, [19 * sign, 15, -22], end])
        tree.add("deep middle cerebral vein", side, tree.free(front, 0.5), (0.3, 0.6), base.cavernous[side])
    else:
        front = np.vstack([deep_sylvian * mirror, tree.at(vein, 0.0)])
        tree.add("deep middle cerebral vein", side, tree.free(front, 0.5), (0.28, 0.42 * size), vein)
    temporal = np.array([[30, -14, -18], [24, -18, -13]]) + rng.normal(0, 1.2, (2, 3))
    root = tree.at(vein, 0.5)
    tree.add("basal vein tributary", side, tree.free(np.vstack([temporal * mirror, root]), 0.5), (0.25, 0.35), vein)
