"""The veins of the cerebral convexity that bridge to the superior sagittal sinus.

Courses in the template's frame are drawn from general anatomy: veins climb from the Sylvian fissure, the ones in front
more slanting, and turn forward before they open into the sinus. Proportions and calibres as cited at each constant.
"""

from __future__ import annotations

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.head.brain_surface import TEMPLATE_SKULL
from DeepIterRegLib.research.simulate.veins.sinuses import CORONAL_SUTURE_DEG, Sinuses, theta_deg
from DeepIterRegLib.research.simulate.veins.venous_tree import VenousTree, joined, started
from DeepIterRegLib.research.simulate.vessels.vessel import Side

PER_SIDE = (9, 13)
"""Bridging veins of one side, Trolard's not counted: 11.8 in both sides together are seen on CTA (doi
10.1007/s00276-010-0714-5), 13 to 19 on each in cadavers (Bruno-Mascarenhas et al. 2017, Neurol India 65:794)."""
BEFORE_CORONAL = 0.26
"""Share that enters before the coronal suture (the same CTA study: 74 % at or behind it)."""
AGAINST_FLOW = 0.97
"""Share that enters against the sinus' stream: 561 of 581 (Han et al. 2007, Neuroradiology 49:169). The same authors
find a stretch without tributaries at the coronal suture."""
BARE_DEG = 5.0
"""Half of that stretch; 1 degree is about 1.2 mm."""
LAST_DEG = 148.0
"""The sinus' last centimetres before the torcula receive no large vein (general anatomy)."""
FOLLOWS_SKULL_MM = 1.1
"""From this radius on a vein is one that the paper's large veins along the skull include."""
GAP_MM = 1.6
"""From the inner table to a cortical vein's wall: dura and arachnoid."""


def convexity_point(theta: float, lateral: float, sign: float, depth_mm: float = 3.0) -> FloatArray:
    """(3,) point of the convexity: `theta` as in `sinuses.midline_point`, `lateral` degrees from the midplane."""
    s = TEMPLATE_SKULL
    a, b = np.radians(theta), np.radians(lateral)
    height = s.height_mm if np.sin(a) > 0 else s.depth_mm
    direction = [
        sign * s.half_width_mm * np.sin(b),
        s.half_length_mm * np.cos(b) * np.cos(a),
        height * np.cos(b) * np.sin(a),
    ]
    return s.on_table(np.array(direction), depth_mm)[0]


def climb(
    tree: VenousTree, side: Side, start_yz: tuple[float, float], drain: int, theta_entry: float, hook_deg: float,
    radius: float, name: str = "cortical vein", begin: FloatArray | None = None,
) -> int:  # fmt: skip
    """Add a vein from the convexity point that a lateral view shows at `start_yz` to `drain` near the midline.

    hook_deg: how far behind its mouth (before, if negative) it reaches the midline's neighbourhood.
    begin: (3,) exact first point, if another vein begins there too.
    """
    rng, sign = tree.rng, 1.0 if side == "right" else -1.0
    points = tree[drain].points_mm
    mouth = points[int(np.abs(theta_deg(points) - theta_entry).argmin())]
    # Degrees by which the mouth lies to this vein's side of the midplane.
    edge = float(np.degrees(np.arcsin(np.clip(sign * mouth[0] / TEMPLATE_SKULL.half_width_mm, -0.9, 0.9))))
    top = convexity_point(theta_entry + hook_deg, edge + rng.uniform(8, 11), sign)
    turn = convexity_point(theta_entry + 0.4 * hook_deg, edge + rng.uniform(3, 4.5), sign)
    across = np.array(start_yz) - top[1:]
    bow = rng.normal(0, 0.07) * np.array([-across[1], across[0]])
    way = []
    for share in (1.0, 0.72, 0.45, 0.2):
        y, z = top[1:] + share * across + bow * np.sin(np.pi * share) * 2 + rng.normal(0, 1.3, 2) * (share < 1)
        way.append(TEMPLATE_SKULL.lateral_point(sign, y, z, 3.0, max(sign * top[0], 5.0)))
    rough = np.array([*way, top, turn, mouth])
    curve = joined(tree.along_table(rough, (radius,), float(rng.uniform(0.3, 0.9)), GAP_MM), mouth, 5.0)
    curve = curve if begin is None else started(curve, begin)
    return tree.add(name, side, curve, (0.5 * radius, radius), drain, follows_skull=radius >= FOLLOWS_SKULL_MM)


def grow_bridging_veins(tree: VenousTree, side: Side, sinuses: Sinuses) -> list[int]:
    """Add one side's veins into the superior sagittal sinus; returns their indices."""
    rng, plan, sinus = tree.rng, sinuses.plan, sinuses.sagittal
    count = int(rng.integers(PER_SIDE[0], PER_SIDE[1] + 1))
    front = int(np.clip(rng.binomial(count, BEFORE_CORONAL), 3, 5))
    grown: list[int] = []
    frontal_drain = sinus
    if plan.rostral_hypoplasia(side):
        frontal_drain = _superior_frontal(tree, side, sinus)
        grown.append(frontal_drain)
        # Those in front no longer reach the sinus, the others are as many as ever.
        count += front
    begin = float(theta_deg(tree[frontal_drain].points_mm[:1])[0]) + 4
    angles = [
        (frontal_drain, angle) for angle in _spread(max(begin, 6.0), CORONAL_SUTURE_DEG - BARE_DEG - 3, front, rng)
    ] + [(sinus, angle) for angle in _spread(CORONAL_SUTURE_DEG + BARE_DEG, LAST_DEG, count - front, rng)]
    for drain, angle in angles:
        grown.append(_bridging(tree, side, drain, angle))
    return grown


def _bridging(tree: VenousTree, side: Side, drain: int, angle: float) -> int:
    rng, sign = tree.rng, 1.0 if side == "right" else -1.0
    behind = angle > CORONAL_SUTURE_DEG
    hook = rng.uniform(4, 13) if behind else rng.uniform(3, 8)
    if rng.random() > AGAINST_FLOW:
        hook = -0.5 * hook
    # How much further back the vein begins than it reaches the midline, and how far down the convexity.
    lean = float(np.interp(angle, [10, 45, 80, 110, 135, 152], [22, 18, 6, -4, -4, 12])) + rng.normal(0, 8)
    reach = float(np.interp(angle, [10, 45, 80, 110, 135, 152], [46, 54, 62, 60, 54, 38])) * rng.uniform(0.55, 1.08)
    start = convexity_point(angle + hook + lean, reach, sign)
    radius = float(np.clip((0.95 if behind else 0.85) * rng.lognormal(0, 0.28), 0.45, 1.8))
    return climb(tree, side, (float(start[1]), float(start[2])), drain, angle, hook, radius)


def _superior_frontal(tree: VenousTree, side: Side, sinus: int) -> int:
    """The large vein beside the midline that takes the place of a hypoplastic rostral sinus."""
    rng, sign = tree.rng, 1.0 if side == "right" else -1.0
    points, radius = tree[sinus].points_mm, float(rng.uniform(1.2, 1.7))
    mouth = points[int(np.abs(theta_deg(points) - rng.uniform(78, 86)).argmin())]
    way = [convexity_point(angle, 7 + rng.normal(0, 1), sign) for angle in np.arange(rng.uniform(4, 14), 70, 15)]
    curve = joined(tree.along_table(np.array([*way, mouth]), (0.6 * radius, radius), 0.9, GAP_MM), mouth, 12.0)
    return tree.add("cortical vein", side, curve, (0.5 * radius, radius), sinus, follows_skull=True)


def _spread(low: float, high: float, count: int, rng: np.random.Generator) -> FloatArray:
    """(count,) angles over a range, one in every equal part of it."""
    return low + (high - low) * (np.arange(count) + rng.uniform(0.1, 0.9, count)) / max(count, 1)
