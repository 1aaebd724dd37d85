"""What is maximised: the log likelihood of the images plus the log prior of the pose."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from DeepIterRegLib.arrays import FloatArray
from DeepIterRegLib.refinement.prior import PosePrior
from DeepIterRegLib.refinement.view import PoseSimilarity


class Posterior:
    """Sum over its parts of factor times similarity, plus the log prior. A `PoseSimilarity`, in nats.

    parts: (factor, similarity); the factors bring the similarities to nats.
    """

    name = "log posterior"

    def __init__(self, parts: Sequence[tuple[float, PoseSimilarity]], prior: PosePrior) -> None:
        self._parts, self._prior = tuple(parts), prior

    def plus(self, factor: float, part: PoseSimilarity) -> Posterior:
        """With one part more."""
        return Posterior([*self._parts, (factor, part)], self._prior)

    def value(self, poses: FloatArray) -> FloatArray:
        return self._prior.value(poses) + np.sum([factor * part.value(poses) for factor, part in self._parts], axis=0)

    def value_and_gradient(self, poses: FloatArray) -> tuple[FloatArray, FloatArray]:
        values, twists = self._prior.value_and_gradient(poses)
        for factor, part in self._parts:
            more, gradient = part.value_and_gradient(poses)
            values, twists = values + factor * more, twists + factor * gradient
        return values, twists
