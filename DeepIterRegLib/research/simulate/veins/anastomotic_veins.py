"""The three large superficial veins that share the lateral hemisphere: Trolard, Labbe, superficial Sylvian.

Courses in the template's frame are drawn from general anatomy; proportions and calibres as cited at each constant.
"""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.head.brain_surface import TEMPLATE_SKULL
from DeepIterRegLib.research.simulate.veins.cortical_veins import FOLLOWS_SKULL_MM, GAP_MM, climb
from DeepIterRegLib.research.simulate.veins.sinuses import Sinuses
from DeepIterRegLib.research.simulate.veins.skull_base_veins import SkullBase
from DeepIterRegLib.research.simulate.veins.venous_tree import VenousTree, joined, started
from DeepIterRegLib.research.simulate.vessels.vessel import STEP_MM, Side

PRESENCE = {"superficial Sylvian vein": 0.755, "vein of Labbe": 0.965, "vein of Trolard": 0.645}
RADIUS_MM = {"superficial Sylvian vein": (1.0, 0.25), "vein of Labbe": (1.09, 0.29), "vein of Trolard": (1.07, 0.24)}
EQUILIBRIUM = 0.545
"""How often each is seen, mean and SD of its radius, how often none dominates: 200 lateral angiograms (Naidoo et al.
2022, Translational Research in Anatomy 28:100210)."""
DOMINATES = {"superficial Sylvian vein": 0.429, "vein of Labbe": 0.167, "vein of Trolard": 0.214}
"""Which one otherwise, in the proportions of 21 brains (Tomasi et al. 2022, Front Surg 8:817002)."""
ALL_MEET = 0.40
"""How often all three begin at one point of the Sylvian fissure: type A of 45 hemispheres (Imada et al., "Morphological
Pattern and Classification of the Superficial Middle Cerebral Vein", PMC6635146)."""
SYLVIAN_DRAINS = {
    "cavernous sinus": 0.628, "pterygoid plexus": 0.125, "superior petrosal sinus": 0.015,
    "transverse sinus by the middle fossa": 0.018, "transverse sinus by the squama": 0.022,
}  # fmt: skip
"""600 sides by CT angiography (Suzuki et al., superficial middle cerebral and basal veins; similar in AJNR 2000,
21:932). The rest was undeveloped or other."""
SYLVIAN_FOLLOWS_SKULL_MM = 1.5
"""It lies deeper than the others: only a large one counts among the veins along the skull."""
LABBE_FROM_END_MM = (16.8, 10.2)
"""Mean and SD of the distance of the vein of Labbe's mouth from the sigmoid sinus' begin (Fang et al. 2017, BioMed Eng
OnLine 16:84)."""


def grow_anastomotic_veins(tree: VenousTree, side: Side, sinuses: Sinuses, base: SkullBase) -> list[int]:
    """Add those of the three veins that this side has; returns their indices."""
    rng = tree.rng
    radius = _radii(rng)
    for name in PRESENCE:
        if name not in radius:
            tree.variants[f"{name} {side}"] = "absent"
    meeting = np.array([-22.0, 9.0]) + rng.normal(0, [6, 4])
    together = rng.random() < ALL_MEET
    begin = TEMPLATE_SKULL.lateral_point(1.0 if side == "right" else -1.0, float(meeting[0]), float(meeting[1]), 4.0)
    if together and len(radius) > 1:
        tree.variants[f"anastomosis {side}"] = " meets ".join(radius)
    grown = []
    if (name := "vein of Trolard") in radius:
        y, z = meeting + (0.0 if together else rng.uniform([-4, 4], [2, 12]))
        grown.append(climb(tree, side, (y, z), sinuses.sagittal, rng.uniform(92, 124), rng.uniform(7, 15), radius[name],
                           name, begin if together else None))  # fmt: skip
    if (name := "vein of Labbe") in radius:
        start = meeting + (0.0 if together else rng.uniform([2, -10], [16, -4]))
        grown.append(_labbe(tree, side, start, radius[name], sinuses, begin if together else None))
    if (name := "superficial Sylvian vein") in radius:
        grown.append(_sylvian(tree, side, begin, radius[name], sinuses, base))
    return grown


def _radii(rng: np.random.Generator) -> dict[str, float]:
    """Radius of each vein that there is: where one dominates, it is wider and the others are narrower."""
    present = [name for name, share in PRESENCE.items() if rng.random() < share]
    factor = dict.fromkeys(present, 1.0)
    if present and rng.random() > EQUILIBRIUM:
        weights = np.array([DOMINATES[name] for name in present])
        winner = present[int(rng.choice(len(present), p=weights / weights.sum()))]
        factor = {name: 1.3 if name == winner else 0.72 for name in present}
    return {
        name: float(np.clip(factor[name] * rng.normal(*RADIUS_MM[name]), 0.45, 2.0)) for name in present
    }  # fmt: skip


def _labbe(
    tree: VenousTree, side: Side, start: FloatArray, radius: float, sinuses: Sinuses, begin: FloatArray | None
) -> int:
    rng, sign = tree.rng, 1.0 if side == "right" else -1.0
    if side in sinuses.transverse:
        into = sinuses.transverse[side]
        points = tree[into].points_mm
        back = np.clip(rng.normal(*LABBE_FROM_END_MM), 2, 35) / STEP_MM
        end = points[max(len(points) - 1 - int(back), 0)]
    else:
        # Without a transverse sinus it is what the sigmoid sinus begins with.
        into = sinuses.sigmoid[side]
        end = tree.at(into, 0.02)
    across = end[1:] - start
    sag = rng.uniform(0.0, 0.18) * np.array([across[1], -across[0]])
    way = []
    for share in (0, 0.3, 0.6, 0.85):
        y, z = start + share * across + 4 * share * (1 - share) * sag
        way.append(TEMPLATE_SKULL.lateral_point(sign, y, z, 3.0))
    curve = joined(tree.along_table(np.array([*way, end]), (radius,), float(rng.uniform(0.6, 1.2)), GAP_MM), end)
    curve = curve if begin is None else started(curve, begin)
    return tree.add("vein of Labbe", side, curve, (0.5 * radius, radius), into,
                    follows_skull=radius >= FOLLOWS_SKULL_MM)  # fmt: skip


def _sylvian(
    tree: VenousTree, side: Side, begin: FloatArray, radius: float, sinuses: Sinuses, base: SkullBase
) -> int:  # fmt: skip
    """Forward along the Sylvian fissure, round the sphenoid wing or the temporal pole, to where it drains."""
    rng, sign = tree.rng, 1.0 if side == "right" else -1.0
    shares = np.array(list(SYLVIAN_DRAINS.values()))
    drain = list(SYLVIAN_DRAINS)[int(rng.choice(len(shares), p=shares / shares.sum()))]
    if (
        drain not in ("cavernous sinus", "pterygoid plexus", "superior petrosal sinus")
        and side not in sinuses.transverse
    ):
        drain = "cavernous sinus"
    pole = [[46, 25, -22], [38, 27, -30], [33, 22, -37]]
    if drain == "cavernous sinus":
        into = base.cavernous[side]
        rest, end = [[42, 27, -19], [30, 28, -24], [20, 25, -28]], tree.at(into, rng.uniform(0.05, 0.35))
    elif drain == "pterygoid plexus":
        into = base.pterygoid[side]
        rest, end = [*pole, [29, 15, -43], [28, 12, -50]], tree.at(into, 0.0)
    elif drain == "superior petrosal sinus":
        into = base.superior_petrosal[side]
        rest, end = [*pole, [29, 8, -41], [27, -4, -41]], tree.at(into, 0.35)
    elif drain == "transverse sinus by the middle fossa":
        into = sinuses.transverse[side]
        rest, end = [*pole, [34, 6, -42], [41, -14, -40], [50, -29, -33]], tree.at(into, 0.97)
    else:
        into = sinuses.transverse[side]
        rest, end = [[53, 22, -20], [57, 8, -25], [58, -12, -28], [56, -28, -29]], tree.at(into, 0.93)
    if drain != "cavernous sinus":
        tree.variants[f"superficial Sylvian vein {side}"] = f"drains into the {drain}"
    fissure = np.array([[-6, 3], [8, -4], [19, -11]]) + rng.normal(0, [2.5, 1.5], (3, 2))
    along = [TEMPLATE_SKULL.lateral_point(sign, float(y), float(z), 4.0 + radius) for y, z in fissure]
    onward = (np.array(rest) + rng.normal(0, 1.0, (len(rest), 3))) * [sign, 1, 1]
    curve = tree.free(np.vstack([begin, along, onward, end]), 0.6)
    return tree.add("superficial Sylvian vein", side, curve, (0.55 * radius, radius, 0.95 * radius), into,
                    follows_skull=radius >= SYLVIAN_FOLLOWS_SKULL_MM)  # fmt: skip
