"""Filled or not per branch, beside what `measure_skull simulate` has written of the simulated run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from DeepIterRegLib.filling.filled import Filling
from DeepIterRegLib.preparation.cloud import VesselCloud

ENHANCED = 0.15
"""Share of a vessel's blood that comes from the catheter, from which on it is called filled."""
NEAR_MM = 3.0
"""From a point of the cloud to the vessel that it belongs to; branches that are mostly farther off are no vessels."""
MIXED = 0.3
"""A branch of which more than this and less than its complement is filled counts as neither."""
POINTS = 30_000


def counted(found: Filling, cloud: VesselCloud, truth: Path) -> dict[str, int]:
    """Branches by what was said and what is true: "filled, filled", "not filled, filled" (said, true), ..."""
    known = np.load(truth)
    chosen = np.random.default_rng(0).choice(len(cloud), min(len(cloud), POINTS), replace=False)
    distances, nearest = cKDTree(known["positions_mm"]).query(cloud.positions_mm[chosen])
    near = distances < NEAR_MM
    branch, count = found.branches.of_point[chosen], len(found.branches)
    all_points = np.bincount(branch, minlength=count)
    points = np.bincount(branch[near], minlength=count)
    filled = np.bincount(branch[near], known["fraction"][nearest[near]] >= ENHANCED, minlength=count)
    share = filled / np.maximum(points, 1)
    counts: dict[str, int] = {}
    for number in np.flatnonzero(points > 0.5 * all_points):
        if MIXED < share[number] < 1 - MIXED:
            continue
        true = "filled" if share[number] > 0.5 else "not filled"
        key = f"{found.state(int(number))}, {true}"
        counts[key] = counts.get(key, 0) + 1
    return counts
