"""Filled or not: the probability that a run fills each branch of the CTA's vessels.

A branch fills if the one before it does, and hardly where that one stays empty: states of a tree, whose probabilities
are exact by passing messages up and down (sum-product; Pearl, 1988). What the picture says of a branch by itself
comes in as log odds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray, IntArray
from DeepIterRegLib.filling.branches import Branches, branches
from DeepIterRegLib.filling.evidence import BranchEvidence, BranchView
from DeepIterRegLib.preparation.cloud import VesselCloud
from DeepIterRegLib.preparation.prepared import PreparedAngiogram

State = Literal["filled", "not filled", "cannot tell"]

OFFSET, PER_COVERED, PER_CHANCE = -4.8, 6.3, -0.9
"""Log odds by the shares of a branch and of its surroundings that lie on the run's vessels
(docs/measurements/filling.md)."""
RELIABLE_MM2 = 30.0
"""Area in view from which the picture is believed in full; less of it says proportionally less."""
STAYS, BEGINS = 0.85, 0.1
"""Probability that a branch fills where the one before it does, and where that one is empty."""
ROOT = 0.4
SURE = 0.75
"""Between this and its complement nothing is said."""


@dataclass(frozen=True, eq=False)
class Filling:
    """Of B branches of a cloud of N points."""

    branches: Branches
    probability: FloatArray
    """(B,) that the run fills it."""

    @property
    def of_points(self) -> FloatArray:
        """(N,) probability of each point's branch."""
        return self.probability[self.branches.of_point]

    def state(self, number: int) -> State:
        if self.probability[number] >= SURE:
            return "filled"
        return "not filled" if self.probability[number] <= 1 - SURE else "cannot tell"


class FilledBranches:
    """Says what fills at many poses of one CTA's vessels; its tree is cut once."""

    def __init__(self, cloud: VesselCloud, angiograms: Sequence[PreparedAngiogram]) -> None:
        self.branches = branches(cloud)
        self.views = tuple(
            BranchView(cloud, self.branches, run) if run.shows_vessels and len(cloud) else None for run in angiograms
        )
        """One for each angiogram, None of one without vessels."""

    def at(self, pose: FloatArray) -> Filling:
        """At a pose (4, 4). What several views say is added."""
        odds = np.zeros(len(self.branches))
        for view in self.views:
            if view is not None:
                odds += log_odds(view.evidence(pose))
        return Filling(self.branches, on_tree(odds, self.branches.parent))


def filling(cloud: VesselCloud, angiograms: Sequence[PreparedAngiogram], pose: FloatArray) -> Filling:
    """What the runs fill of a CTA's vessels that lie at `pose` (4, 4)."""
    return FilledBranches(cloud, angiograms).at(pose)


def log_odds(found: BranchEvidence) -> FloatArray:
    """(B,) of filled to not filled, by the picture under each branch alone."""
    said = OFFSET + PER_COVERED * found.covered + PER_CHANCE * found.by_chance
    return np.asarray(np.minimum(found.seen_mm2 / RELIABLE_MM2, 1.0) * said)


def on_tree(odds: FloatArray, parent: IntArray) -> FloatArray:
    """(B,) probabilities from (B,) log odds and (B,) parents, -1 at roots; a parent may come after its children."""
    count = len(parent)
    order = _from_the_roots(parent)
    seen = np.stack([np.ones(count), np.exp(np.clip(odds, -30, 30))], axis=1)
    step = np.array([[1 - BEGINS, BEGINS], [1 - STAYS, STAYS]])
    up = np.ones((count, 2))
    collected = seen.copy()
    for number in order[::-1]:
        if parent[number] >= 0:
            message = step @ collected[number]
            up[number] = message / message.sum()
            collected[parent[number]] *= up[number]
            collected[parent[number]] /= collected[parent[number]].sum()
    belief = np.zeros((count, 2))
    for number in order:
        if parent[number] < 0:
            prior = np.array([1 - ROOT, ROOT])
        else:
            without = belief[parent[number]] / up[number]
            prior = (without / without.sum()) @ step
        belief[number] = prior * collected[number]
        belief[number] /= belief[number].sum()
    return np.asarray(belief[:, 1])


def _from_the_roots(parent: IntArray) -> list[int]:
    """Every branch after its parent."""
    depth = np.zeros(len(parent), dtype=int)
    above = parent.copy()
    while (above >= 0).any():
        depth += above >= 0
        above = np.where(above >= 0, parent[np.maximum(above, 0)], -1)
        if depth.max() > len(parent):
            raise ValueError("the branches' parents go round in a circle")
    return [int(number) for number in np.argsort(depth, kind="stable")]
