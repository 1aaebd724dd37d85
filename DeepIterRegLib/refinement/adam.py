"""Adam (Kingma and Ba 2015), keeping the most similar pose it passes, as the paper does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.refinement.optimum import Optimum
from DeepIterRegLib.refinement.parameters import PoseParameters
from DeepIterRegLib.refinement.pose_similarity import PoseSimilarity


@dataclass(frozen=True)
class AdamSchedule:
    """A fixed number of steps of fixed size."""

    iterations: int
    step_mm: float
    """Step of a translation, and of a rotation at the head's surface."""
    beta1: float = 0.9
    beta2: float = 0.999


def adam(
    similarity: PoseSimilarity,
    parameters: PoseParameters,
    schedule: AdamSchedule,
    report: Callable[[int, float, FloatArray], None] = lambda step, value, pose: None,
) -> Optimum:
    """Climb from the parameters' start pose and return the most similar pose on the way.

    report: called after every step with the steps done, the best similarity and the best pose so far; may raise to
    cancel.
    """
    epsilon = 1e-12
    y = np.zeros(6)
    mean, variance = np.zeros(6), np.zeros(6)
    best, best_value, first_value, found_after = y, -np.inf, 0.0, 0
    # The pose after the last step is looked at too, hence one evaluation more than there are steps.
    for step in range(schedule.iterations + 1):
        values, twists = similarity.value_and_gradient(parameters.pose(y)[None])
        value = float(values[0])
        if step == 0:
            first_value = value
        if value > best_value:
            best, best_value, found_after = y, value, step + 1
        report(step, best_value, parameters.pose(best))
        if step == schedule.iterations:
            break
        gradient = parameters.gradient(y, twists[0])
        mean = schedule.beta1 * mean + (1 - schedule.beta1) * gradient
        variance = schedule.beta2 * variance + (1 - schedule.beta2) * gradient**2
        unbiased_mean = mean / (1 - schedule.beta1 ** (step + 1))
        unbiased_variance = variance / (1 - schedule.beta2 ** (step + 1))
        y = y + schedule.step_mm * unbiased_mean / (np.sqrt(unbiased_variance) + epsilon)
    return Optimum(best, parameters.pose(best), best_value, first_value, schedule.iterations + 1, found_after)
