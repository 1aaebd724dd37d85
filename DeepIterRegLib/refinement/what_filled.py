"""Which vessels filled, together with the pose: for vessels that have to be registered alone.

A run of one vertebral artery shows a tenth of the CTA's vessels, and a pose that hides the rest resembles it more than
the true one. So each pose that the search has found says which branches it would explain (`filling/`), is climbed with
these alone, and once more: expectation and maximisation in turn (Dempster, Laird and Rubin, 1977). A wrong pose finds
few branches that agree, and does not become much more probable; the right one does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.common.terms import Term
from DeepIterRegLib.filling.filled import FilledBranches
from DeepIterRegLib.preparation.cloud import joined
from DeepIterRegLib.preparation.prepared import PreparedAngiogram, PreparedVolume
from DeepIterRegLib.refinement.evidence import Evidence
from DeepIterRegLib.refinement.lbfgs import LbfgsSchedule, lbfgs
from DeepIterRegLib.refinement.parameters import PoseParameters
from DeepIterRegLib.refinement.prior import PosePrior
from DeepIterRegLib.render.sampling import binning_factor, fitting_cell_mm, resampled

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
        self._prior, self._centre_mm = prior, volume.cloud.centre_mm
        self._filled = FilledBranches(volume.cloud, angiograms)
        # Sampled once, branch by branch, for the images that are climbed on.
        carms = [run.angiogram.carm.binned(binning_factor(run.angiogram.carm, SIZE_PX)) for run in angiograms]
        cell_mm = min(fitting_cell_mm(volume.cloud, carm) for carm in carms)
        branches = self._filled.branches
        parts = [resampled(volume.cloud.subset(branches.of_point == n), cell_mm) for n in range(len(branches))]
        self._of_point = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        self._evidence = Evidence(
            replace(volume, cloud=joined(parts)), angiograms, terms, vessel_sizes_px=[SIZE_PX],
            skull_sizes_px=[SIZE_PX], device=device,
        )  # fmt: skip

    def explained(self, pose: FloatArray) -> Explained:
        """From a pose (4, 4): what filled and the pose that follows, in turn."""
        evaluations, nats = 0, -np.inf
        for _ in range(ROUNDS):
            found = self._filled.at(pose)
            counted = np.clip(found.probability, LEAST, 1.0)
            evidence = self._evidence.with_filled(counted[self._of_point])
            posterior = evidence.posterior(SIZE_PX, SIZE_PX, [self._prior])
            parameters = PoseParameters.around(pose, self._centre_mm)
            optimum = lbfgs(posterior, parameters, np.zeros(6), SCHEDULE)
            pose, nats = optimum.pose, optimum.similarity
            evaluations += optimum.evaluations
        return Explained(pose, counted[found.branches.of_point], nats, evaluations)

    def best_first(
        self, poses: Sequence[FloatArray], on_explained: Callable[[Explained], None] = lambda one: None
    ) -> list[Explained]:
        """Of several poses. on_explained: called after each; may raise to cancel."""
        found = []
        for pose in poses:
            found.append(self.explained(pose))
            on_explained(found[-1])
        return sorted(found, key=lambda one: -one.similarity)
