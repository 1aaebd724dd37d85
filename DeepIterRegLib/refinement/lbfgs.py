"""L-BFGS (scipy): on smooth similarities it needs a fifth of Adam's evaluations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.refinement.optimum import Optimum
from DeepIterRegLib.refinement.parameters import PoseParameters
from DeepIterRegLib.refinement.pose_similarity import PoseSimilarity


@dataclass(frozen=True)
class LbfgsSchedule:
    """When L-BFGS stops."""

    iterations: int
    tolerance: float
    """Relative gain of similarity in one iteration below which it stops."""


def lbfgs(
    similarity: PoseSimilarity, parameters: PoseParameters, start: FloatArray, schedule: LbfgsSchedule
) -> Optimum:
    """Climb from `start` (6,) parameters."""
    first: list[float] = []

    def cost(y: FloatArray) -> tuple[float, FloatArray]:
        values, twists = similarity.value_and_gradient(parameters.pose(y)[None])
        first.append(float(values[0]))
        return -float(values[0]), -parameters.gradient(y, twists[0])

    found = minimize(
        cost, start, jac=True, method="L-BFGS-B", options={"maxiter": schedule.iterations, "ftol": schedule.tolerance}
    )
    y = np.asarray(found.x)
    return Optimum(y, parameters.pose(y), -float(found.fun), first[0], len(first), len(first))
