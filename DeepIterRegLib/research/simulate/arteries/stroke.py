"""The stroke: which artery is occluded where, what lies behind the clot, and how good the collaterals are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from DeepIterRegLib.common.arrays import BoolArray, FloatArray
from DeepIterRegLib.common.errors import InputError
from DeepIterRegLib.research.simulate.vessels.vessel import Side, Vessel

Site = Literal["ICA-T", "M1", "M2", "basilar"]

SITE_SHARES: dict[Site, float] = {"ICA-T": 0.25, "M1": 0.59, "M2": 0.10, "basilar": 0.06}
"""Rounded from the trial (Berkhemer et al. 2015, N Engl J Med 372:11: carotid with M1 about a quarter, M1 about six
tenths, M2 about a tenth); the basilar's share, which only the registry has, is our guess."""
COLLATERAL_SHARES = (0.07, 0.32, 0.39, 0.23)
"""Absent, poor, moderate, good in 1988 patients of MR CLEAN's trial and registry (Wiegers et al. 2020, Stroke 51,
"Clinical and Imaging Determinants of Collateral Status ...", abstract; they add up to 1.01 by rounding)."""
CAROTID_ODDS = 0.5
"""Common odds ratio of a better grade with an occluded carotid terminus (same source)."""
CLOT_MM = (7.0, 20.0)
OPEN_COMMUNICATING_MM = 0.35
"""Radius from which a communicating artery brings blood to the other side within the scan's few seconds."""
_NAMES: dict[Site, str] = {"ICA-T": "ICA", "M1": "M1", "M2": "M2", "basilar": "basilar"}
NOT_BEHIND = -1.0


@dataclass(frozen=True)
class Stroke:
    """One occlusion. Contrast stops at the clot; behind it there is what collaterals bring."""

    site: Site
    side: Side
    vessel: int
    """Index, in the anatomy's vessels, of the occluded artery."""
    from_mm: float
    """Arc length along its centreline at which the clot begins."""
    length_mm: float
    """Of the clot, into the branches if the vessel is shorter."""
    collateral_score: int
    """0 (absent) to 3 (good): how much of the territory behind the clot the CTA shows (Tan et al. 2007)."""


def draw_stroke(vessels: Sequence[Vessel], rng: np.random.Generator) -> Stroke:
    """One occlusion in `vessels` (canonical names), of the sites they have in the shares of `SITE_SHARES`.

    Raises InputError where none of the arteries is there.
    """
    found = {site: _candidates(vessels, name) for site, name in _NAMES.items()}
    sites = [site for site in SITE_SHARES if found[site]]
    if not sites:
        raise InputError(
            "The arteries have no carotid, middle cerebral or basilar artery to occlude; give a tree of a whole head."
        )
    shares = np.array([SITE_SHARES[site] for site in sites])
    site = sites[int(rng.choice(len(sites), p=shares / shares.sum()))]
    # A side first: an M2 on one side only must not draw all strokes to it when the other has three.
    sides = sorted({vessels[index].side for index in found[site]})
    side = sides[int(rng.integers(len(sides)))]
    candidates = [index for index in found[site] if vessels[index].side == side]
    vessel = candidates[int(rng.integers(len(candidates)))]
    length = float(vessels[vessel].arc_mm[-1])
    clot = float(rng.uniform(*CLOT_MM))
    from_end, share = float(rng.uniform(2.0, 7.0)), float(rng.uniform(0.05, 0.6))
    start = max(length - from_end, 0.0) if site == "ICA-T" else share * length
    return Stroke(site, side, vessel, start, clot, _collateral_score(site, rng))


def _candidates(vessels: Sequence[Vessel], name: str) -> list[int]:
    """Indices of the arteries whose name starts with the word `name` and has no "twig" in it."""
    return [
        index
        for index, vessel in enumerate(vessels)
        if not vessel.is_vein and vessel.name.split()[0] == name and "twig" not in vessel.name
    ]


def _collateral_score(site: Site, rng: np.random.Generator) -> int:
    shares = np.array(COLLATERAL_SHARES) / sum(COLLATERAL_SHARES)
    if site == "ICA-T":
        better = 1 - np.cumsum(shares)[:-1]
        odds = CAROTID_ODDS * better / (1 - better)
        shares = -np.diff(np.concatenate([[1.0], odds / (1 + odds), [0.0]]))
    return int(rng.choice(4, p=shares))


def past_clot_mm(stroke: Stroke, vessels: Sequence[Vessel]) -> list[FloatArray]:
    """For each vessel (N,) the way in mm from the clot's upper end to its points, down the stream.

    `NOT_BEHIND` where the blood does not come from there: other vessels, and what lies before the clot. Veins never do.
    """
    behind = [np.full(len(vessel.points_mm), NOT_BEHIND) for vessel in vessels]
    along = vessels[stroke.vessel].arc_mm - stroke.from_mm
    behind[stroke.vessel] = np.where(along >= 0, along, NOT_BEHIND)
    order, todo = [stroke.vessel], _children(vessels)
    while order:
        parent = order.pop()
        for child in todo[parent]:
            at = behind[parent][_attached_at(vessels[child].points_mm[0], vessels[parent])]
            if at >= 0 and child != stroke.vessel and behind[child][0] < 0:
                behind[child] = at + vessels[child].arc_mm
                order.append(child)
    return behind


def _children(vessels: Sequence[Vessel]) -> list[list[int]]:
    children: list[list[int]] = [[] for _ in vessels]
    for index, vessel in enumerate(vessels):
        if vessel.upstream is not None and not vessel.is_vein:
            children[vessel.upstream].append(index)
    return children


def _attached_at(point_mm: FloatArray, vessel: Vessel) -> int:
    """Index of the point of `vessel` nearest to (3,) `point_mm`."""
    return int(np.sum((vessel.points_mm - point_mm) ** 2, axis=1).argmin())


def in_clot(stroke: Stroke, vessels: Sequence[Vessel]) -> list[BoolArray]:
    """For each vessel (N,) whether the clot is at its points: nothing flows there."""
    return [(way >= 0) & (way < stroke.length_mm) for way in past_clot_mm(stroke, vessels)]


def downstream_of(stroke: Stroke, vessels: Sequence[Vessel]) -> list[FloatArray]:
    """For each vessel (N,) 1 at points that lie behind the clot and get blood from collaterals only, 0 elsewhere.

    What an open communicating artery (one with `upstream` and `downstream`, at least `OPEN_COMMUNICATING_MM` wide
    throughout) joins to vessels before the clot is 0: it fills from the other end, against the usual stream where
    needed, up to the next clot. Points in the clot are 0 here; see `in_clot`.
    """
    way = past_clot_mm(stroke, vessels)
    behind = [distance >= stroke.length_mm for distance in way]
    group = _groups_behind(vessels, behind)
    reached: set[int] = set()
    # A rescued group may pass blood on through another communicating artery, so until nothing changes.
    while True:
        before = len(reached)
        for index, vessel in enumerate(vessels):
            if vessel.is_vein or vessel.downstream is None or vessel.upstream is None:
                continue
            if vessel.radii_mm.min() < OPEN_COMMUNICATING_MM or ((way[index] >= 0) & ~behind[index]).any():
                continue
            ends = ((vessel.upstream, vessel.points_mm[0]), (vessel.downstream, vessel.points_mm[-1]))
            dry = []
            for other, point in ends:
                at = _attached_at(point, vessels[other])
                if way[other][at] >= 0 and not (behind[other][at] and group[other] in reached):
                    dry.append((other, at))
            if len(dry) == 1 and behind[dry[0][0]][dry[0][1]]:
                reached.add(group[dry[0][0]])
            if len(dry) < 2 and behind[index].any():
                reached.add(group[index])
        if len(reached) == before:
            break
    return [(part & (group[index] not in reached)).astype(np.float64) for index, part in enumerate(behind)]


def _groups_behind(vessels: Sequence[Vessel], behind: list[BoolArray]) -> list[int]:
    """For each vessel the number of the connected group, behind the clot, that it belongs to.

    Vessels are joined where a branch leaves the part of its parent that lies behind the clot; a communicating artery is
    a group of its own, for what it does depends on both its ends.
    """
    group = list(range(len(vessels)))
    order = [(index, vessel) for index, vessel in enumerate(vessels) if behind[index].any()]
    for _ in order:
        changed = False
        for index, vessel in order:
            if vessel.upstream is None or vessel.downstream is not None:
                continue
            if behind[vessel.upstream][_attached_at(vessel.points_mm[0], vessels[vessel.upstream])]:
                changed |= group[index] != group[vessel.upstream]
                group[index] = group[vessel.upstream]
        if not changed:
            break
    return group
