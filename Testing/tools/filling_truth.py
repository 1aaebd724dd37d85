"""Filled or not per branch, beside what `measure_skull simulate` has written of the simulated run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from DeepIterRegLib.filling.filled import Filling, State
from DeepIterRegLib.preparation.cloud import VesselCloud

ENHANCED = 0.15
"""Share of a vessel's blood that comes from the catheter, from which on it is called filled."""
NEAR_MM = 3.0
"""From a point of the cloud to the vessel that it belongs to; branches that are mostly farther off are no vessels."""
MIXED = 0.3
"""A branch of which more than this and less than its complement is filled counts as neither."""
POINTS = 30_000


@dataclass(frozen=True)
class BranchTruth:
    """Of a branch that counts."""

    branch: int
    said: State
    is_filled: bool
    is_behind: bool
    """Behind the clot, mostly; False where the file does not say."""
    arrival_s: float
    """Median of when contrast arrives at its filled points, after the start of the injection; NaN where it does not, or
    the file does not say."""


def truths(found: Filling, cloud: VesselCloud, truth: Path) -> list[BranchTruth]:
    """What was said and what is true of each branch that is a vessel, and filled or not as a whole."""
    known = np.load(truth)
    chosen = np.random.default_rng(0).choice(len(cloud), min(len(cloud), POINTS), replace=False)
    distances, nearest = cKDTree(known["positions_mm"]).query(cloud.positions_mm[chosen])
    near = distances < NEAR_MM
    branch, count = found.branches.of_point[chosen], len(found.branches)
    all_points = np.bincount(branch, minlength=count)
    branch, nearest = branch[near], nearest[near]
    points = np.bincount(branch, minlength=count)
    fills = known["fraction"][nearest] >= ENHANCED
    share = np.bincount(branch, fills, minlength=count) / np.maximum(points, 1)
    behind = known["is_behind"][nearest] if "is_behind" in known else np.zeros(len(nearest), dtype=bool)
    share_behind = np.bincount(branch, behind, minlength=count) / np.maximum(points, 1)
    arrival_s = known["arrival_s"][nearest] if "arrival_s" in known else np.full(len(nearest), np.nan)
    rows = []
    for number in np.flatnonzero(points > 0.5 * all_points):
        if MIXED < share[number] < 1 - MIXED:
            continue
        times_s = arrival_s[(branch == number) & fills & np.isfinite(arrival_s)]
        rows.append(
            BranchTruth(
                int(number), found.state(int(number)), bool(share[number] > 0.5), bool(share_behind[number] > 0.5),
                float(np.median(times_s)) if len(times_s) else float("nan"),
            )
        )  # fmt: skip
    return rows


def counted(rows: Iterable[BranchTruth]) -> dict[str, int]:
    """Branches by what was said and what is true: "filled, filled", "not filled, filled" (said, true), ..."""
    counts: dict[str, int] = {}
    for row in rows:
        key = f"{row.said}, {'filled' if row.is_filled else 'not filled'}"
        counts[key] = counts.get(key, 0) + 1
    return counts
