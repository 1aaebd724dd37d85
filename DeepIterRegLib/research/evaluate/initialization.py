"""How near the initializer alone brings the head: error after it, how often that is near enough, and from where."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.evaluate.capture_range import BINS
from DeepIterRegLib.research.evaluate.confidence_intervals import (
    Interval,
    bootstrap_interval,
    cluster_bootstrap,
    percentile_interval,
    wilson_interval,
)

NEAR_PX = (6.0, 20.0)
"""Whose shares the tables tell: near enough for any refinement, and within the published one's capture range."""
PERCENTILE = 95
MIN_FOR_BINS = 5 * BINS
"""Registrations below which a bin's numbers are noise."""


def initialization(
    patients: Sequence[Hashable], start_px: FloatArray, initialized_px: FloatArray, seed: int
) -> dict[str, Any]:
    """Summary of (N,) registrations as JSON (schemas/evaluate_summary.schema.json, "initialized").

    start_px, initialized_px: mean projection error before and after. Unknown after is infinitely far off: a patient on
    whom it did not run is not left out. Intervals as in `statistics`: of one registration per patient Wilson's for
    shares and the bootstrap (BCa) for the others, else percentiles of the bootstrap over patients.
    """
    after = np.where(np.isnan(initialized_px), np.inf, initialized_px)

    def estimate(statistic: Callable[..., Any], is_share: bool = False) -> dict[str, float | None]:
        interval = _interval(after, patients, statistic, is_share, seed)
        low, high = interval or (None, None)
        return {"value": _finite(float(statistic(after))), "low": _finite(low), "high": _finite(high)}

    return {
        "count": len(after),
        "median": estimate(_median),
        "mean": estimate(np.mean),
        "percentile95": estimate(_percentile95),
        "near": [{"below_px": limit, **estimate(_share_below(limit), is_share=True)} for limit in NEAR_PX],
        "bins": _bins(start_px, after),
    }


def _interval(
    after: FloatArray, patients: Sequence[Hashable], statistic: Callable[..., Any], is_share: bool, seed: int
) -> Interval | None:
    if len(set(patients)) < 2:
        return None
    if len(set(patients)) == len(after):
        if is_share:
            return wilson_interval(round(statistic(after) * len(after)), len(after))
        if np.isfinite(after).all():
            return bootstrap_interval(after, statistic, seed)
    return percentile_interval(cluster_bootstrap(patients, lambda drawn: float(statistic(after[drawn])), seed))


def _median(after: FloatArray, axis: int | None = None) -> Any:
    return np.percentile(after, 50, axis=axis, method=_between(after))


def _percentile95(after: FloatArray, axis: int | None = None) -> Any:
    return np.percentile(after, PERCENTILE, axis=axis, method=_between(after))


def _between(after: FloatArray) -> Any:
    """Nothing lies between a number and infinity."""
    return "linear" if np.isfinite(after).all() else "higher"


def _share_below(limit_px: float) -> Callable[..., Any]:
    return lambda after, axis=None: (after < limit_px).mean(axis=axis)


def _bins(start_px: FloatArray, after: FloatArray) -> list[dict[str, Any]]:
    """Ten of equal count by the error before, as for the capture range; none of too few registrations."""
    known = np.flatnonzero(~np.isnan(start_px))
    if len(known) < MIN_FOR_BINS:
        return []
    order = known[np.argsort(start_px[known], kind="stable")]
    bins = []
    for part in np.array_split(order, BINS):
        bins.append({
            "count": len(part),
            "start_from": float(start_px[part].min()),
            "start": float(np.median(start_px[part])),
            "start_to": float(start_px[part].max()),
            "median": _finite(_median(after[part])),
            "mean": _finite(after[part].mean()),
            "percentile95": _finite(_percentile95(after[part])),
            "near": [float(_share_below(limit)(after[part])) for limit in NEAR_PX],
        })  # fmt: skip
    return bins


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
