"""Which vessels filled, together with the pose: for vessels that have to be registered alone.

A run of one vertebral artery shows a tenth of the CTA's vessels, and a pose that hides the rest resembles it more than
the true one. So each pose that the search has found says which branches it would explain (`filling/`), is climbed with
these alone, and once more: expectation and maximisation in turn (Dempster, Laird and Rubin, 1977). A wrong pose finds
few branches that agree, and does not become much more probable; the right one does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.terms import Term
from DeepIterRegLib.filling.branches import Branches, branches
from DeepIterRegLib.filling.filled import filling
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedVolume
from DeepIterRegLib.refinement.evidence import Evidence
from DeepIterRegLib.refinement.lbfgs import LbfgsSchedule, lbfgs
from DeepIterRegLib.refinement.parameters import PoseParameters
from DeepIterRegLib.refinement.prior import PosePrior

ROUNDS = 2
SIZE_PX = 128
LEAST = 0.02
"""What is surely empty still counts so much: a branch whose probability is wrong can come back."""
SCHEDULE = LbfgsSchedule(iterations=25, tolerance=1e-4)


@dataclass(frozen=True, eq=False)
class Explained:
    """A pose and the vessels that it explains."""

    pose: FloatArray
    """(4, 4)"""
    filled: FloatArray
    """(N,) how much of each of the cloud's points counts, 0 to 1."""
    similarity: float
    """Log posterior with these, in nats."""
    evaluations: int


class WhatFilled:
    """Explains poses of one registration; the tree is cut once."""

    def __init__(
        self,
        volume: PreparedVolume,
        angiograms: Sequence[PreparedAngiogram],
        terms: Sequence[Term],
        prior: PosePrior,
        device: str,
    ) -> None:
        self._volume, self._angiograms, self._terms, self._prior = volume, angiograms, terms, prior
        self._device = device
        self._branches: Branches = branches(volume.cloud)

    def explained(self, pose: FloatArray) -> Explained:
        """From a pose (4, 4): what filled and the pose that follows, in turn."""
        evaluations = 0
        filled, nats = np.ones(len(self._volume.cloud)), -np.inf
        for _ in range(ROUNDS):
            found = filling(self._volume.cloud, self._angiograms, pose, self._branches)
            filled = np.clip(found.of_points, LEAST, 1.0)
            evidence = Evidence(
                self._volume, self._angiograms, self._terms, vessel_sizes_px=[SIZE_PX], skull_sizes_px=[SIZE_PX],
                device=self._device, filled=filled,
            )  # fmt: skip
            posterior = evidence.posterior(SIZE_PX, SIZE_PX, [self._prior])
            parameters = PoseParameters.around(pose, self._volume.cloud.centre_mm)
            optimum = lbfgs(posterior, parameters, np.zeros(6), SCHEDULE)
            pose, nats = optimum.pose, optimum.similarity
            evaluations += optimum.evaluations
        return Explained(pose, filled, nats, evaluations)

    def best_first(
        self, poses: Sequence[FloatArray], step: Callable[[Explained], None] = lambda one: None
    ) -> list[Explained]:
        """Of several poses. step: called after each; may raise to cancel."""
        found = []
        for pose in poses:
            found.append(self.explained(pose))
            step(found[-1])
        return sorted(found, key=lambda one: -one.similarity)
