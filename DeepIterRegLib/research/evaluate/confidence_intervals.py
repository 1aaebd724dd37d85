"""How sure a number is: 95 % confidence intervals by the bootstrap over patients, and Wilson's for a rate."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray

LEVEL = 0.95
RESAMPLES = 2000


class Interval(NamedTuple):
    """A confidence interval of `LEVEL`."""

    low: float
    high: float


def wilson_interval(successes: int, trials: int) -> Interval | None:
    """Of a rate of independent trials (Wilson 1927, without continuity correction); None without any trial."""
    if trials == 0:
        return None
    from scipy.stats import binomtest

    interval = binomtest(successes, trials).proportion_ci(LEVEL, method="wilson")
    return Interval(float(interval.low), float(interval.high))


def bootstrap_interval(
    values: FloatArray, statistic: Callable[..., Any], seed: int, resamples: int | None = None
) -> Interval | None:
    """Of a statistic of (N,) independent finite values (Efron's bias-corrected and accelerated bootstrap).

    statistic: takes `axis`, as np.mean and np.median do. None for fewer than two values. Where the correction is
    undefined, as for values that are all equal, the plain percentiles of the resampled statistic. resamples: None for
    `RESAMPLES`.
    """
    if len(values) < 2:
        return None
    from scipy.stats import bootstrap

    generator = "rng" if "rng" in inspect.signature(bootstrap).parameters else "random_state"  # SciPy before 1.15
    for method in ("BCa", "percentile"):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # of a degenerate distribution: that is what the second round is for
            interval = bootstrap(
                (np.asarray(values),), statistic, confidence_level=LEVEL, n_resamples=resamples or RESAMPLES,
                method=method, **{generator: np.random.default_rng(seed)},
            ).confidence_interval  # fmt: skip
        if np.isfinite(interval).all():
            return Interval(float(interval.low), float(interval.high))
    return None


def cluster_bootstrap(
    clusters: Sequence[Hashable],
    statistic: Callable[[np.ndarray], FloatArray | float],
    seed: int,
    resamples: int | None = None,
) -> FloatArray:
    """(resamples, ...) the statistic of resamples of whole patients, whose registrations are not independent.

    clusters: (N,) the patient of every registration. statistic: of an (M,) array of indices of registrations.
    resamples: None for `RESAMPLES`.
    """
    members: dict[Hashable, list[int]] = {}
    for index, cluster in enumerate(clusters):
        members.setdefault(cluster, []).append(index)
    groups = [np.array(indices) for indices in members.values()]
    random = np.random.default_rng(seed)
    draws = random.integers(0, len(groups), (resamples or RESAMPLES, len(groups)))
    return np.array([statistic(np.concatenate([groups[number] for number in draw])) for draw in draws])


def percentile_interval(samples: FloatArray) -> Interval:
    """Of a bootstrapped statistic (R,), infinite values allowed: order statistics, nothing in between."""
    tail = 50 * (1 - LEVEL)
    low, high = np.percentile(samples, [tail, 100 - tail], method="closest_observation")
    return Interval(float(low), float(high))
