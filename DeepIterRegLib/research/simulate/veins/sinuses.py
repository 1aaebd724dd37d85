"""The large dural sinuses and the internal jugular veins, with the variants that they come in.

Courses in the template's frame are drawn from general anatomy; proportions and calibres as cited at each constant.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.simulate.head.brain_surface import TEMPLATE_SKULL
from DeepIterRegLib.research.simulate.veins.sinus_plan import RostralEnd, SinusPlan
from DeepIterRegLib.research.simulate.veins.venous_tree import DURA_MM, SIDES, VenousTree, joined, started
from DeepIterRegLib.research.simulate.vessels.vessel import STEP_MM, Side, centreline, tapered

CORONAL_SUTURE_DEG = 80.0
"""Angle (see `midline_point`) at which the superior sagittal sinus passes below the bregma."""
GRANULATION_FRACTION = 0.24
"""Heads with a filling defect by an arachnoid granulation, 9 of 10 in a transverse sinus: 24 % of 573 contrast
enhanced CTs (Leach et al. 1996, AJNR 17:1523)."""
SAGITTAL, STRAIGHT = "superior sagittal sinus", "straight sinus"
REACHES_TORCULA_DEG = 150.0
"""Angle from which on a given sagittal sinus says where the torcula lies."""
BELOW_ENDS_MM = 3.0
TORCULA_Z_MM = (-32.0, -10.0)
"""Where drawn transverse sinuses can begin."""
GIVEN_EVERY_MM = 6.0
"""Distance of the points by which a given sagittal sinus is laid along the table."""
RADIUS_POINTS = 8
"""Radii are averaged over this many points on either side."""
OCCIPITAL_SINUS_FRACTION = 0.24
"""Adults with an occipital sinus, mean perimeter 3.4 mm (Gaumont-Darcissac et al. 2014, "The occipital sinus: a
radioanatomic study")."""


@dataclass(frozen=True)
class Sinuses:
    """Indices of the sinuses, for what drains into them."""

    plan: SinusPlan
    sagittal: int
    straight: int
    transverse: dict[Side, int]
    """Without the side on which it is absent."""
    sigmoid: dict[Side, int]
    jugular: dict[Side, int]


def midline_point(theta_deg: float, x_mm: float = 0.0) -> FloatArray:
    """(3,) point of the inner table near the midline: 0 degrees is the frontal pole, 90 the vertex, 180 the back."""
    s = TEMPLATE_SKULL
    theta, across = np.radians(theta_deg), np.sqrt(1 - (x_mm / s.half_width_mm) ** 2)
    height = s.height_mm if np.sin(theta) > 0 else s.depth_mm
    return np.array([x_mm, across * s.half_length_mm * np.cos(theta), across * height * np.sin(theta)])


def theta_deg(points_mm: FloatArray) -> FloatArray:
    """(N,) angle, as `midline_point` counts it from -90 to 270, of points near the midline."""
    y, z = points_mm[:, 1] / TEMPLATE_SKULL.half_length_mm, points_mm[:, 2]
    height = np.where(z > 0, TEMPLATE_SKULL.height_mm, TEMPLATE_SKULL.depth_mm)
    angle = np.degrees(np.arctan2(z / height, y))
    return np.where(angle < -90, angle + 360, angle)


def grow_sinuses(tree: VenousTree, plan: SinusPlan) -> Sinuses:
    """Add the sinuses and jugular veins from below upwards."""
    rng = tree.rng
    jugular, sigmoid, transverse = {}, {}, {}
    back = rng.normal(0, 2.5)
    torcula = np.array([plan.torcula_x_mm, -78.0, -22 + back])
    torcula = _given_torcula(tree, torcula)
    torcula = tree.within(1.3 * torcula, plan.dominant_radius_mm + DURA_MM)[0]
    for side, sign in SIDES:
        jugular[side], sigmoid[side] = _sigmoid_and_jugular(tree, side, sign, plan)
    # The wider one first: the sagittal sinus ends where it begins.
    dominant: Side = plan.dominant
    other: Side = "left" if dominant == "right" else "right"
    transverse[dominant] = _transverse(tree, dominant, torcula, plan.radius_mm(dominant), sigmoid[dominant])
    sagittal = _superior_sagittal(tree, plan, torcula, transverse[dominant])
    tree.feed(transverse[dominant], sagittal)
    across = 1.0 if other == "right" else -1.0
    straight_end, straight_into = torcula, transverse[dominant]
    if plan.ratio > 0:
        if plan.torcula == "one-sided":
            # The sagittal sinus turns into one side, the straight sinus into the other (type 1 of Bisaria 1985).
            begin = torcula + np.array([across * (4 + 2 * plan.dominant_radius_mm), 0, rng.normal(0, 1.5)])
            begin = tree.within(begin, plan.radius_mm(other) + DURA_MM)[0]
        elif plan.torcula == "bifurcation":
            points = tree[sagittal].points_mm
            begin = points[-1 - int(rng.uniform(8, 20) / STEP_MM)]
        else:
            begin = torcula
        transverse[other] = _transverse(tree, other, begin, plan.radius_mm(other), sigmoid[other])
        straight_end, straight_into = tree.at(transverse[other], 0.0), transverse[other]
        if plan.torcula == "bifurcation":
            straight_end = tree.at(transverse[other], 0.25)
    straight = _straight(tree, straight_end, straight_into)
    if other in transverse:
        tree.feed(transverse[other], straight if plan.torcula == "one-sided" else sagittal)
    _inferior_sagittal(tree, straight)
    tree.variants["dominant transverse sinus"] = dominant
    tree.variants[f"transverse sinus {other}"] = plan.smaller
    tree.variants["torcula"] = plan.torcula
    if plan.rostral != RostralEnd.FULL:
        tree.variants["rostral superior sagittal sinus"] = plan.rostral.value
    if rng.random() < OCCIPITAL_SINUS_FRACTION:
        tree.variants["occipital sinus"] = "present"
        _occipital(tree, torcula, transverse[dominant])
    return Sinuses(plan, sagittal, straight, transverse, sigmoid, jugular)


def _given_torcula(tree: VenousTree, drawn: FloatArray) -> FloatArray:
    """(3,) where given sagittal and straight sinuses lead to, as far as they are marked; else where it was drawn."""
    sagittal, straight = tree.given.get(SAGITTAL), tree.given.get(STRAIGHT)
    torcula = drawn.copy()
    ends = [] if straight is None else [straight.points_mm[-1]]
    if sagittal is not None and theta_deg(sagittal.points_mm[-1:])[0] > REACHES_TORCULA_DEG:
        torcula[0] = sagittal.points_mm[-1, 0]
        ends.append(sagittal.points_mm[-1])
    if ends:
        # Neither is marked quite to where they meet.
        torcula[2] = np.clip(min(end[2] for end in ends) - BELOW_ENDS_MM, *TORCULA_Z_MM)
    return torcula


def _sigmoid_and_jugular(tree: VenousTree, side: Side, sign: float, plan: SinusPlan) -> tuple[int, int]:
    """Sigmoid sinus with its S, the bulb's dome under the petrous bone, and the jugular vein down the neck."""
    rng, mirror = tree.rng, np.array([sign, 1, 1])
    # Below the transverse sinus the sides differ less: other veins come in on the way.
    radius = plan.sigmoid_radius_mm(side)
    shift = rng.normal(0, [1.2, 1.8, 2.0])
    bulb = np.array([28.0, -20.5, -58.0 + rng.uniform(-1, 2.5)]) + shift * (0.6, 0.6, 0.4)
    # Outside and behind the internal carotid artery all the way.
    below = np.array([[30.5, -18.5, -70], [35, -20.5, -82], [39.5, -21, -97], [42, -19, -117], [42, -16, -140]])
    below = below + np.outer([0.6, 0.8, 1, 1, 1], np.abs(shift) * [0.6, -0.8, 0])
    neck = np.vstack([bulb, bulb + [0.5, 0.5, -5.0], below])
    low = radius * rng.uniform(1.15, 1.5)
    points = centreline(neck * mirror)
    jugular = tree.add("internal jugular vein", side, points, (0.95 * radius, radius, low), None)
    course = np.array([[56, -36, -29], [55, -32, -38], [48.5, -29.5, -48], [41, -31, -55], [34, -27, -59]])
    course = course + shift * (0.5, 1, 1) + rng.normal(0, 0.7, course.shape)
    course = tree.within(course * mirror, radius + DURA_MM)
    curve = joined(centreline(np.vstack([course, bulb * mirror])), points[0])
    radii = tapered(len(curve), 0.95 * radius, radius, 1.05 * radius)
    sigmoid = tree.add("sigmoid sinus", side, curve, radii, jugular, follows_skull=True)
    tree.feed(jugular, sigmoid)
    return jugular, sigmoid


def _transverse(tree: VenousTree, side: Side, begin: FloatArray, radius: float, sigmoid: int) -> int:
    sign, rng = (1.0 if side == "right" else -1.0), tree.rng
    end = tree.at(sigmoid, 0.0)
    arch = rng.normal(2.0, 2.4)
    z = begin[2] if begin[2] < -15 else -22.0
    # From the torcula's height to the sigmoid sinus', bowed upwards.
    sideways = [(20, -76, 0.2, 1.0), (38, -65, 0.5, 1.0), (51, -49, 0.8, 0.6)]
    between = [[x * sign, y, (1 - share) * z + share * end[2] + bow * arch] for x, y, share, bow in sideways]
    towards = np.array([begin, *between, end])
    curve = started(joined(tree.along_table(towards, (radius,), 0.5), end), begin)
    radii = tapered(len(curve), radius, 0.94 * radius, 1.0 * radius, 1.05 * radius)
    radii = radii * (1 + 0.06 * _waves(len(curve), 28.0, rng))
    if rng.random() < GRANULATION_FRACTION / 2:
        # Half of the heads' share for either side. They sit where the vein of Labbe comes in, and narrow the lumen.
        at, depth = rng.uniform(0.45, 0.85) * len(curve), rng.uniform(0.25, 0.5)
        radii = radii * (1 - depth * np.exp(-(((np.arange(len(curve)) - at) * STEP_MM / rng.uniform(2, 3.5)) ** 2)))
        tree.variants[f"arachnoid granulation {side}"] = "in the transverse sinus"
    transverse = tree.add("transverse sinus", side, curve, radii, sigmoid, follows_skull=True)
    tree.feed(sigmoid, transverse)
    return transverse


def _superior_sagittal(tree: VenousTree, plan: SinusPlan, torcula: FloatArray, into: int) -> int:
    rng = tree.rng
    if SAGITTAL in tree.given:
        return _given_sagittal(tree, plan, torcula, into)
    angles = np.concatenate([[plan.rostral_deg], np.arange(plan.rostral_deg + 12, 180, 22.0), [186.0]])
    # Off the midline the more, the further back (3.5, 4.5, 5.7 mm from bregma to lambda in `sinus_plan`'s cadavers).
    share = np.interp(angles, [-15, 80, 115, 150, 200], [0.1, 0.61, 0.79, 1.0, 1.0])
    x = plan.drift_mm * share + rng.normal(0, 0.7, len(angles))
    towards = np.array([*(midline_point(angle, across) for angle, across in zip(angles, x, strict=True)), torcula])
    radii = np.interp(angles, *plan.sagittal_radii_mm)
    curve = joined(tree.along_table(towards, [*radii, radii[-1]], 0.35), torcula, 12.0)
    around = np.interp(theta_deg(curve), *plan.sagittal_radii_mm) * (1 + 0.05 * _waves(len(curve), 40.0, rng))
    return tree.add(SAGITTAL, "middle", curve, around, into, follows_skull=True)


def _given_sagittal(tree: VenousTree, plan: SinusPlan, torcula: FloatArray, into: int) -> int:
    """The given sinus pressed onto the table, and where it is no longer marked a drawn one.

    One that begins behind the coronal suture was cut by the scan's upper end.
    """
    given = tree.given[SAGITTAL]
    every = slice(None, None, round(GIVEN_EVERY_MM / STEP_MM))
    points, radii = given.points_mm[every], given.radii_mm[every]
    first, last = (float(theta_deg(points[end][None])[0]) for end in (0, -1))
    before = np.arange(plan.rostral_deg, first - 11, 22.0) if first > CORONAL_SUTURE_DEG else np.zeros(0)
    behind = np.arange(last + 22, 186, 22.0)
    x = points[-1, 0] + (torcula[0] - points[-1, 0]) * (behind - last) / max(186 - last, 1)
    front = [midline_point(angle, points[0, 0]) for angle in before]
    back = [midline_point(angle, across) for angle, across in zip(behind, x, strict=True)]
    # As wide, where they meet, as the given one.
    drawn = [
        np.interp(angles, *plan.sagittal_radii_mm) * (at_end / np.interp(end, *plan.sagittal_radii_mm))
        for angles, at_end, end in ((before, np.median(radii[:3]), first), (behind, np.median(radii[-3:]), last))
    ]
    widths = np.concatenate([drawn[0], radii, drawn[1], drawn[1][-1:] if len(drawn[1]) else radii[-1:]])
    towards = np.vstack([*front, points, *back, torcula])
    curve = joined(tree.along_table(towards, widths.tolist(), 0.0), torcula, 12.0)
    # The radii by where along the directions a point lies: the curve is pressed, not moved along.
    at = np.linalg.norm(curve[:, None] - tree.within(1.3 * towards, 0.0), axis=2).argmin(axis=1)
    around = np.convolve(np.pad(widths[at], RADIUS_POINTS, mode="edge"), _mean_of(2 * RADIUS_POINTS + 1), "valid")
    if len(before):
        tree.variants[f"{SAGITTAL} before {first:.0f} degrees"] = "generated"
    if last < REACHES_TORCULA_DEG:
        tree.variants[f"{SAGITTAL} behind {last:.0f} degrees"] = "generated"
    return tree.add(SAGITTAL, "middle", curve, around, into, follows_skull=True)


def _mean_of(count: int) -> FloatArray:
    return np.full(count, 1 / count)


def _straight(tree: VenousTree, end: FloatArray, into: int) -> int:
    """About 44 mm long from behind the splenium (43.6 +- 6.4 mm, Hou et al. 2021, Int J Med Sci 18:1699)."""
    rng = tree.rng
    given = tree.add_given(STRAIGHT, "middle", end, into)
    if given is not None:
        return given
    begin = np.array([rng.normal(0.3, 0.7), -42 + rng.normal(0, 2.5), 8 + rng.normal(0, 2)])
    bow = 0.5 * (begin + end) + [rng.normal(0, 0.8), 0, rng.normal(0, 1.5)]
    size = rng.uniform(0.85, 1.2)
    return tree.add(
        STRAIGHT, "middle", centreline(np.array([begin, bow, end])), (1.6 * size, 1.9 * size, 2.3 * size), into
    )


def _inferior_sagittal(tree: VenousTree, straight: int) -> None:
    x, rng = float(tree.rng.normal(0, 0.6)), tree.rng
    end = tree.at(straight, 0.0)
    front = rng.uniform(15, 45)
    falx = np.array([[x, 46, 28], [x, 34, 37], [x, 12, 43], [x, -14, 40], [x, -33, 25]])
    path = np.vstack([falx[falx[:, 1] < front], end])
    path[:-1, 2] += rng.normal(0, 1.2)
    size = rng.uniform(0.7, 1.3)
    tree.add("inferior sagittal sinus", "middle", centreline(path), (0.4 * size, 0.6 * size, 0.8 * size), straight)


def _occipital(tree: VenousTree, torcula: FloatArray, into: int) -> None:
    x, radius = float(tree.rng.normal(0, 3)), float(tree.rng.uniform(0.45, 0.75))
    towards = np.array([[x + 3, -44, -62], [x, -60, -52], [0.5 * x, -71, -38], torcula])
    curve = joined(tree.along_table(towards, (radius,), 0.5), torcula)
    tree.add("occipital sinus", "middle", curve, (0.8 * radius, radius), into)


def _waves(count: int, length_mm: float, rng: np.random.Generator) -> FloatArray:
    """(count,) smooth random waves of about +-1 along a vessel."""
    s = STEP_MM * np.arange(count)
    phase = rng.uniform(0, 2 * np.pi, 2)
    return 0.6 * np.sin(2 * np.pi * s / length_mm + phase[0]) + 0.4 * np.sin(4.6 * np.pi * s / length_mm + phase[1])
