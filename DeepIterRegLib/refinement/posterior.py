"""What is maximised: the log likelihood of the images plus the log priors of the pose."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.refinement.pose_similarity import PoseSimilarity
from DeepIterRegLib.refinement.prior import PosePrior


class Posterior:
    """Sum over its parts of factor times similarity, plus the log priors. A `PoseSimilarity`, in nats.

    parts: (factor, similarity); the factors bring the similarities to nats.
    """

    name = "log posterior"

    def __init__(self, parts: Sequence[tuple[float, PoseSimilarity]], *priors: PosePrior) -> None:
        self._parts, self._priors = tuple(parts), priors

    def plus(self, factor: float, part: PoseSimilarity) -> Posterior:
        """With one part more."""
        return Posterior([*self._parts, (factor, part)], *self._priors)

    def value(self, poses: FloatArray) -> FloatArray:
        priors = [prior.value(poses) for prior in self._priors]
        return np.sum([*priors, *(factor * part.value(poses) for factor, part in self._parts)], axis=0)

    def value_and_gradient(self, poses: FloatArray) -> tuple[FloatArray, FloatArray]:
        values, twists = np.zeros(len(poses)), np.zeros((len(poses), 6))
        for prior in self._priors:
            more, gradient = prior.value_and_gradient(poses)
            values, twists = values + more, twists + gradient
        for factor, part in self._parts:
            more, gradient = part.value_and_gradient(poses)
            values, twists = values + factor * more, twists + factor * gradient
        return values, twists
