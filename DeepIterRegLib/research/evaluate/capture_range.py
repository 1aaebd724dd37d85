"""The capture range as the paper defines it: the initial error up to which the median final error stays below 5."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from DeepIterRegLib.common.arrays import FloatArray
from DeepIterRegLib.research.evaluate.confidence_intervals import Interval, cluster_bootstrap, percentile_interval

BINS = 10
"""Of equal count (paper, "Metrics")."""
THRESHOLD = 5.0
"""Of the median final error (paper, Figure 8: "starts to diverge from y=5"), px or mm."""
RESAMPLES = 1000


@dataclass(frozen=True, eq=False)
class MedianCurve:
    """Median final error against initial error, both in the same unit, in bins of equal count."""

    initial: FloatArray
    """(B,) median initial error of each bin: its centre. Ascending."""
    final: FloatArray
    """(B,) median final error of each bin; infinite where half of the bin has no result."""
    count: tuple[int, ...]
    """(B,) registrations in each bin."""


@dataclass(frozen=True, eq=False)
class CaptureRange:
    """A curve, where it leaves the threshold, and how sure both are."""

    curve: MedianCurve
    value: float | None
    """None: the median never leaves the threshold, and the range is wider than what was tried."""
    interval: Interval | None
    """Of `value`, by the bootstrap over patients; infinite: wider than what was tried. None for fewer than two."""
    final_low: FloatArray
    """(B,) lower end of the interval of each bin's median final error ..."""
    final_high: FloatArray
    """... and its upper end; NaN for fewer than two patients."""


def median_curve(initial: FloatArray, final: FloatArray, bins: int = BINS) -> MedianCurve:
    """Sort the registrations by initial error, cut them into bins of equal count (to one), and take medians.

    initial, final: (N,); a final error that is NaN (no result) counts as infinite: it is no success. Fewer
    registrations than bins make a bin each. Ties keep their order.
    """
    final = np.where(np.isnan(final), np.inf, final)
    order = np.argsort(initial, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return MedianCurve(
        np.array([np.median(initial[part]) for part in parts]),
        np.array([_median(final[part]) for part in parts]),
        tuple(len(part) for part in parts),
    )


def leaves_threshold(curve: MedianCurve, threshold: float = THRESHOLD) -> float | None:
    """The initial error at which the curve first reaches the threshold, linear between the centres of bins.

    0 where it is above from the first bin on; None where it never is. What the curve does later (it may come back)
    does not count. From a bin whose median is infinite it is the centre of the bin before.
    """
    above = np.flatnonzero(curve.final >= threshold)
    if not above.size:
        return None
    first = int(above[0])
    if first == 0:
        return 0.0
    (x0, x1), (y0, y1) = curve.initial[first - 1 : first + 1], curve.final[first - 1 : first + 1]
    return float(x0 + (threshold - y0) / (y1 - y0) * (x1 - x0)) if np.isfinite(y1) else float(x0)


def capture_range(
    patients: Sequence[Hashable],
    initial: FloatArray,
    final: FloatArray,
    seed: int = 0,
    threshold: float = THRESHOLD,
    resamples: int | None = None,
) -> CaptureRange:
    """The capture range of (N,) registrations, with confidence intervals from resampling their patients.

    A resample is cut into bins anew, so its bins lie where its registrations do; a bin's interval is that of the bin
    with the same number. resamples: None for `RESAMPLES`.
    """
    curve = median_curve(initial, final)
    if len(set(patients)) < 2:
        unknown = np.full(len(curve.initial), np.nan)
        return CaptureRange(curve, leaves_threshold(curve, threshold), None, unknown, unknown)
    bins = len(curve.initial)

    def resampled(indices: np.ndarray) -> FloatArray:
        drawn = median_curve(initial[indices], final[indices])
        at = leaves_threshold(drawn, threshold)
        # Of very few registrations a resample may have fewer bins.
        nearest = np.round(np.linspace(0, len(drawn.final) - 1, bins)).astype(int)
        return np.concatenate([[np.inf if at is None else at], drawn.final[nearest]])

    samples = cluster_bootstrap(patients, resampled, seed, resamples or RESAMPLES)
    ends = [percentile_interval(column) for column in samples.T]
    return CaptureRange(
        curve,
        leaves_threshold(curve, threshold),
        ends[0],
        np.array([end.low for end in ends[1:]]),
        np.array([end.high for end in ends[1:]]),
    )


def _median(values: FloatArray) -> float:
    """The median; infinite, not NaN, where its neighbours are both infinite."""
    middle = np.sort(values)[[(len(values) - 1) // 2, len(values) // 2]]
    return float(middle[0]) if middle[0] == middle[1] else float(middle.mean())
